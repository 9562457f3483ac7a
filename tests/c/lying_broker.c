/* Acknowledgements that are wrong: of what was never sent, twice, in another order, too short. And more operations than there are
 * packet identifiers. */
#include "events.h"

static void wrong_acknowledgements(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    start_named(client, "t", "two", AWS_IOT_MQTT_OK);
    start_named(client, "t", "three", AWS_IOT_MQTT_OK);
    CHECK_RECORD("online:0 three:0 one:0 two:0", &happened, 4);
    CHECK_OK(publish_text(client, "t", "the same connection", 1));
    disconnect_and_free(client);
    CHECK_TEXT("online:0 three:0 one:0 two:0 offline:604", happened.text);
}

static void never_subscribed(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_OK(aws_iot_mqtt_client_unsubscribe(client, "never/+"));
    CHECK_OK(aws_iot_mqtt_client_unsubscribe_async(client, "never", on_done, "never", NULL, NULL));
    CHECK_RECORD("online:0 never:0", &happened, 2);
    disconnect_and_free(client);
}

/* A SUBACK that does not fit its SUBSCRIBE, on the first subscribe and on resubscribing: the connection is made anew each time. */
static void short_suback(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    uint8_t granted = 99;
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "a", 1, on_message, NULL, NULL, &granted));
    CHECK_INT(1, granted);
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "c", 1, on_message, NULL, NULL, &granted));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "b", 0, on_message, NULL, NULL, &granted));
    CHECK_INT(0, granted);
    CHECK_RECORD("online:0 offline:500 online:0 offline:500 online:0 offline:500 online:0 offline:500 online:0", &happened, 9);
    CHECK_INT(AWS_IOT_MQTT_ERR_PROTOCOL, stats_of(client).last_failure);
    wait_until_told("all is well");
    disconnect_and_free(client);
}

enum { MANY = 70000 };
static struct gate completed = GATE;
static unsigned char seen[MANY];

static void on_completed(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    CHECK(completion->packet_id > 0);
    CHECK_INT(1, ++seen[(uintptr_t)userdata]);
    gate_open(&completed);
}

static void too_many(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_configure_in_flight_window(client, 65535));
    CHECK_OK(aws_iot_mqtt_client_configure_retransmit_interval(client, 0));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 0));
    uint64_t last = 0;
    for (uintptr_t i = 0; i < MANY; i++) {
        uint64_t operation = 0;
        char text[16];
        snprintf(text, sizeof text, "%u", (unsigned)i);
        CHECK_OK(aws_iot_mqtt_client_publish_async(client, "t", text, strlen(text), 1, false, on_completed, (void *)i, NULL, &operation));
        CHECK(operation > last);
        last = operation;
    }
    CHECK_INT(MANY, stats_of(client).in_flight);
    /* No identifier is free: a subscribe waits for one, and other calls are not held up. */
    CHECK_OK(aws_iot_mqtt_client_subscribe_async(client, "waits", 1, on_done, "waits", NULL, on_message, NULL, NULL, NULL));
    CHECK_OK(publish_text(client, "t", "zero", 0));
    CHECK_TEXT("online:0", happened.text);
    say("published");
    gate_wait(&completed, MANY);
    CHECK_RECORD("online:0 waits:0", &happened, 2);
    disconnect_and_free(client);
}

static const struct test_case cases[] = {{"wrong_acknowledgements", wrong_acknowledgements},
                                         {"never_subscribed", never_subscribed},
                                         {"short_suback", short_suback},
                                         {"too_many", too_many}};

int main(int argc, char **argv) {
    return RUN_CASE(cases);
}
