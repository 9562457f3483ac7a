/* MQTT over WebSocket with a signed request, as AWS IoT wants it, through the tests' gateway. TEST_KEY_ID, TEST_SECRET and TEST_TOKEN are the
 * credentials; TEST_REGION is configured where it is there. All that is logged and all failures go to standard output, for the test to search. */
#include "events.h"

static struct gate came = GATE;
static struct record lines = RECORD;

static void on_line(int level, const char *line, void *userdata) {
    (void)userdata;
    printf("log %d %s\n", level, line);
    fflush(stdout);
    if (strstr(line, "signing for") != NULL) note(&lines, "%s\n", line);
}

static void on_telemetry(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    CHECK_TEXT("gateway/telemetry", message->topic);
    CHECK_INT(5, message->payload_len);
    CHECK(memcmp(message->payload, "hello", 5) == 0);
    gate_open(&came);
}

/* No certificate of the device: the signature is the proof. */
static aws_iot_mqtt_client *websocket_client(char **argv) {
    aws_iot_mqtt_client *client = NULL;
    CHECK_OK(aws_iot_mqtt_client_new("me", MQTT_3_1_1, true, true, &client));
    CHECK_OK(aws_iot_mqtt_client_on_log(client, AWS_IOT_MQTT_LOG_DEBUG, on_line, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, argv[1], (uint16_t)atoi(argv[2])));
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(argv[3], "ca.pem"), NULL, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_username_password(client, "somebody", "hush-mqtt-password", 18));
    if (getenv("TEST_REGION") != NULL) CHECK_OK(aws_iot_mqtt_client_configure_region(client, getenv("TEST_REGION")));
    watch(client);
    return client;
}

static void configure_from_test(aws_iot_mqtt_client *client) {
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials(client, getenv("TEST_KEY_ID"), getenv("TEST_SECRET"), getenv("TEST_TOKEN")));
}

static void round_trip(aws_iot_mqtt_client *client, unsigned count) {
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "gateway/#", 1, on_telemetry, NULL, NULL, NULL));
    CHECK_OK(publish_text(client, "gateway/telemetry", "hello", 1));
    gate_wait(&came, count);
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
}

static void configured(char **argv) {
    aws_iot_mqtt_client *client = websocket_client(argv);
    configure_from_test(client);
    round_trip(client, 1);
    aws_iot_mqtt_client_free(client);
}

/* Environment or file: argv[5] is how the log calls it. */
static void found(char **argv) {
    aws_iot_mqtt_client *client = websocket_client(argv);
    round_trip(client, 1);
    CHECK_CONTAINS(argv[5], lines.text);
    aws_iot_mqtt_client_free(client);
}

/* Another key each time it is asked: TEST_KEY_ID with the number of the attempt behind it. */
static int provide(aws_iot_mqtt_credentials_sink *sink, uint64_t remaining_ms, void *userdata) {
    unsigned *asked = userdata;
    char key_id[64];
    CHECK(remaining_ms > 0);
    snprintf(key_id, sizeof key_id, "%s%u", getenv("TEST_KEY_ID"), ++*asked);
    CHECK_OK(aws_iot_mqtt_credentials_set(sink, key_id, getenv("TEST_SECRET"), getenv("TEST_TOKEN"), (uint64_t)time(NULL) + 3600));
    return 0;
}

static void provider(char **argv) {
    unsigned asked = 0;
    aws_iot_mqtt_client *client = websocket_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials_provider(client, provide, &asked, NULL));
    round_trip(client, 1);
    round_trip(client, 2);
    aws_iot_mqtt_client_free(client);
    CHECK_INT(2, asked);
}

static void refused(aws_iot_mqtt_client *client) {
    CHECK_FAILS(AWS_IOT_MQTT_ERR_FORBIDDEN, "HTTP 403 Forbidden (ForbiddenException)", aws_iot_mqtt_client_connect(client, 60));
    printf("detail %s\n", aws_iot_mqtt_last_error_detail());
}

/* The key was good, is refused, and another one is good again, on the same client. */
static void revoked(char **argv) {
    aws_iot_mqtt_client *client = websocket_client(argv);
    configure_from_test(client);
    round_trip(client, 1);
    say("revoke it");
    wait_until_told("revoked");
    refused(client);
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials(client, "AKIDROTATED", getenv("TEST_SECRET"), NULL));
    round_trip(client, 2);
    aws_iot_mqtt_client_free(client);
}

/* The gateway's clock is another one: the second connect knows that. */
static void clock_wrong(char **argv) {
    aws_iot_mqtt_client *client = websocket_client(argv);
    configure_from_test(client);
    refused(client);
    round_trip(client, 1);
    aws_iot_mqtt_client_free(client);
}

/* The same without the application's doing anything. */
static void clock_wrong_and_retried(char **argv) {
    aws_iot_mqtt_client *client = websocket_client(argv);
    configure_from_test(client);
    backoff(client, BASE_MS, MAX_MS);
    CHECK_OK(aws_iot_mqtt_client_configure_retry_first_connect(client, true));
    round_trip(client, 1);
    aws_iot_mqtt_client_free(client);
    /* 604: disconnect was called. */
    CHECK_RECORD("failed:402 online:0 offline:604", &happened, 3);
}

/* Without a region no attempt begins; with it the same client gets on. */
static void no_region(char **argv) {
    static const char *const hosts[] = {"localhost", "iot.example.com", "vpce-0123-abc.iot.eu-central-1.vpce.amazonaws.com"};
    aws_iot_mqtt_client *client = websocket_client(argv);
    configure_from_test(client);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, hosts[i], (uint16_t)atoi(argv[2])));
        CHECK_FAILS(AWS_IOT_MQTT_ERR_NOT_CONFIGURED, hosts[i], aws_iot_mqtt_client_connect(client, 60));
        CHECK_CONTAINS("the AWS region cannot be told", aws_iot_mqtt_last_error_detail());
        CHECK_CONTAINS("aws_iot_mqtt_client_configure_region", aws_iot_mqtt_last_error_detail());
    }
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, argv[1], (uint16_t)atoi(argv[2])));
    CHECK_OK(aws_iot_mqtt_client_configure_region(client, "us-west-2"));
    CHECK_OK(aws_iot_mqtt_client_configure_signing_service(client, "iotdata"));
    round_trip(client, 1);
    aws_iot_mqtt_client_free(client);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {"configured", configured}, {"found", found},         {"provider", provider},
        {"revoked", revoked},       {"clock_wrong", clock_wrong}, {"clock_wrong_and_retried", clock_wrong_and_retried},
        {"no_region", no_region},
    };
    return RUN_CASE(cases);
}
