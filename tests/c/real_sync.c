/* A real broker over mutual TLS, synchronously: subscribe, publish small and large, get all back, unsubscribe, disconnect. */
#include "check.h"

enum { LARGE = 200 * 1024 };
static struct gate came = GATE, freed = GATE;
static char large[LARGE];
static int order;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    CHECK(userdata == &freed);
    CHECK_TEXT("test/sync", message->topic);
    if (order++ == 0) {
        CHECK_INT(5, message->payload_len);
        CHECK(memcmp(message->payload, "small", 5) == 0);
    } else {
        CHECK_INT(LARGE, message->payload_len);
        CHECK(memcmp(message->payload, large, LARGE) == 0);
    }
    gate_open(&came);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    for (int i = 0; i < LARGE; i++) large[i] = (char)(i * 31 + i / 256);
    aws_iot_mqtt_client *client = connected_client(argv);
    uint8_t granted = 99;
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "test/#", 1, on_message, &freed, count_free, &granted));
    CHECK_INT(1, granted);
    CHECK_OK(publish_text(client, "test/sync", "small", 1));
    CHECK_OK(aws_iot_mqtt_client_publish(client, "test/sync", large, LARGE, 1, false));
    gate_wait(&came, 2);
    CHECK_OK(aws_iot_mqtt_client_unsubscribe(client, "test/#"));
    gate_wait(&freed, 1);
    CHECK_OK(publish_text(client, "test/sync", "nobody listens", 1));
    size_t left = 77;
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, &left));
    CHECK_INT(0, left);
    /* And once more with the same client. */
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    CHECK_OK(publish_text(client, "test/sync", "again", 1));
    disconnect_and_free(client);
    CHECK_INT(2, gate_count(&came));
    CHECK_INT(1, gate_count(&freed));
    return 0;
}
