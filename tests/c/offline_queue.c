/* What is asked for without a connection: kept, bounded, sent in order, and every one of it ends. */
#include "events.h"

static void queue_of(aws_iot_mqtt_client *client, int64_t size, int behavior) {
    CHECK_OK(aws_iot_mqtt_client_configure_offline_publish_queueing(client, size, behavior));
}

static void connect_and_end(aws_iot_mqtt_client *client, const char *expected, unsigned count) {
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_RECORD(expected, &happened, count);
    disconnect_and_free(client);
}

/* No queue: refused, also during an outage; and what was in flight when the connection was lost is kept all the same. */
static void none(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    queue_of(client, 0, AWS_IOT_MQTT_DROP_OLDEST);
    CHECK_FAILS(AWS_IOT_MQTT_ERR_QUEUE_DISABLED, "queueing is disabled", publish_text(client, "t", "early", 1));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    gate_wait(&offline, 1);
    uint64_t operation = 77;
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_DISABLED,
               aws_iot_mqtt_client_publish_async(client, "t", "x", 1, 1, false, on_done, "never", NULL, &operation));
    CHECK_INT(77, operation);
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_DISABLED, publish_text(client, "t", "x", 0));
    say("refused");
    CHECK_RECORD("online:0 offline:203 online:0 one:0", &happened, 4);
    CHECK_INT(0, stats_of(client).dropped_queue_full);
    disconnect_and_free(client);
}

static void drop_newest(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    queue_of(client, 3, AWS_IOT_MQTT_DROP_NEWEST);
    start_named(client, "t", "one", AWS_IOT_MQTT_QUEUED);
    start_named(client, "t", "two", AWS_IOT_MQTT_QUEUED);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_subscribe_async(client, "s", 1, on_done, "s", NULL, on_message, NULL, NULL, NULL));
    uint64_t operation = 77;
    CHECK_FAILS(AWS_IOT_MQTT_ERR_QUEUE_FULL, "3",
                aws_iot_mqtt_client_publish_async(client, "t", "four", 4, 1, false, on_done, "never", NULL, &operation));
    CHECK_INT(77, operation);
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_FULL, aws_iot_mqtt_client_unsubscribe(client, "s"));
    aws_iot_mqtt_stats stats = stats_of(client);
    CHECK_INT(3, stats.queued);
    CHECK_INT(2, stats.dropped_queue_full);
    CHECK_INT(0, stats.dropped_evicted);
    connect_and_end(client, "online:0 one:0 two:0 s:0", 4);
}

/* The oldest publishes go; a subscription does not, and a full queue of those takes nothing. */
static void drop_oldest(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    queue_of(client, 3, AWS_IOT_MQTT_DROP_OLDEST);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_subscribe_async(client, "s", 1, on_done, "s", NULL, on_message, NULL, NULL, NULL));
    start_named(client, "t", "one", AWS_IOT_MQTT_QUEUED);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, publish_text(client, "two", "two", 0));
    start_named(client, "t", "three", AWS_IOT_MQTT_QUEUED);
    start_named(client, "t", "four", AWS_IOT_MQTT_QUEUED);
    gate_wait(&ended, 2);
    aws_iot_mqtt_stats stats = stats_of(client);
    CHECK_INT(3, stats.queued);
    CHECK_INT(0, stats.dropped_queue_full);
    CHECK_INT(2, stats.dropped_evicted);
    connect_and_end(client, "one:605 outcome:two:605 online:0 s:0 three:0 four:0", 6);
}

static void only_subscriptions(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    queue_of(client, 1, AWS_IOT_MQTT_DROP_OLDEST);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_subscribe_async(client, "s", 1, on_done, "s", NULL, on_message, NULL, NULL, NULL));
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_FULL, publish_text(client, "t", "x", 1));
    connect_and_end(client, "online:0 s:0", 2);
}

/* What was on a connection once is not evicted. */
static void sent_is_not_evicted(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, false);
    queue_of(client, 1, AWS_IOT_MQTT_DROP_OLDEST);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    start_named(client, "t", "two", AWS_IOT_MQTT_OK);
    gate_wait(&offline, 1);
    start_named(client, "t", "three", AWS_IOT_MQTT_QUEUED);
    start_named(client, "t", "four", AWS_IOT_MQTT_QUEUED);
    gate_wait(&ended, 1);
    say("evicted");
    CHECK_RECORD("online:0 offline:203 three:605 online:1 one:0 two:0 four:0", &happened, 7);
    disconnect_and_free(client);
}

enum { MANY = 10000 };
static uint64_t next_completed;
static struct gate completed = GATE;

static void in_order(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    CHECK_INT(next_completed++, (uint64_t)(uintptr_t)userdata);
    gate_open(&completed);
}

static void unlimited(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    queue_of(client, AWS_IOT_MQTT_QUEUE_UNLIMITED, AWS_IOT_MQTT_DROP_NEWEST);
    for (uintptr_t i = 0; i < MANY; i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "%u", (unsigned)i);
        CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_publish_async(client, "t", payload, strlen(payload), 1, false, in_order, (void *)i,
                                                                         NULL, NULL));
    }
    CHECK_INT(MANY, stats_of(client).queued);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    gate_wait(&completed, MANY);
    aws_iot_mqtt_stats stats = stats_of(client);
    CHECK_INT(0, stats.queued + stats.in_flight + stats.accepted_bytes);
    disconnect_and_free(client);
}

/* Queued before the first connect, kept by disconnect, sent after the next connect. */
static void survives(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_configure_draining_frequency(client, 0.01));
    start_named(client, "t", "one", AWS_IOT_MQTT_QUEUED);
    start_named(client, "t", "two", AWS_IOT_MQTT_QUEUED);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, publish_text(client, "three", "three", 0));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    gate_wait(&ended, 1);
    CHECK_INT(AWS_IOT_MQTT_STATE_DRAINING, state_of(client));
    size_t left = 99;
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, &left));
    CHECK_INT(2, left);
    start_named(client, "t", "four", AWS_IOT_MQTT_QUEUED);
    CHECK_OK(aws_iot_mqtt_client_configure_draining_frequency(client, AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    /* QoS 0 ends when it has left, QoS 1 when the broker says so. */
    gate_wait(&ended, 4);
    CHECK_CONTAINS("online:0 one:0 offline:604 online:0 ", happened.text);
    CHECK(strstr(happened.text, " two:0") && strstr(happened.text, " outcome:three:0") && strstr(happened.text, " four:0"));
    disconnect_and_free(client);
}

static void freed(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    static struct gate given_back = GATE;
    for (int i = 0; i < 3; i++) {
        CHECK_CODE(AWS_IOT_MQTT_QUEUED,
                   aws_iot_mqtt_client_publish_async(client, "t", "x", 1, i % 2, false, NULL, NULL, NULL, NULL));
    }
    start_named(client, "t", "one", AWS_IOT_MQTT_QUEUED);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_subscribe_async(client, "s", 1, on_done, "s", NULL, on_message, &given_back, count_free, NULL));
    uint64_t two = start_named(client, "t", "two", AWS_IOT_MQTT_QUEUED);
    CHECK_OK(aws_iot_mqtt_client_cancel(client, two));
    gate_wait(&ended, 1);
    aws_iot_mqtt_client_free(client);
    CHECK_TEXT("two:604 outcome:t:604 outcome:t:604 outcome:t:604 one:604 s:604", happened.text);
    CHECK_INT(1, gate_count(&given_back));
}

/* What is accepted while the queue drains goes behind it. */
static void behind(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_configure_draining_frequency(client, 10));
    const char *names[] = {"one", "two", "three", "four", "five", "six"};
    for (int i = 0; i < 6; i++) start_named(client, "t", names[i], AWS_IOT_MQTT_QUEUED);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    gate_wait(&ended, 1);
    CHECK_INT(AWS_IOT_MQTT_STATE_DRAINING, state_of(client));
    start_named(client, "t", "seven", AWS_IOT_MQTT_QUEUED);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, publish_text(client, "t", "eight", 0));
    gate_wait(&ended, 8);
    CHECK_CONTAINS("online:0 one:0 two:0 three:0 four:0 five:0 six:0", happened.text);
    CHECK(strstr(happened.text, " seven:0") && strstr(happened.text, " outcome:t:0"));
    start_named(client, "t", "nine", AWS_IOT_MQTT_OK);
    gate_wait(&ended, 9);
    CHECK_INT(AWS_IOT_MQTT_STATE_CONNECTED, state_of(client));
    disconnect_and_free(client);
}

/* The connection is lost in the middle of draining. */
static void lost_in_mid_drain(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, strcmp(argv[5], "lost") == 0);
    CHECK_OK(aws_iot_mqtt_client_configure_draining_frequency(client, 50));
    const char *names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    for (int i = 0; i < 10; i++) start_named(client, "t", names[i], AWS_IOT_MQTT_QUEUED);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    gate_wait(&online, 2);
    gate_wait(&ended, 10);
    CHECK_CONTAINS(" 2:0 3:0 4:0 5:0 6:0 7:0 8:0 9:0", happened.text);
    aws_iot_mqtt_stats stats = stats_of(client);
    CHECK_INT(0, stats.queued + stats.in_flight);
    disconnect_and_free(client);
}

static const struct test_case cases[] = {
    {"none", none},           {"drop_newest", drop_newest}, {"drop_oldest", drop_oldest}, {"only_subscriptions", only_subscriptions},
    {"sent_is_not_evicted", sent_is_not_evicted}, {"unlimited", unlimited}, {"survives", survives}, {"freed", freed},
    {"behind", behind},       {"lost_in_mid_drain", lost_in_mid_drain},
};

int main(int argc, char **argv) {
    return RUN_CASE(cases);
}
