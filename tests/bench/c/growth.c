/* How the cost of this library grows: one point of one curve. Beside the options of all drivers, --count is the number that grows.
 *
 *   publish, receive   messages of --size bytes, QoS 1; --count of them
 *   subscriptions      --count filters at one client, then MESSAGES messages for one of them
 *   clients            --count clients in one process, then rounds in which each publishes once with QoS 1
 *   offline            --count publishes with QoS 1 before there is a connection: what each costs (queue_...), then what each costs to send
 *
 * It prints nanoseconds of CPU for a message. Under callgrind, with one dump for each counted part, the file of the dump has the
 * instructions; the number of messages of each part is in the line as well. */
#include "common.h"

#include <aws_iot_mqtt.h>
#include <valgrind/callgrind.h>

#define MESSAGES 5000
/* So that every point of `clients` has about as many messages. */
#define ROUND_MESSAGES 20000
#define UNFINISHED 5000
/* As in ours.c. */
#define CONNECTING 100

static gate_t reached;
static sem_t room;
static atomic_long came;
static long wanted;

#define OK(call) \
    do { \
        int code_ = (int)(call); \
        if (code_ > AWS_IOT_MQTT_QUEUED) { \
            fprintf(stderr, "%s\n", aws_iot_mqtt_last_error_detail()); \
            die(#call, code_); \
        } \
    } while (0)

/* Callbacks of different clients run at the same time. */
static void one_more(void) {
    if (atomic_fetch_add(&came, 1) + 1 == wanted) gate_open(&reached);
}

static void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    if (completion->error) die(completion->detail, completion->error);
    sem_post(&room);
    one_more();
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    one_more();
}

static void expect(long count) {
    atomic_store(&came, 0);
    wanted = count;
}

static void wait_all(void) {
    static long waited;
    gate_wait(&reached, ++waited);
}

static aws_iot_mqtt_client *make(long i) {
    char id[64];
    snprintf(id, sizeof id, "growth-%d-%ld", (int)getpid(), i);
    aws_iot_mqtt_client *client = NULL;
    OK(aws_iot_mqtt_client_new(id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client));
    OK(aws_iot_mqtt_client_configure_endpoint(client, O.host, (uint16_t)O.port));
    OK(aws_iot_mqtt_client_configure_tls(client, false));
    OK(aws_iot_mqtt_client_configure_retransmit_interval(client, 0));
    OK(aws_iot_mqtt_client_configure_memory_limit(client, (size_t)4 << 30));
    OK(aws_iot_mqtt_client_configure_draining_frequency(client, AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE));
    return client;
}

static aws_iot_mqtt_client *connected(long i) {
    aws_iot_mqtt_client *client = make(i);
    OK(aws_iot_mqtt_client_connect(client, 600));
    return client;
}

static meas_t part;

static void begin(void) {
    meas_begin(&part);
    CALLGRIND_ZERO_STATS;
}

/* The value of one curve at this point. */
static void end(const char *name, long messages) {
    CALLGRIND_DUMP_STATS;
    meas_end(&part);
    printf("\"%s_messages\":%ld,\"%s_cpu_ns\":%.1f,", name, messages, name, (part.c1 - part.c0) * 1e9 / (double)messages);
}

static void publish(aws_iot_mqtt_client *client, const char *payload) {
    OK(aws_iot_mqtt_client_publish_async(client, TOPIC_OUT, payload, (size_t)O.size, 1, false, on_done, NULL, NULL, NULL));
}

static void blast(aws_iot_mqtt_client *client, long count, const char *topic) {
    char request[200];
    int n = snprintf(request, sizeof request, "1 %ld %ld %ld %s", count, O.size, O.window, topic);
    OK(aws_iot_mqtt_client_publish(client, "ctl/blast", request, (size_t)n, 0, false));
}

static void publishes(const char *payload) {
    aws_iot_mqtt_client *client = connected(0);
    expect(O.count);
    begin();
    for (long i = 0; i < O.count; i++) {
        while (sem_wait(&room)) {}
        publish(client, payload);
    }
    wait_all();
    end("publish", O.count);
}

static void receives(void) {
    aws_iot_mqtt_client *client = connected(0);
    OK(aws_iot_mqtt_client_subscribe(client, TOPIC_IN, 1, on_message, NULL, NULL, NULL));
    expect(O.count);
    begin();
    blast(client, O.count, TOPIC_IN);
    wait_all();
    end("receive", O.count);
}

static void subscriptions(void) {
    aws_iot_mqtt_client *client = connected(0);
    char filter[64];
    expect(O.count);
    for (long i = 0; i < O.count; i++) {
        /* A half with a wildcard. */
        snprintf(filter, sizeof filter, i % 2 ? "cmd/device-%05ld/+" : "cmd/device-%05ld/req", i);
        OK(aws_iot_mqtt_client_subscribe_async(client, filter, 1, on_done, NULL, NULL, on_message, NULL, NULL, NULL));
    }
    wait_all();
    snprintf(filter, sizeof filter, "cmd/device-%05ld/req", O.count / 2);
    expect(MESSAGES);
    begin();
    blast(client, MESSAGES, filter);
    wait_all();
    end("subscriptions", MESSAGES);
}

static void clients(const char *payload) {
    aws_iot_mqtt_client **all = calloc((size_t)O.count, sizeof *all);
    long before = proc_status("VmRSS");
    expect(O.count);
    for (long i = 0; i < O.count; i++) {
        all[i] = make(i);
        while (sem_wait(&room)) {}
        OK(aws_iot_mqtt_client_connect_async(all[i], 600, on_done, NULL, NULL, NULL));
    }
    wait_all();
    long after = proc_status("VmRSS"), rounds = ROUND_MESSAGES / O.count + 2;
    for (long round = 0; round < rounds; round++) {
        expect(O.count);
        /* The first round makes buffers. */
        if (round == 1) begin();
        for (long i = 0; i < O.count; i++) publish(all[i], payload);
        wait_all();
    }
    end("clients", (rounds - 1) * O.count);
    printf("\"rss_per_client_kib\":%.2f,\"threads\":%ld,", (double)(after - before) / (double)O.count, proc_status("Threads"));
}

static void offline(const char *payload) {
    aws_iot_mqtt_client *client = make(0);
    expect(O.count);
    long before = proc_status("VmRSS");
    begin();
    for (long i = 0; i < O.count; i++) publish(client, payload);
    end("queue", O.count);
    printf("\"bytes_per_message\":%.1f,", (double)(proc_status("VmRSS") - before) * 1024 / (double)O.count);
    begin();
    OK(aws_iot_mqtt_client_connect(client, 600));
    wait_all();
    end("drain", O.count);
}

int main(int argc, char **argv) {
    DRIVER = "growth";
    parse_opts(argc, argv);
    gate_init(&reached);
    sem_init(&room, 0, is_scn("clients") ? CONNECTING : UNFINISHED);
    char *payload = malloc((size_t)O.size + 1);
    memset(payload, 'x', (size_t)O.size);
    printf("{");
    if (is_scn("publish")) publishes(payload);
    else if (is_scn("receive")) receives();
    else if (is_scn("subscriptions")) subscriptions();
    else if (is_scn("clients")) clients(payload);
    else if (is_scn("offline")) offline(payload);
    else die("no such scenario", 2);
    printf("\"count\":%ld,\"size\":%ld}\n", O.count, O.size);
    fflush(stdout);
    _exit(0); /* Ten thousand orderly disconnects are not what is measured. */
}
