/* SUBACK 0x80: the filter is named, nothing is kept, and the userdata is given back once. */
#include "check.h"

static struct gate freed = GATE, done = GATE, done_freed = GATE;

static void never(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    FAIL("a message on %s, whose subscription was refused", message->topic);
}

static void refused(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_INT(AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED, completion->error);
    CHECK_INT(AWS_IOT_MQTT_QOS_NONE, completion->granted_qos);
    CHECK_CONTAINS("secret/later", completion->detail);
    gate_open(&done);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = connected_client(argv);
    uint8_t granted = 99;
    CHECK_FAILS(AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED, "secret/now",
                aws_iot_mqtt_client_subscribe(client, "secret/now", 1, never, &freed, count_free, &granted));
    CHECK_INT(99, granted);
    gate_wait(&freed, 1);
    uint64_t operation = 0;
    CHECK_OK(aws_iot_mqtt_client_subscribe_async(client, "secret/later", 1,
                                                 refused, &done_freed, count_free, never, &freed, count_free, &operation));
    gate_wait(&done, 1);
    gate_wait(&freed, 2);
    gate_wait(&done_freed, 1);
    CHECK_OK(publish_text(client, "go", "", 1)); /* The broker sends messages on both topics before it acknowledges. */
    disconnect_and_free(client);
    CHECK_INT(2, gate_count(&freed));
    CHECK_INT(1, gate_count(&done_freed));
    return 0;
}
