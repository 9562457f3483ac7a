/* What does not fit the state is refused with INVALID_STATE and takes nothing; what may change at any time can be changed. */
#include "check.h"

static struct gate freed = GATE, disconnected = GATE, cancelled = GATE;

static void on_disconnected(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK_INT(AWS_IOT_MQTT_OK, completion->error);
    CHECK_INT(1, completion->left);
    gate_open(userdata);
}

static void on_cancelled(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_INT(AWS_IOT_MQTT_ERR_CANCELLED, completion->error);
    gate_open(&cancelled);
}

static void never(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    FAIL("a completion (%d) for a call that failed", (int)completion->error);
}

static int factory(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    (void)host, (void)port, (void)remaining_ms, (void)userdata;
    return -1;
}

#define WRONG(call) CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_STATE, call)

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = connected_client(argv);
    uint64_t operation = 77;
    WRONG(aws_iot_mqtt_client_connect(client, 600));
    WRONG(aws_iot_mqtt_client_connect_async(client, 600, never, &freed, count_free, &operation));
    WRONG(aws_iot_mqtt_client_configure_endpoint(client, "elsewhere.invalid", 8883));
    WRONG(aws_iot_mqtt_client_configure_tls(client, true));
    WRONG(aws_iot_mqtt_client_configure_proxy(client, "http://localhost:3128"));
    WRONG(aws_iot_mqtt_client_configure_alpn(client, "mqtt"));
    WRONG(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 1000, 32000, 20000));
    WRONG(aws_iot_mqtt_client_configure_offline_publish_queueing(client, 5, AWS_IOT_MQTT_DROP_OLDEST));
    WRONG(aws_iot_mqtt_client_configure_draining_frequency(client, 2.0));
    WRONG(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 1000));
    WRONG(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 1000));
    WRONG(aws_iot_mqtt_client_configure_socket_factory(client, factory, &freed, count_free));
    WRONG(aws_iot_mqtt_client_configure_retry_first_connect(client, true));
    WRONG(aws_iot_mqtt_client_configure_retransmit_interval(client, 1000));
    WRONG(aws_iot_mqtt_client_configure_ping_timeout(client, 1000));
    WRONG(aws_iot_mqtt_client_configure_in_flight_window(client, 10));
    WRONG(aws_iot_mqtt_client_configure_memory_limit(client, 1000));
    WRONG(aws_iot_mqtt_client_configure_max_packet_size(client, 1000));
    WRONG(aws_iot_mqtt_client_configure_refused_by_close_limit(client, 1));
    WRONG(aws_iot_mqtt_client_configure_region(client, "eu-central-1"));
    WRONG(aws_iot_mqtt_client_configure_signing_service(client, "iotdata"));
    WRONG(aws_iot_mqtt_client_enable_metrics_collection(client));
    WRONG(aws_iot_mqtt_client_disable_metrics_collection(client));
    CHECK_INT(77, operation);
    CHECK_INT(0, gate_count(&freed));

    CHECK_OK(aws_iot_mqtt_client_configure_credentials_pem(client, NULL, 0, NULL, 0, NULL, 0, NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials(client, "AKIDEXAMPLE", "secret", NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials_provider(client, NULL, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_iot_credentials_provider(client, "localhost", 443, "alias", NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_last_will(client, "gone", "bye", 3, 1, false));
    CHECK_OK(aws_iot_mqtt_client_clear_last_will(client));
    CHECK_OK(aws_iot_mqtt_client_configure_username_password(client, "rotated", "new", 3));
    /* It is still the same connection, and works. */
    CHECK_OK(publish_text(client, "t", "still here", 1));
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));

    /* Idle again: nothing to make anew. */
    WRONG(aws_iot_mqtt_client_reconnect(client));
    CHECK_INT(77, operation);
    CHECK_INT(0, gate_count(&freed));
    /* Nor to disconnect from, which is no mistake; what is queued stays. */
    size_t left = 77;
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, &left));
    CHECK_INT(0, left);
    uint64_t queued = 0;
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_publish_async(client, "t", "later", 5, 1, false, on_cancelled, NULL, NULL, &queued));
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, &left));
    CHECK_INT(1, left);
    CHECK_OK(aws_iot_mqtt_client_disconnect_async(client, on_disconnected, &disconnected, count_free, &operation));
    gate_wait(&disconnected, 2);
    CHECK(operation != 77);
    CHECK_OK(aws_iot_mqtt_client_cancel(client, queued));
    gate_wait(&cancelled, 1);
    CHECK_CODE(AWS_IOT_MQTT_ERR_NOT_FOUND, aws_iot_mqtt_client_cancel(client, queued));
    /* The user name that was set meanwhile is in the next CONNECT; the broker looks. */
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 20000));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    disconnect_and_free(client);
    CHECK_INT(0, gate_count(&freed));
    return 0;
}
