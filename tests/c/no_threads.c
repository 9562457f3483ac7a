/* No thread can be started: before there is any, and when callbacks block and one more would be wanted. */
#include "faults_shim.h"

#include "events.h"
#include "proc.h"

/* As many as block, and one more: no machine has more workers than eight before one is wanted. */
enum { CLIENTS = 10 };
static int descriptors_before;
static struct gate entered = GATE, unblocked = GATE, left = GATE;

static void on_end(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    gate_open(&entered);
    gate_wait(&unblocked, 1);
    gate_open(&left);
}

static bool only_this_thread(void) {
    return threads().count == 1;
}

/* The call says so and leaves nothing behind. */
static aws_iot_mqtt_client *first_client(char **argv) {
    __atomic_store_n(&threads_left, 0, __ATOMIC_SEQ_CST);
    aws_iot_mqtt_client *client = NULL;
    CHECK_FAILS(AWS_IOT_MQTT_ERR_IO, "a thread could not be started", aws_iot_mqtt_client_new("0", MQTT_3_1_1, false, true, &client));
    CHECK(client == NULL);
    if (!becomes(only_this_thread)) FAIL("%d threads", threads().count);
    CHECK_INT(descriptors_before, descriptors().count);
    CHECK_INT(1, __atomic_exchange_n(&refused_threads, 0, __ATOMIC_SEQ_CST));
    __atomic_store_n(&threads_left, ANY_NUMBER, __ATOMIC_SEQ_CST);
    client = new_client_named(argv, "0", true);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    return client;
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    descriptors_before = descriptors().count;
    aws_iot_mqtt_client *clients[CLIENTS] = {first_client(argv)};
    for (int i = 1; i < CLIENTS; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        clients[i] = new_client_named(argv, name, true);
        CHECK_OK(aws_iot_mqtt_client_connect(clients[i], 60));
    }
    __atomic_store_n(&threads_left, 0, __ATOMIC_SEQ_CST);
    for (int i = 0; i < CLIENTS - 1; i++)
        CHECK_OK(aws_iot_mqtt_client_publish_async(clients[i], "t", "x", 1, 1, false, on_end, NULL, NULL, NULL));
    gate_wait(&entered, 1);
    /* Somebody must still read what comes, for each of them. */
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < CLIENTS; i++) CHECK_OK(publish_text(clients[i], "t", "y", 1));
    }
    gate_open(&unblocked);
    gate_wait(&left, CLIENTS - 1);
    for (int i = 0; i < CLIENTS; i++) disconnect_and_free(clients[i]);
    CHECK(__atomic_load_n(&refused_threads, __ATOMIC_SEQ_CST) > 0);
    return 0;
}
