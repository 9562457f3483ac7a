/* The ways of a client in a loop that need more than its thread: names, proxies, and the application's own callbacks, which may block. */
#include "loop.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static char **arguments;
static pthread_t loops_thread;
static unsigned received;
static struct gate called = GATE, go_on = GATE, freed = GATE;

static void on_hello(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    CHECK(pthread_equal(pthread_self(), loops_thread));
    CHECK_INT(5, message->payload_len);
    CHECK(memcmp(message->payload, "hello", 5) == 0);
    received++;
}

static aws_iot_mqtt_client *patient_client(char **argv, const char *client_id) {
    aws_iot_mqtt_client *client = client_in_loop(argv, client_id);
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, DEADLINE_SECS * 1000));
    return client;
}

static void round_trip(aws_iot_mqtt_client *client, const char *topic) {
    unsigned received_before = received, ended_before = gate_count(&ended);
    CHECK_INT(AWS_IOT_MQTT_STATE_CONNECTED, state_of(client));
    CHECK_OK(aws_iot_mqtt_client_subscribe_async(client, topic, 1, on_done, (void *)(uintptr_t)"subscribe", NULL, on_hello, NULL, NULL, NULL));
    start_named(client, topic, "hello", AWS_IOT_MQTT_OK);
    DRIVE_UNTIL(received == received_before + 1 && gate_count(&ended) == ended_before + 2);
}

/* In a callback of the application that may block: it does, until the loop's thread has served another client meanwhile. */
static void block(void) {
    CHECK(!pthread_equal(pthread_self(), loops_thread));
    gate_open(&called);
    gate_wait(&go_on, 1);
}

static void connect_while_it_blocks(aws_iot_mqtt_client *client, aws_iot_mqtt_client *other) {
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 600, on_done, (void *)(uintptr_t)"blocked", NULL, NULL));
    /* Another thread opens this gate, and not the descriptor. */
    for (long long end = now_ms() + DEADLINE_SECS * 1000; gate_count(&called) == 0; turn(20)) CHECK(now_ms() < end);
    CONNECT_IN_LOOP(other, 600);
    round_trip(other, "loop/other");
    CHECK_INT(AWS_IOT_MQTT_STATE_CONNECTING, state_of(client));
    unsigned before = gate_count(&ended);
    gate_open(&go_on);
    DRIVE_UNTIL(gate_count(&ended) == before + 1);
    CHECK_INT(1, gate_count(&called));
}

static bool alone(void) {
    return threads().count == 1;
}

static void end_of(aws_iot_mqtt_client *client, aws_iot_mqtt_client *other) {
    disconnect_and_free(client);
    disconnect_and_free(other);
    aws_iot_mqtt_loop_free(loop);
    CHECK(becomes(alone));
}

/* The endpoint is a name, and the server's certificate is verified by it; and a name that nobody knows. */
static void tls_by_name(char **argv) {
    make_loop();
    aws_iot_mqtt_client *client = patient_client(argv, "loop"), *lost = patient_client(argv, "lost");
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(lost, "broker.invalid", 8883));
    CONNECT_IN_LOOP(client, 600);
    CONNECT_IN_LOOP(lost, 600);
    CHECK_TEXT("connect:0 connect:201", happened.text);
    round_trip(client, "loop/name");
    end_of(client, lost);
}

/* The endpoint is a name, which goes to the proxy; the proxy is an address: no thread at any time. */
static void proxy(char **argv) {
    make_loop();
    aws_iot_mqtt_client *client = patient_client(argv, "loop");
    CONNECT_IN_LOOP(client, 600);
    round_trip(client, "loop/proxy");
    CHECK_INT(1, threads().count);
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    CHECK_INT(1, threads().count);
    aws_iot_mqtt_client_free(client);
    aws_iot_mqtt_loop_free(loop);
}

/* The loop's descriptor in an epoll of the application's, as libuv has it; what is queued before there is a connection comes through. */
static void in_epoll(char **argv) {
    make_loop();
    int descriptor = -1, own = epoll_create1(EPOLL_CLOEXEC);
    CHECK(own >= 0);
    CHECK_OK(aws_iot_mqtt_loop_fd(loop, &descriptor));
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = descriptor}};
    CHECK_INT(0, epoll_ctl(own, EPOLL_CTL_ADD, descriptor, &event));
    aws_iot_mqtt_client *client = patient_client(argv, "loop");
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 600, on_done, (void *)(uintptr_t)"connect", NULL, NULL));
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_subscribe_async(client, "loop/epoll", 1, on_done, (void *)(uintptr_t)"subscribe", NULL,
                                                                        on_hello, NULL, NULL, NULL));
    start_named(client, "loop/epoll", "hello", AWS_IOT_MQTT_QUEUED);
    while (received == 0 || gate_count(&ended) < 3) {
        struct epoll_event ready = {0};
        CHECK_INT(1, epoll_wait(own, &ready, 1, DEADLINE_SECS * 1000));
        CHECK_INT(descriptor, ready.data.fd);
        CHECK_OK(aws_iot_mqtt_loop_process(loop));
    }
    CHECK_CONTAINS("connect:0 subscribe:0 hello:0", happened.text);
    disconnect_and_free(client);
    aws_iot_mqtt_loop_free(loop);
    CHECK_INT(0, close(own));
}

static int connects_late(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    CHECK(userdata == &freed && remaining_ms > 0);
    CHECK_TEXT(arguments[1], host);
    block();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_INT(0, connect(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static void socket_factory(char **argv) {
    make_loop();
    aws_iot_mqtt_client *client = patient_client(argv, "loop"), *other = patient_client(argv, "other");
    CHECK_OK(aws_iot_mqtt_client_configure_socket_factory(client, connects_late, &freed, count_free));
    connect_while_it_blocks(client, other);
    round_trip(client, "loop/factory");
    end_of(client, other);
    CHECK_INT(1, gate_count(&freed));
}

/* The gateway knows the key that TEST_KEY_ID names, TEST_SECRET and TEST_TOKEN. */
static int provides_late(aws_iot_mqtt_credentials_sink *sink, uint64_t remaining_ms, void *userdata) {
    CHECK(userdata == &freed && remaining_ms > 0);
    block();
    CHECK_OK(aws_iot_mqtt_credentials_set(sink, getenv("TEST_KEY_ID"), getenv("TEST_SECRET"), getenv("TEST_TOKEN"), 0));
    return 0;
}

/* WebSocket, each request signed. */
static void signed_websocket(char **argv) {
    make_loop();
    aws_iot_mqtt_client *client = patient_client(argv, "loop"), *other = patient_client(argv, "other");
    CHECK_OK(aws_iot_mqtt_client_configure_region(client, getenv("TEST_REGION")));
    CHECK_OK(aws_iot_mqtt_client_configure_region(other, getenv("TEST_REGION")));
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials_provider(client, provides_late, &freed, count_free));
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials(other, getenv("TEST_KEY_ID"), getenv("TEST_SECRET"), getenv("TEST_TOKEN")));
    connect_while_it_blocks(client, other);
    round_trip(client, "loop/websocket");
    end_of(client, other);
    CHECK_INT(1, gate_count(&freed));
}

static int refuses_late(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    (void)signature, (void)signature_len;
    CHECK(userdata == &freed);
    CHECK_INT(32, request->digest_len);
    block();
    return 4711;
}

/* A key that only the application can use; tests/c/signing.c has one that signs. */
static void signing(char **argv) {
    make_loop();
    aws_iot_mqtt_client *client = patient_client(argv, "loop"), *other = patient_client(argv, "other");
    CHECK_OK(aws_iot_mqtt_client_configure_private_key_callback(client, in_directory(argv[3], "ca.pem"), in_directory(argv[3], "client.pem"), NULL,
                                                                AWS_IOT_MQTT_SIGNATURE_DER, refuses_late, &freed, count_free));
    connect_while_it_blocks(client, other);
    CHECK_CONTAINS("blocked:303", happened.text);
    end_of(client, other);
    CHECK_INT(1, gate_count(&freed));
}

int main(int argc, char **argv) {
    const struct test_case cases[] = {
        {"tls_by_name", tls_by_name},       {"in_epoll", in_epoll},                 {"proxy", proxy},
        {"socket_factory", socket_factory}, {"signed_websocket", signed_websocket}, {"signing", signing},
    };
    arguments = argv;
    loops_thread = pthread_self();
    return RUN_CASE(cases);
}
