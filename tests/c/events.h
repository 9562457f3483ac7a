/* What the programs about reconnection share: everything that a client tells is noted in order, as words. */
#ifndef EVENTS_H
#define EVENTS_H

#include "check.h"

/* Backoff of most cases: short, and long enough to be told apart from "at once". */
enum { BASE_MS = 20, MAX_MS = 100, STABLE_MS = 60000 };
/* Longer than any step of a script may take: who comes back before that did not wait for it. */
enum { NEVER_MS = 100000 };

static struct record happened = RECORD;
static struct gate online = GATE, offline = GATE, failed = GATE, ended = GATE;

static inline void on_online(bool session_present, void *userdata) {
    (void)userdata;
    note(&happened, "online:%d", session_present);
    gate_open(&online);
}

static inline void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)userdata;
    CHECK(detail[0] != '\0');
    note(&happened, "offline:%d", (int)error);
    gate_open(&offline);
}

static inline void on_connect_failed(aws_iot_mqtt_error error, const char *detail, int64_t next_attempt_ms, void *userdata) {
    (void)userdata;
    CHECK(detail[0] != '\0');
    /* [base, max] whatever its number; the bounds of each are a case of their own. */
    CHECK(next_attempt_ms == -1 || next_attempt_ms >= 1);
    note(&happened, "failed:%d%s", (int)error, next_attempt_ms < 0 ? ":last" : "");
    gate_open(&failed);
}

static inline void on_outcome(uint64_t operation, int kind, const char *topic, aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)userdata;
    CHECK((error == AWS_IOT_MQTT_OK) == (detail[0] == '\0'));
    CHECK(operation > 0 || kind == AWS_IOT_MQTT_OPERATION_SUBSCRIBE);
    note(&happened, "outcome:%s:%d", topic, (int)error);
    gate_open(&ended);
}

/* The completion of an operation: the userdata is its name. */
static inline void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK((completion->error == AWS_IOT_MQTT_OK) == (completion->detail[0] == '\0'));
    note(&happened, "%s:%d", (const char *)userdata, (int)completion->error);
    gate_open(&ended);
}

static inline void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
}

static inline void watch(aws_iot_mqtt_client *client) {
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_online, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_offline, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_connect_failed(client, on_connect_failed, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_outcome(client, on_outcome, NULL, NULL));
}

static inline void backoff(aws_iot_mqtt_client *client, unsigned base_ms, unsigned max_ms) {
    CHECK_OK(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, base_ms, max_ms, base_ms + STABLE_MS));
}

/* A client that reconnects quickly, waits long for answers, and whose events are noted. */
static inline aws_iot_mqtt_client *watched_client(char **argv, bool clean_session) {
    aws_iot_mqtt_client *client = new_client_named(argv, "me", clean_session);
    backoff(client, BASE_MS, MAX_MS);
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, DEADLINE_SECS * 1000));
    CHECK_OK(aws_iot_mqtt_client_configure_draining_frequency(client, AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE));
    watch(client);
    return client;
}

/* QoS 1, asynchronous; the payload is the name under which its completion is noted. */
static inline uint64_t start_named(aws_iot_mqtt_client *client, const char *topic, const char *name, aws_iot_mqtt_error expected) {
    uint64_t operation = 0;
    CHECK_CODE(expected, aws_iot_mqtt_client_publish_async(client, topic, name, strlen(name), 1, false, on_done, (void *)(uintptr_t)name, NULL,
                                                           &operation));
    CHECK(operation > 0);
    return operation;
}

static inline int state_of(aws_iot_mqtt_client *client) {
    int state = -1;
    CHECK_OK(aws_iot_mqtt_client_state(client, &state));
    return state;
}

static inline aws_iot_mqtt_stats stats_of(aws_iot_mqtt_client *client) {
    aws_iot_mqtt_stats stats;
    CHECK_OK(aws_iot_mqtt_client_stats(client, &stats, sizeof stats));
    return stats;
}

/* For the script. */
static inline void say(const char *text) {
    printf("%s\n", text);
    fflush(stdout);
}

/* Waits until the script has told something: this. */
static inline void wait_until_told(const char *text) {
    char line[128];
    CHECK(fgets(line, sizeof line, stdin) != NULL);
    line[strcspn(line, "\n")] = '\0';
    CHECK_TEXT(text, line);
}

#endif
