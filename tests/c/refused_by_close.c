/* A broker that closes the connection on one operation, again and again. */
#include "events.h"

/* Waits until a certain word is among what happened. */
static void wait_for_note(const char *word) {
    for (unsigned count = 1; strstr(happened.text, word) == NULL; count++) gate_wait(&happened.gate, count);
}

static void two_publishes(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    /* -1: as it comes */
    if (strcmp(argv[5], "-1") != 0) CHECK_OK(aws_iot_mqtt_client_configure_refused_by_close_limit(client, (uint32_t)atoi(argv[5])));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    start_named(client, "forbidden", "bad", AWS_IOT_MQTT_OK);
    start_named(client, "allowed", "good", AWS_IOT_MQTT_OK);
    wait_for_note("good:0");
    CHECK_CONTAINS(argv[6], happened.text);
    CHECK_INT(atoi(argv[7]), stats_of(client).refused_by_close);
    CHECK_INT(0, stats_of(client).in_flight);
    disconnect_and_free(client);
}

static void queued(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_configure_refused_by_close_limit(client, 2));
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, publish_text(client, "forbidden", "x", 1));
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, publish_text(client, "allowed", "y", 1));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_RECORD("online:0 offline:203 online:0 outcome:forbidden:512 offline:203 online:0 outcome:allowed:0", &happened, 7);
    disconnect_and_free(client);
}

static void acknowledged_between(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, false);
    CHECK_OK(aws_iot_mqtt_client_configure_refused_by_close_limit(client, 2));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    start_named(client, "t", "two", AWS_IOT_MQTT_OK);
    start_named(client, "t", "three", AWS_IOT_MQTT_OK);
    CHECK_RECORD("online:0 offline:203 online:1 one:0 offline:203 online:1 two:0 offline:203 online:1 three:0", &happened, 10);
    CHECK_INT(0, stats_of(client).refused_by_close);
    disconnect_and_free(client);
}

static void filter(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_configure_refused_by_close_limit(client, 3));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "good", 1, on_message, NULL, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "bad", 1, on_message, NULL, NULL, NULL));
    wait_for_note("outcome:bad:512");
    say("refused");
    wait_until_told("subscribed again");
    CHECK_INT(1, stats_of(client).refused_by_close);
    disconnect_and_free(client);
}

static const struct test_case cases[] = {
    {"two_publishes", two_publishes}, {"queued", queued}, {"acknowledged_between", acknowledged_between}, {"filter", filter}};

int main(int argc, char **argv) {
    return RUN_CASE(cases);
}
