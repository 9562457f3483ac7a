/* The device of the fault lab: it publishes numbered QoS 1 messages all the time and records how each ends, while the test breaks
 * what is around it. The test says on standard input what comes next; each line begins with a number, and so does its answer.
 * Behind the three usual arguments: NAME=VALUE ... of the settings below. */
#include "faults_shim.h"

#include "events.h"
#include "proc.h"

#include <malloc.h>
#include <sys/resource.h>

enum { MOST = 400000, PAYLOAD_MOST = 128 << 10, KINDS = 3, CODES = 700 };
enum kind { WENT_OFFLINE, CONNECT_FAILED, CALL_REFUSED };
static const char *const kind_names[KINDS] = {"offline", "connect failed", "call refused"};

static struct {
    const char *name;
    int value;
} settings[] = {{"keep_alive", 5},  {"ping_ms", 2000}, {"connect_ms", 3000}, {"base_ms", 100}, {"max_ms", 1000},
                {"every_ms", 20},   {"payload", 32},   {"window", 100},      {"limit", 64 << 20}, {"poison", 5}};

static int setting(const char *name) {
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (strcmp(settings[i].name, name) == 0) return settings[i].value;
    }
    FAIL("no setting %s", name);
    return 0;
}

static aws_iot_mqtt_client *client;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
/* All below under the lock. */
static unsigned char completions[MOST];
static unsigned published, completed, failed_operations, first_open, connections;
static long long longest_call_ms;
static char first_failure[256];
static unsigned seen[KINDS][CODES];
static char last_detail[KINDS][256];
static bool publishing, over;
static char payload[PAYLOAD_MOST];

static void see(enum kind kind, aws_iot_mqtt_error error, const char *detail) {
    pthread_mutex_lock(&lock);
    if ((int)error < CODES) seen[kind][error]++;
    snprintf(last_detail[kind], sizeof last_detail[kind], "%s", detail);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_end(const aws_iot_mqtt_completion *completion, void *userdata) {
    uintptr_t number = (uintptr_t)userdata;
    pthread_mutex_lock(&lock);
    if (++completions[number] != 1) FAIL("publish %u completed twice", (unsigned)number);
    completed++;
    while (first_open < MOST && completions[first_open] != 0) first_open++;
    if (completion->error != AWS_IOT_MQTT_OK && failed_operations++ == 0)
        snprintf(first_failure, sizeof first_failure, "publish %u: %s: %s", (unsigned)number, aws_iot_mqtt_error_name((int)completion->error),
                 completion->detail);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_connected(bool session_present, void *userdata) {
    (void)session_present, (void)userdata;
    pthread_mutex_lock(&lock);
    connections++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_lost(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)userdata;
    see(WENT_OFFLINE, error, detail);
}

static void on_failure(aws_iot_mqtt_error error, const char *detail, int64_t next_attempt_ms, void *userdata) {
    (void)userdata;
    if (next_attempt_ms < setting("base_ms") || next_attempt_ms > setting("max_ms"))
        FAIL("the next attempt comes in %lld ms", (long long)next_attempt_ms);
    see(CONNECT_FAILED, error, detail);
}

/* Only numbers that were accepted are used, so one thread publishes at a time. */
static bool publish_one(size_t payload_len) {
    static pthread_mutex_t publisher = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&publisher);
    CHECK(published < MOST);
    size_t length = (size_t)snprintf(payload, sizeof payload, "%u ", published);
    if (payload_len < length) payload_len = length;
    payload[length] = '.';
    long long before = now_ms();
    aws_iot_mqtt_error error = aws_iot_mqtt_client_publish_async(client, "faults/data", payload, payload_len, 1, false, on_end,
                                                                 (void *)(uintptr_t)published, NULL, NULL);
    if (now_ms() - before > longest_call_ms) longest_call_ms = now_ms() - before;
    bool accepted = error == AWS_IOT_MQTT_OK || error == AWS_IOT_MQTT_QUEUED;
    if (accepted) {
        pthread_mutex_lock(&lock);
        published++;
        pthread_mutex_unlock(&lock);
    } else {
        see(CALL_REFUSED, error, aws_iot_mqtt_last_error_detail());
    }
    pthread_mutex_unlock(&publisher);
    return accepted;
}

/* Under the lock. False if nothing was told until then. */
static bool wait_ms(int ms) {
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    due.tv_nsec += ms % 1000 * 1000000L;
    due.tv_sec += ms / 1000 + due.tv_nsec / 1000000000L;
    due.tv_nsec %= 1000000000L;
    return pthread_cond_timedwait(&changed, &lock, &due) == 0;
}

static void *publish_all_the_time(void *argument) {
    (void)argument;
    long long next = now_ms();
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!over && (!publishing || now_ms() < next)) wait_ms(publishing ? (int)(next - now_ms()) + 1 : 1000);
        bool end = over;
        pthread_mutex_unlock(&lock);
        if (end) return NULL;
        publish_one((size_t)setting("payload"));
        next = now_ms() + setting("every_ms");
    }
}

static long status_kib(const char *field) {
    char text[64];
    CHECK(proc_field("/proc/self/status", field, text, sizeof text));
    return strtol(text, NULL, 10);
}

static struct numbers threads_before, descriptors_before;

static bool as_before(void) {
    return threads().count <= threads_before.count && descriptors().count <= descriptors_before.count;
}

/* The first time it sets the measure; later it waits until there are no more threads and descriptors than then. */
static void rest(void) {
    if (threads_before.count == 0) {
        threads_before = threads();
        descriptors_before = descriptors();
    } else {
        becomes(as_before);
    }
    /* What the C library only keeps for later is not what somebody has lost. */
    malloc_trim(0);
    printf("rss=%ld threads=%d descriptors=%d", status_kib("VmRSS"), threads().count, descriptors().count);
}

/* Waits until all that is published by now has an outcome; says how long that took. */
static bool wait_for_outcomes(int secs) {
    pthread_mutex_lock(&lock);
    unsigned wanted = published;
    long long end = now_ms() + secs * 1000LL;
    while (first_open < wanted && now_ms() < end) wait_ms(1000);
    bool all = first_open >= wanted;
    pthread_mutex_unlock(&lock);
    return all;
}

/* A message that is accepted now must be acknowledged. */
static void barrier(void) {
    long long from = now_ms();
    while (!publish_one(16)) CHECK(now_ms() - from < DEADLINE_SECS * 1000);
    if (!wait_for_outcomes(DEADLINE_SECS)) FAIL("%u of %u have an outcome after %d s", first_open, published, DEADLINE_SECS);
    printf("ms=%lld", now_ms() - from);
}

static unsigned count_of(enum kind kind) {
    unsigned count = 0;
    for (int code = 0; code < CODES; code++) count += seen[kind][code];
    return count;
}

/* "offline", "failed", "refused" or "online", so often since the beginning. */
static unsigned now_seen(const char *what) {
    if (strcmp(what, "online") == 0) return connections;
    return count_of(strcmp(what, "offline") == 0 ? WENT_OFFLINE : strcmp(what, "failed") == 0 ? CONNECT_FAILED : CALL_REFUSED);
}

static void wait_for(const char *what, unsigned count, int secs) {
    pthread_mutex_lock(&lock);
    long long end = now_ms() + secs * 1000LL;
    while (now_seen(what) < count && now_ms() < end) wait_ms(500);
    printf("%s=%u", what, now_seen(what));
    pthread_mutex_unlock(&lock);
}

static void hold(int ms) {
    pthread_mutex_lock(&lock);
    for (long long end = now_ms() + ms; now_ms() < end;) wait_ms((int)(end - now_ms()) + 1);
    pthread_mutex_unlock(&lock);
}

static void events(void) {
    pthread_mutex_lock(&lock);
    const char *between = "";
    for (int kind = 0; kind < KINDS; kind++) {
        bool any = false;
        for (int code = 0; code < CODES; code++) {
            if (seen[kind][code] == 0) continue;
            printf("%s%s `%s` x%u", between, kind_names[kind], aws_iot_mqtt_error_name(code) + strlen("AWS_IOT_MQTT_ERR_"), seen[kind][code]);
            between = "; ", any = true;
        }
        if (any) printf(" (%s)", last_detail[kind]);
    }
    pthread_mutex_unlock(&lock);
}

/* What was seen before is forgotten. */
static void begin(void) {
    pthread_mutex_lock(&lock);
    memset(seen, 0, sizeof seen);
    connections = 0;
    longest_call_ms = 0;
    pthread_mutex_unlock(&lock);
}

static void limit(int resource, rlim_t value) {
    struct rlimit limits;
    CHECK_INT(0, getrlimit(resource, &limits));
    limits.rlim_cur = value > limits.rlim_max ? limits.rlim_max : value;
    CHECK_INT(0, setrlimit(resource, &limits));
}

static void report(void) {
    aws_iot_mqtt_stats stats = stats_of(client);
    printf("published=%u completed=%u failed=%u connections=%u queued=%u in_flight=%u longest_call_ms=%lld peak=%ld", published, completed,
           failed_operations, connections, (unsigned)stats.queued, (unsigned)stats.in_flight, longest_call_ms,
           status_kib("VmHWM"));
}

static void command(const char *word, const char *what, long long number) {
    if (strcmp(word, "go") == 0 || strcmp(word, "pause") == 0) {
        pthread_mutex_lock(&lock);
        publishing = strcmp(word, "go") == 0;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    } else if (strcmp(word, "burst") == 0) {
        unsigned accepted = 0;
        for (long long i = 0; i < number; i++) accepted += publish_one((size_t)atoi(what));
        printf("accepted=%u", accepted);
    } else if (strcmp(word, "barrier") == 0) {
        barrier();
    } else if (strcmp(word, "rest") == 0) {
        rest();
    } else if (strcmp(word, "wait") == 0) {
        wait_for(what, (unsigned)number, DEADLINE_SECS);
    } else if (strcmp(word, "hold") == 0) {
        hold((int)number);
    } else if (strcmp(word, "reconnect") == 0) {
        CHECK_OK(aws_iot_mqtt_client_reconnect(client));
    } else if (strcmp(word, "state") == 0) {
        printf("state=%d", state_of(client));
    } else if (strcmp(word, "begin") == 0) {
        begin();
    } else if (strcmp(word, "events") == 0) {
        events();
    } else if (strcmp(word, "report") == 0) {
        report();
    } else if (strcmp(word, "clock") == 0) {
        printf("asked=%u", atomic_exchange(&shifted_answers, 0));
        atomic_store(&clock_shift_secs, number);
    } else if (strcmp(word, "threads") == 0) {
        __atomic_store_n(&threads_left, number == 0 ? 0 : ANY_NUMBER, __ATOMIC_SEQ_CST);
        printf("refused=%u", __atomic_exchange_n(&refused_threads, 0, __ATOMIC_SEQ_CST));
    } else if (strcmp(word, "processes") == 0) {
        limit(RLIMIT_NPROC, number < 0 ? RLIM_INFINITY : (rlim_t)number);
    } else if (strcmp(word, "descriptors") == 0) {
        /* Those that are open stay; no number below is free. */
        limit(RLIMIT_NOFILE, number < 0 ? RLIM_INFINITY : (rlim_t)number);
    } else if (strcmp(word, "memory") == 0) {
        /* In KiB beyond what is taken now. */
        limit(RLIMIT_AS, number < 0 ? RLIM_INFINITY : (rlim_t)(status_kib("VmSize") + number) * 1024);
    } else {
        FAIL("no command %s", word);
    }
}

static void read_settings(int argc, char **argv) {
    for (int i = 4; i < argc; i++) {
        bool known = false;
        for (size_t j = 0; j < sizeof settings / sizeof *settings; j++) {
            size_t length = strlen(settings[j].name);
            if (strncmp(argv[i], settings[j].name, length) != 0 || argv[i][length] != '=') continue;
            settings[j].value = atoi(argv[i] + length + 1);
            known = true;
        }
        if (!known) FAIL("no setting %s", argv[i]);
    }
}

static void set_up(char **argv) {
    pthread_condattr_t attributes;
    CHECK_INT(0, pthread_condattr_init(&attributes));
    CHECK_INT(0, pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    CHECK_INT(0, pthread_cond_init(&changed, &attributes));
    memset(payload, '.', sizeof payload);
    client = new_client_named(argv, "device", false);
    CHECK_OK(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, (uint32_t)setting("base_ms"), (uint32_t)setting("max_ms"),
                                                                       (uint32_t)setting("max_ms") + 1000));
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, (uint32_t)setting("connect_ms")));
    CHECK_OK(aws_iot_mqtt_client_configure_ping_timeout(client, (uint32_t)setting("ping_ms")));
    CHECK_OK(aws_iot_mqtt_client_configure_in_flight_window(client, (uint16_t)setting("window")));
    CHECK_OK(aws_iot_mqtt_client_configure_refused_by_close_limit(client, (uint32_t)setting("poison")));
    CHECK_OK(aws_iot_mqtt_client_configure_memory_limit(client, (size_t)setting("limit")));
    CHECK_OK(aws_iot_mqtt_client_configure_draining_frequency(client, AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE));
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_connected, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_lost, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_connect_failed(client, on_failure, NULL, NULL));
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    read_settings(argc, argv);
    set_up(argv);
    CHECK_OK(aws_iot_mqtt_client_connect(client, (uint16_t)setting("keep_alive")));
    pthread_t thread = start_thread(publish_all_the_time, NULL);
    say("ready");
    char line[128];
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned step = 0;
        long long number = 0;
        char word[32], what[32];
        CHECK(sscanf(line, "%u %31s %31s %lld", &step, word, what, &number) == 4);
        if (strcmp(word, "end") == 0) break;
        printf("%u:", step);
        command(word, what, number);
        printf("\n");
        fflush(stdout);
    }
    pthread_mutex_lock(&lock);
    over = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    if (!wait_for_outcomes(DEADLINE_SECS)) FAIL("%u of %u have an outcome", completed, published);
    for (unsigned i = 0; i < published; i++) CHECK_INT(1, completions[i]);
    if (failed_operations > 0) FAIL("%u of %u ended otherwise than acknowledged; %s", failed_operations, published, first_failure);
    aws_iot_mqtt_stats stats = stats_of(client);
    CHECK_INT(0, stats.queued + stats.in_flight + stats.accepted_bytes);
    disconnect_and_free(client);
    CHECK_INT(published, completed);
    printf("published=%u connections=%u\n", published, connections);
    return 0;
}
