/* Every counter, against what the script has seen. */
#include "events.h"

static struct gate came = GATE;

static void on_any(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&came);
}

/* "sent N received M" of the broker. */
static void compare_bytes(aws_iot_mqtt_client *client) {
    char line[128];
    unsigned sent = 0, received = 0;
    CHECK(fgets(line, sizeof line, stdin) != NULL);
    CHECK_INT(2, sscanf(line, "sent %u received %u", &sent, &received));
    aws_iot_mqtt_stats stats = stats_of(client);
    CHECK_INT(received, stats.bytes_sent);
    CHECK_INT(sent, stats.bytes_received);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = watched_client(argv, true);
    backoff(client, NEVER_MS, NEVER_MS);
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 300));
    aws_iot_mqtt_stats stats = stats_of(client), zero;
    memset(&zero, 0, sizeof zero);
    CHECK(memcmp(&zero, &stats, sizeof stats) == 0);

    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "in", 1, on_any, NULL, NULL, NULL));
    CHECK_OK(publish_text(client, "t", "zero", 0));
    stats = stats_of(client);
    CHECK_INT(0, stats.last_acknowledgement_latency_us + stats.max_acknowledgement_latency_us);
    CHECK_OK(publish_text(client, "t", "one", 1));
    gate_wait(&came, 2);
    compare_bytes(client);
    stats = stats_of(client);
    CHECK_INT(2, stats.messages_sent);
    CHECK_INT(2, stats.messages_received);
    CHECK_INT(0, stats.queued + stats.in_flight + stats.accepted_bytes + stats.reconnects + stats.last_failure);
    CHECK(stats.last_acknowledgement_latency_us > 0);
    CHECK_INT(stats.last_acknowledgement_latency_us, stats.max_acknowledgement_latency_us);

    start_named(client, "t", "two", AWS_IOT_MQTT_OK);
    stats = stats_of(client);
    CHECK_INT(1, stats.in_flight);
    CHECK(stats.accepted_bytes >= 3 && stats.accepted_bytes < 1000);
    CHECK_CODE(AWS_IOT_MQTT_ERR_TIMEOUT, publish_text(client, "t", "three", 1));
    CHECK_CONTAINS("300", aws_iot_mqtt_last_error_detail());
    stats = stats_of(client);
    CHECK_INT(1, stats.timed_out);
    CHECK_INT(1, stats.in_flight);
    say("close");

    gate_wait(&offline, 1);
    start_named(client, "t", "four", AWS_IOT_MQTT_QUEUED);
    stats = stats_of(client);
    CHECK_INT(1, stats.queued);
    CHECK_INT(1, stats.in_flight);
    CHECK_INT(AWS_IOT_MQTT_ERR_CONNECTION_LOST, stats.last_failure);
    CHECK_INT(0, stats.reconnects);
    CHECK_OK(aws_iot_mqtt_client_reconnect(client));
    gate_wait(&ended, 2);
    stats = stats_of(client);
    CHECK_INT(1, stats.reconnects);
    CHECK_INT(5, stats.messages_sent);
    CHECK(stats.max_acknowledgement_latency_us >= stats.last_acknowledgement_latency_us);
    CHECK_INT(0, stats.queued + stats.in_flight + stats.accepted_bytes);
    CHECK_INT(0, stats.refused_by_close + stats.dropped_queue_full + stats.dropped_evicted);
    compare_bytes(client);
    disconnect_and_free(client);
    return 0;
}
