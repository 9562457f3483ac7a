/* More callbacks that block than may block at once: the others wait in line, and each has its turn when one returns. */
#include "check.h"

enum { CLIENTS = 70, MOST_AT_ONCE = 64 };
static struct gate inside = GATE, may_return = GATE, returned = GATE;

static void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_INT(AWS_IOT_MQTT_ERR_CANCELLED, completion->error);
    gate_open(&inside);
    gate_wait(&may_return, 1);
    gate_open(&returned);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    static aws_iot_mqtt_client *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        uint64_t operation = 0;
        clients[i] = new_client(argv);
        CHECK_CODE(AWS_IOT_MQTT_QUEUED,
                   aws_iot_mqtt_client_publish_async(clients[i], "t", "x", 1, 1, false, on_done, NULL, NULL, &operation));
        CHECK_OK(aws_iot_mqtt_client_cancel(clients[i], operation));
    }
    gate_wait(&inside, MOST_AT_ONCE);
    CHECK_INT(MOST_AT_ONCE, gate_count(&inside));
    gate_open(&may_return);
    gate_wait(&returned, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) aws_iot_mqtt_client_free(clients[i]);
    CHECK_INT(CLIENTS, gate_count(&returned));
    return 0;
}
