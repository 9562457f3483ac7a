/* Accepted and unfinished bytes are bounded; past the bound calls are refused, and when the peer takes them everything goes on. */
#include "events.h"
#include "proc.h"

enum { LIMIT = 4 << 20, PAYLOAD = 32 << 10, MESSAGES_MAX = LIMIT / PAYLOAD };
static char payload[PAYLOAD];
static struct gate completed = GATE, given_back = GATE;

static void on_completed(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    gate_open(&completed);
}

static aws_iot_mqtt_error publish(aws_iot_mqtt_client *client, int qos, size_t payload_len, uint64_t *operation) {
    return aws_iot_mqtt_client_publish_async(client, "t", payload, payload_len, qos, false, on_completed, &given_back, count_free, operation);
}

static long rss_kib(void) {
    char text[64];
    CHECK(proc_field("/proc/self/status", "VmRSS", text, sizeof text));
    return strtol(text, NULL, 10);
}

static aws_iot_mqtt_client *limited_client(char **argv) {
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_configure_memory_limit(client, LIMIT));
    CHECK_OK(aws_iot_mqtt_client_configure_in_flight_window(client, 65535));
    CHECK_OK(aws_iot_mqtt_client_configure_retransmit_interval(client, 0));
    return client;
}

/* Publishes until the client takes no more; gives how many it took. */
static unsigned fill(aws_iot_mqtt_client *client, int qos, aws_iot_mqtt_error accepted) {
    long before = rss_kib();
    unsigned count = 0, refused = 0;
    uint64_t operation = UINT64_MAX;
    /* The sockets' buffers may still take something after a refusal; a thousand in a row say that it is over. */
    for (unsigned in_a_row = 0; in_a_row < 1000;) {
        aws_iot_mqtt_error error = publish(client, qos, PAYLOAD, &operation);
        if (error == accepted) {
            CHECK(operation != UINT64_MAX);
            count++;
            in_a_row = 0;
            operation = UINT64_MAX;
            continue;
        }
        CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_FULL, error);
        CHECK(operation == UINT64_MAX);
        refused++;
        in_a_row++;
    }
    CHECK_CONTAINS("4194304", aws_iot_mqtt_last_error_detail());
    CHECK(count >= 10);
    aws_iot_mqtt_stats stats = stats_of(client);
    if (stats.accepted_bytes > LIMIT || stats.accepted_bytes < LIMIT - 3 * PAYLOAD)
        FAIL("%u bytes are accepted", (unsigned)stats.accepted_bytes);
    CHECK_INT(refused, stats.dropped_queue_full);
    long grown = rss_kib() - before;
    if (grown > 3 * LIMIT / 1024) FAIL("the resident memory has grown by %ld KiB", grown);
    return count;
}

static void all_goes_on(aws_iot_mqtt_client *client, unsigned count) {
    gate_wait(&completed, count);
    aws_iot_mqtt_stats stats = stats_of(client);
    CHECK_INT(0, stats.accepted_bytes);
    CHECK_INT(0, stats.in_flight + stats.queued);
    CHECK_OK(publish_text(client, "t", "last", 1));
    disconnect_and_free(client);
    CHECK_INT(count, gate_count(&completed));
    CHECK_INT(count, gate_count(&given_back));
}

static void in_flight(char **argv) {
    aws_iot_mqtt_client *client = limited_client(argv);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 0));
    unsigned count = fill(client, atoi(argv[5]), AWS_IOT_MQTT_OK);
    say("full");
    all_goes_on(client, count);
}

/* An application that is faster than its network all the time: what has left makes room for what comes, and no second copy is made of it. */
static void overload(char **argv) {
    aws_iot_mqtt_client *client = limited_client(argv);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 0));
    long before = rss_kib(), most = before;
    unsigned accepted = 0, refused = 0;
    while (accepted < 10 * MESSAGES_MAX) {
        /* Counted first: all that is unfinished when a call is refused completes behind this. */
        unsigned done = gate_count(&completed);
        aws_iot_mqtt_error error = publish(client, 0, PAYLOAD, NULL);
        if (error == AWS_IOT_MQTT_OK) {
            accepted++;
            continue;
        }
        CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_FULL, error);
        if (refused++ == 0) say("full");
        if (rss_kib() > most) most = rss_kib();
        gate_wait(&completed, done + 1);
    }
    if (most - before > (LIMIT + LIMIT / 2) / 1024) FAIL("the resident memory has grown by %ld KiB", most - before);
    all_goes_on(client, accepted);
}

static void offline_queue(char **argv) {
    aws_iot_mqtt_client *client = limited_client(argv);
    /* One that could never fit changes nothing. */
    CHECK_OK(aws_iot_mqtt_client_configure_memory_limit(client, PAYLOAD / 2));
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_FULL, publish(client, 1, PAYLOAD, NULL));
    CHECK_INT(0, stats_of(client).accepted_bytes);
    aws_iot_mqtt_client_free(client);
    client = limited_client(argv);
    unsigned count = fill(client, 1, AWS_IOT_MQTT_QUEUED);
    CHECK_INT(count, stats_of(client).queued);
    CHECK(count < MESSAGES_MAX);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 0));
    all_goes_on(client, count);
}

static const struct test_case cases[] = {{"in_flight", in_flight}, {"overload", overload}, {"offline_queue", offline_queue}};

int main(int argc, char **argv) {
    return RUN_CASE(cases);
}
