/* Shared by the C drivers: options, clocks, the JSON line. */
#ifndef COMMON_H
#define COMMON_H
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TOPIC_OUT "dt/fleet-7/device-0001/telemetry"
#define TOPIC_IN "cmd/fleet-7/device-0001/req"
#define TOPIC_ECHO "echo/fleet-7/device-0001"
#define BENCH_TIMEOUT_S 120

typedef struct {
    const char *host, *ca, *cert, *key, *scenario;
    int port, tls;
    long count, size, window;
} opts_t;

static opts_t O;
static const char *DRIVER = "?";

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static inline double cpu_s(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_utime.tv_sec + (double)r.ru_utime.tv_usec / 1e6 + (double)r.ru_stime.tv_sec +
           (double)r.ru_stime.tv_usec / 1e6;
}

static void parse_opts(int argc, char **argv) {
    O.host = "localhost";
    O.port = 0;
    O.ca = O.cert = O.key = "";
    O.scenario = "pub_qos0";
    O.count = 10000;
    O.size = 256;
    O.window = 100;
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *k = argv[i], *v = argv[i + 1];
        if (!strcmp(k, "--host")) O.host = v;
        else if (!strcmp(k, "--port")) O.port = atoi(v);
        else if (!strcmp(k, "--ca")) O.ca = v;
        else if (!strcmp(k, "--cert")) O.cert = v;
        else if (!strcmp(k, "--key")) O.key = v;
        else if (!strcmp(k, "--tls")) O.tls = atoi(v);
        else if (!strcmp(k, "--scenario")) O.scenario = v;
        else if (!strcmp(k, "--count")) O.count = atol(v);
        else if (!strcmp(k, "--size")) O.size = atol(v);
        else if (!strcmp(k, "--window")) O.window = atol(v);
        else {
            fprintf(stderr, "unknown option %s\n", k);
            exit(2);
        }
    }
    alarm(BENCH_TIMEOUT_S); /* every run is bounded in time */
}

static inline int is_scn(const char *s) { return !strcmp(O.scenario, s); }

/* TCP_NODELAY halves every peer's throughput (each small write becomes a segment) and its absence costs 44 ms on
 * a QoS 1 round trip. So each peer gets what is best for it: its default (Nagle) for throughput, NODELAY, where
 * its API has that, for latency. BENCH_NAGLE=1 / BENCH_NODELAY=1 force one. */
static inline int want_nodelay(void) {
    if (getenv("BENCH_NAGLE")) return 0;
    if (getenv("BENCH_NODELAY")) return 1;
    return !strncmp(O.scenario, "rtt", 3) || is_scn("connect");
}

static int cmp_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

typedef struct {
    uint64_t t0, t1;
    double c0, c1;
} meas_t;

static inline void meas_begin(meas_t *m) {
    m->c0 = cpu_s();
    m->t0 = now_ns();
}
static inline void meas_end(meas_t *m) {
    m->t1 = now_ns();
    m->c1 = cpu_s();
}

/* A value in KiB or a count from /proc/self/status. */
static long proc_status(const char *key) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long v = -1;
    if (!f) return -1;
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key))) {
            sscanf(line + strlen(key), ": %ld", &v);
            break;
        }
    fclose(f);
    return v;
}

static void report(const meas_t *m, long n, uint64_t *lat, long nlat, const char *extra) {
    double s = (double)(m->t1 - m->t0) / 1e9, c = m->c1 - m->c0;
    printf("{\"driver\":\"%s\",\"scenario\":\"%s\",\"tls\":%d,\"size\":%ld,\"window\":%ld,\"messages\":%ld,"
           "\"seconds\":%.6f,\"msgs_per_s\":%.1f,\"cpu_s\":%.6f,\"cpu_ns_per_msg\":%.1f,\"cpu_total_s\":%.6f,"
           "\"max_rss_kib\":%ld",
           DRIVER, O.scenario, O.tls, O.size, O.window, n, s, (double)n / s, c, c * 1e9 / (double)n, cpu_s(),
           proc_status("VmHWM")); /* ru_maxrss keeps what the process was before exec */
    if (lat && nlat > 0) {
        qsort(lat, (size_t)nlat, sizeof *lat, cmp_u64);
        printf(",\"p50_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f", (double)lat[nlat / 2] / 1e3,
               (double)lat[nlat * 99 / 100] / 1e3, (double)lat[nlat * 999 / 1000] / 1e3);
    }
    if (extra && *extra) printf(",%s", extra);
    printf("}\n");
    fflush(stdout);
}

/* A gate that one thread opens for another. */
typedef struct {
    pthread_mutex_t m;
    pthread_cond_t c;
    long n;
} gate_t;
static inline void gate_init(gate_t *g) {
    pthread_mutex_init(&g->m, NULL);
    pthread_cond_init(&g->c, NULL);
    g->n = 0;
}
static inline void gate_open(gate_t *g) {
    pthread_mutex_lock(&g->m);
    g->n++;
    pthread_cond_broadcast(&g->c);
    pthread_mutex_unlock(&g->m);
}
/* Whether it has been opened n times before so many milliseconds are over. */
static inline int gate_opens(gate_t *g, long n, long ms) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms % 1000 * 1000000;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_mutex_lock(&g->m);
    while (g->n < n && pthread_cond_timedwait(&g->c, &g->m, &t) != ETIMEDOUT) {}
    int opened = g->n >= n;
    pthread_mutex_unlock(&g->m);
    return opened;
}
static inline void gate_wait(gate_t *g, long n) {
    if (gate_opens(g, n, BENCH_TIMEOUT_S * 1000L)) return;
    fprintf(stderr, "%s: timed out\n", DRIVER);
    exit(3);
}
static void die(const char *what, int rc) {
    fprintf(stderr, "%s: %s: %d\n", DRIVER, what, rc);
    exit(1);
}

/* Each driver opens it when a connection is lost, which idle ones must not be. */
static gate_t lost = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static inline void stay_idle(long ms) {
    if (gate_opens(&lost, 1, ms)) die("an idle connection was lost", (int)lost.n);
}

/* All clients are connected: what they take half a second later, and what they do in the ten seconds behind it; each driver has the same times.
 * The process ends without closing them. */
static inline void report_idle(long rss_before_kib, uint64_t began_ns) {
    meas_t m;
    char extra[200];
    double connecting = (double)(now_ns() - began_ns) / 1e9;
    stay_idle(500);
    long rss = proc_status("VmRSS");
    meas_begin(&m);
    stay_idle(10000);
    meas_end(&m);
    /* Those that only connecting needs may be gone by now. */
    long threads = proc_status("Threads");
    snprintf(extra, sizeof extra, "\"rss_per_client_kib\":%.2f,\"threads\":%ld,\"idle_cpu_ms\":%.2f,\"connect_all_s\":%.3f",
             (double)(rss - rss_before_kib) / (double)O.count, threads, (m.c1 - m.c0) * 1e3, connecting);
    report(&m, O.count, NULL, 0, extra);
    _exit(0);
}
#endif
