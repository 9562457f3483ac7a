/* What a CONNECT says; the broker compares. */
#include "check.h"

static void run(aws_iot_mqtt_client *client, uint32_t keep_alive_secs) {
    CHECK_OK(aws_iot_mqtt_client_connect(client, keep_alive_secs));
    disconnect_and_free(client);
}

static void usual(char **argv) {
    run(new_client(argv), AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS);
}

static void mqtt_3_1(char **argv) {
    aws_iot_mqtt_client *client = NULL;
    CHECK_OK(aws_iot_mqtt_client_new("old", MQTT_3_1, false, true, &client));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, argv[1], (uint16_t)atoi(argv[2])));
    CHECK_OK(aws_iot_mqtt_client_configure_tls(client, false));
    run(client, 0);
}

static void kept_session(char **argv) {
    run(new_client_named(argv, "device-7", false), 65535);
}

static void will(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_last_will(client, "gone", "by\0e", 4, 1, true));
    run(client, 30);
}

static void empty_will(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_last_will(client, "gone", NULL, 0, 0, false));
    run(client, 30);
}

static void cleared_will(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_last_will(client, "gone", "bye", 3, 1, true));
    CHECK_OK(aws_iot_mqtt_client_clear_last_will(client));
    run(client, 600);
}

static void username(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_username_password(client, "user", "p\0ss", 4));
    run(client, 600);
}

static void username_with_query(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_username_password(client, "user?x=1", NULL, 0));
    run(client, 600);
}

static void no_metrics(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_disable_metrics_collection(client));
    run(client, 600);
}

static void metrics_again(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_disable_metrics_collection(client));
    CHECK_OK(aws_iot_mqtt_client_enable_metrics_collection(client));
    run(client, 600);
}

static void everything(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_disable_metrics_collection(client));
    CHECK_OK(aws_iot_mqtt_client_configure_last_will(client, "gone", "bye", 3, 1, true));
    CHECK_OK(aws_iot_mqtt_client_configure_username_password(client, "user", "pass", 4));
    run(client, 1);
}

/* Configuration that is refused changes nothing: the broker sees what was accepted before. */
static void refused(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_disable_metrics_collection(client));
    CHECK_OK(aws_iot_mqtt_client_configure_last_will(client, "gone", "bye", 3, 1, true));
    CHECK_OK(aws_iot_mqtt_client_configure_username_password(client, "user", "pass", 4));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, aws_iot_mqtt_client_configure_endpoint(client, "elsewhere.invalid", 0));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_TOPIC, aws_iot_mqtt_client_configure_last_will(client, "#", "no", 2, 0, false));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, aws_iot_mqtt_client_configure_last_will(client, "other", "no", 2, 2, false));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, aws_iot_mqtt_client_configure_username_password(client, "other", NULL, 3));
    CHECK_CODE(AWS_IOT_MQTT_ERR_CA_FILE, aws_iot_mqtt_client_configure_credentials(client, "/missing.pem", NULL, NULL, NULL));
    CHECK_CODE(AWS_IOT_MQTT_ERR_CIPHERS, aws_iot_mqtt_client_configure_credentials_pem(client, NULL, 0, NULL, 0, NULL, 0, "NONE-SUCH"));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, publish_text(client, "a", "never sent", 2));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_TOPIC, publish_text(client, "a/#", "never sent", 1));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, aws_iot_mqtt_client_connect(client, 65536));
    run(client, 1);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {"usual", usual}, {"mqtt_3_1", mqtt_3_1}, {"kept_session", kept_session}, {"will", will}, {"empty_will", empty_will},
        {"cleared_will", cleared_will}, {"username", username}, {"username_with_query", username_with_query},
        {"no_metrics", no_metrics}, {"metrics_again", metrics_again}, {"everything", everything}, {"refused", refused},
    };
    return RUN_CASE(cases);
}
