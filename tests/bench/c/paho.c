/* paho.mqtt.c driver: MQTTAsync, one handle, its own send and receive threads. */
#include "common.h"
#include <MQTTAsync.h>

static gate_t g_conn, g_sub, g_done, g_disc;
static sem_t win, pong;
static atomic_long acked, received;
static long want, rounds;
static uint64_t *lat, t_sent;
static int pub0, pub1, rtt;

static void ok_conn(void *c, MQTTAsync_successData *d) { (void)c; (void)d; gate_open(&g_conn); }
static void bad(void *c, MQTTAsync_failureData *d) {
    fprintf(stderr, "paho: %s failed: %d %s\n", c ? (char *)c : "op", d ? d->code : 0,
            d && d->message ? d->message : "");
    exit(1);
}
static void ok_sub(void *c, MQTTAsync_successData *d) { (void)c; (void)d; gate_open(&g_sub); }
static void ok_disc(void *c, MQTTAsync_successData *d) { (void)c; (void)d; gate_open(&g_disc); }
static void ok_pub(void *c, MQTTAsync_successData *d) {
    (void)c; (void)d;
    sem_post(&win);
    if (atomic_fetch_add(&acked, 1) + 1 == want) gate_open(&g_done);
}
static void ok_final(void *c, MQTTAsync_successData *d) { (void)c; (void)d; gate_open(&g_done); }
static void on_lost(void *ctx, char *cause) { (void)ctx; (void)cause; gate_open(&lost); }
static int arrived(void *ctx, char *topic, int len, MQTTAsync_message *msg) {
    (void)ctx; (void)len;
    if (rtt) {
        lat[rounds] = now_ns() - t_sent;
        sem_post(&pong);
    } else {
        long n = atomic_load_explicit(&received, memory_order_relaxed) + 1;
        atomic_store_explicit(&received, n, memory_order_relaxed);
        if (n == want) gate_open(&g_done);
    }
    MQTTAsync_freeMessage(&msg);
    MQTTAsync_free(topic);
    return 1;
}

static MQTTAsync make(int i) {
    char id[64], uri[128];
    MQTTAsync m;
    snprintf(id, sizeof id, "paho-%d-%d", (int)getpid(), i);
    snprintf(uri, sizeof uri, "%s://%s:%d", O.tls ? "ssl" : "tcp", O.host, O.port);
    int rc = MQTTAsync_create(&m, uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL);
    if (rc) die("create", rc);
    if ((rc = MQTTAsync_setCallbacks(m, NULL, on_lost, arrived, NULL))) die("callbacks", rc);
    return m;
}
static void conn(MQTTAsync m) {
    MQTTAsync_connectOptions o = MQTTAsync_connectOptions_initializer;
    MQTTAsync_SSLOptions s = MQTTAsync_SSLOptions_initializer;
    o.keepAliveInterval = 60;
    o.cleansession = 1;
    o.maxInflight = (int)O.window;
    o.MQTTVersion = MQTTVERSION_3_1_1;
    o.onSuccess = ok_conn;
    o.onFailure = bad;
    o.context = (void *)"connect";
    if (O.tls) {
        s.trustStore = O.ca;
        s.keyStore = *O.cert ? O.cert : NULL;
        s.privateKey = *O.key ? O.key : NULL;
        s.enableServerCertAuth = 1;
        s.verify = 1;
        o.ssl = &s;
    }
    int rc = MQTTAsync_connect(m, &o);
    if (rc) die("connect", rc);
}
static int pub(MQTTAsync m, const char *t, int q, const void *p, int n, MQTTAsync_onSuccess *ok) {
    MQTTAsync_responseOptions r = MQTTAsync_responseOptions_initializer;
    r.onSuccess = ok;
    if (ok) r.onFailure = bad;
    r.context = (void *)"publish";
    return MQTTAsync_send(m, t, n, p, q, 0, ok ? &r : NULL);
}

int main(int argc, char **argv) {
    DRIVER = "paho-c";
    parse_opts(argc, argv);
    gate_init(&g_conn); gate_init(&g_sub); gate_init(&g_done); gate_init(&g_disc);
    sem_init(&win, 0, (unsigned)O.window);
    sem_init(&pong, 0, 0);
    want = O.count;
    pub0 = is_scn("pub_qos0");
    pub1 = is_scn("pub_qos1");
    rtt = !strncmp(O.scenario, "rtt", 3);
    meas_t me;
    int rc;
    MQTTAsync_disconnectOptions dopt = MQTTAsync_disconnectOptions_initializer;
    dopt.timeout = 1000;
    dopt.onSuccess = ok_disc;

    if (is_scn("connect")) {
        lat = calloc((size_t)O.count, sizeof *lat);
        meas_begin(&me);
        for (long i = 0; i < O.count; i++) {
            uint64_t t = now_ns();
            MQTTAsync m = make((int)i);
            conn(m);
            gate_wait(&g_conn, i + 1);
            lat[i] = now_ns() - t;
            if ((rc = MQTTAsync_disconnect(m, &dopt))) die("disconnect", rc);
            gate_wait(&g_disc, i + 1);
            MQTTAsync_destroy(&m);
        }
        meas_end(&me);
        report(&me, O.count, lat, O.count, NULL);
        _exit(0);
    }
    if (is_scn("idle_many")) {
        MQTTAsync *v = calloc((size_t)O.count, sizeof *v);
        long r0 = proc_status("VmRSS");
        uint64_t t0 = now_ns();
        for (long i = 0; i < O.count; i++) {
            v[i] = make((int)i);
            conn(v[i]);
            gate_wait(&g_conn, i + 1);
        }
        report_idle(r0, t0);
    }

    MQTTAsync m = make(0);
    conn(m);
    gate_wait(&g_conn, 1);
    char *payload = malloc((size_t)O.size + 1), ctl[200];
    memset(payload, 'x', (size_t)O.size);
    int n;
    if (pub0) {
        n = snprintf(ctl, sizeof ctl, "%ld", O.count);
        meas_begin(&me);
        for (long i = 0; i < O.count; i++)
            if ((rc = pub(m, TOPIC_OUT, 0, payload, (int)O.size, NULL))) die("publish", rc);
        if ((rc = pub(m, "ctl/expect", 1, ctl, n, ok_final))) die("publish", rc);
        gate_wait(&g_done, 1);
        meas_end(&me);
        report(&me, O.count, NULL, 0, NULL);
    } else if (pub1) {
        meas_begin(&me);
        for (long i = 0; i < O.count; i++) {
            while (sem_wait(&win)) {}
            if ((rc = pub(m, TOPIC_OUT, 1, payload, (int)O.size, ok_pub))) die("publish", rc);
        }
        gate_wait(&g_done, 1);
        meas_end(&me);
        report(&me, O.count, NULL, 0, NULL);
    } else if (is_scn("recv_qos0") || is_scn("recv_qos1") || rtt) {
        int q = rtt ? O.scenario[7] - '0' : O.scenario[8] - '0';
        MQTTAsync_responseOptions r = MQTTAsync_responseOptions_initializer;
        r.onSuccess = ok_sub;
        r.onFailure = bad;
        if ((rc = MQTTAsync_subscribe(m, rtt ? TOPIC_ECHO : TOPIC_IN, q, &r))) die("subscribe", rc);
        gate_wait(&g_sub, 1);
        if (rtt) {
            lat = calloc((size_t)O.count, sizeof *lat);
            meas_begin(&me);
            for (rounds = 0; rounds < O.count; rounds++) {
                t_sent = now_ns();
                if ((rc = pub(m, TOPIC_ECHO, q, payload, (int)O.size, NULL))) die("publish", rc);
                while (sem_wait(&pong)) {}
            }
            meas_end(&me);
            report(&me, O.count, lat, O.count, NULL);
        } else {
            n = snprintf(ctl, sizeof ctl, "%d %ld %ld %ld %s", q, O.count, O.size, O.window, TOPIC_IN);
            meas_begin(&me);
            pub(m, "ctl/blast", 0, ctl, n, NULL);
            gate_wait(&g_done, 1);
            meas_end(&me);
            report(&me, O.count, NULL, 0, NULL);
        }
    } else {
        fprintf(stderr, "no such scenario\n");
        return 2;
    }
    if (!MQTTAsync_disconnect(m, &dopt)) gate_wait(&g_disc, 1);
    MQTTAsync_destroy(&m);
    _exit(0);
}
