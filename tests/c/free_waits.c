/* Outside a callback, free() returns when the running callback has returned, and none runs after it. */
#include "check.h"
#include <sched.h>

static struct gate inside = GATE, may_return = GATE, returned = GATE, freed = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&inside);
    gate_wait(&may_return, 1);
    for (int i = 0; i < 1000; i++) sched_yield();
    CHECK_INT(0, gate_count(&freed));
    gate_open(&returned);
}

static void *let_it_return(void *unused) {
    for (int i = 0; i < 1000; i++) sched_yield();
    gate_open(&may_return);
    return unused;
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = connected_client(argv);
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "in", 0, on_message, &freed, count_free, NULL));
    gate_wait(&inside, 1);
    pthread_t thread = start_thread(let_it_return, NULL);
    aws_iot_mqtt_client_free(client);
    unsigned after_free = gate_count(&returned);
    CHECK(after_free >= 1);
    CHECK_INT(1, gate_count(&freed));
    CHECK_INT(gate_count(&inside), after_free);
    CHECK_INT(0, pthread_join(thread, NULL));
    return 0;
}
