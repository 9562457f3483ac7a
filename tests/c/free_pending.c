/* free() ends what is pending as CANCELLED, each exactly once, before it returns; handlers give their userdata back. */
#include "check.h"

enum { COUNT = 20 };
static struct gate cancelled = GATE, freed = GATE, handlers_freed = GATE, sent = GATE;

static void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_INT(AWS_IOT_MQTT_ERR_CANCELLED, completion->error);
    CHECK(completion->detail[0] != '\0');
    gate_open(&cancelled);
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&sent);
}

static void on_online(bool session_present, void *userdata) {
    (void)session_present, (void)userdata;
}

static void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)error, (void)detail, (void)userdata;
}

int main(int argc, char **argv) {
    CHECK(argc > 4);
    bool connected = strcmp(argv[4], "connected") == 0;
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_online, &handlers_freed, count_free));
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_offline, &handlers_freed, count_free));
    CHECK_OK(aws_iot_mqtt_client_on_message(client, on_message, &handlers_freed, count_free));
    if (connected) {
        CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
        CHECK_OK(aws_iot_mqtt_client_subscribe(client, "in", 0, on_message, &handlers_freed, count_free, NULL));
    }
    for (int i = 0; i < COUNT; i++) {
        uint64_t operation = 0;
        CHECK_CODE(connected ? AWS_IOT_MQTT_OK : AWS_IOT_MQTT_QUEUED,
                   aws_iot_mqtt_client_publish_async(client, "t", "x", 1, 1, false, on_done, &freed, count_free, &operation));
    }
    if (connected) gate_wait(&sent, 2); /* The broker has all of them. (Subscription and on_message: two calls.) */
    aws_iot_mqtt_client_free(client);
    CHECK_INT(COUNT, gate_count(&cancelled));
    CHECK_INT(COUNT, gate_count(&freed));
    CHECK_INT(connected ? 4 : 3, gate_count(&handlers_freed));
    return 0;
}
