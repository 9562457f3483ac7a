/* What happens when a connection ends: events, the order on the wire (the script looks), and what the application can do meanwhile. */
#include "events.h"

static void session_kept(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, false);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "granted", 1, on_message, NULL, NULL, NULL));
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    start_named(client, "t", "two", AWS_IOT_MQTT_OK);
    start_named(client, "t", "three", AWS_IOT_MQTT_OK);
    gate_wait(&offline, 1);
    CHECK_INT(AWS_IOT_MQTT_STATE_RECONNECTING, state_of(client));
    start_named(client, "t", "four", AWS_IOT_MQTT_QUEUED);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, publish_text(client, "five", "five", 1));
    say("queued");
    CHECK_RECORD("online:0 offline:203 online:1 one:0 two:0 three:0 four:0 outcome:five:0", &happened, 8);
    CHECK_INT(1, stats_of(client).reconnects);
    disconnect_and_free(client);
}

enum { FILTERS = 20 };

static void session_lost(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    for (int i = 0; i < FILTERS; i++) {
        char filter[16];
        snprintf(filter, sizeof filter, "f/%d", i);
        CHECK_OK(aws_iot_mqtt_client_subscribe(client, filter, i % 2, on_message, NULL, NULL, NULL));
    }
    CHECK_OK(aws_iot_mqtt_client_subscribe_async(client, "pending", 1, on_done, "pending", NULL, on_message, NULL, NULL, NULL));
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    start_named(client, "t", "two", AWS_IOT_MQTT_OK);
    gate_wait(&offline, 1);
    start_named(client, "t", "three", AWS_IOT_MQTT_QUEUED);
    say("queued");
    CHECK_RECORD("online:0 offline:203 online:0 outcome:f/3:510 pending:0 one:0 two:0 three:0 offline:203 online:0", &happened, 10);
    wait_until_told("go on");
    disconnect_and_free(client);
}

static void calls_wait(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_OK(publish_text(client, "t", "across", 1));
    uint8_t granted = 99;
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "across", 1, on_message, NULL, NULL, &granted));
    CHECK_INT(1, granted);
    CHECK_OK(aws_iot_mqtt_client_unsubscribe(client, "across"));
    CHECK_RECORD("online:0 offline:203 online:0 offline:203 online:0 offline:203 online:0", &happened, 7);
    disconnect_and_free(client);
}

static int64_t waits[6];

static void keep_wait(aws_iot_mqtt_error error, const char *detail, int64_t next_attempt_ms, void *userdata) {
    unsigned index = gate_count(&failed);
    if (index < 6) waits[index] = next_attempt_ms;
    on_connect_failed(error, detail, next_attempt_ms, userdata);
}

static void failures(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_on_connect_failed(client, keep_wait, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    gate_wait(&online, 2);
    CHECK_RECORD("online:0 offline:203 failed:503 failed:203 failed:505 failed:500 failed:501 failed:203 online:0", &happened, 9);
    /* Wait 0 was the one after the lost connection: each from twice the one before, up to half of the maximum, and at most twice that. */
    const int64_t least[6] = {40, 50, 50, 50, 50, 50}, most[6] = {80, 100, 100, 100, 100, 100};
    for (int i = 0; i < 6; i++) {
        if (waits[i] < least[i] || waits[i] > most[i]) FAIL("wait %d is %lld ms", i + 1, (long long)waits[i]);
    }
    CHECK_INT(AWS_IOT_MQTT_ERR_CONNECTION_LOST, stats_of(client).last_failure);
    disconnect_and_free(client);
}

static void reconnect_live(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    backoff(client, NEVER_MS, NEVER_MS);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    wait_until_told("it came");
    CHECK_OK(aws_iot_mqtt_client_reconnect(client));
    CHECK_RECORD("online:0 offline:203 online:0 one:0", &happened, 4);
    disconnect_and_free(client);
}

static void reconnect_waiting(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    backoff(client, NEVER_MS, NEVER_MS);
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_STATE, aws_iot_mqtt_client_reconnect(client));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    gate_wait(&offline, 1);
    CHECK_OK(aws_iot_mqtt_client_reconnect(client));
    gate_wait(&online, 2);
    CHECK_RECORD("online:0 offline:203 online:0", &happened, 3);
    disconnect_and_free(client);
}

static void disconnect_waiting(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, false);
    backoff(client, NEVER_MS, NEVER_MS);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    gate_wait(&offline, 1);
    start_named(client, "t", "two", AWS_IOT_MQTT_QUEUED);
    size_t left = 99;
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, &left));
    CHECK_INT(2, left);
    CHECK_INT(AWS_IOT_MQTT_STATE_IDLE, state_of(client));
    /* Configuring is legal again, and what was kept goes out after the next connect. */
    CHECK_OK(aws_iot_mqtt_client_configure_in_flight_window(client, 10));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_RECORD("online:0 offline:203 online:1 one:0 two:0", &happened, 5);
    disconnect_and_free(client);
}

static void cancel(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, false);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    uint64_t two = start_named(client, "t", "two", AWS_IOT_MQTT_OK);
    start_named(client, "t", "three", AWS_IOT_MQTT_OK);
    wait_until_told("all came");
    CHECK_OK(aws_iot_mqtt_client_cancel(client, two));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_NOT_FOUND, "", aws_iot_mqtt_client_cancel(client, two));
    CHECK_CODE(AWS_IOT_MQTT_ERR_NOT_FOUND, aws_iot_mqtt_client_cancel(client, 0));
    CHECK_CODE(AWS_IOT_MQTT_ERR_NOT_FOUND, aws_iot_mqtt_client_cancel(client, UINT64_MAX));
    say("cancelled");
    gate_wait(&offline, 1);
    uint64_t four = start_named(client, "t", "four", AWS_IOT_MQTT_QUEUED);
    start_named(client, "t", "five", AWS_IOT_MQTT_QUEUED);
    CHECK_OK(aws_iot_mqtt_client_cancel(client, four));
    gate_wait(&ended, 2);
    say("queued");
    CHECK_RECORD("online:0 two:604 offline:203 four:604 online:1 one:0 three:0 five:0", &happened, 8);
    disconnect_and_free(client);
}

static void retry_first(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_configure_retry_first_connect(client, true));
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 500));
    CHECK_CODE(AWS_IOT_MQTT_ERR_TIMEOUT, aws_iot_mqtt_client_connect(client, 600));
    CHECK_CONTAINS("attempts go on", aws_iot_mqtt_last_error_detail());
    CHECK(gate_count(&failed) >= 1);
    CHECK_INT(0, gate_count(&online));
    say("timed out");
    gate_wait(&online, 1);
    CHECK_OK(publish_text(client, "t", "there", 1));
    disconnect_and_free(client);
}

static void retry_first_async(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_configure_retry_first_connect(client, true));
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 600, on_done, "connect", NULL, NULL));
    CHECK_RECORD("failed:203 failed:503 failed:203 online:0 connect:0", &happened, 5);
    disconnect_and_free(client);
}

static void first_fails(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 600, on_done, "connect", NULL, NULL));
    CHECK_RECORD("failed:503:last connect:503", &happened, 2);
    CHECK_INT(AWS_IOT_MQTT_STATE_IDLE, state_of(client));
    aws_iot_mqtt_client_free(client);
}

static const struct test_case cases[] = {
    {"session_kept", session_kept},
    {"session_lost", session_lost},
    {"calls_wait", calls_wait},
    {"failures", failures},
    {"reconnect_live", reconnect_live},
    {"reconnect_waiting", reconnect_waiting},
    {"disconnect_waiting", disconnect_waiting},
    {"cancel", cancel},
    {"retry_first", retry_first},
    {"retry_first_async", retry_first_async},
    {"first_fails", first_fails},
};

int main(int argc, char **argv) {
    return RUN_CASE(cases);
}
