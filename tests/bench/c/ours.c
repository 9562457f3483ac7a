/* This library's driver: every setting is the default, and the same for throughput and latency. Only another window than 100 is set. */
#include "common.h"

#include <aws_iot_mqtt.h>

/* So many may be unfinished at once, and when they are, half of them must finish first. This only bounds the memory; the library keeps the window. */
#define UNFINISHED 1000
#define DEFAULT_WINDOW 100
/* A listener's backlog holds no ten thousand connections, and one core makes no ten thousand handshakes within the connect time-out. */
#define CONNECTING 100

static gate_t connected, done;
static sem_t room, pong;
static atomic_long acked, received, wake_at;
static uint64_t *lat, sent_at;
static long rounds;
static int rtt;

#define OK(call) \
    do { \
        int code_ = (int)(call); \
        if (code_ != AWS_IOT_MQTT_OK) { \
            fprintf(stderr, "%s\n", aws_iot_mqtt_last_error_detail()); \
            die(#call, code_); \
        } \
    } while (0)

/* Callbacks of one client run one at a time: a load and a store are enough to count. */
static long one_more(atomic_long *counter) {
    long n = atomic_load_explicit(counter, memory_order_relaxed) + 1;
    atomic_store(counter, n);
    return n;
}

static void on_puback(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    if (completion->error) die("publish", completion->error);
    long n = one_more(&acked);
    if (atomic_load(&wake_at) == n) sem_post(&room);
    if (n == O.count) gate_open(&done);
}

static void open_gate(const aws_iot_mqtt_completion *completion, void *gate) {
    if (completion->error) {
        fprintf(stderr, "%s\n", completion->detail);
        die("completion", completion->error);
    }
    gate_open(gate);
}

static void on_connected(const aws_iot_mqtt_completion *completion, void *userdata) {
    sem_post(&room);
    open_gate(completion, userdata);
}

static void on_lost(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)error, (void)detail, (void)userdata;
    gate_open(&lost);
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    if (rtt) {
        lat[rounds] = now_ns() - sent_at;
        sem_post(&pong);
    } else if (one_more(&received) == O.count) {
        gate_open(&done);
    }
}

static aws_iot_mqtt_client *make(long i) {
    char id[64];
    snprintf(id, sizeof id, "ours-%d-%ld", (int)getpid(), i);
    aws_iot_mqtt_client *client = NULL;
    OK(aws_iot_mqtt_client_new(id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client));
    OK(aws_iot_mqtt_client_configure_endpoint(client, O.host, (uint16_t)O.port));
    if (O.window != DEFAULT_WINDOW) OK(aws_iot_mqtt_client_configure_in_flight_window(client, (uint32_t)O.window));
    if (O.tls)
        OK(aws_iot_mqtt_client_configure_credentials(client, O.ca, O.key, O.cert, NULL));
    else
        OK(aws_iot_mqtt_client_configure_tls(client, false));
    return client;
}

static void connect_cycles(void) {
    meas_t m;
    lat = calloc((size_t)O.count, sizeof *lat);
    meas_begin(&m);
    for (long i = 0; i < O.count; i++) {
        uint64_t t = now_ns();
        aws_iot_mqtt_client *client = make(i);
        OK(aws_iot_mqtt_client_connect(client, 60));
        lat[i] = now_ns() - t;
        OK(aws_iot_mqtt_client_disconnect(client, NULL));
        aws_iot_mqtt_client_free(client);
    }
    meas_end(&m);
    report(&m, O.count, lat, O.count, NULL);
}

static void idle_many(void) {
    aws_iot_mqtt_client **clients = calloc((size_t)O.count, sizeof *clients);
    long before = proc_status("VmRSS");
    uint64_t t = now_ns();
    for (long i = 0; i < O.count; i++) {
        clients[i] = make(i);
        OK(aws_iot_mqtt_client_on_offline(clients[i], on_lost, NULL, NULL));
        while (sem_wait(&room)) {}
        OK(aws_iot_mqtt_client_connect_async(clients[i], 600, on_connected, &connected, NULL, NULL));
    }
    gate_wait(&connected, O.count);
    report_idle(before, t);
}

static void on_left(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    if (completion->error) die("publish", completion->error);
    sem_post(&room);
}

/* Each so many-th tells when it has left. More fit into the memory limit than stand between two of them, so that one is on its way whenever
 * the limit is reached. */
#define TELLS 64

static int publish_one(aws_iot_mqtt_client *client, const char *payload, long i) {
    if (i % TELLS != 0) return aws_iot_mqtt_client_publish(client, TOPIC_OUT, payload, (size_t)O.size, 0, false);
    return aws_iot_mqtt_client_publish_async(client, TOPIC_OUT, payload, (size_t)O.size, 0, false, on_left, NULL, NULL, NULL);
}

static void publish_qos0(aws_iot_mqtt_client *client, const char *payload) {
    char count[24];
    for (long i = 0; i < O.count; i++) {
        int code;
        /* The memory limit: the socket takes less than the program gives. */
        while ((code = publish_one(client, payload, i)) == AWS_IOT_MQTT_ERR_QUEUE_FULL)
            while (sem_wait(&room)) {}
        OK(code);
    }
    int n = snprintf(count, sizeof count, "%ld", O.count);
    OK(aws_iot_mqtt_client_publish_async(client, "ctl/expect", count, (size_t)n, 1, false, open_gate, &done, NULL, NULL));
    gate_wait(&done, 1);
}

/* A wake-up for each message would make two threads of one core take turns. */
static void wait_for_room(long published) {
    if (published - atomic_load_explicit(&acked, memory_order_relaxed) < UNFINISHED) return;
    long enough = published - UNFINISHED / 2;
    atomic_store(&wake_at, enough);
    if (atomic_load(&acked) >= enough) return;
    while (sem_wait(&room)) {}
}

static void publish_qos1(aws_iot_mqtt_client *client, const char *payload) {
    for (long i = 0; i < O.count; i++) {
        wait_for_room(i);
        OK(aws_iot_mqtt_client_publish_async(client, TOPIC_OUT, payload, (size_t)O.size, 1, false, on_puback, NULL, NULL, NULL));
    }
    gate_wait(&done, 1);
}

static void receive(aws_iot_mqtt_client *client, int qos) {
    char request[200];
    int n = snprintf(request, sizeof request, "%d %ld %ld %ld %s", qos, O.count, O.size, O.window, TOPIC_IN);
    OK(aws_iot_mqtt_client_publish(client, "ctl/blast", request, (size_t)n, 0, false));
    gate_wait(&done, 1);
}

static void round_trips(aws_iot_mqtt_client *client, const char *payload, uint8_t qos) {
    for (rounds = 0; rounds < O.count; rounds++) {
        sent_at = now_ns();
        OK(aws_iot_mqtt_client_publish_async(client, TOPIC_ECHO, payload, (size_t)O.size, qos, false, NULL, NULL, NULL, NULL));
        while (sem_wait(&pong)) {}
    }
}

int main(int argc, char **argv) {
    DRIVER = "ours";
    parse_opts(argc, argv);
    gate_init(&connected);
    gate_init(&done);
    sem_init(&room, 0, is_scn("idle_many") ? CONNECTING : 0);
    sem_init(&pong, 0, 0);
    if (is_scn("connect")) return connect_cycles(), 0;
    if (is_scn("idle_many")) return idle_many(), 0;

    rtt = !strncmp(O.scenario, "rtt", 3);
    uint8_t qos = O.scenario[strlen(O.scenario) - 1] == '1';
    aws_iot_mqtt_client *client = make(0);
    OK(aws_iot_mqtt_client_connect(client, 60));
    char *payload = malloc((size_t)O.size + 1);
    memset(payload, 'x', (size_t)O.size);
    if (rtt) {
        lat = calloc((size_t)O.count, sizeof *lat);
        OK(aws_iot_mqtt_client_subscribe(client, TOPIC_ECHO, qos, on_message, NULL, NULL, NULL));
    } else if (!strncmp(O.scenario, "recv", 4)) {
        OK(aws_iot_mqtt_client_subscribe(client, TOPIC_IN, qos, on_message, NULL, NULL, NULL));
    }
    meas_t m;
    meas_begin(&m);
    if (rtt) round_trips(client, payload, qos);
    else if (is_scn("pub_qos0")) publish_qos0(client, payload);
    else if (is_scn("pub_qos1")) publish_qos1(client, payload);
    else receive(client, qos);
    meas_end(&m);
    report(&m, O.count, lat, rtt ? O.count : 0, NULL);
    OK(aws_iot_mqtt_client_disconnect(client, NULL));
    aws_iot_mqtt_client_free(client);
    free(payload);
    free(lat);
    return 0;
}
