/* Many asynchronous publishes: each completes exactly once, after its operation id was written, and gives its userdata back once, after it. */
#include "check.h"

enum { COUNT = 500 };
static struct gate completed = GATE, freed = GATE;
static struct slot {
    uint64_t operation;
    unsigned completed, freed;
} slots[COUNT];

static void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    struct slot *slot = userdata;
    CHECK_INT(AWS_IOT_MQTT_OK, completion->error);
    CHECK_TEXT("", completion->detail);
    CHECK(slot->operation != 0 && slot->operation == completion->operation);
    CHECK((slot - slots) % 2 == (completion->packet_id != 0)); /* Every other one has QoS 1. */
    CHECK_INT(0, slot->completed++);
    CHECK_INT(0, slot->freed);
    gate_open(&completed);
}

static void free_slot(void *userdata) {
    struct slot *slot = userdata;
    CHECK_INT(1, slot->completed);
    CHECK_INT(0, slot->freed++);
    gate_open(&freed);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = connected_client(argv);
    for (int i = 0; i < COUNT; i++) {
        int code = (int)aws_iot_mqtt_client_publish_async(client, "t", "x", 1, i % 2, false, on_done, &slots[i], free_slot, &slots[i].operation);
        CHECK(code == AWS_IOT_MQTT_OK || code == AWS_IOT_MQTT_QUEUED);
    }
    gate_wait(&freed, COUNT);
    disconnect_and_free(client);
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(1, slots[i].completed);
        CHECK_INT(1, slots[i].freed);
        for (int k = 0; k < i; k++) CHECK(slots[i].operation != slots[k].operation);
    }
    CHECK_INT(COUNT, gate_count(&completed));
    return 0;
}
