/* Without a connection an operation is QUEUED; with queueing switched off it is refused, and nothing is taken. */
#include "check.h"

static struct gate freed = GATE, done_freed = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
}

static void never(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    FAIL("a completion (%d) for a call that failed", (int)completion->error);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, publish_text(client, "t", "zero", 0));
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, publish_text(client, "t", "one", 1));
    uint8_t granted = 99;
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_subscribe(client, "in", 1, on_message, &freed, count_free, &granted));
    CHECK_INT(0, gate_count(&freed));
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_unsubscribe(client, "other"));
    aws_iot_mqtt_client_free(client);
    CHECK_INT(1, gate_count(&freed));

    client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_offline_publish_queueing(client, 0, AWS_IOT_MQTT_DROP_NEWEST));
    uint64_t operation = 77;
    granted = 99;
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_DISABLED, publish_text(client, "t", "zero", 0));
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_DISABLED, publish_text(client, "t", "one", 1));
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_DISABLED,
               aws_iot_mqtt_client_publish_async(client, "t", "x", 1, 1, false, never, &done_freed, count_free, &operation));
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_DISABLED, aws_iot_mqtt_client_subscribe(client, "in", 1, on_message, &freed, count_free, &granted));
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_DISABLED, aws_iot_mqtt_client_unsubscribe(client, "in"));
    CHECK_INT(77, operation);
    CHECK_INT(99, granted);
    aws_iot_mqtt_client_free(client);
    CHECK_INT(1, gate_count(&freed));
    CHECK_INT(0, gate_count(&done_freed));
    return 0;
}
