/* A real broker over mutual TLS, asynchronously: everything by callbacks, in order. */
#include "check.h"

enum { COUNT = 300 };
static struct gate step = GATE, acknowledged = GATE, came = GATE, freed = GATE;

static void on_step(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    gate_open(&step);
}

static void on_acknowledged(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    gate_open(&acknowledged);
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    char expected[16];
    /* Those before it have come: one callback at a time, and in order. */
    snprintf(expected, sizeof expected, "%u", gate_count(&came));
    CHECK_INT(strlen(expected), message->payload_len);
    CHECK(memcmp(expected, message->payload, message->payload_len) == 0);
    gate_open(&came);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = new_client(argv);
    uint64_t operation = 0;
    int code = (int)aws_iot_mqtt_client_connect_async(client, 60, on_step, &freed, count_free, &operation);
    CHECK(code == AWS_IOT_MQTT_OK || code == AWS_IOT_MQTT_QUEUED);
    gate_wait(&step, 1);
    CHECK_OK(aws_iot_mqtt_client_subscribe_async(client, "test/async", 1,
                                                 on_step, &freed, count_free, on_message, &freed, count_free, &operation));
    gate_wait(&step, 2);
    for (int i = 0; i < COUNT; i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "%d", i);
        code = (int)aws_iot_mqtt_client_publish_async(client, "test/async", payload, strlen(payload), 1, false, on_acknowledged, &freed,
                                                      count_free, &operation);
        CHECK(code == AWS_IOT_MQTT_OK || code == AWS_IOT_MQTT_QUEUED);
    }
    gate_wait(&acknowledged, COUNT);
    gate_wait(&came, COUNT);
    CHECK_OK(aws_iot_mqtt_client_unsubscribe_async(client, "test/async", on_step, &freed, count_free, &operation));
    gate_wait(&step, 3);
    CHECK_OK(aws_iot_mqtt_client_disconnect_async(client, on_step, &freed, count_free, &operation));
    gate_wait(&step, 4);
    aws_iot_mqtt_client_free(client);
    /* connect, subscribe (two), publishes, unsubscribe, disconnect */
    CHECK_INT(COUNT + 5, gate_count(&freed));
    return 0;
}
