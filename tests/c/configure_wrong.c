/* Wrong values are refused with what is wrong, and what was configured before still holds: the script and the times show it. */
#include "events.h"

#include <math.h>

#define WRONG(culprit, call) CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, culprit, call)

static int64_t next_ms;

static void keep_next(aws_iot_mqtt_error error, const char *detail, int64_t next_attempt_ms, void *userdata) {
    next_ms = next_attempt_ms;
    on_connect_failed(error, detail, next_attempt_ms, userdata);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = watched_client(argv, true);
    CHECK_OK(aws_iot_mqtt_client_on_connect_failed(client, keep_next, NULL, NULL));

    CHECK_OK(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 30, 31, 5000));
    WRONG("base_ms", aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 0, 10, 20));
    WRONG("max_ms", aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 100, 99, 5000));
    WRONG("stable_ms", aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 100, 200, 100));
    WRONG("stable_ms", aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 100, 200, 99));
    WRONG("", aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, UINT32_MAX, UINT32_MAX, UINT32_MAX));

    CHECK_OK(aws_iot_mqtt_client_configure_offline_publish_queueing(client, 2, AWS_IOT_MQTT_DROP_OLDEST));
    WRONG("queue_size is -2", aws_iot_mqtt_client_configure_offline_publish_queueing(client, -2, AWS_IOT_MQTT_DROP_NEWEST));
    WRONG("queue_size", aws_iot_mqtt_client_configure_offline_publish_queueing(client, INT64_MIN, AWS_IOT_MQTT_DROP_NEWEST));
    WRONG("drop_behavior is 2", aws_iot_mqtt_client_configure_offline_publish_queueing(client, 7, 2));
    WRONG("drop_behavior is -1", aws_iot_mqtt_client_configure_offline_publish_queueing(client, 7, -1));

    WRONG("hz", aws_iot_mqtt_client_configure_draining_frequency(client, -1));
    WRONG("hz", aws_iot_mqtt_client_configure_draining_frequency(client, (double)NAN));
    WRONG("hz", aws_iot_mqtt_client_configure_draining_frequency(client, (double)INFINITY));
    WRONG("hz", aws_iot_mqtt_client_configure_draining_frequency(client, -(double)INFINITY));
    WRONG("never be drained", aws_iot_mqtt_client_configure_draining_frequency(client, 1e-300));

    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 250));
    WRONG("timeout_ms is 0", aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 0));
    WRONG("timeout_ms is 0", aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 0));
    WRONG("timeout_ms is 0", aws_iot_mqtt_client_configure_ping_timeout(client, 0));
    CHECK_OK(aws_iot_mqtt_client_configure_in_flight_window(client, 1));
    WRONG("in_flight_window is 0", aws_iot_mqtt_client_configure_in_flight_window(client, 0));
    WRONG("in_flight_window is 65536", aws_iot_mqtt_client_configure_in_flight_window(client, 65536));
    WRONG("memory_limit is 0", aws_iot_mqtt_client_configure_memory_limit(client, 0));
    WRONG("max_packet_size is 127", aws_iot_mqtt_client_configure_max_packet_size(client, 127));
    WRONG("max_packet_size", aws_iot_mqtt_client_configure_max_packet_size(client, 268435461));

    /* Two fit, and the oldest goes. */
    start_named(client, "t", "one", AWS_IOT_MQTT_QUEUED);
    start_named(client, "t", "two", AWS_IOT_MQTT_QUEUED);
    start_named(client, "t", "three", AWS_IOT_MQTT_QUEUED);
    CHECK_RECORD("one:605", &happened, 1);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    gate_wait(&ended, 3);
    /* While a connection is wanted a right value is refused as well, and nothing has changed. */
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_STATE, aws_iot_mqtt_client_configure_in_flight_window(client, 100));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_STATE, aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 50000));
    start_named(client, "t", "four", AWS_IOT_MQTT_OK);
    long long begin = now_ms();
    CHECK_CODE(AWS_IOT_MQTT_ERR_TIMEOUT, publish_text(client, "t", "behind the window of one", 1));
    CHECK(now_ms() - begin >= 250);
    say("close");
    /* The wait after the failed attempt is the second one: [30, 31] all the same. */
    gate_wait(&failed, 1);
    CHECK(next_ms >= 30 && next_ms <= 31);
    gate_wait(&ended, 4);
    CHECK_RECORD("one:605 online:0 two:0 three:0 offline:203 failed:203 online:0 four:0", &happened, 8);
    disconnect_and_free(client);
    return 0;
}
