/* What the small C programs share. Their arguments: host, port, directory of certificates ("-": plain TCP), and what the case needs.
 * A check that fails says where, and ends the program with 1. Nothing here sleeps; every wait has a deadline. */
#ifndef CHECK_H
#define CHECK_H

#include <aws_iot_mqtt.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEADLINE_SECS 60
#define MQTT_3_1 3
#define MQTT_3_1_1 4

#define FAIL(...) (fprintf(stderr, "%s:%d: ", __FILE__, __LINE__), fprintf(stderr, __VA_ARGS__), fprintf(stderr, "\n"), exit(1))

#define CHECK(condition) \
    do { \
        if (!(condition)) FAIL("%s", #condition); \
    } while (0)

#define CHECK_INT(expected, got) \
    do { \
        long long expected_ = (long long)(expected), got_ = (long long)(got); \
        if (expected_ != got_) FAIL("%s: expected %lld, got %lld", #got, expected_, got_); \
    } while (0)

#define CHECK_TEXT(expected, got) \
    do { \
        const char *expected_ = (expected), *got_ = (got); \
        if (strcmp(expected_, got_) != 0) FAIL("%s: expected \"%s\", got \"%s\"", #got, expected_, got_); \
    } while (0)

#define CHECK_CONTAINS(part, text) \
    do { \
        const char *part_ = (part), *text_ = (text); \
        if (strstr(text_, part_) == NULL) FAIL("%s: expected \"%s\" in \"%s\"", #text, part_, text_); \
    } while (0)

/* A call and the number that it must return. */
#define CHECK_CODE(expected, call) \
    do { \
        int code_ = (int)(call); \
        if (code_ != (int)(expected)) \
            FAIL("%s: expected %s, got %d %s (last detail: %s)", #call, aws_iot_mqtt_error_name((int)(expected)), code_, \
                 aws_iot_mqtt_error_name(code_), aws_iot_mqtt_last_error_detail()); \
    } while (0)

#define CHECK_OK(call) CHECK_CODE(AWS_IOT_MQTT_OK, call)

/* The same for a failure whose detail must name the culprit. */
#define CHECK_FAILS(expected, culprit, call) \
    do { \
        CHECK_CODE(expected, call); \
        if (strstr(aws_iot_mqtt_last_error_detail(), (culprit)) == NULL) \
            FAIL("%s: expected \"%s\" in the detail \"%s\"", #call, (culprit), aws_iot_mqtt_last_error_detail()); \
    } while (0)

/* Counts events; others wait until there were enough. */
struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned count;
};
#define GATE {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

static inline void gate_count_one(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    gate->count++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

/* Counts whatever happens: each opening of each gate, and what else says so. */
static struct gate happenings = GATE;

static inline void something_happened(void) {
    gate_count_one(&happenings);
}

static inline void gate_open(struct gate *gate) {
    gate_count_one(gate);
    something_happened();
}

static inline unsigned gate_count(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    unsigned count = gate->count;
    pthread_mutex_unlock(&gate->mutex);
    return count;
}

/* False if it has not opened `count` times before the deadline. */
static inline bool gate_reached(struct gate *gate, unsigned count, int secs) {
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += secs;
    int result = 0;
    pthread_mutex_lock(&gate->mutex);
    while (gate->count < count && result == 0) result = pthread_cond_timedwait(&gate->changed, &gate->mutex, &deadline);
    bool reached = gate->count >= count;
    pthread_mutex_unlock(&gate->mutex);
    return reached;
}

/* Looks whenever something has happened whether it is so now; false if it is not before the deadline. */
static inline bool becomes(bool (*is_so)(void)) {
    for (;;) {
        unsigned seen = gate_count(&happenings);
        if (is_so()) return true;
        if (!gate_reached(&happenings, seen + 1, DEADLINE_SECS)) return is_so();
    }
}

#define gate_wait(gate, wanted) \
    do { \
        if (!gate_reached(gate, wanted, DEADLINE_SECS)) \
            FAIL("%s: %u of %u in %d seconds", #gate, gate_count(gate), (unsigned)(wanted), DEADLINE_SECS); \
    } while (0)

/* As userdata_free: the userdata is a gate that counts how often it was freed. */
static inline void count_free(void *userdata) {
    gate_open(userdata);
}

/* What happened, in order: words separated by blanks. */
struct record {
    struct gate gate;
    char text[4096];
};
#define RECORD {GATE, ""}

static inline void note(struct record *record, const char *format, ...) {
    char word[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(word, sizeof word, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&record->gate.mutex);
    size_t used = strlen(record->text);
    snprintf(record->text + used, sizeof record->text - used, "%s%s", used > 0 ? " " : "", word);
    record->gate.count++;
    pthread_cond_broadcast(&record->gate.changed);
    pthread_mutex_unlock(&record->gate.mutex);
}

/* Waits for `count` notes, and compares all. */
#define CHECK_RECORD(expected, record, count) \
    do { \
        if (!gate_reached(&(record)->gate, count, DEADLINE_SECS)) FAIL("%u notes expected: \"%s\"", (unsigned)(count), (record)->text); \
        CHECK_TEXT(expected, (record)->text); \
    } while (0)

static inline long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static inline const char *in_directory(const char *directory, const char *name) {
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

/* For TEST_LOOP: one loop for all clients, and a thread that makes it and drives it until the process ends. */
struct driven {
    struct gate made;
    aws_iot_mqtt_loop *loop;
};

static inline void *drive_loop(void *argument) {
    struct driven *driven = argument;
    struct pollfd descriptor = {-1, POLLIN, 0};
    CHECK_OK(aws_iot_mqtt_loop_new(&driven->loop));
    CHECK_OK(aws_iot_mqtt_loop_fd(driven->loop, &descriptor.fd));
    gate_open(&driven->made);
    for (;;) {
        poll(&descriptor, 1, -1);
        CHECK_OK(aws_iot_mqtt_loop_process(driven->loop));
    }
    return NULL;
}

static inline aws_iot_mqtt_loop *driven_loop(void) {
    static struct driven driven = {GATE, NULL};
    if (gate_count(&driven.made) == 0) {
        pthread_t thread;
        CHECK_INT(0, pthread_create(&thread, NULL, drive_loop, &driven));
        CHECK_INT(0, pthread_detach(thread));
        gate_wait(&driven.made, 1);
    }
    return driven.loop;
}

static inline void configure_way(aws_iot_mqtt_client *client, char **argv) {
    if (getenv("TEST_PROXY") != NULL) CHECK_OK(aws_iot_mqtt_client_configure_proxy(client, getenv("TEST_PROXY")));
    if (getenv("TEST_NO_METRICS") != NULL) CHECK_OK(aws_iot_mqtt_client_disable_metrics_collection(client));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, argv[1], (uint16_t)atoi(argv[2])));
    if (strcmp(argv[3], "-") == 0) {
        CHECK_OK(aws_iot_mqtt_client_configure_tls(client, false));
    } else {
        CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(argv[3], "ca.pem"), in_directory(argv[3], "client.key"),
                                                           in_directory(argv[3], "client.pem"), NULL));
    }
}

/* A client for the endpoint that argv names; device certificate "client". The environment chooses the way, so that each program can
 * be tested on each: TEST_WEBSOCKET, TEST_PROXY (a URL), TEST_NO_METRICS (for brokers that know no empty user), TEST_LOOP. */
static inline aws_iot_mqtt_client *new_client_named(char **argv, const char *client_id, bool clean_session) {
    aws_iot_mqtt_client *client = NULL;
    bool websocket = getenv("TEST_WEBSOCKET") != NULL;
    if (getenv("TEST_LOOP") != NULL)
        CHECK_OK(aws_iot_mqtt_client_new_in_loop(driven_loop(), client_id, MQTT_3_1_1, websocket, clean_session, &client));
    else
        CHECK_OK(aws_iot_mqtt_client_new(client_id, MQTT_3_1_1, websocket, clean_session, &client));
    configure_way(client, argv);
    return client;
}

static inline aws_iot_mqtt_client *new_client(char **argv) {
    return new_client_named(argv, "me", true);
}

static inline aws_iot_mqtt_client *connected_client(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_connect(client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS));
    return client;
}

static inline void disconnect_and_free(aws_iot_mqtt_client *client) {
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    aws_iot_mqtt_client_free(client);
}

static inline void count_completion(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)completion;
    gate_open(userdata);
}

/* Returns when every callback that has begun has returned: a gate that opens inside a callback opens too early to tell. The next
 * callback of the same client tells it, and a completion is one. The broker gets a QoS 0 publish on "returned". */
static inline void callbacks_returned(aws_iot_mqtt_client *client) {
    static struct gate done = GATE;
    unsigned before = gate_count(&done);
    CHECK_OK(aws_iot_mqtt_client_publish_async(client, "returned", NULL, 0, 0, false, count_completion, &done, NULL, NULL));
    gate_wait(&done, before + 1);
}

/* Text as payload. */
static inline aws_iot_mqtt_error publish_text(aws_iot_mqtt_client *client, const char *topic, const char *text, int qos) {
    return aws_iot_mqtt_client_publish(client, topic, text, strlen(text), (uint8_t)qos, false);
}

/* A thread that must come to its end. */
static inline pthread_t start_thread(void *(*body)(void *), void *argument) {
    pthread_t thread;
    CHECK_INT(0, pthread_create(&thread, NULL, body, argument));
    return thread;
}

/* A program of several cases takes the case's name behind the three usual arguments. */
struct test_case {
    const char *name;
    void (*run)(char **argv);
};

static inline int run_case(int argc, char **argv, const struct test_case *cases, size_t count) {
    CHECK(argc > 4);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(cases[i].name, argv[4]) == 0) {
            cases[i].run(argv);
            return 0;
        }
    }
    FAIL("no case %s", argv[4]);
    return 1;
}
#define RUN_CASE(cases) run_case(argc, argv, cases, sizeof(cases) / sizeof(cases)[0])

#endif
