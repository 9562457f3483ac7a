/* A publish that is larger than the limit is refused and changes nothing. */
#include "check.h"

static struct gate freed = GATE;

static void never(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    FAIL("a completion (%d) for a call that failed", (int)completion->error);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = connected_client(argv);
    size_t size = (size_t)2 << 20;
    char *payload = calloc(1, size);
    CHECK(payload != NULL);
    uint64_t operation = 77;
    for (int qos = 0; qos <= 1; qos++) {
        CHECK_CODE(AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE, aws_iot_mqtt_client_publish(client, "a", payload, size, qos, false));
        CHECK_CODE(AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE,
                   aws_iot_mqtt_client_publish_async(client, "a", payload, size, qos, false, never, &freed, count_free, &operation));
    }
    CHECK_INT(77, operation);
    CHECK_INT(0, gate_count(&freed));
    /* The packet identifier 1 was not used up either; the broker compares. */
    CHECK_OK(publish_text(client, "small", "ok", 1));
    free(payload);
    disconnect_and_free(client);
    CHECK_INT(0, gate_count(&freed));
    return 0;
}
