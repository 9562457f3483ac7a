/* aws-c-mqtt driver (the MQTT 3.1.1 client of AWS's own C runtime), one event-loop thread.
 * The libraries are those of the awscrt source package on PyPI. Our own code. */
#include "common.h"
#include <aws/common/byte_buf.h>
#include <aws/io/channel_bootstrap.h>
#include <aws/io/event_loop.h>
#include <aws/io/host_resolver.h>
#include <aws/io/socket.h>
#include <aws/io/tls_channel_handler.h>
#include <aws/mqtt/client.h>
#include <aws/mqtt/mqtt.h>

static gate_t g_conn, g_sub, g_done, g_disc, g_term;
static sem_t win, pong;
static atomic_long acked, received;
static long want, rounds;
static uint64_t *lat, t_sent;
static int pub0, pub1, rtt;
static struct aws_allocator *A;
static struct aws_mqtt_client *client;
static struct aws_client_bootstrap *boot;
static struct aws_tls_ctx *tctx;
static struct aws_socket_options so;

static void on_conn(struct aws_mqtt_client_connection *c, int err, enum aws_mqtt_connect_return_code rc, bool sp, void *u) {
    (void)c; (void)sp; (void)u;
    if (err || rc) {
        fprintf(stderr, "aws-c: connect: %s %d\n", aws_error_name(err), (int)rc);
        exit(1);
    }
    gate_open(&g_conn);
}
static void on_disc(struct aws_mqtt_client_connection *c, void *u) { (void)c; (void)u; gate_open(&g_disc); }
static void on_term(void *u) { (void)u; gate_open(&g_term); }
static void on_int(struct aws_mqtt_client_connection *c, int err, void *u) {
    (void)c; (void)u;
    fprintf(stderr, "aws-c: interrupted: %s\n", aws_error_name(err));
    gate_open(&lost);
}
static void on_res(struct aws_mqtt_client_connection *c, enum aws_mqtt_connect_return_code rc, bool sp, void *u) {
    (void)c; (void)rc; (void)sp; (void)u;
}
static void on_suback(struct aws_mqtt_client_connection *c, uint16_t id, const struct aws_byte_cursor *t, enum aws_mqtt_qos q,
                      int err, void *u) {
    (void)c; (void)id; (void)t; (void)q; (void)u;
    if (err) die("suback", err);
    gate_open(&g_sub);
}
static void on_pub0(struct aws_mqtt_client_connection *c, uint16_t id, int err, void *u) { (void)c; (void)id; (void)err; (void)u; }
/* A QoS 0 publish takes one of 65,535 packet ids until it is written, and fails when there is none:
 * the application has to bound what it has outstanding. */
#define MAX_OUT0 10000
static sem_t out0;
static void on_out0(struct aws_mqtt_client_connection *c, uint16_t id, int err, void *u) {
    (void)c; (void)id; (void)err; (void)u;
    sem_post(&out0);
}
static void on_pub1(struct aws_mqtt_client_connection *c, uint16_t id, int err, void *u) {
    (void)c; (void)id; (void)u;
    if (err) die("puback", err);
    sem_post(&win);
    if (atomic_fetch_add(&acked, 1) + 1 == want) gate_open(&g_done);
}
static void on_final(struct aws_mqtt_client_connection *c, uint16_t id, int err, void *u) {
    (void)c; (void)id; (void)u;
    if (err) die("expect", err);
    gate_open(&g_done);
}
static void on_msg(struct aws_mqtt_client_connection *c, const struct aws_byte_cursor *t, const struct aws_byte_cursor *p,
                   bool dup, enum aws_mqtt_qos q, bool r, void *u) {
    (void)c; (void)t; (void)p; (void)dup; (void)q; (void)r; (void)u;
    if (rtt) {
        lat[rounds] = now_ns() - t_sent;
        sem_post(&pong);
        return;
    }
    long n = atomic_load_explicit(&received, memory_order_relaxed) + 1;
    atomic_store_explicit(&received, n, memory_order_relaxed);
    if (n == want) gate_open(&g_done);
}

static struct aws_mqtt_client_connection *open_conn(int i) {
    struct aws_mqtt_client_connection *c = aws_mqtt_client_connection_new(client);
    if (!c) die("connection_new", aws_last_error());
    char id[64];
    snprintf(id, sizeof id, "awsc-%d-%d", (int)getpid(), i);
    struct aws_mqtt_connection_options o;
    memset(&o, 0, sizeof o);
    o.host_name = aws_byte_cursor_from_c_str(O.host);
    o.port = (uint32_t)O.port;
    o.socket_options = &so;
    struct aws_tls_connection_options tc;
    if (O.tls) {
        aws_tls_connection_options_init_from_ctx(&tc, tctx);
        aws_tls_connection_options_set_server_name(&tc, A, &o.host_name);
        o.tls_options = &tc;
    }
    o.client_id = aws_byte_cursor_from_c_str(id);
    o.keep_alive_time_secs = 60;
    o.ping_timeout_ms = 10000;
    o.on_connection_complete = on_conn;
    o.clean_session = true;
    aws_mqtt_client_connection_set_connection_interruption_handlers(c, on_int, NULL, on_res, NULL);
    aws_mqtt_client_connection_set_connection_termination_handler(c, on_term, NULL);
    if (aws_mqtt_client_connection_connect(c, &o)) die("connect", aws_last_error());
    if (O.tls) aws_tls_connection_options_clean_up(&tc);
    return c;
}
static void pub(struct aws_mqtt_client_connection *c, const char *t, int q, const void *p, size_t n, aws_mqtt_op_complete_fn *f) {
    struct aws_byte_cursor tc = aws_byte_cursor_from_c_str(t), pc = aws_byte_cursor_from_array(p, n);
    if (!aws_mqtt_client_connection_publish(c, &tc, (enum aws_mqtt_qos)q, false, &pc, f, NULL))
        die("publish", aws_last_error());
}

int main(int argc, char **argv) {
    DRIVER = "aws-c-mqtt";
    parse_opts(argc, argv);
    gate_init(&g_conn); gate_init(&g_sub); gate_init(&g_done); gate_init(&g_disc); gate_init(&g_term);
    sem_init(&win, 0, (unsigned)O.window);
    sem_init(&pong, 0, 0);
    sem_init(&out0, 0, MAX_OUT0);
    want = O.count;
    pub0 = is_scn("pub_qos0");
    pub1 = is_scn("pub_qos1");
    rtt = !strncmp(O.scenario, "rtt", 3);
    A = aws_default_allocator();
    aws_mqtt_library_init(A);
    struct aws_event_loop_group *elg = aws_event_loop_group_new_default(A, 1, NULL);
    struct aws_host_resolver_default_options ho;
    memset(&ho, 0, sizeof ho);
    ho.max_entries = 8;
    ho.el_group = elg;
    struct aws_host_resolver *hr = aws_host_resolver_new_default(A, &ho);
    struct aws_client_bootstrap_options bo;
    memset(&bo, 0, sizeof bo);
    bo.event_loop_group = elg;
    bo.host_resolver = hr;
    boot = aws_client_bootstrap_new(A, &bo);
    client = aws_mqtt_client_new(A, boot);
    memset(&so, 0, sizeof so);
    so.type = AWS_SOCKET_STREAM;
    so.domain = AWS_SOCKET_IPV4;
    so.connect_timeout_ms = 5000;
    if (want_nodelay()) so.tcp_nodelay = AWS_SOCKET_TCP_NODELAY_ON;
    if (O.tls) {
        struct aws_tls_ctx_options to;
        if (*O.cert) {
            if (aws_tls_ctx_options_init_client_mtls_from_path(&to, A, O.cert, O.key)) die("mtls", aws_last_error());
        } else
            aws_tls_ctx_options_init_default_client(&to, A);
        if (aws_tls_ctx_options_override_default_trust_store_from_path(&to, NULL, O.ca)) die("ca", aws_last_error());
        tctx = aws_tls_client_ctx_new(A, &to);
        if (!tctx) die("tls ctx", aws_last_error());
        aws_tls_ctx_options_clean_up(&to);
    }
    meas_t me;

    if (is_scn("connect")) {
        lat = calloc((size_t)O.count, sizeof *lat);
        meas_begin(&me);
        for (long i = 0; i < O.count; i++) {
            uint64_t t = now_ns();
            struct aws_mqtt_client_connection *c = open_conn((int)i);
            gate_wait(&g_conn, i + 1);
            lat[i] = now_ns() - t;
            aws_mqtt_client_connection_disconnect(c, on_disc, NULL);
            gate_wait(&g_disc, i + 1);
            aws_mqtt_client_connection_release(c);
            gate_wait(&g_term, i + 1);
        }
        meas_end(&me);
        report(&me, O.count, lat, O.count, NULL);
        _exit(0);
    }
    if (is_scn("idle_many")) {
        long r0 = proc_status("VmRSS");
        uint64_t t0 = now_ns();
        for (long i = 0; i < O.count; i++) {
            open_conn((int)i);
            gate_wait(&g_conn, i + 1);
        }
        report_idle(r0, t0);
    }

    struct aws_mqtt_client_connection *c = open_conn(0);
    gate_wait(&g_conn, 1);
    char *payload = malloc((size_t)O.size + 1), ctl[200];
    memset(payload, 'x', (size_t)O.size);
    if (pub0) {
        int n = snprintf(ctl, sizeof ctl, "%ld", O.count);
        meas_begin(&me);
        for (long i = 0; i < O.count; i++) {
            while (sem_wait(&out0)) {}
            pub(c, TOPIC_OUT, 0, payload, (size_t)O.size, on_out0);
        }
        pub(c, "ctl/expect", 1, ctl, (size_t)n, on_final);
        gate_wait(&g_done, 1);
        meas_end(&me);
        report(&me, O.count, NULL, 0, NULL);
    } else if (pub1) {
        meas_begin(&me);
        for (long i = 0; i < O.count; i++) {
            while (sem_wait(&win)) {}
            pub(c, TOPIC_OUT, 1, payload, (size_t)O.size, on_pub1);
        }
        gate_wait(&g_done, 1);
        meas_end(&me);
        report(&me, O.count, NULL, 0, NULL);
    } else if (is_scn("recv_qos0") || is_scn("recv_qos1") || rtt) {
        int q = rtt ? O.scenario[7] - '0' : O.scenario[8] - '0';
        struct aws_byte_cursor t = aws_byte_cursor_from_c_str(rtt ? TOPIC_ECHO : TOPIC_IN);
        if (!aws_mqtt_client_connection_subscribe(c, &t, (enum aws_mqtt_qos)q, on_msg, NULL, NULL, on_suback, NULL))
            die("subscribe", aws_last_error());
        gate_wait(&g_sub, 1);
        if (rtt) {
            lat = calloc((size_t)O.count, sizeof *lat);
            meas_begin(&me);
            for (rounds = 0; rounds < O.count; rounds++) {
                t_sent = now_ns();
                pub(c, TOPIC_ECHO, q, payload, (size_t)O.size, on_pub0);
                while (sem_wait(&pong)) {}
            }
            meas_end(&me);
            report(&me, O.count, lat, O.count, NULL);
        } else {
            int n = snprintf(ctl, sizeof ctl, "%d %ld %ld %ld %s", q, O.count, O.size, O.window, TOPIC_IN);
            meas_begin(&me);
            pub(c, "ctl/blast", 0, ctl, (size_t)n, on_pub0);
            gate_wait(&g_done, 1);
            meas_end(&me);
            report(&me, O.count, NULL, 0, NULL);
        }
    } else {
        fprintf(stderr, "no such scenario\n");
        return 2;
    }
    aws_mqtt_client_connection_disconnect(c, on_disc, NULL);
    gate_wait(&g_disc, 1);
    _exit(0);
}
