/* "It does not connect": goes the way of a connection step by step, and says of each what holds and what does not, the likely cause and the
 * mend. Name and TCP by the system's own calls; TLS and MQTT by the error numbers and details of the library. Not through a proxy.
 * Exits with 0 if all holds, 1 if something does not, 2 if it was called wrongly. */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "doctor_advice.h"
#include "options.h"

enum { TCP_SECS = 8, CONNECT_MS = 15000, OPERATION_MS = 10000, ONLINE_SECS = 10, WATCH_SECS = 3, RECEIVE_SECS = 5 };

/* What the callbacks tell the main thread. */
struct events {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int online, offline, received;
    char marker[64]; /* how our own messages begin */
    char tls[160];   /* version, suite and ALPN, in the words of the log */
    char lost[512];  /* why the last connection ended */
};

/* ======== What a person reads ======== */

static void good(const char *step, const char *what)
{
    printf("  ok    %-24s %s\n", step, what);
}

static void warn(const char *step, const char *what)
{
    printf("  ?     %-24s %s\n", step, what);
}

static bool bad(struct advice advice, const char *what)
{
    printf("  FAIL  %-24s %s\n        %-24s %s\n        %-24s %s\n", advice.step, what, "likely:", advice.likely, "mend:", advice.mend);
    return false;
}

/* The same with what the library says: the detail is of this thread's last call. */
static bool bad_call(struct advice advice, aws_iot_mqtt_error error)
{
    char what[1024];
    snprintf(what, sizeof what, "%s: %s", aws_iot_mqtt_error_name(error), aws_iot_mqtt_last_error_detail());
    return bad(advice, what);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ======== The steps below TLS ======== */

static void clock_step(void)
{
    time_t now = time(NULL);
    struct tm utc;
    char text[80] = "cannot be told";
    if (gmtime_r(&now, &utc) != NULL)
        strftime(text, sizeof text, "this device believes it is %Y-%m-%d %H:%M:%S UTC", &utc);
    if (now < 1767225600) /* 2026: a device whose clock has lost its battery is in 1970 or at the date of its firmware */
        warn("clock", "older than this program: no certificate will seem valid; set the clock");
    else
        good("clock", text);
}

static bool resolve(const struct options *options, struct addrinfo **addresses)
{
    struct addrinfo hints = {0};
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(options->endpoint, options->port, &hints, addresses);
    if (error != 0) {
        char what[512];
        snprintf(what, sizeof what, "%s: %s", options->endpoint, gai_strerror(error));
        return bad(error == EAI_AGAIN ? NAME_NO_SERVER : NAME_UNKNOWN, what);
    }
    char list[512] = "";
    for (struct addrinfo *a = *addresses; a != NULL; a = a->ai_next) {
        char host[128];
        size_t used = strlen(list);
        if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) == 0)
            snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "", host);
    }
    good("name", list);
    return true;
}

/* 0, or an errno. */
static int connect_one(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0 && (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || connect(fd, address->ai_addr, address->ai_addrlen) != 0))
        error = errno;
    if (error == EINPROGRESS) {
        struct pollfd waits = {fd, POLLOUT, 0};
        socklen_t length = sizeof error;
        if (poll(&waits, 1, TCP_SECS * 1000) != 1)
            error = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
            error = errno;
    }
    if (fd >= 0)
        close(fd);
    return error;
}

/* One address that answers is enough, for the library too. */
static bool tcp_step(const struct addrinfo *addresses, const char *port)
{
    char what[256] = "no address";
    int error = EHOSTUNREACH;
    for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next) {
        char host[128] = "?";
        double began = now_ms();
        getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST);
        error = connect_one(a);
        if (error == 0) {
            snprintf(what, sizeof what, "%s port %s answers in %.1f ms", host, port, now_ms() - began);
            good("TCP", what);
            return true;
        }
        snprintf(what, sizeof what, "%s port %s: %s", host, port, strerror(error));
    }
    return bad(error == ECONNREFUSED ? TCP_REFUSED : error == ETIMEDOUT ? TCP_SILENT : TCP_NO_WAY, what);
}

/* ======== What the library tells ======== */

static void tell(struct events *events, int *counter)
{
    pthread_mutex_lock(&events->mutex);
    ++*counter;
    pthread_cond_signal(&events->changed);
    pthread_mutex_unlock(&events->mutex);
}

static void on_online(bool session_present, void *userdata)
{
    struct events *events = (struct events *)userdata;
    (void)session_present;
    tell(events, &events->online);
}

static void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata)
{
    struct events *events = (struct events *)userdata;
    pthread_mutex_lock(&events->mutex);
    snprintf(events->lost, sizeof events->lost, "%s: %s", aws_iot_mqtt_error_name(error), detail);
    pthread_mutex_unlock(&events->mutex);
    tell(events, &events->offline);
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata)
{
    struct events *events = (struct events *)userdata;
    size_t length = strlen(events->marker);
    if (message->payload_len >= length && memcmp(message->payload, events->marker, length) == 0)
        tell(events, &events->received);
}

/* A finished TLS handshake is a line of the log. No function of the library may be called in here. */
static void on_log(int level, const char *line, void *userdata)
{
    struct events *events = (struct events *)userdata;
    const char *tls = strstr(line, "TLS 1.");
    if (level != AWS_IOT_MQTT_LOG_INFO || tls == NULL)
        return;
    pthread_mutex_lock(&events->mutex);
    snprintf(events->tls, sizeof events->tls, "%s", tls);
    pthread_mutex_unlock(&events->mutex);
}

/* True once the counter has come to `wanted`; false after `seconds`. */
static bool wait_for(struct events *events, const int *counter, int wanted, int seconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += seconds;
    pthread_mutex_lock(&events->mutex);
    while (*counter < wanted && pthread_cond_timedwait(&events->changed, &events->mutex, &deadline) == 0)
        ;
    bool reached = *counter >= wanted;
    pthread_mutex_unlock(&events->mutex);
    return reached;
}

static int look(struct events *events, const int *counter)
{
    pthread_mutex_lock(&events->mutex);
    int count = *counter;
    pthread_mutex_unlock(&events->mutex);
    return count;
}

/* ======== TLS and MQTT ======== */

static bool connect_step(aws_iot_mqtt_client *client, const struct options *options, struct events *events)
{
    double began = now_ms();
    aws_iot_mqtt_error error = aws_iot_mqtt_client_connect(client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS);
    const char *detail = aws_iot_mqtt_last_error_detail();
    pthread_mutex_lock(&events->mutex);
    bool tls = events->tls[0] != '\0';
    pthread_mutex_unlock(&events->mutex);
    /* In TLS 1.3 the server's opinion of our certificate comes after the handshake, as an alert. */
    if (tls && !(error >= AWS_IOT_MQTT_ERR_TLS && error < AWS_IOT_MQTT_ERR_WEBSOCKET)) {
        good("TLS", events->tls);
        good("TLS certificate", "chain, name and dates of the server's certificate hold");
        if (strcmp(options->port, "443") == 0 && strstr(events->tls, "no ALPN") != NULL)
            warn("TLS ALPN", "the server has chosen no protocol; AWS IoT takes this for HTTP on port 443");
    }
    if (error == AWS_IOT_MQTT_OK) {
        char what[160];
        snprintf(what, sizeof what, "accepted as \"%s\", %.1f ms from the first packet on", options->client_id, now_ms() - began);
        good("CONNACK", what);
        return true;
    }
    if (error == AWS_IOT_MQTT_ERR_CONNECTION_LOST)
        return bad_call(tls ? CLOSED_BEFORE_CONNACK : CLOSED_IN_TLS, error);
    if (error == AWS_IOT_MQTT_ERR_TIMEOUT)
        return bad_call(tls ? NO_ANSWER : CLOSED_IN_TLS, error);
    return bad_call(advice_for((int)error, detail), error);
}

/* After a connection was closed on a packet: is it closed again when we ask for nothing? Then it was not the packet. */
static bool closed_while_idle(struct events *events)
{
    /* Each connection is told online once and offline once, perhaps a little later than a call returns that has waited. */
    if (!wait_for(events, &events->online, 1, ONLINE_SECS)) return false;
    int connections = look(events, &events->online);
    return wait_for(events, &events->offline, connections, ONLINE_SECS) && wait_for(events, &events->online, connections + 1, ONLINE_SECS)
        && wait_for(events, &events->offline, connections + 1, WATCH_SECS);
}

/* The connection ended before this step had asked for anything. */
static bool lost_before(struct events *events, const char *step)
{
    char what[640];
    wait_for(events, &events->offline, 1, ONLINE_SECS); /* the callback may run a little later than a call returns QUEUED */
    pthread_mutex_lock(&events->mutex);
    snprintf(what, sizeof what, "the connection was lost before this step: %s", events->lost);
    pthread_mutex_unlock(&events->mutex);
    bad(advice_at(step, CONNECTION_LOST), what);
    if (closed_while_idle(events))
        bad(CLIENT_ID_TAKEN, "the next connection was lost too");
    return false;
}

/* An operation that was not acknowledged. */
static bool refused(struct events *events, struct advice forbidden, aws_iot_mqtt_error error)
{
    switch ((int)error) {
    case AWS_IOT_MQTT_QUEUED: return lost_before(events, forbidden.step);
    case AWS_IOT_MQTT_ERR_TIMEOUT: return bad_call(advice_at(forbidden.step, UNANSWERED), error);
    case AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED: return bad_call(forbidden, error);
    case AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE:
        bad_call(forbidden, error);
        if (closed_while_idle(events))
            bad(CLIENT_ID_TAKEN, "the next connection was closed too, with nothing asked on it: then it is not the policy");
        return false;
    default: return bad_call(advice_at(forbidden.step, advice_for((int)error, aws_iot_mqtt_last_error_detail())), error);
    }
}

static bool subscribe_step(aws_iot_mqtt_client *client, const struct options *options, struct events *events)
{
    uint8_t granted = AWS_IOT_MQTT_QOS_NONE;
    aws_iot_mqtt_error error = aws_iot_mqtt_client_subscribe(client, options->topic, AWS_IOT_MQTT_QOS_1, on_message, events, NULL, &granted);
    if (error != AWS_IOT_MQTT_OK)
        return refused(events, SUBSCRIBE_FORBIDDEN, error);
    char what[512];
    snprintf(what, sizeof what, "\"%s\", QoS %d granted", options->topic, granted);
    good("subscribe", what);
    return true;
}

/* Publishes to itself, one message after the other, and measures from the call to the callback. */
static bool publish_step(aws_iot_mqtt_client *client, const struct options *options, struct events *events)
{
    const int count = options_count(options);
    double best = 0, worst = 0, sum = 0;
    for (int i = 1; i <= count; i++) {
        char payload[96];
        int payload_len = snprintf(payload, sizeof payload, "%s %d", events->marker, i);
        int before = look(events, &events->received);
        double began = now_ms();
        aws_iot_mqtt_error error = aws_iot_mqtt_client_publish(client, options->topic, (const uint8_t *)payload, (size_t)payload_len,
                                                               AWS_IOT_MQTT_QOS_1, false);
        if (error != AWS_IOT_MQTT_OK)
            return refused(events, PUBLISH_FORBIDDEN, error);
        if (i == 1)
            good("publish", "acknowledged");
        if (!wait_for(events, &events->received, before + 1, RECEIVE_SECS))
            return look(events, &events->offline) > 0 ? lost_before(events, "receive") : bad(NOT_RECEIVED, "the broker has acknowledged the message and not delivered it");
        double took = now_ms() - began;
        best = i == 1 || took < best ? took : best;
        worst = took > worst ? took : worst;
        sum += took;
        if (i == 1)
            good("receive", "its own message came back");
    }
    char what[160];
    snprintf(what, sizeof what, "%d messages: %.2f ms at best, %.2f on average, %.2f at worst", count, best, sum / count, worst);
    good("round trip", what);
    return true;
}

/* Another program of the same client id comes back after a second or two, and then the broker closes ours. */
static bool steady_step(struct events *events)
{
    if (wait_for(events, &events->offline, 1, WATCH_SECS))
        return bad(CLIENT_ID_TAKEN, "the broker closed the connection with nothing asked on it");
    good("client id", "the connection stays: nobody else takes this client id");
    return true;
}

/* Everything of the library that does not need the network. */
static bool configure(aws_iot_mqtt_client *client, const struct options *options, struct events *events)
{
    aws_iot_mqtt_error error = aws_iot_mqtt_client_configure_endpoint(client, options->endpoint, options_port(options));
    if (!error) error = aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, CONNECT_MS);
    if (!error) error = aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, OPERATION_MS);
    /* One close on a packet is enough for us. */
    if (!error) error = aws_iot_mqtt_client_configure_refused_by_close_limit(client, 1);
    if (!error) error = aws_iot_mqtt_client_on_log(client, AWS_IOT_MQTT_LOG_INFO, on_log, events, NULL);
    if (!error) error = aws_iot_mqtt_client_on_online(client, on_online, events, NULL);
    if (!error) error = aws_iot_mqtt_client_on_offline(client, on_offline, events, NULL);
    if (!error) error = aws_iot_mqtt_client_configure_credentials(client, options->ca, options->key, options->cert, NULL);
    if (error)
        return bad_call(advice_for((int)error, aws_iot_mqtt_last_error_detail()), error);
    good("files", "CA, certificate and private key can be used, and the key belongs to the certificate");
    return true;
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, &options) != 0)
        return 2;
    printf("doctor %s: %s port %s\n", aws_iot_mqtt_version(), options.endpoint, options.port);

    struct events events = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, "", "", ""};
    snprintf(events.marker, sizeof events.marker, "doctor %ld %ld", (long)getpid(), (long)time(NULL));
    const char *problem = endpoint_kind_problem(options.endpoint, options_port(&options));
    if (problem != NULL)
        warn("endpoint", problem);
    clock_step();

    aws_iot_mqtt_client *client = NULL;
    aws_iot_mqtt_error error = aws_iot_mqtt_client_new(options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client);
    if (error != AWS_IOT_MQTT_OK) {
        bad_call(UNKNOWN_FAILURE, error);
        return 1;
    }
    struct addrinfo *addresses = NULL;
    bool files = configure(client, &options, &events);
    bool reached = resolve(&options, &addresses) && tcp_step(addresses, options.port);
    if (addresses != NULL)
        freeaddrinfo(addresses);
    bool all = files && reached && connect_step(client, &options, &events) && subscribe_step(client, &options, &events)
        && publish_step(client, &options, &events) && steady_step(&events);
    aws_iot_mqtt_client_free(client);
    printf(all ? "all is well\n" : "something does not hold: see FAIL above\n");
    return all ? 0 : 1;
}
