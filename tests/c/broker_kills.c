/* Publishes while its broker is killed and started again. The test says on standard input what comes next; each line begins with a
 * number, and so does its answer. Every completion must come exactly once, with OK. */
#include "events.h"
#include "proc.h"

#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { TOTAL = 10000, WINDOW = 100 };
static unsigned char completions[TOTAL];
static unsigned published, sessions_present, connections;
static struct gate acknowledged = GATE, subscribed = GATE;
static aws_iot_mqtt_client *client;
static int broker_port;
static struct numbers threads_before, descriptors_before;
static long rss_before;

static void on_acknowledged(const aws_iot_mqtt_completion *completion, void *userdata) {
    uintptr_t number = (uintptr_t)userdata;
    if (completion->error != AWS_IOT_MQTT_OK) FAIL("publish %u: %d %s", (unsigned)number, (int)completion->error, completion->detail);
    if (++completions[number] != 1) FAIL("publish %u completed twice", (unsigned)number);
    gate_open(&acknowledged);
}

static void on_subscribed(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    gate_open(&subscribed);
}

static void on_connected(bool session_present, void *userdata) {
    (void)userdata;
    connections++;
    sessions_present += session_present;
    gate_open(&online);
}

static void on_lost(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)error, (void)detail, (void)userdata;
    gate_open(&offline);
}

static void on_failure(aws_iot_mqtt_error error, const char *detail, int64_t next_attempt_ms, void *userdata) {
    (void)userdata;
    /* A broker that dies in the handshake, does not listen, or is not ready yet. */
    if (next_attempt_ms < 50 || next_attempt_ms > 200) FAIL("%d %s, next attempt in %lld ms", (int)error, detail, (long long)next_attempt_ms);
    gate_open(&failed);
}

static void publish(unsigned count) {
    unsigned queued = 0;
    for (unsigned i = 0; i < count && published < TOTAL; i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "%u", published);
        aws_iot_mqtt_error error = aws_iot_mqtt_client_publish_async(client, "kills/data", payload, strlen(payload), 1, false, on_acknowledged,
                                                                     (void *)(uintptr_t)published, NULL, NULL);
        if (error != AWS_IOT_MQTT_OK && error != AWS_IOT_MQTT_QUEUED) FAIL("publish %u: %d", published, (int)error);
        queued += error == AWS_IOT_MQTT_QUEUED;
        published++;
    }
    printf("published=%u queued_now=%u\n", published, queued);
}

/* The connection to the broker, or -1. */
static int connection(void) {
    struct numbers all = descriptors();
    for (int i = 0; i < all.count; i++) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        if (getpeername((int)all.values[i], (struct sockaddr *)&peer, &length) != 0 || peer.sin_family != AF_INET) continue;
        if (ntohs(peer.sin_port) == broker_port) return (int)all.values[i];
    }
    return -1;
}

static bool all_is_read(void) {
    int fd = connection(), unread = 0;
    return fd < 0 || ioctl(fd, FIONREAD, &unread) != 0 || unread == 0;
}

/* For what a thread of the library does next and tells nobody: looks until it has. */
static bool soon(bool (*is_so)(void)) {
    for (long long end = now_ms() + DEADLINE_SECS * 1000; now_ms() < end; sched_yield()) {
        if (is_so()) return true;
    }
    return is_so();
}

/* The broker is frozen: what it has sent is all there is. */
static void report(void) {
    CHECK(soon(all_is_read));
    /* Reading and handling are one step under the client's lock, so these numbers have seen all that was read. */
    aws_iot_mqtt_stats stats = stats_of(client);
    printf("state=%d queued=%u in_flight=%u acked=%u\n", state_of(client), (unsigned)stats.queued, (unsigned)stats.in_flight,
           published - (unsigned)(stats.queued + stats.in_flight));
}

static bool is_connecting(void) {
    return state_of(client) == AWS_IOT_MQTT_STATE_RECONNECTING && connection() >= 0;
}

static bool is_connected(void) {
    return state_of(client) == AWS_IOT_MQTT_STATE_CONNECTED;
}

static bool is_draining(void) {
    return state_of(client) == AWS_IOT_MQTT_STATE_DRAINING;
}

static bool drains_or_has_drained(void) {
    return is_draining() || (is_connected() && stats_of(client).queued == 0);
}

static long rss_kib(void) {
    char text[64];
    CHECK(proc_field("/proc/self/status", "VmRSS", text, sizeof text));
    return strtol(text, NULL, 10);
}

static void settle(void) {
    gate_wait(&acknowledged, published);
    CHECK(becomes(is_connected));
    printf("acked=%u\n", published);
}

static void warm(void) {
    threads_before = threads();
    descriptors_before = descriptors();
    rss_before = rss_kib();
    printf("warm\n");
}

static bool as_before(void) {
    return threads().count <= threads_before.count && descriptors().count == descriptors_before.count;
}

static void command(const char *word, unsigned number) {
    if (strcmp(word, "publish") == 0) {
        publish(number);
    } else if (strcmp(word, "report") == 0) {
        report();
    } else if (strcmp(word, "settle") == 0) {
        settle();
    } else if (strcmp(word, "reconnect") == 0) {
        CHECK_OK(aws_iot_mqtt_client_reconnect(client));
        CHECK(soon(is_connecting));
        printf("handshaking failures=%u\n", gate_count(&failed));
    } else if (strcmp(word, "failures") == 0) {
        gate_wait(&failed, number);
        printf("failures=%u\n", gate_count(&failed));
    } else if (strcmp(word, "draining") == 0) {
        CHECK(becomes(drains_or_has_drained));
        printf("still=%d\n", is_draining());
    } else if (strcmp(word, "warm") == 0) {
        warm();
    } else {
        FAIL("no command %s", word);
    }
}

int main(int argc, char **argv) {
    CHECK(argc > 5);
    bool clean_session = strcmp(argv[4], "clean") == 0;
    unsigned filters = (unsigned)atoi(argv[5]);
    broker_port = atoi(argv[2]);
    client = new_client_named(argv, "killed", clean_session);
    CHECK_OK(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 50, 200, 60));
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 10000));
    CHECK_OK(aws_iot_mqtt_client_configure_in_flight_window(client, WINDOW));
    CHECK_OK(aws_iot_mqtt_client_configure_draining_frequency(client, 150));
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_connected, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_lost, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_connect_failed(client, on_failure, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    for (unsigned i = 0; i < filters; i++) {
        char filter[32];
        snprintf(filter, sizeof filter, "again/%u/+", i);
        CHECK_OK(aws_iot_mqtt_client_subscribe_async(client, filter, 1, on_subscribed, NULL, NULL, on_message, NULL, NULL, NULL));
    }
    gate_wait(&subscribed, filters);
    say("ready");
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned step = 0, number = 0;
        char word[32];
        CHECK(sscanf(line, "%u %31s %u", &step, word, &number) >= 2);
        if (strcmp(word, "end") == 0) break;
        printf("%u ", step);
        command(word, number);
        fflush(stdout);
    }
    gate_wait(&acknowledged, TOTAL);
    for (unsigned i = 0; i < TOTAL; i++) CHECK_INT(1, completions[i]);
    CHECK(becomes(is_connected));
    if (!becomes(as_before))
        FAIL("%d threads and %d descriptors, at first %d and %d", threads().count, descriptors().count, threads_before.count,
             descriptors_before.count);
    long grown = rss_kib() - rss_before;
    if (grown > 4 * 1024) FAIL("resident memory has grown by %ld KiB", grown);
    CHECK_INT(connections, gate_count(&offline) + 1);
    CHECK_INT(clean_session ? 0 : connections - 1, sessions_present);
    aws_iot_mqtt_stats stats = stats_of(client);
    CHECK_INT(0, stats.queued + stats.in_flight + stats.accepted_bytes);
    CHECK_INT(0, stats.refused_by_close + stats.timed_out + stats.dropped_queue_full + stats.dropped_evicted);
    disconnect_and_free(client);
    printf("connections=%u failures=%u grown=%ld KiB\n", connections, gate_count(&failed), grown);
    return 0;
}
