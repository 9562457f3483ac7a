/* Callbacks that block, one in each of twelve clients, stop no other client. */
#include "check.h"

enum { CLIENTS = 12 };
static struct gate inside = GATE, may_return = GATE, came = GATE;

static void block(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&inside);
    gate_wait(&may_return, 1);
}

static void count(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&came);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = connected_client(argv);
        CHECK_OK(aws_iot_mqtt_client_subscribe(clients[i], "in", 0, block, NULL, NULL, NULL));
    }
    gate_wait(&inside, CLIENTS);
    aws_iot_mqtt_client *free_one = connected_client(argv);
    CHECK_OK(aws_iot_mqtt_client_subscribe(free_one, "in", 0, count, NULL, NULL, NULL));
    gate_wait(&came, 1);
    CHECK_OK(publish_text(free_one, "out", "", 1));
    gate_open(&may_return);
    for (int i = 0; i < CLIENTS; i++) disconnect_and_free(clients[i]);
    disconnect_and_free(free_one);
    return 0;
}
