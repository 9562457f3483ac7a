/* The ends of a loop and of its clients, other threads, and fork. */
#include "loop.h"
#include <sys/wait.h>

static struct gate freed = GATE, may_free = GATE;
static pthread_t loops_thread;

/* Of a client that is freed with something pending. */
static void on_cancelled(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_INT(AWS_IOT_MQTT_ERR_CANCELLED, completion->error);
    gate_open(&ended);
}

static void leave_pending(aws_iot_mqtt_client *client) {
    CHECK_OK(aws_iot_mqtt_client_on_message(client, on_message, &freed, count_free));
    for (int i = 0; i < 3; i++)
        CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_publish_async(client, "t", "x", 1, 1, false, on_cancelled, &freed, count_free, NULL));
}

static aws_iot_mqtt_client *first, *second;

static void free_all(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)completion, (void)userdata;
    aws_iot_mqtt_client_free(first);
    aws_iot_mqtt_client_free(second);
    aws_iot_mqtt_loop_free(loop);
    CHECK_INT(0, gate_count(&ended)); /* After this callback. */
}

static void two_clients(char **argv) {
    make_loop();
    first = client_in_loop(argv, "first");
    second = client_in_loop(argv, "second");
    leave_pending(first);
    leave_pending(second);
}

/* A thread that resolves a name is waited for only while it has nothing to do. */
static bool alone(void) {
    return threads().count == 1;
}

static void all_has_ended(struct numbers before) {
    CHECK_INT(6, gate_count(&ended));
    CHECK_INT(8, gate_count(&freed));
    CHECK_INT(before.count, descriptors().count);
    CHECK(becomes(alone));
}

/* Both clients and the loop are freed in a callback inside process. Port 1 is never used: the connect fails. */
static void inside_process(char **argv) {
    struct numbers before = descriptors();
    two_clients(argv);
    CHECK_OK(aws_iot_mqtt_client_connect_async(first, 600, free_all, NULL, NULL, NULL));
    struct pollfd descriptor = {-1, POLLIN, 0};
    CHECK_OK(aws_iot_mqtt_loop_fd(loop, &descriptor.fd));
    while (gate_count(&ended) == 0) {
        CHECK_INT(1, poll(&descriptor, 1, DEADLINE_SECS * 1000));
        CHECK_OK(aws_iot_mqtt_loop_process(loop));
    }
    all_has_ended(before);
}

static void *other_loop(void *argument) {
    (void)argument;
    CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_STATE, "another thread", aws_iot_mqtt_loop_process(loop));
    return NULL;
}

static void free_all_after_another_thread(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK_INT(0, pthread_join(start_thread(other_loop, NULL), NULL));
    free_all(completion, userdata);
}

/* The same inside a synchronous call of a third client; and there another thread may not process. */
static void inside_a_call(char **argv) {
    struct numbers before = descriptors();
    two_clients(argv);
    aws_iot_mqtt_client *third = client_in_loop(argv, "third");
    CHECK_OK(aws_iot_mqtt_client_connect_async(first, 600, free_all_after_another_thread, NULL, NULL, NULL));
    CHECK_CODE(AWS_IOT_MQTT_ERR_CONNECTION_REFUSED, aws_iot_mqtt_client_connect(third, 600));
    aws_iot_mqtt_client_free(third);
    all_has_ended(before);
}

/* The loop goes first, and nobody ever processed it. */
static void loop_first(char **argv) {
    struct numbers before = descriptors();
    two_clients(argv);
    aws_iot_mqtt_loop_free(loop);
    aws_iot_mqtt_client_free(second);
    CHECK_INT(3, gate_count(&ended));
    aws_iot_mqtt_client_free(first);
    all_has_ended(before);
}

static int free_both(const char *host, uint16_t port, uint64_t timeout_ms, void *userdata) {
    (void)host, (void)port, (void)timeout_ms, (void)userdata;
    CHECK(!pthread_equal(pthread_self(), loops_thread));
    gate_wait(&may_free, 1);
    aws_iot_mqtt_client_free(first);
    aws_iot_mqtt_loop_free(loop);
    return -1;
}

/* Client and loop are freed in the client's socket factory, which is on a thread of its own, and nobody drives the loop any more. */
static void inside_the_factory(char **argv) {
    struct numbers before = descriptors();
    make_loop();
    loops_thread = pthread_self();
    first = client_in_loop(argv, "first");
    leave_pending(first);
    CHECK_OK(aws_iot_mqtt_client_configure_socket_factory(first, free_both, &freed, count_free));
    CHECK_OK(aws_iot_mqtt_client_connect_async(first, 600, on_cancelled, &freed, count_free, NULL));
    CHECK_OK(aws_iot_mqtt_loop_process(loop));
    gate_open(&may_free);
    gate_wait(&freed, 6);
    CHECK_INT(4, gate_count(&ended));
    CHECK(becomes(alone));
    CHECK_INT(before.count, descriptors().count);
}

static int depth;

static void on_answer(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    CHECK_INT(0, depth);
    gate_open(&freed);
}

/* The broker sends a message before its PUBACK. */
static void publish_inside(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_INT(AWS_IOT_MQTT_ERR_CANCELLED, completion->error);
    depth++;
    CHECK_OK(publish_text(second, "question", "x", 1));
    depth--;
}

/* What a free still has to tell is a callback as any other: none of another client runs inside it. */
static void one_at_a_time(char **argv) {
    make_loop();
    first = client_in_loop(argv, "first");
    second = client_in_loop(argv, "second");
    CONNECT_IN_LOOP(second, 600);
    CHECK_OK(aws_iot_mqtt_client_on_message(second, on_answer, NULL, NULL));
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_publish_async(first, "t", "x", 1, 1, false, publish_inside, NULL, NULL, NULL));
    aws_iot_mqtt_client_free(first);
    CHECK_INT(0, gate_count(&freed));
    DRIVE_UNTIL(gate_count(&freed) == 1);
    disconnect_and_free(second);
    aws_iot_mqtt_loop_free(loop);
}

static void *make_and_leave(void *argument) {
    two_clients(argument);
    turn(0);
    return NULL;
}

/* The loop's thread has ended; another one frees. */
static void elsewhere(char **argv) {
    struct numbers before = descriptors();
    CHECK_INT(0, pthread_join(start_thread(make_and_leave, argv), NULL));
    aws_iot_mqtt_client_free(first);
    aws_iot_mqtt_client_free(second);
    aws_iot_mqtt_loop_free(loop);
    all_has_ended(before);
}

static struct gate called = GATE;

static void *call_from_outside(void *client) {
    for (int i = 0; i < 50; i++) CHECK_OK(publish_text(client, "t", "outside", 1));
    CHECK_OK(aws_iot_mqtt_client_publish_async(client, "t", "x", 1, 1, false, on_done, (void *)(uintptr_t)"outside", NULL, NULL));
    gate_open(&called);
    return NULL;
}

/* Another thread calls while this one is in poll. */
static void other_threads(char **argv) {
    make_loop();
    aws_iot_mqtt_client *client = client_in_loop(argv, "me");
    CONNECT_IN_LOOP(client, 600);
    pthread_t thread = start_thread(call_from_outside, client);
    DRIVE_UNTIL(gate_count(&called) == 1 && gate_count(&ended) == 2);
    CHECK_INT(0, pthread_join(thread, NULL));
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    aws_iot_mqtt_client_free(client);
    aws_iot_mqtt_loop_free(loop);
}

static void on_log(int level, const char *line, void *userdata) {
    (void)level, (void)line, (void)userdata;
    something_happened();
}

static bool is_connecting(void) {
    return state_of(first) == AWS_IOT_MQTT_STATE_CONNECTING;
}

static void *give_up(void *argument) {
    (void)argument;
    CHECK(becomes(is_connecting));
    CHECK_OK(aws_iot_mqtt_client_disconnect_async(first, NULL, NULL, NULL, NULL));
    return NULL;
}

/* A synchronous call on the loop's thread, which sleeps in it, is ended by another thread, and not when its time is up. */
static void ended_by_another(char **argv) {
    make_loop();
    first = client_in_loop(argv, "me");
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(first, DEADLINE_SECS * 1000));
    CHECK_OK(aws_iot_mqtt_client_on_log(first, AWS_IOT_MQTT_LOG_INFO, on_log, NULL, NULL));
    pthread_t thread = start_thread(give_up, NULL);
    long long before = now_ms();
    CHECK_CODE(AWS_IOT_MQTT_ERR_CANCELLED, aws_iot_mqtt_client_connect(first, 600));
    CHECK(now_ms() - before < DEADLINE_SECS * 500);
    CHECK_INT(0, pthread_join(thread, NULL));
    aws_iot_mqtt_client_free(first);
    aws_iot_mqtt_loop_free(loop);
}

/* A name needs a dialer, which ends by itself. */
static void name(char **argv) {
    argv[1] = "localhost";
    make_loop();
    aws_iot_mqtt_client *client = client_in_loop(argv, "me");
    CONNECT_IN_LOOP(client, 600);
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    CHECK(becomes(alone));
    aws_iot_mqtt_client_free(client);
    aws_iot_mqtt_loop_free(loop);
}

static int in_child(aws_iot_mqtt_client *old) {
    int number = 77;
    aws_iot_mqtt_client *client = NULL;
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, aws_iot_mqtt_loop_process(loop));
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, aws_iot_mqtt_loop_fd(loop, &number));
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, aws_iot_mqtt_loop_timeout_ms(loop, &number));
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, aws_iot_mqtt_client_new_in_loop(loop, "child", MQTT_3_1_1, false, true, &client));
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, publish_text(old, "t", "child", 1));
    CHECK_INT(77, number);
    aws_iot_mqtt_client_free(old);
    aws_iot_mqtt_loop_free(loop);
    make_loop();
    turn(0);
    aws_iot_mqtt_loop_free(loop);
    return 0;
}

static void forks(char **argv) {
    make_loop();
    aws_iot_mqtt_client *client = client_in_loop(argv, "me");
    CONNECT_IN_LOOP(client, 600);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(in_child(client));
    int status = -1;
    CHECK_INT(child, waitpid(child, &status, 0));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(publish_text(client, "t", "parent", 1));
    disconnect_and_free(client);
    aws_iot_mqtt_loop_free(loop);
}

int main(int argc, char **argv) {
    const struct test_case cases[] = {
        {"inside_process", inside_process}, {"inside_a_call", inside_a_call}, {"loop_first", loop_first}, {"elsewhere", elsewhere},
        {"other_threads", other_threads}, {"ended_by_another", ended_by_another}, {"name", name}, {"forks", forks},
        {"inside_the_factory", inside_the_factory}, {"one_at_a_time", one_at_a_time},
    };
    return RUN_CASE(cases);
}
