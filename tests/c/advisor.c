/* A device as AWS IoT Device Advisor tests it: it connects, does one thing, and stays until its standard input ends.
 * argv[4]: what it does; argv[5]: "settings" (those of docs/device_advisor.md) or "defaults"; then options NAME=NUMBER that make a
 * test shorter. It judges nothing: what it prints is for the script. */
#include "check.h"

static aws_iot_mqtt_client *client;
static bool advised;
static unsigned keep_alive_secs = AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS;

static void say(const char *what, int code) {
    printf("%s %d\n", what, code);
    fflush(stdout);
}

static void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    say(userdata, (int)completion->error);
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    bool whole = true;
    for (size_t i = 0; i < message->payload_len; i++) whole &= message->payload[i] == (uint8_t)(i % 251);
    say(whole ? "message" : "damaged message", (int)message->payload_len);
}

static void on_online(bool session_present, void *userdata) {
    (void)userdata;
    say("online", session_present);
}

static void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)detail, (void)userdata;
    say("offline", (int)error);
}

static void on_connect_failed(aws_iot_mqtt_error error, const char *detail, int64_t next_attempt_ms, void *userdata) {
    (void)detail, (void)userdata;
    say(next_attempt_ms < 0 ? "gave up" : "failed", (int)error);
}

static void connect_now(void) {
    if (advised) {
        CHECK_OK(aws_iot_mqtt_client_connect_async(client, (uint16_t)keep_alive_secs, on_done, "connect", NULL, NULL));
    } else {
        say("connect", (int)aws_iot_mqtt_client_connect(client, (uint16_t)keep_alive_secs));
    }
}

static void publish(int qos, bool retain) {
    if (advised) {
        int accepted = (int)aws_iot_mqtt_client_publish_async(client, "advisor/out", "hello", 5, qos, retain, on_done, "publish", NULL, NULL);
        CHECK(accepted == AWS_IOT_MQTT_OK || accepted == AWS_IOT_MQTT_QUEUED);
        return;
    }
    say("publish", (int)aws_iot_mqtt_client_publish(client, "advisor/out", "hello", 5, qos, retain));
}

static void subscribe(void) {
    if (advised) {
        int accepted = (int)aws_iot_mqtt_client_subscribe_async(client, "advisor/in", 1, on_done, "subscribe", NULL, on_message, NULL, NULL, NULL);
        CHECK(accepted == AWS_IOT_MQTT_OK || accepted == AWS_IOT_MQTT_QUEUED);
        return;
    }
    say("subscribe", (int)aws_iot_mqtt_client_subscribe(client, "advisor/in", 1, on_message, NULL, NULL, NULL));
}

/* The number of an option, or `otherwise`. */
static unsigned option(char **argv, const char *name, unsigned otherwise) {
    for (char **argument = argv + 6; *argument != NULL; argument++) {
        size_t length = strlen(name);
        if (strncmp(*argument, name, length) == 0 && (*argument)[length] == '=') return (unsigned)atoi(*argument + length + 1);
    }
    return otherwise;
}

static void configure(char **argv) {
    advised = strcmp(argv[5], "settings") == 0;
    client = new_client_named(argv, "advisor", option(argv, "clean", 1) != 0);
    unsigned connect_ms = advised ? 8000 : 30000;
    unsigned base_ms = 1000, max_ms = advised ? 16000 : 32000, stable_ms = 20000;
    if (advised) {
        keep_alive_secs = 30;
        CHECK_OK(aws_iot_mqtt_client_configure_retry_first_connect(client, true));
    }
    /* Beside the settings only what makes a test shorter. */
    keep_alive_secs = option(argv, "keep_alive_secs", keep_alive_secs);
    connect_ms = option(argv, "connect_ms", connect_ms);
    base_ms = option(argv, "base_ms", base_ms);
    max_ms = option(argv, "max_ms", max_ms);
    stable_ms = option(argv, "stable_ms", stable_ms);
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, connect_ms));
    CHECK_OK(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, base_ms, max_ms, stable_ms));
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_online, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_offline, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_connect_failed(client, on_connect_failed, NULL, NULL));
}

int main(int argc, char **argv) {
    CHECK(argc > 5);
    configure(argv);
    connect_now();
    const char *what = argv[4];
    if (strcmp(what, "publish_0") == 0) publish(0, false);
    if (strcmp(what, "publish_1") == 0) publish(1, false);
    if (strcmp(what, "publish_retained") == 0) publish(1, true);
    if (strcmp(what, "subscribe") == 0) subscribe();
    say("did", 0);
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {}
    aws_iot_mqtt_client_free(client);
    return 0;
}
