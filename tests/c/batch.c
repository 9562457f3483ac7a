/* Two QoS 1 messages come in one piece, so that their callbacks run as one batch. */
#include "check.h"

#include <sys/resource.h>

static struct gate inside = GATE, may_return = GATE, freed = GATE, replaced = GATE;
static aws_iot_mqtt_client *client;

static long long cpu_ms(void) {
    struct rusage usage;
    CHECK_INT(0, getrusage(RUSAGE_SELF, &usage));
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000LL + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* The second callback blocks; the first message is acknowledged meanwhile (the broker looks), and nothing spins. */
static void on_blocking(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&inside);
    if (gate_count(&inside) == 2) gate_wait(&may_return, 1);
}

static void blocked(char **argv) {
    client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 30000));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 1));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "in", 1, on_blocking, NULL, NULL, NULL));
    gate_wait(&inside, 2);
    long long before = cpu_ms();
    /* The broker acknowledges this one when it has seen two pings: about two seconds. */
    CHECK_OK(publish_text(client, "mine", "after two pings", 1));
    CHECK(cpu_ms() - before < 500);
    gate_open(&may_return);
    disconnect_and_free(client);
}

/* The first callback replaces the handler; its userdata goes back on a library thread, and may call the library there. */
static void on_replacement(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&replaced);
}

static void free_and_call(void *userdata) {
    int state = -1;
    CHECK_OK(aws_iot_mqtt_client_state(client, &state));
    count_free(userdata);
}

static void on_replacing(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    CHECK_OK(aws_iot_mqtt_client_on_message(client, on_replacement, NULL, NULL));
}

static void replacing(char **argv) {
    client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_on_message(client, on_replacing, &freed, free_and_call));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 1));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "in", 1, NULL, NULL, NULL, NULL));
    gate_wait(&replaced, 1);
    gate_wait(&freed, 1);
    callbacks_returned(client);
    disconnect_and_free(client);
    CHECK_INT(1, gate_count(&freed));
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {{"blocked", blocked}, {"replacing", replacing}};
    return run_case(argc, argv, cases, sizeof cases / sizeof *cases);
}
