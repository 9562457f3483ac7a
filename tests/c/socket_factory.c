/* Sockets that the application makes. */
#include "events.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static char **arguments;
static aws_iot_mqtt_client *client, *other;
static struct gate called = GATE, given_back = GATE, go_on = GATE;
static int last_socket = -1;

/* A blocking TCP connection to the broker, without close-on-exec. */
static int connected_socket(void) {
    struct sockaddr_in address = {0};
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(arguments[2]));
    address.sin_addr.s_addr = inet_addr("127.0.0.1");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_INT(0, connect(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static int own_tcp(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    CHECK(userdata == &given_back);
    CHECK_TEXT("127.0.0.1", host);
    CHECK_INT(atoi(arguments[2]), port);
    CHECK(remaining_ms > 0 && remaining_ms <= 30000);
    last_socket = connected_socket();
    gate_open(&called);
    return last_socket;
}

static void configure(aws_iot_mqtt_socket_factory_fn factory) {
    client = watched_client(arguments, true);
    CHECK_OK(aws_iot_mqtt_client_configure_socket_factory(client, factory, &given_back, count_free));
}

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) != -1;
}

static void used(char **argv) {
    (void)argv;
    configure(own_tcp);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_INT(1, gate_count(&called));
    CHECK(fcntl(last_socket, F_GETFL) & O_NONBLOCK);
    CHECK(fcntl(last_socket, F_GETFD) & FD_CLOEXEC);
    CHECK_OK(publish_text(client, "t", "through it", 1));
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    CHECK(!is_open(last_socket));
    /* Each attempt asks for a new one. */
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_INT(2, gate_count(&called));
    CHECK_INT(0, gate_count(&given_back));
    disconnect_and_free(client);
    CHECK(!is_open(last_socket));
    CHECK_INT(1, gate_count(&given_back));
}

struct ends {
    int from, to;
};

static void *pump(void *argument) {
    struct ends *ends = argument;
    char bytes[4096];
    for (ssize_t count; (count = read(ends->from, bytes, sizeof bytes)) > 0;) {
        for (ssize_t at = 0; at < count;) {
            ssize_t written = write(ends->to, bytes + at, (size_t)(count - at));
            if (written <= 0) return NULL;
            at += written;
        }
    }
    shutdown(ends->to, SHUT_WR);
    return NULL;
}

static int relay_socket = -1, relay_pair[2];
static struct ends ends[2];
static pthread_t pumps[2];

/* One end of a socket pair; what is at the other end goes through a relay of the program's own. */
static int through_relay(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    (void)host, (void)port, (void)remaining_ms, (void)userdata;
    CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM, 0, relay_pair));
    relay_socket = connected_socket();
    ends[0] = (struct ends){relay_pair[1], relay_socket};
    ends[1] = (struct ends){relay_socket, relay_pair[1]};
    for (int i = 0; i < 2; i++) pumps[i] = start_thread(pump, &ends[i]);
    return relay_pair[0];
}

static void relay(char **argv) {
    (void)argv;
    configure(through_relay);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_OK(publish_text(client, "t", "through it", 1));
    disconnect_and_free(client);
    CHECK(!is_open(relay_pair[0]));
    for (int i = 0; i < 2; i++) pthread_join(pumps[i], NULL);
    CHECK_INT(1, gate_count(&given_back));
}

static int wrong;

static int gives_wrong(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    (void)host, (void)port, (void)remaining_ms, (void)userdata;
    return wrong;
}

static void refused(char **argv) {
    (void)argv;
    configure(gives_wrong);
    int ends_of_pipe[2];
    CHECK_INT(0, pipe(ends_of_pipe));
    struct {
        int fd;
        const char *detail;
    } cases[] = {
        {-1, "gave no socket"},
        {-7, "gave no socket"},
        {1000, "1000"},
        {ends_of_pipe[0], "not a socket"},
        {socket(AF_INET, SOCK_DGRAM, 0), "not a stream socket"},
        {socket(AF_INET, SOCK_STREAM, 0), "not connected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wrong = cases[i].fd;
        CHECK_FAILS(AWS_IOT_MQTT_ERR_SOCKET_FACTORY, cases[i].detail, aws_iot_mqtt_client_connect(client, 600));
        CHECK(wrong < 0 || !is_open(wrong));
    }
    /* A factory that is replaced gives its userdata back; without one the library connects itself. */
    CHECK_OK(aws_iot_mqtt_client_configure_socket_factory(client, NULL, NULL, NULL));
    CHECK_INT(1, gate_count(&given_back));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    disconnect_and_free(client);
    CHECK_INT(1, gate_count(&given_back));
}

static int at_first(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    unsigned count = gate_count(&called);
    int fd = own_tcp(host, port, remaining_ms, userdata);
    if (count == 0 || count > 2) return fd;
    close(fd);
    return -1;
}

static void again(char **argv) {
    (void)argv;
    configure(at_first);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_RECORD("online:0 offline:203 failed:205 failed:205 online:0", &happened, 5);
    disconnect_and_free(client);
}

#define DEADLOCKS(call) CHECK_FAILS(AWS_IOT_MQTT_ERR_WOULD_DEADLOCK, "socket factory", call)

static int calls(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    size_t left = 99;
    DEADLOCKS(publish_text(client, "t", "x", 1));
    DEADLOCKS(aws_iot_mqtt_client_connect(client, 600));
    DEADLOCKS(aws_iot_mqtt_client_disconnect(client, &left));
    DEADLOCKS(aws_iot_mqtt_client_subscribe(client, "t", 1, on_message, &go_on, count_free, NULL));
    DEADLOCKS(aws_iot_mqtt_client_subscribe_manual_acknowledge(client, "t", 1, on_message, &go_on, count_free, NULL));
    DEADLOCKS(aws_iot_mqtt_client_unsubscribe(client, "t"));
    CHECK_INT(99, left);
    CHECK_INT(0, gate_count(&go_on));
    /* What does not wait works: here, and for a client that is connected. */
    start_named(client, "t", "async", AWS_IOT_MQTT_QUEUED);
    CHECK_INT(AWS_IOT_MQTT_STATE_CONNECTING, state_of(client));
    CHECK_INT(1, stats_of(client).queued);
    CHECK_OK(publish_text(other, "other", "sync", 1));
    return own_tcp(host, port, remaining_ms, userdata);
}

static void inside(char **argv) {
    other = new_client_named(argv, "other", true);
    CHECK_OK(aws_iot_mqtt_client_connect(other, 600));
    configure(calls);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_RECORD("online:0 async:0", &happened, 2);
    disconnect_and_free(client);
    disconnect_and_free(other);
}

static int frees(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    int fd = own_tcp(host, port, remaining_ms, userdata);
    aws_iot_mqtt_client_free(client);
    gate_open(&go_on);
    CHECK_INT(0, gate_count(&given_back));
    return fd;
}

static void free_inside(char **argv) {
    (void)argv;
    configure(frees);
    start_named(client, "t", "queued", AWS_IOT_MQTT_QUEUED);
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 600, on_done, "connect", NULL, NULL));
    gate_wait(&go_on, 1);
    gate_wait(&given_back, 1);
    CHECK_RECORD("connect:604 queued:604", &happened, 2);
    CHECK_INT(1, gate_count(&called));
    CHECK(!is_open(last_socket));
}

static int running, most;

/* Blocks for longer than the whole attempt may take. */
static int blocks(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    CHECK(remaining_ms <= 500);
    int now = __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
    if (now > most) most = now;
    int fd = own_tcp(host, port, remaining_ms, userdata);
    if (gate_count(&called) == 1) gate_wait(&go_on, 1);
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    return fd;
}

static void late(char **argv) {
    (void)argv;
    configure(blocks);
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 500));
    CHECK_OK(aws_iot_mqtt_client_configure_retry_first_connect(client, true));
    CHECK_CODE(AWS_IOT_MQTT_ERR_TIMEOUT, aws_iot_mqtt_client_connect(client, 600));
    /* Attempts go on and fail while it blocks; it is not called a second time meanwhile. */
    gate_wait(&failed, 2);
    CHECK_INT(1, gate_count(&called));
    int first = last_socket;
    gate_open(&go_on);
    gate_wait(&online, 1);
    CHECK_INT(1, most);
    CHECK(first == last_socket || !is_open(first));
    disconnect_and_free(client);
    CHECK_INT(1, gate_count(&given_back));
}

static const struct test_case cases[] = {
    {"used", used}, {"relay", relay}, {"refused", refused}, {"again", again}, {"inside", inside}, {"free_inside", free_inside}, {"late", late},
};

int main(int argc, char **argv) {
    arguments = argv;
    return RUN_CASE(cases);
}
