/* libmosquitto driver: the threaded loop (mosquitto_loop_start), as its manual shows it. */
#include "common.h"
#include <mosquitto.h>

static gate_t g_conn, g_sub, g_done, g_disc;
static sem_t win;
static atomic_long acked, received;
static long want;
static uint64_t *lat, t_sent;
static sem_t pong;
static long rounds;
static int pub0, pub1, rtt;

static void on_connect(struct mosquitto *m, void *u, int rc) {
    (void)m; (void)u;
    if (rc) die("connack", rc);
    gate_open(&g_conn);
}
static void on_disconnect(struct mosquitto *m, void *u, int rc) { (void)m; (void)u; gate_open(rc ? &lost : &g_disc); }
static void on_subscribe(struct mosquitto *m, void *u, int mid, int n, const int *q) {
    (void)m; (void)u; (void)mid; (void)n; (void)q;
    gate_open(&g_sub);
}
static void on_publish(struct mosquitto *m, void *u, int mid) {
    (void)m; (void)u;
    (void)mid;
    if (pub0) { /* N hand-overs to the socket, then the PUBACK of ctl/expect */
        long n = atomic_load_explicit(&acked, memory_order_relaxed) + 1;
        atomic_store_explicit(&acked, n, memory_order_relaxed);
        if (n == want + 1) gate_open(&g_done);
        return;
    }
    if (pub1) {
        sem_post(&win);
        if (atomic_fetch_add(&acked, 1) + 1 == want) gate_open(&g_done);
    }
}
static void on_message(struct mosquitto *m, void *u, const struct mosquitto_message *msg) {
    (void)m; (void)u; (void)msg;
    if (rtt) {
        lat[rounds] = now_ns() - t_sent;
        sem_post(&pong);
        return;
    }
    long n = atomic_load_explicit(&received, memory_order_relaxed) + 1;
    atomic_store_explicit(&received, n, memory_order_relaxed);
    if (n == want) gate_open(&g_done);
}

static struct mosquitto *make(int i) {
    char id[64];
    snprintf(id, sizeof id, "mosq-%d-%d", (int)getpid(), i);
    struct mosquitto *m = mosquitto_new(id, true, NULL);
    if (!m) die("new", 0);
    if (O.tls) {
        int rc = mosquitto_tls_set(m, O.ca, NULL, *O.cert ? O.cert : NULL, *O.key ? O.key : NULL, NULL);
        if (rc) die("tls_set", rc);
    }
    if (want_nodelay()) mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(m, (unsigned)O.window);
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_disconnect_callback_set(m, on_disconnect);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_publish_callback_set(m, on_publish);
    mosquitto_message_callback_set(m, on_message);
    return m;
}

int main(int argc, char **argv) {
    DRIVER = "libmosquitto";
    parse_opts(argc, argv);
    mosquitto_lib_init();
    gate_init(&g_conn); gate_init(&g_sub); gate_init(&g_done); gate_init(&g_disc);
    sem_init(&win, 0, (unsigned)O.window);
    sem_init(&pong, 0, 0);
    want = O.count;
    pub0 = is_scn("pub_qos0");
    pub1 = is_scn("pub_qos1");
    rtt = !strncmp(O.scenario, "rtt", 3);
    meas_t me;
    int rc;

    if (is_scn("connect")) {
        lat = calloc((size_t)O.count, sizeof *lat);
        meas_begin(&me);
        for (long i = 0; i < O.count; i++) {
            uint64_t t = now_ns();
            struct mosquitto *m = make((int)i);
            if ((rc = mosquitto_connect(m, O.host, O.port, 60))) die("connect", rc);
            mosquitto_loop_start(m);
            gate_wait(&g_conn, i + 1);
            lat[i] = now_ns() - t;
            mosquitto_disconnect(m);
            gate_wait(&g_disc, i + 1);
            mosquitto_loop_stop(m, false);
            mosquitto_destroy(m);
        }
        meas_end(&me);
        report(&me, O.count, lat, O.count, NULL);
        return 0;
    }
    if (is_scn("idle_many")) {
        struct mosquitto **v = calloc((size_t)O.count, sizeof *v);
        long r0 = proc_status("VmRSS");
        uint64_t t0 = now_ns();
        for (long i = 0; i < O.count; i++) {
            v[i] = make((int)i);
            if ((rc = mosquitto_connect(v[i], O.host, O.port, 60))) die("connect", rc);
            mosquitto_loop_start(v[i]);
        }
        gate_wait(&g_conn, O.count);
        report_idle(r0, t0);
    }

    struct mosquitto *m = make(0);
    if ((rc = mosquitto_connect(m, O.host, O.port, 60))) die("connect", rc);
    mosquitto_loop_start(m);
    gate_wait(&g_conn, 1);
    char *payload = malloc((size_t)O.size + 1), ctl[200];
    memset(payload, 'x', (size_t)O.size);

    if (pub0) {
        meas_begin(&me);
        for (long i = 0; i < O.count; i++)
            if ((rc = mosquitto_publish(m, NULL, TOPIC_OUT, (int)O.size, payload, 0, false))) die("publish", rc);
        snprintf(ctl, sizeof ctl, "%ld", O.count);
        if ((rc = mosquitto_publish(m, NULL, "ctl/expect", (int)strlen(ctl), ctl, 1, false))) die("publish", rc);
        gate_wait(&g_done, 1);
        meas_end(&me);
        report(&me, O.count, NULL, 0, NULL);
    } else if (is_scn("pub_qos1")) {
        meas_begin(&me);
        for (long i = 0; i < O.count; i++) {
            while (sem_wait(&win)) {}
            if ((rc = mosquitto_publish(m, NULL, TOPIC_OUT, (int)O.size, payload, 1, false))) die("publish", rc);
        }
        gate_wait(&g_done, 1);
        meas_end(&me);
        report(&me, O.count, NULL, 0, NULL);
    } else if (is_scn("recv_qos0") || is_scn("recv_qos1")) {
        int q = O.scenario[8] - '0';
        mosquitto_subscribe(m, NULL, TOPIC_IN, q);
        gate_wait(&g_sub, 1);
        int n = snprintf(ctl, sizeof ctl, "%d %ld %ld %ld %s", q, O.count, O.size, O.window, TOPIC_IN);
        meas_begin(&me);
        mosquitto_publish(m, NULL, "ctl/blast", n, ctl, 0, false);
        gate_wait(&g_done, 1);
        meas_end(&me);
        report(&me, O.count, NULL, 0, NULL);
    } else if (is_scn("rtt_qos0") || is_scn("rtt_qos1")) {
        int q = O.scenario[7] - '0';
        lat = calloc((size_t)O.count, sizeof *lat);
        mosquitto_subscribe(m, NULL, TOPIC_ECHO, q);
        gate_wait(&g_sub, 1);
        meas_begin(&me);
        for (rounds = 0; rounds < O.count; rounds++) {
            t_sent = now_ns();
            mosquitto_publish(m, NULL, TOPIC_ECHO, (int)O.size, payload, q, false);
            while (sem_wait(&pong)) {}
        }
        meas_end(&me);
        report(&me, O.count, lat, O.count, NULL);
    } else {
        fprintf(stderr, "no such scenario\n");
        return 2;
    }
    mosquitto_disconnect(m);
    mosquitto_loop_stop(m, false);
    mosquitto_destroy(m);
    return 0;
}
