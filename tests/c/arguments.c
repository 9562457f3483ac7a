/* Wrong arguments: the number, the culprit's name in the detail, and nothing taken. No broker is needed. */
#include "check.h"
#include <math.h>

static struct gate freed = GATE;
static aws_iot_mqtt_client *client;
static uint64_t operation = 77;
static uint8_t granted = 99;
static char longest[65537];

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
}

static void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)completion, (void)userdata;
}

static int on_sign(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    (void)request, (void)signature, (void)signature_len, (void)userdata;
    return 1;
}

#define SIGNER AWS_IOT_MQTT_SIGNATURE_DER, on_sign, &freed, count_free
#define WRONG(culprit, call) CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, culprit, call)
#define NOT_UTF8(culprit, call) CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_UTF8, culprit, call)
#define BAD_TOPIC(culprit, call) CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_TOPIC, culprit, call)
#define DONE on_done, &freed, count_free
#define MESSAGE on_message, &freed, count_free
#define PUBLISH(topic, qos) aws_iot_mqtt_client_publish(client, topic, "x", 1, qos, false)
#define PUBLISH_ASYNC(topic, qos) aws_iot_mqtt_client_publish_async(client, topic, "x", 1, qos, false, DONE, &operation)
#define SUBSCRIBE(filter, qos) aws_iot_mqtt_client_subscribe(client, filter, qos, MESSAGE, &granted)
#define SUBSCRIBE_ASYNC(filter, qos) \
    aws_iot_mqtt_client_subscribe_async(client, filter, qos, \
                                        on_done, &freed, count_free, on_message, &freed, count_free, &operation)

static void null_strings(char **argv) {
    (void)argv;
    aws_iot_mqtt_client *untouched = client;
    WRONG("client_id", aws_iot_mqtt_client_new(NULL, MQTT_3_1_1, false, true, &untouched));
    CHECK(untouched == client);
    WRONG("out", aws_iot_mqtt_client_new("me", MQTT_3_1_1, false, true, NULL));
    int number = 77;
    WRONG("out", aws_iot_mqtt_loop_new(NULL));
    WRONG("loop", aws_iot_mqtt_client_new_in_loop(NULL, "me", MQTT_3_1_1, false, true, &untouched));
    WRONG("loop", aws_iot_mqtt_loop_fd(NULL, &number));
    WRONG("loop", aws_iot_mqtt_loop_timeout_ms(NULL, &number));
    WRONG("loop", aws_iot_mqtt_loop_process(NULL));
    aws_iot_mqtt_loop_free(NULL);
    CHECK_INT(77, number);
    CHECK(untouched == client);
    aws_iot_mqtt_loop *loop = NULL;
    CHECK_OK(aws_iot_mqtt_loop_new(&loop));
    WRONG("client_id", aws_iot_mqtt_client_new_in_loop(loop, NULL, MQTT_3_1_1, false, true, &untouched));
    WRONG("protocol", aws_iot_mqtt_client_new_in_loop(loop, "me", 5, false, true, &untouched));
    WRONG("out", aws_iot_mqtt_client_new_in_loop(loop, "me", MQTT_3_1_1, false, true, NULL));
    WRONG("fd", aws_iot_mqtt_loop_fd(loop, NULL));
    WRONG("timeout_ms", aws_iot_mqtt_loop_timeout_ms(loop, NULL));
    CHECK_OK(aws_iot_mqtt_loop_timeout_ms(loop, &number));
    CHECK_INT(-1, number);
    aws_iot_mqtt_loop_free(loop);
    WRONG("host", aws_iot_mqtt_client_configure_endpoint(client, NULL, 8883));
    WRONG("topic", aws_iot_mqtt_client_configure_last_will(client, NULL, "x", 1, 0, false));
    WRONG("topic", PUBLISH(NULL, 1));
    WRONG("topic", PUBLISH_ASYNC(NULL, 1));
    WRONG("filter", SUBSCRIBE(NULL, 1));
    WRONG("filter", SUBSCRIBE_ASYNC(NULL, 1));
    WRONG("filter", aws_iot_mqtt_client_unsubscribe(client, NULL));
    WRONG("filter", aws_iot_mqtt_client_unsubscribe_async(client, NULL, DONE, &operation));
    WRONG("filter", aws_iot_mqtt_client_subscribe_manual_acknowledge(client, NULL, 0, MESSAGE, &granted));
    WRONG("filter", aws_iot_mqtt_client_subscribe_manual_acknowledge_async(client, NULL, 0, DONE, MESSAGE, &operation));
    WRONG("certificate_path", aws_iot_mqtt_client_configure_private_key_callback(client, NULL, NULL, NULL, SIGNER));
    WRONG("callback", aws_iot_mqtt_client_configure_private_key_callback(client, NULL, "c", NULL, AWS_IOT_MQTT_SIGNATURE_RAW,
                                                                         NULL, &freed, count_free));
    WRONG("state", aws_iot_mqtt_client_state(client, NULL));
    WRONG("stats", aws_iot_mqtt_client_stats(client, NULL, sizeof(aws_iot_mqtt_stats)));
    bool matches = true;
    WRONG("filter", aws_iot_mqtt_topic_matches(NULL, "a", &matches));
    WRONG("topic", aws_iot_mqtt_topic_matches("b", NULL, &matches));
    WRONG("matches", aws_iot_mqtt_topic_matches("b", "a", NULL));
    CHECK(matches);
}

/* NULL with a length is a mistake; with length 0 it is the empty payload. */
static void null_payloads(char **argv) {
    (void)argv;
    WRONG("payload", aws_iot_mqtt_client_publish(client, "t", NULL, 3, 1, false));
    WRONG("payload", aws_iot_mqtt_client_publish_async(client, "t", NULL, 3, 1, false, DONE, &operation));
    WRONG("payload", aws_iot_mqtt_client_configure_last_will(client, "t", NULL, 3, 1, false));
    WRONG("password", aws_iot_mqtt_client_configure_username_password(client, "user", NULL, 3));
    WRONG("ca_pem", aws_iot_mqtt_client_configure_credentials_pem(client, NULL, 3, NULL, 0, NULL, 0, NULL));
    WRONG("key_pem", aws_iot_mqtt_client_configure_credentials_pem(client, NULL, 0, NULL, 3, NULL, 0, NULL));
    WRONG("certificate_pem", aws_iot_mqtt_client_configure_credentials_pem(client, NULL, 0, NULL, 0, NULL, 3, NULL));
    WRONG("passphrase", aws_iot_mqtt_client_configure_private_key_passphrase(client, NULL, 3));
    WRONG("ca_pem", aws_iot_mqtt_client_configure_private_key_callback_pem(client, NULL, 3, "c", 1, NULL, SIGNER));
    WRONG("certificate_pem", aws_iot_mqtt_client_configure_private_key_callback_pem(client, NULL, 0, NULL, 3, NULL, SIGNER));
    WRONG("payload_len", aws_iot_mqtt_client_publish(client, "t", "x", SIZE_MAX, 1, false));
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_publish(client, "t", NULL, 0, 1, false));
}

static void null_clients(char **argv) {
    (void)argv;
    aws_iot_mqtt_client *valid = client;
    client = NULL;
    WRONG("client", aws_iot_mqtt_client_configure_endpoint(client, "localhost", 8883));
    WRONG("client", aws_iot_mqtt_client_configure_credentials(client, NULL, NULL, NULL, NULL));
    WRONG("client", aws_iot_mqtt_client_configure_username_password(client, "user", NULL, 0));
    WRONG("client", aws_iot_mqtt_client_configure_last_will(client, "t", "x", 1, 0, false));
    WRONG("client", aws_iot_mqtt_client_clear_last_will(client));
    WRONG("client", aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 1000, 32000, 20000));
    WRONG("client", aws_iot_mqtt_client_configure_offline_publish_queueing(client, -1, AWS_IOT_MQTT_DROP_NEWEST));
    WRONG("client", aws_iot_mqtt_client_configure_draining_frequency(client, 2.0));
    WRONG("client", aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 1000));
    WRONG("client", aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 1000));
    WRONG("client", aws_iot_mqtt_client_configure_tls(client, true));
    WRONG("client", aws_iot_mqtt_client_configure_alpn(client, "mqtt"));
    WRONG("client", aws_iot_mqtt_client_configure_proxy(client, "http://127.0.0.1:3128"));
    WRONG("client", aws_iot_mqtt_client_configure_custom_authorizer(client, "a", "k", "t", "s"));
    WRONG("client", aws_iot_mqtt_client_configure_iam_credentials(client, "AKID", "secret", NULL));
    WRONG("client", aws_iot_mqtt_client_configure_iam_credentials_provider(client, NULL, &freed, count_free));
    WRONG("client", aws_iot_mqtt_client_configure_iot_credentials_provider(client, "localhost", 443, "alias", NULL));
    WRONG("client", aws_iot_mqtt_client_configure_region(client, "eu-central-1"));
    WRONG("client", aws_iot_mqtt_client_configure_signing_service(client, NULL));
    WRONG("client", aws_iot_mqtt_client_configure_socket_factory(client, NULL, &freed, count_free));
    WRONG("client", aws_iot_mqtt_client_enable_metrics_collection(client));
    WRONG("client", aws_iot_mqtt_client_disable_metrics_collection(client));
    WRONG("client", aws_iot_mqtt_client_configure_credentials_pem(client, NULL, 0, NULL, 0, NULL, 0, NULL));
    WRONG("client", aws_iot_mqtt_client_configure_private_key_passphrase(client, "x", 1));
    WRONG("client", aws_iot_mqtt_client_configure_private_key_callback(client, NULL, "c", NULL, SIGNER));
    WRONG("client", aws_iot_mqtt_client_configure_private_key_callback_pem(client, NULL, 0, "c", 1, NULL, SIGNER));
    WRONG("client", aws_iot_mqtt_client_configure_minimum_tls_version(client, AWS_IOT_MQTT_TLS_1_3));
    WRONG("client", aws_iot_mqtt_client_configure_retry_first_connect(client, true));
    WRONG("client", aws_iot_mqtt_client_configure_retransmit_interval(client, 1000));
    WRONG("client", aws_iot_mqtt_client_configure_ping_timeout(client, 1000));
    WRONG("client", aws_iot_mqtt_client_configure_in_flight_window(client, 10));
    WRONG("client", aws_iot_mqtt_client_configure_memory_limit(client, 1000));
    WRONG("client", aws_iot_mqtt_client_configure_max_packet_size(client, 1000));
    WRONG("client", aws_iot_mqtt_client_configure_refused_by_close_limit(client, 1));
    WRONG("client", aws_iot_mqtt_client_on_connect_failed(client, NULL, &freed, count_free));
    WRONG("client", aws_iot_mqtt_client_on_outcome(client, NULL, &freed, count_free));
    WRONG("client", aws_iot_mqtt_client_on_log(client, AWS_IOT_MQTT_LOG_ERROR, NULL, &freed, count_free));
    WRONG("client", aws_iot_mqtt_client_reconnect(client));
    WRONG("client", aws_iot_mqtt_client_cancel(client, 1));
    WRONG("client", aws_iot_mqtt_client_acknowledge(client, 1));
    WRONG("client", aws_iot_mqtt_client_subscribe_manual_acknowledge(client, "t", 0, MESSAGE, &granted));
    WRONG("client", aws_iot_mqtt_client_subscribe_manual_acknowledge_async(client, "t", 0, DONE, MESSAGE, &operation));
    int state = 77;
    WRONG("client", aws_iot_mqtt_client_state(client, &state));
    CHECK_INT(77, state);
    aws_iot_mqtt_stats stats;
    memset(&stats, 0x55, sizeof stats);
    WRONG("client", aws_iot_mqtt_client_stats(client, &stats, sizeof stats));
    CHECK_INT(0x5555555555555555, stats.queued);
    WRONG("client", aws_iot_mqtt_client_on_message(client, MESSAGE));
    WRONG("client", aws_iot_mqtt_client_on_online(client, NULL, &freed, count_free));
    WRONG("client", aws_iot_mqtt_client_on_offline(client, NULL, &freed, count_free));
    WRONG("client", aws_iot_mqtt_client_connect(client, 600));
    WRONG("client", aws_iot_mqtt_client_connect_async(client, 600, DONE, &operation));
    size_t left = 77;
    WRONG("client", aws_iot_mqtt_client_disconnect(client, &left));
    CHECK_INT(77, left);
    WRONG("client", aws_iot_mqtt_client_disconnect_async(client, DONE, &operation));
    WRONG("client", PUBLISH("t", 0));
    WRONG("client", PUBLISH_ASYNC("t", 0));
    WRONG("client", SUBSCRIBE("t", 0));
    WRONG("client", SUBSCRIBE_ASYNC("t", 0));
    WRONG("client", aws_iot_mqtt_client_unsubscribe(client, "t"));
    WRONG("client", aws_iot_mqtt_client_unsubscribe_async(client, "t", DONE, &operation));
    client = valid;
}

static void utf8(char **argv) {
    (void)argv;
    /* A lone continuation byte, an overlong slash, a surrogate half, a cut sequence, above U+10FFFF [MQTT-1.5.3-1]. */
    const char *ill_formed[] = {"a\x80", "\xc0\xaf", "\xed\xa0\x80", "a\xe2\x82", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof ill_formed / sizeof ill_formed[0]; i++) {
        const char *bad = ill_formed[i];
        aws_iot_mqtt_client *untouched = client;
        NOT_UTF8("client_id", aws_iot_mqtt_client_new(bad, MQTT_3_1_1, false, true, &untouched));
        CHECK(untouched == client);
        NOT_UTF8("host", aws_iot_mqtt_client_configure_endpoint(client, bad, 8883));
        NOT_UTF8("ca_path", aws_iot_mqtt_client_configure_credentials(client, bad, NULL, NULL, NULL));
        NOT_UTF8("key_path", aws_iot_mqtt_client_configure_credentials(client, NULL, bad, "certificate", NULL));
        NOT_UTF8("certificate_path", aws_iot_mqtt_client_configure_credentials(client, NULL, "key", bad, NULL));
        NOT_UTF8("ciphers", aws_iot_mqtt_client_configure_credentials(client, NULL, NULL, NULL, bad));
        NOT_UTF8("username", aws_iot_mqtt_client_configure_username_password(client, bad, NULL, 0));
        NOT_UTF8("topic", aws_iot_mqtt_client_configure_last_will(client, bad, "x", 1, 0, false));
        NOT_UTF8("topic", PUBLISH(bad, 0));
        NOT_UTF8("topic", PUBLISH_ASYNC(bad, 1));
        NOT_UTF8("filter", SUBSCRIBE(bad, 0));
        NOT_UTF8("filter", SUBSCRIBE_ASYNC(bad, 1));
        NOT_UTF8("filter", aws_iot_mqtt_client_unsubscribe(client, bad));
        NOT_UTF8("filter", aws_iot_mqtt_client_unsubscribe_async(client, bad, DONE, &operation));
    }
}

/* 65,536 bytes: one more than two bytes can tell [MQTT-1.5.3]. */
static void lengths(char **argv) {
    (void)argv;
    aws_iot_mqtt_client *untouched = client;
    WRONG("client_id", aws_iot_mqtt_client_new(longest, MQTT_3_1_1, false, true, &untouched));
    CHECK(untouched == client);
    WRONG("username", aws_iot_mqtt_client_configure_username_password(client, longest, NULL, 0));
    WRONG("password", aws_iot_mqtt_client_configure_username_password(client, "user", longest, 65536));
    WRONG("payload", aws_iot_mqtt_client_configure_last_will(client, "t", longest, 65536, 0, false));
    BAD_TOPIC("65536", aws_iot_mqtt_client_configure_last_will(client, longest, "x", 1, 0, false));
    BAD_TOPIC("65536", PUBLISH(longest, 0));
    BAD_TOPIC("65536", PUBLISH_ASYNC(longest, 1));
    BAD_TOPIC("65536", SUBSCRIBE(longest, 0));
    BAD_TOPIC("65536", SUBSCRIBE_ASYNC(longest, 1));
    BAD_TOPIC("65536", aws_iot_mqtt_client_unsubscribe(client, longest));
    longest[65535] = '\0';
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, PUBLISH(longest, 0)); /* The longest that is legal. */
}

static void topics(char **argv) {
    (void)argv;
    const char *names[] = {"", "#", "a/#", "+", "a/+/b", "a+", "a#"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        BAD_TOPIC(names[i], PUBLISH(names[i], 0));
        BAD_TOPIC(names[i], PUBLISH_ASYNC(names[i], 1));
        BAD_TOPIC(names[i], aws_iot_mqtt_client_configure_last_will(client, names[i], "x", 1, 0, false));
    }
    const char *filters[] = {"", "a/#/b", "#/a", "a#", "a/b#", "a+", "+a", "a/+b", "a/b+/c"};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        BAD_TOPIC(filters[i], SUBSCRIBE(filters[i], 0));
        BAD_TOPIC(filters[i], SUBSCRIBE_ASYNC(filters[i], 1));
        BAD_TOPIC(filters[i], aws_iot_mqtt_client_unsubscribe(client, filters[i]));
        BAD_TOPIC(filters[i], aws_iot_mqtt_client_unsubscribe_async(client, filters[i], DONE, &operation));
    }
    const char *legal[] = {"#", "+", "a/#", "+/+/#", "/", "//", "a/+/b", "$SYS/#", "\xc3\xbc/ /b"};
    for (size_t i = 0; i < sizeof legal / sizeof legal[0]; i++)
        CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_unsubscribe(client, legal[i]));
}

static void qos(char **argv) {
    (void)argv;
    const int wrong[] = {2, 3, 77};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char number[8];
        snprintf(number, sizeof number, "%d", wrong[i]);
        WRONG(number, PUBLISH("t", wrong[i]));
        WRONG(number, PUBLISH_ASYNC("t", wrong[i]));
        WRONG(number, SUBSCRIBE("t", wrong[i]));
        WRONG(number, SUBSCRIBE_ASYNC("t", wrong[i]));
        WRONG(number, aws_iot_mqtt_client_configure_last_will(client, "t", "x", 1, wrong[i], false));
    }
}

static void ranges(char **argv) {
    (void)argv;
    aws_iot_mqtt_client *untouched = client;
    const int protocols[] = {0, 2, 5, 77};
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        WRONG("protocol", aws_iot_mqtt_client_new("me", protocols[i], false, true, &untouched));
    CHECK(untouched == client);
    const int versions[] = {0, 11, 14, 0x0303, -1};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        WRONG("version", aws_iot_mqtt_client_configure_minimum_tls_version(client, versions[i]));
    WRONG("signature_form", aws_iot_mqtt_client_configure_private_key_callback(client, NULL, "c", NULL, 2, on_sign, &freed, count_free));
    WRONG("host", aws_iot_mqtt_client_configure_endpoint(client, "", 8883));
    WRONG("port", aws_iot_mqtt_client_configure_endpoint(client, "localhost", 0));
    WRONG("base_ms", aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 0, 32000, 20000));
    WRONG("max_ms", aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 2000, 1000, 20000));
    WRONG("stable_ms", aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 1000, 32000, 1000));
    WRONG("stable_ms", aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 1000, 32000, 999));
    CHECK_OK(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 1000, 1000, 1001));
    WRONG("queue_size", aws_iot_mqtt_client_configure_offline_publish_queueing(client, -2, AWS_IOT_MQTT_DROP_NEWEST));
    WRONG("drop_behavior", aws_iot_mqtt_client_configure_offline_publish_queueing(client, 5, 2));
    WRONG("drop_behavior", aws_iot_mqtt_client_configure_offline_publish_queueing(client, 5, -1));
    WRONG("hz", aws_iot_mqtt_client_configure_draining_frequency(client, -1.0));
    WRONG("hz", aws_iot_mqtt_client_configure_draining_frequency(client, (double)NAN));
    WRONG("hz", aws_iot_mqtt_client_configure_draining_frequency(client, (double)INFINITY));
    WRONG("timeout_ms", aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 0));
    WRONG("timeout_ms", aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 0));
    WRONG("timeout_ms", aws_iot_mqtt_client_configure_ping_timeout(client, 0));
    WRONG("in_flight_window", aws_iot_mqtt_client_configure_in_flight_window(client, 0));
    WRONG("in_flight_window", aws_iot_mqtt_client_configure_in_flight_window(client, 65536));
    WRONG("memory_limit", aws_iot_mqtt_client_configure_memory_limit(client, 0));
    WRONG("max_packet_size", aws_iot_mqtt_client_configure_max_packet_size(client, 0));
    WRONG("max_packet_size", aws_iot_mqtt_client_configure_max_packet_size(client, 268435461));
    WRONG("level", aws_iot_mqtt_client_on_log(client, 77, NULL, &freed, count_free));
    WRONG("keep_alive_secs", aws_iot_mqtt_client_connect(client, 65536));
    WRONG("keep_alive_secs", aws_iot_mqtt_client_connect_async(client, 65536, DONE, &operation));
    WRONG("user", aws_iot_mqtt_client_configure_username_password(client, NULL, "secret", 6));
    CHECK(strstr(aws_iot_mqtt_last_error_detail(), "secret") == NULL);
}

static void not_configured(char **argv) {
    (void)argv;
    aws_iot_mqtt_client *fresh = NULL;
    CHECK_OK(aws_iot_mqtt_client_new("me", MQTT_3_1_1, false, true, &fresh));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_NOT_CONFIGURED, "configure_endpoint", aws_iot_mqtt_client_connect(fresh, 600));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(fresh, "localhost", 8883));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_NOT_CONFIGURED, "configure_credentials", aws_iot_mqtt_client_connect(fresh, 600));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_NOT_CONFIGURED, "configure_credentials",
                aws_iot_mqtt_client_connect_async(fresh, 600, DONE, &operation));
    aws_iot_mqtt_client_free(fresh);
}

static void credentials(int code, const char *directory, const char *ca, const char *key, const char *certificate, const char *culprit) {
    CHECK_FAILS(code, culprit,
                aws_iot_mqtt_client_configure_credentials(client, in_directory(directory, ca), in_directory(directory, key),
                                                          in_directory(directory, certificate), NULL));
}

/* The directory of certificates is the last argument. */
static void files(char **argv) {
    const char *in = argv[5];
    credentials(AWS_IOT_MQTT_ERR_CA_FILE, in, "missing.pem", "client.key", "client.pem", "missing.pem");
    credentials(AWS_IOT_MQTT_ERR_PRIVATE_KEY, in, "ca.pem", "missing.key", "client.pem", "missing.key");
    credentials(AWS_IOT_MQTT_ERR_CERTIFICATE, in, "ca.pem", "client.key", "missing.pem", "missing.pem");
    /* A directory cannot be read. */
    credentials(AWS_IOT_MQTT_ERR_CA_FILE, in, "folder", "client.key", "client.pem", "folder");
    credentials(AWS_IOT_MQTT_ERR_PRIVATE_KEY, in, "ca.pem", "folder", "client.pem", "folder");
    credentials(AWS_IOT_MQTT_ERR_CERTIFICATE, in, "ca.pem", "client.key", "folder", "folder");
    /* Files that hold something else. */
    credentials(AWS_IOT_MQTT_ERR_CA_FILE, in, "client.key", "client.key", "client.pem", "client.key");
    credentials(AWS_IOT_MQTT_ERR_CA_FILE, in, "empty", "client.key", "client.pem", "empty");
    credentials(AWS_IOT_MQTT_ERR_PRIVATE_KEY, in, "ca.pem", "client.pem", "client.pem", "client.pem");
    credentials(AWS_IOT_MQTT_ERR_CERTIFICATE, in, "ca.pem", "client.key", "client.key", "client.key");
    credentials(AWS_IOT_MQTT_ERR_CERTIFICATE, in, "ca.pem", "client.key", "broken.pem", "broken.pem");
    /* A key that is not the certificate's. */
    credentials(AWS_IOT_MQTT_ERR_PRIVATE_KEY, in, "ca.pem", "server.key", "client.pem", "server.key");
    /* A passphrase, wrong and right, and for a key that needs none; then it is forgotten. */
    credentials(AWS_IOT_MQTT_ERR_PRIVATE_KEY, in, "ca.pem", "encrypted.key", "client.pem", "encrypted.key");
    CHECK_OK(aws_iot_mqtt_client_configure_private_key_passphrase(client, "wrong", 5));
    credentials(AWS_IOT_MQTT_ERR_PRIVATE_KEY, in, "ca.pem", "encrypted.key", "client.pem", "encrypted.key");
    CHECK(strstr(aws_iot_mqtt_last_error_detail(), "wrong") == NULL);
    CHECK_OK(aws_iot_mqtt_client_configure_private_key_passphrase(client, "secret!", 7));
    credentials(AWS_IOT_MQTT_ERR_PRIVATE_KEY, in, "ca.pem", "encrypted.key", "client.pem", "encrypted.key");
    CHECK_OK(aws_iot_mqtt_client_configure_private_key_passphrase(client, "secret", 6));
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(in, "ca.pem"), in_directory(in, "encrypted.key"),
                                                       in_directory(in, "client.pem"), NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(in, "ca.pem"), in_directory(in, "client.key"),
                                                       in_directory(in, "client.pem"), NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_private_key_passphrase(client, NULL, 0));
    credentials(AWS_IOT_MQTT_ERR_PRIVATE_KEY, in, "ca.pem", "encrypted.key", "client.pem", "passphrase");
    credentials(AWS_IOT_MQTT_ERR_PRIVATE_KEY, in, "ca.pem", "legacy.key", "client.pem", "openssl pkcs8 -topk8");
    /* The application's key: only the files can be wrong. */
    CHECK_FAILS(AWS_IOT_MQTT_ERR_CA_FILE, "missing.pem",
                aws_iot_mqtt_client_configure_private_key_callback(client, in_directory(in, "missing.pem"),
                                                                   in_directory(in, "client.pem"), NULL, SIGNER));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_CERTIFICATE, "missing.pem",
                aws_iot_mqtt_client_configure_private_key_callback(client, in_directory(in, "ca.pem"),
                                                                   in_directory(in, "missing.pem"), NULL, SIGNER));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_CERTIFICATE, "client.key",
                aws_iot_mqtt_client_configure_private_key_callback(client, in_directory(in, "ca.pem"),
                                                                   in_directory(in, "client.key"), NULL, SIGNER));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_CIPHERS, "NO-SUCH-CIPHER",
                aws_iot_mqtt_client_configure_private_key_callback(client, in_directory(in, "ca.pem"),
                                                                   in_directory(in, "client.pem"), "NO-SUCH-CIPHER", SIGNER));
    /* One without the other. */
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT,
               aws_iot_mqtt_client_configure_credentials(client, in_directory(in, "ca.pem"), in_directory(in, "client.key"), NULL, NULL));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT,
               aws_iot_mqtt_client_configure_credentials(client, in_directory(in, "ca.pem"), NULL, in_directory(in, "client.pem"), NULL));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_CIPHERS, "NO-SUCH-CIPHER",
                aws_iot_mqtt_client_configure_credentials(client, in_directory(in, "ca.pem"), in_directory(in, "client.key"),
                                                          in_directory(in, "client.pem"), "NO-SUCH-CIPHER"));
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(in, "ca.pem"), in_directory(in, "client.key"),
                                                       in_directory(in, "client.pem"), NULL));
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {"null_strings", null_strings}, {"null_payloads", null_payloads}, {"null_clients", null_clients}, {"utf8", utf8},
        {"lengths", lengths}, {"topics", topics}, {"qos", qos}, {"ranges", ranges}, {"not_configured", not_configured}, {"files", files},
    };
    memset(longest, 'a', 65536);
    CHECK_OK(aws_iot_mqtt_client_new("me", MQTT_3_1_1, false, true, &client));
    int result = RUN_CASE(cases);
    CHECK_INT(0, gate_count(&freed));
    CHECK_INT(77, operation);
    CHECK_INT(99, granted);
    aws_iot_mqtt_client_free(client);
    CHECK_INT(0, gate_count(&freed)); /* Nothing was taken. */
    return result;
}
