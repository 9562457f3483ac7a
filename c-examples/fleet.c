/* A fleet in one process: many devices over mutual TLS, each of which publishes every few seconds and gets its own message back.
 * The figures of the second are on the terminal; each outage of the broker is told with how the fleet came back from it.
 *
 *   fleet --clients 10000 --every 10 --endpoint localhost --ca ca.pem --cert device.pem --key device.key
 *
 * --seconds ends it, and so does Ctrl-C. --client-id and --topic are prefixes here: device 7 is ID-7 and publishes to TOPIC/7. */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "options.h"

/* The prefixes are as long as AWS IoT takes, and the buffers have room for a number behind them. */
enum { TICK_MS = 10, PROBE_MS = 50, OTHER_DESCRIPTORS = 64, ID_LEN = 128, TOPIC_LEN = 256, NUMBER_LEN = 24 };

struct device {
    aws_iot_mqtt_client *client;
    atomic_bool online;
    atomic_int offlines;
};

/* Written by callbacks on the library's threads, read by the main thread: so they are atomic. */
static struct {
    atomic_long online, attempts, connects, accepted, acknowledged, received, failed;
    atomic_llong longest_delay, longest_delay_of_outage; /* nanoseconds */
} fleet;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static double seconds_since(long long then)
{
    return (double)(now_ns() - then) / 1e9;
}

static void raise_to(atomic_llong *longest, long long delay)
{
    long long known = atomic_load(longest);
    while (delay > known && !atomic_compare_exchange_weak(longest, &known, delay))
        ;
}

/* ---- callbacks: for one device one at a time, for several devices at once */

static void on_online(bool session_present, void *userdata)
{
    struct device *device = (struct device *)userdata;
    (void)session_present;
    atomic_store(&device->online, true);
    atomic_fetch_add(&fleet.online, 1);
    atomic_fetch_add(&fleet.attempts, 1);
    atomic_fetch_add(&fleet.connects, 1);
}

static void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata)
{
    struct device *device = (struct device *)userdata;
    (void)error;
    (void)detail;
    atomic_store(&device->online, false);
    atomic_fetch_add(&device->offlines, 1);
    atomic_fetch_sub(&fleet.online, 1);
}

static void on_connect_failed(aws_iot_mqtt_error error, const char *detail, int64_t next_attempt_ms, void *userdata)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    (void)next_attempt_ms;
    (void)userdata;
    atomic_fetch_add(&fleet.attempts, 1);
    if (error / 100 == 5) /* the broker has answered CONNECT, with a refusal; other attempts did not get that far */
        atomic_fetch_add(&fleet.connects, 1);
    if (!atomic_flag_test_and_set(&said)) /* once: ten thousand devices have the same to say */
        fprintf(stderr, "an attempt failed, and goes on: %s: %s\n", aws_iot_mqtt_error_name(error), detail);
}

static void on_published(const aws_iot_mqtt_completion *completion, void *userdata)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    (void)userdata;
    atomic_fetch_add(completion->error == AWS_IOT_MQTT_OK ? &fleet.acknowledged : &fleet.failed, 1);
    if (completion->error != AWS_IOT_MQTT_OK && !atomic_flag_test_and_set(&said))
        fprintf(stderr, "a publish failed: %s: %s\n", aws_iot_mqtt_error_name(completion->error), completion->detail);
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata)
{
    (void)message;
    (void)userdata;
    atomic_fetch_add(&fleet.received, 1);
}

/* A QoS 0 publish completes when the socket has taken it, whatever the broker does meanwhile. So the time until its completion callback
 * runs is the library's own delay, in an outage as well. */
struct probe {
    struct device *device;
    int offlines;
    long long sent;
};

static void on_probed(const aws_iot_mqtt_completion *completion, void *userdata)
{
    struct probe *probe = (struct probe *)userdata;
    if (completion->error != AWS_IOT_MQTT_OK || atomic_load(&probe->device->offlines) != probe->offlines)
        return; /* it went through an outage: its time says nothing */
    long long delay = now_ns() - probe->sent;
    raise_to(&fleet.longest_delay, delay);
    raise_to(&fleet.longest_delay_of_outage, delay);
}

static bool ok(const char *call, aws_iot_mqtt_error error)
{
    if (error == AWS_IOT_MQTT_OK || error == AWS_IOT_MQTT_QUEUED)
        return true;
    fprintf(stderr, "%s: %s: %s\n", call, aws_iot_mqtt_error_name(error), aws_iot_mqtt_last_error_detail());
    return false;
}

static void probe(struct device *devices, long clients, const char *topic)
{
    static long last;
    int state = AWS_IOT_MQTT_STATE_IDLE;
    for (long tried = 0; tried < clients && state != AWS_IOT_MQTT_STATE_CONNECTED; tried++) {
        last = (last + 1) % clients;
        if (atomic_load(&devices[last].online) && !ok("state", aws_iot_mqtt_client_state(devices[last].client, &state)))
            return;
    }
    struct probe *probe = state == AWS_IOT_MQTT_STATE_CONNECTED ? (struct probe *)malloc(sizeof *probe) : NULL;
    if (probe == NULL)
        return;
    char name[TOPIC_LEN + NUMBER_LEN];
    snprintf(name, sizeof name, "%s/probe", topic);
    *probe = (struct probe){&devices[last], atomic_load(&devices[last].offlines), now_ns()};
    if (!ok("publish_async", aws_iot_mqtt_client_publish_async(devices[last].client, name, NULL, 0, AWS_IOT_MQTT_QOS_0, false, on_probed,
                                                               probe, free, NULL)))
        free(probe); /* not accepted: it is still ours */
}

/* ---- the devices */

static bool start(struct device *device, long number, const struct options *options)
{
    char id[ID_LEN + NUMBER_LEN], topic[TOPIC_LEN + NUMBER_LEN];
    snprintf(id, sizeof id, "%s-%ld", options->client_id, number);
    snprintf(topic, sizeof topic, "%s/%ld", options->topic, number);
    /* All devices have the same certificate here, and so share one TLS configuration inside the library. */
    return ok("new", aws_iot_mqtt_client_new(id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &device->client))
        && ok("configure_endpoint", aws_iot_mqtt_client_configure_endpoint(device->client, options->endpoint, options_port(options)))
        && ok("configure_credentials", aws_iot_mqtt_client_configure_credentials(device->client, options->ca, options->key, options->cert, NULL))
        && ok("configure_retry_first_connect", aws_iot_mqtt_client_configure_retry_first_connect(device->client, true))
        && ok("on_online", aws_iot_mqtt_client_on_online(device->client, on_online, device, NULL))
        && ok("on_offline", aws_iot_mqtt_client_on_offline(device->client, on_offline, device, NULL))
        && ok("on_connect_failed", aws_iot_mqtt_client_on_connect_failed(device->client, on_connect_failed, device, NULL))
        && ok("connect_async", aws_iot_mqtt_client_connect_async(device->client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS, NULL, NULL, NULL, NULL))
        && ok("subscribe_async", aws_iot_mqtt_client_subscribe_async(device->client, topic, AWS_IOT_MQTT_QOS_1, NULL, NULL, NULL,
                                                                     on_message, NULL, NULL, NULL));
}

static bool publish(struct device *device, long number, const struct options *options)
{
    char topic[TOPIC_LEN + NUMBER_LEN];
    snprintf(topic, sizeof topic, "%s/%ld", options->topic, number);
    static const char payload[] = "{\"temperature\": 21.5, \"humidity\": 40}";
    aws_iot_mqtt_error error = aws_iot_mqtt_client_publish_async(device->client, topic, (const uint8_t *)payload, sizeof payload - 1,
                                                                 AWS_IOT_MQTT_QOS_1, false, on_published, NULL, NULL, NULL);
    if (!ok("publish_async", error))
        return false;
    atomic_fetch_add(&fleet.accepted, 1); /* without a connection it is queued, and goes out when there is one again */
    return true;
}

/* Each connection is a descriptor, and most systems begin with 1024 of them. */
static bool raise_descriptor_limit(long clients)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)clients + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        perror("getrlimit");
        return false;
    }
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < needed) {
        fprintf(stderr,
                "%ld clients need %llu descriptors, and the hard limit of this process is %llu.\n"
                "Raise it: \"ulimit -Hn %llu\" as root before the start, LimitNOFILE=%llu in a systemd unit, or a line\n"
                "\"* hard nofile %llu\" in /etc/security/limits.conf and a new login. Or take at most %lld clients.\n",
                clients, (unsigned long long)needed, (unsigned long long)limit.rlim_max, (unsigned long long)needed, (unsigned long long)needed,
                (unsigned long long)needed, (long long)limit.rlim_max - OTHER_DESCRIPTORS);
        return false;
    }
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < needed) {
        limit.rlim_cur = limit.rlim_max; /* the soft limit is ours to raise, up to the hard one */
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            perror("setrlimit");
            return false;
        }
    }
    return true;
}

/* A number from /proc/self/status (Linux); 0 elsewhere. */
static long of_process(const char *field)
{
    char line[256];
    long value = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            value = strtol(line + strlen(field), NULL, 10);
    if (status != NULL)
        fclose(status);
    return value;
}

/* ---- the main loop */

struct outage {
    bool complete_once;  /* everybody was there */
    long long since;     /* 0: no outage */
    double until_99;
    long connects, attempts; /* the most in a second: CONNECT packets, and attempts, most of which meet no broker */
    long lowest;             /* devices that were left */
};

static void watch(struct outage *outage, long clients, long online, long connects, long attempts)
{
    long most = clients - clients / 100;
    if (online == clients)
        outage->complete_once = true;
    if (outage->complete_once && outage->since == 0 && online < most) {
        *outage = (struct outage){true, now_ns(), 0, 0, 0, online};
        atomic_store(&fleet.longest_delay_of_outage, 0);
        printf("\noutage: %ld of %ld connected\n", online, clients);
    }
    if (outage->since == 0)
        return;
    if (connects > outage->connects)
        outage->connects = connects;
    if (attempts > outage->attempts)
        outage->attempts = attempts;
    if (online < outage->lowest) {
        outage->lowest = online;
        outage->until_99 = 0;
    }
    if (online >= most && outage->until_99 == 0)
        outage->until_99 = seconds_since(outage->since);
    if (online == clients) {
        printf("\noutage over: down to %ld of %ld, 99 %% back after %.1f s, all after %.1f s, at most %ld CONNECT/s (%ld attempts/s), "
               "longest callback delay %.1f ms\n", outage->lowest, clients, outage->until_99, seconds_since(outage->since),
               outage->connects, outage->attempts, (double)atomic_load(&fleet.longest_delay_of_outage) / 1e6);
        outage->since = 0;
    }
}

static void run(struct device *devices, long clients, long every, long seconds, const struct options *options, long rss_before)
{
    const bool terminal = isatty(STDOUT_FILENO);
    const long long begun = now_ns();
    long long second = begun, probed = begun;
    long published = 0, attempts = 0, connects = 0, acknowledged = 0, received = 0;
    struct outage outage = {false, 0, 0, 0, 0, 0};

    while (!interrupted && (seconds == 0 || seconds_since(begun) < (double)seconds)) {
        const struct timespec tick = {0, TICK_MS * 1000000L};
        nanosleep(&tick, NULL);
        /* What the second that runs has so far. */
        watch(&outage, clients, atomic_load(&fleet.online), atomic_load(&fleet.connects) - connects, atomic_load(&fleet.attempts) - attempts);
        /* One device after the other, so that they are spread evenly. */
        long due = (long)(seconds_since(begun) * (double)clients / (double)every);
        for (; published < due; published++)
            if (!publish(&devices[published % clients], published % clients, options))
                atomic_fetch_add(&fleet.failed, 1);
        if (now_ns() - probed >= PROBE_MS * 1000000LL) {
            probed = now_ns();
            probe(devices, clients, options->topic);
        }
        if (now_ns() - second < 1000000000LL)
            continue;
        double span = seconds_since(second);
        second = now_ns();
        printf("%s%5.0f s  connected %ld of %ld  published %.0f/s  received %.0f/s  CONNECT %.0f/s  delay %.1f ms  RSS %.1f KiB/client  threads %ld%s",
               terminal ? "\r\033[K" : "", seconds_since(begun), atomic_load(&fleet.online), clients,
               (double)(atomic_load(&fleet.acknowledged) - acknowledged) / span, (double)(atomic_load(&fleet.received) - received) / span,
               (double)(atomic_load(&fleet.connects) - connects) / span,
               (double)atomic_load(&fleet.longest_delay) / 1e6, (double)(of_process("VmRSS:") - rss_before) / (double)clients,
               of_process("Threads:"), terminal ? "" : "\n");
        fflush(stdout);
        attempts = atomic_load(&fleet.attempts);
        connects = atomic_load(&fleet.connects);
        acknowledged = atomic_load(&fleet.acknowledged);
        received = atomic_load(&fleet.received);
    }
}

/* Takes the options that only this program has out of the command line; 0 is "not given". */
static long take_option(int *argc, char **argv, const char *name, long fallback, long max)
{
    for (int i = 1; i + 1 < *argc; i += 2) {
        if (strcmp(argv[i], name) != 0)
            continue;
        long value = options_number(argv[i + 1], max);
        if (value == 0)
            fprintf(stderr, "%s must be 1 to %ld\n", name, max);
        memmove(&argv[i], &argv[i + 2], (size_t)(*argc - i - 1) * sizeof *argv); /* with the NULL at the end */
        *argc -= 2;
        return value == 0 ? -1 : value;
    }
    return fallback;
}

int main(int argc, char **argv)
{
    struct options options;
    long clients = take_option(&argc, argv, "--clients", 1000, 1000000);
    long every = take_option(&argc, argv, "--every", 10, 86400);
    long seconds = take_option(&argc, argv, "--seconds", 0, 1000000);
    if (clients < 0 || every < 0 || seconds < 0 || options_parse(argc, argv, &options) != 0) {
        fprintf(stderr, "and for a fleet: [--clients 1000] [--every SECONDS, 10] [--seconds N, no end]\n");
        return 2;
    }
    if (strlen(options.client_id) > ID_LEN || strlen(options.topic) > TOPIC_LEN) {
        fprintf(stderr, "--client-id takes at most %d bytes here, --topic %d\n", ID_LEN, TOPIC_LEN);
        return 2;
    }
    if (!raise_descriptor_limit(clients))
        return 2;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0) {
        perror("sigaction");
        return 2;
    }

    struct device *devices = (struct device *)calloc((size_t)clients, sizeof *devices);
    if (devices == NULL)
        return 1;
    const long rss_before = of_process("VmRSS:");
    bool good = true;
    for (long i = 0; i < clients && good && !interrupted; i++)
        good = start(&devices[i], i, &options);
    if (good)
        run(devices, clients, every, seconds, &options, rss_before);

    printf("\nending: %ld of %ld connected\n", atomic_load(&fleet.online), clients);
    /* What was queued in an outage may still be on its way out; disconnecting would leave it in the queue, and freeing give it up. */
    const long long draining = now_ns();
    while (atomic_load(&fleet.acknowledged) + atomic_load(&fleet.failed) < atomic_load(&fleet.accepted) && seconds_since(draining) < 10.0) {
        const struct timespec tick = {0, TICK_MS * 1000000L};
        nanosleep(&tick, NULL);
    }
    /* All at once; each waits for what is in flight and says DISCONNECT. Freeing one waits for its last callback. */
    for (long i = 0; i < clients && devices[i].client != NULL; i++)
        good = ok("disconnect_async", aws_iot_mqtt_client_disconnect_async(devices[i].client, NULL, NULL, NULL, NULL)) && good;
    const long long ending = now_ns();
    while (atomic_load(&fleet.online) > 0 && seconds_since(ending) < 10.0) {
        const struct timespec tick = {0, TICK_MS * 1000000L};
        nanosleep(&tick, NULL);
    }
    for (long i = 0; i < clients; i++)
        aws_iot_mqtt_client_free(devices[i].client);
    free(devices);
    printf("published %ld, acknowledged %ld, received %ld, failed %ld\n", atomic_load(&fleet.accepted), atomic_load(&fleet.acknowledged),
           atomic_load(&fleet.received), atomic_load(&fleet.failed));
    return good && atomic_load(&fleet.failed) == 0 ? 0 : 1;
}
