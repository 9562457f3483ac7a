/* QoS 1 messages are acknowledged in order, each after its callback has returned; the broker sees what the callbacks publish. */
#include "check.h"

static struct gate came = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    CHECK_OK(aws_iot_mqtt_client_publish(userdata, "seen", message->payload, message->payload_len, 0, false));
    gate_open(&came);
}

int main(int argc, char **argv) {
    CHECK(argc > 4);
    unsigned count = (unsigned)atoi(argv[4]);
    aws_iot_mqtt_client *client = connected_client(argv);
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "in", 1, on_message, client, NULL, NULL));
    gate_wait(&came, count);
    CHECK_OK(publish_text(client, "done", "", 1));
    disconnect_and_free(client);
    CHECK_INT(count, gate_count(&came));
    return 0;
}
