/* A synchronous publish that waits in another thread when the client is freed returns CANCELLED, also while the callback runs in which that
 * was done. */
#include "events.h"
#include <sched.h>

static struct gate sent = GATE, freed = GATE;
static aws_iot_mqtt_client *client;
static pthread_t thread;
static bool inside;

static void *publish(void *unused) {
    (void)unused;
    CHECK_CODE(AWS_IOT_MQTT_ERR_CANCELLED, publish_text(client, "t", "never acknowledged", 1));
    return NULL;
}

/* The broker sends it when it has the publish. */
static void on_answer(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&sent);
    if (!inside) return;
    aws_iot_mqtt_client_free(client);
    CHECK_INT(0, pthread_join(thread, NULL));
    CHECK_INT(0, gate_count(&freed));
}

static void begin(char **argv) {
    client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 30000));
    CHECK_OK(aws_iot_mqtt_client_on_message(client, on_answer, &freed, count_free));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    thread = start_thread(publish, NULL);
}

static void free_outside(char **argv) {
    begin(argv);
    gate_wait(&sent, 1);
    aws_iot_mqtt_client_free(client);
    CHECK_INT(1, gate_count(&freed));
    CHECK_INT(0, pthread_join(thread, NULL));
}

static void *disconnect(void *unused) {
    (void)unused;
    size_t left = 77;
    CHECK_CODE(AWS_IOT_MQTT_ERR_CANCELLED, aws_iot_mqtt_client_disconnect(client, &left));
    CHECK_INT(77, left);
    return NULL;
}

/* It waits for the publish. */
static void free_while_disconnecting(char **argv) {
    begin(argv);
    gate_wait(&sent, 1);
    pthread_t other = start_thread(disconnect, NULL);
    for (long long end = now_ms() + DEADLINE_SECS * 1000; state_of(client) != AWS_IOT_MQTT_STATE_DISCONNECTING; sched_yield())
        CHECK(now_ms() < end);
    aws_iot_mqtt_client_free(client);
    CHECK_INT(0, pthread_join(other, NULL));
    CHECK_INT(0, pthread_join(thread, NULL));
}

static void free_inside(char **argv) {
    inside = true;
    begin(argv);
    gate_wait(&freed, 1);
}

int main(int argc, char **argv) {
    const struct test_case cases[] = {
        {"outside", free_outside}, {"inside", free_inside}, {"disconnecting", free_while_disconnecting},
    };
    return RUN_CASE(cases);
}
