/* Subscribe, get a message, unsubscribe; the broker compares the bytes. All fields of a message are what was sent. */
#include "check.h"

static struct gate freed = GATE, came = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    CHECK(userdata == &freed);
    CHECK_TEXT("sensor/1/temperature", message->topic);
    CHECK_INT(strlen("sensor/1/temperature"), message->topic_len);
    CHECK_INT(5, message->payload_len);
    CHECK(memcmp(message->payload, "2\0" "1.5", 5) == 0);
    CHECK_INT(1, message->qos);
    CHECK_INT(true, message->retain);
    CHECK_INT(true, message->dup);
    CHECK_INT(4321, message->packet_id);
    gate_open(&came);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = connected_client(argv);
    uint8_t granted = 99;
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "sensor/+/temperature", 1, on_message, &freed, count_free, &granted));
    CHECK_INT(1, granted);
    gate_wait(&came, 1);
    CHECK_INT(0, gate_count(&freed));
    CHECK_OK(aws_iot_mqtt_client_unsubscribe(client, "sensor/+/temperature"));
    gate_wait(&freed, 1);
    /* Granted less than asked for; and nobody wants to know. */
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "less", 1, on_message, &freed, count_free, &granted));
    CHECK_INT(0, granted);
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "$share/group/less", 0, on_message, NULL, NULL, NULL));
    disconnect_and_free(client);
    CHECK_INT(2, gate_count(&freed));
    CHECK_INT(1, gate_count(&came));
    return 0;
}
