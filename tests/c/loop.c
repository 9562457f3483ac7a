/* Clients in a loop of the application: one thread, callbacks inside process, the times in the descriptor. */
#include "loop.h"

static pthread_t loops_thread;
static unsigned received;
static size_t received_bytes;

static void count_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    CHECK(pthread_equal(pthread_self(), loops_thread));
    received++;
    received_bytes += message->payload_len;
}

static void end_of(aws_iot_mqtt_client *client) {
    unsigned before = gate_count(&ended);
    CHECK_OK(aws_iot_mqtt_client_disconnect_async(client, on_done, (void *)(uintptr_t)"disconnect", NULL, NULL));
    DRIVE_UNTIL(gate_count(&ended) == before + 1);
    aws_iot_mqtt_client_free(client);
    aws_iot_mqtt_loop_free(loop);
}

/* All operations, and not one thread beside this one. */
static void operations(char **argv) {
    struct gate freed = GATE;
    struct numbers before = descriptors();
    CHECK_INT(1, threads().count);
    make_loop();
    int fd = -1, again = -1;
    CHECK_OK(aws_iot_mqtt_loop_fd(loop, &fd));
    aws_iot_mqtt_client *client = client_in_loop(argv, "me");
    watch(client);
    CONNECT_IN_LOOP(client, 600);
    CHECK_OK(aws_iot_mqtt_client_subscribe_async(client, "in", 1, on_done, (void *)(uintptr_t)"subscribe", NULL, count_message, &freed, count_free, NULL));
    DRIVE_UNTIL(received == 1 && gate_count(&ended) == 2);
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    start_named(client, "t", "two", AWS_IOT_MQTT_OK);
    CHECK_INT(2, gate_count(&ended)); /* No callback outside process. */
    DRIVE_UNTIL(gate_count(&ended) == 4);
    CHECK_OK(aws_iot_mqtt_client_unsubscribe_async(client, "in", on_done, (void *)(uintptr_t)"unsubscribe", NULL, NULL));
    DRIVE_UNTIL(gate_count(&ended) == 5 && gate_count(&freed) == 1);
    CHECK_OK(aws_iot_mqtt_loop_fd(loop, &again));
    CHECK_INT(fd, again);
    CHECK(among(descriptors(), fd));
    CHECK_INT(1, threads().count);
    end_of(client);
    CHECK_INT(1, threads().count);
    CHECK_INT(before.count, descriptors().count);
    CHECK_TEXT("online:0 connect:0 subscribe:0 one:0 two:0 unsubscribe:0 offline:604 disconnect:0", happened.text);
}

/* Nothing happens but pings: they come in time, and the loop sleeps meanwhile. */
static void keep_alive(char **argv) {
    make_loop();
    aws_iot_mqtt_client *client = client_in_loop(argv, "me");
    CHECK_OK(aws_iot_mqtt_client_on_message(client, count_message, NULL, NULL));
    CONNECT_IN_LOOP(client, 1);
    int timeout = -1;
    CHECK_OK(aws_iot_mqtt_loop_timeout_ms(loop, &timeout));
    CHECK(timeout >= 0 && timeout <= 1000);
    turns = 0;
    DRIVE_UNTIL(received == 1); /* The broker sends it after the second ping. */
    CHECK(turns >= 2 && turns <= 20);
    end_of(client);
}

/* What is accepted while there is no connection goes out, in order, after the broker has come back. */
static void reconnects(char **argv) {
    make_loop();
    aws_iot_mqtt_client *client = client_in_loop(argv, "me");
    watch(client);
    CONNECT_IN_LOOP(client, 600);
    start_named(client, "t", "one", AWS_IOT_MQTT_OK);
    DRIVE_UNTIL(gate_count(&offline) == 1);
    start_named(client, "t", "two", AWS_IOT_MQTT_QUEUED);
    start_named(client, "t", "three", AWS_IOT_MQTT_QUEUED);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, publish_text(client, "t", "four", 1));
    DRIVE_UNTIL(gate_count(&ended) == 5);
    CHECK_INT(2, gate_count(&online));
    CHECK_CONTAINS("one:0 two:0 three:0 outcome:t:0", happened.text);
    CHECK_INT(1, threads().count);
    end_of(client);
}

/* The broker reads nothing: the bound holds, the loop sleeps instead of spinning, and nothing accepted is lost. */
static void backpressure(char **argv) {
    static char payload[65536];
    struct gate done = GATE;
    make_loop();
    aws_iot_mqtt_client *client = client_in_loop(argv, "me");
    CHECK_OK(aws_iot_mqtt_client_configure_memory_limit(client, 1 << 20));
    CONNECT_IN_LOOP(client, 600);
    unsigned accepted = 0;
    for (int full = 0; full < 3;) {
        aws_iot_mqtt_error error =
            aws_iot_mqtt_client_publish_async(client, "t", payload, sizeof payload, 0, false, count_completion, &done, NULL, NULL);
        accepted += error == AWS_IOT_MQTT_OK;
        if (error == AWS_IOT_MQTT_OK) continue;
        CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_FULL, error);
        full++;
        turn(50); /* What the network still takes makes room. */
    }
    CHECK(accepted > 16);
    turns = 0;
    turn(100);
    CHECK(turns <= 1);
    printf("full after %u\n", accepted);
    say("full");
    DRIVE_UNTIL(gate_count(&done) == accepted);
    end_of(client);
}

static aws_iot_mqtt_client *own;
static bool in_callback;
static struct gate completed = GATE;

static void count_completed(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK(!in_callback);
    CHECK_OK(completion->error);
    gate_open(&completed);
}

/* A synchronous call in a callback drives the loop, but no other callback runs inside this one. */
static void call_inside(const aws_iot_mqtt_message *message, void *userdata) {
    count_message(message, userdata);
    CHECK(!in_callback);
    if (received > 1) return;
    in_callback = true;
    CHECK_OK(aws_iot_mqtt_client_publish_async(userdata, "t", "other", 5, 1, false, count_completed, NULL, NULL, NULL));
    CHECK_OK(publish_text(own, "t", "inside", 1));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_STATE, "inside one of its callbacks", aws_iot_mqtt_loop_process(loop));
    CHECK_INT(1, received);
    in_callback = false;
}

/* Synchronous calls on the loop's thread, outside of callbacks and inside one; a second client of the loop works meanwhile. */
static void synchronous(char **argv) {
    make_loop();
    aws_iot_mqtt_client *other = client_in_loop(argv, "other");
    own = client_in_loop(argv, "own");
    CHECK_OK(aws_iot_mqtt_client_connect(other, 600));
    CHECK_OK(aws_iot_mqtt_client_connect(own, 600));
    uint8_t granted = 99;
    CHECK_OK(aws_iot_mqtt_client_subscribe(own, "in", 1, call_inside, other, NULL, &granted));
    CHECK_INT(1, granted);
    CHECK_OK(publish_text(own, "t", "send three", 1));
    DRIVE_UNTIL(received == 3 && gate_count(&completed) == 1);
    CHECK_OK(aws_iot_mqtt_client_unsubscribe(own, "in"));
    CHECK_INT(1, threads().count);
    disconnect_and_free(own);
    disconnect_and_free(other);
    aws_iot_mqtt_loop_free(loop);
}

static void ask_inside(const aws_iot_mqtt_message *message, void *userdata) {
    count_message(message, userdata);
    if (received > 1) return;
    CHECK_OK(publish_text(own, "t", "flood", 1));
    CHECK_INT(1, received);
}

/* A flood while a callback waits in a synchronous call: the answer behind it is found, and all of the flood is delivered. */
static void flood(char **argv) {
    make_loop();
    own = client_in_loop(argv, "own");
    CHECK_OK(aws_iot_mqtt_client_connect(own, 600));
    CHECK_OK(aws_iot_mqtt_client_subscribe(own, "in", 1, ask_inside, NULL, NULL, NULL));
    DRIVE_UNTIL(received == 33);
    CHECK_INT((32 << 16) + 2, received_bytes);
    disconnect_and_free(own);
    aws_iot_mqtt_loop_free(loop);
}

int main(int argc, char **argv) {
    const struct test_case cases[] = {
        {"operations", operations}, {"keep_alive", keep_alive}, {"reconnects", reconnects},
        {"backpressure", backpressure}, {"synchronous", synchronous}, {"flood", flood},
    };
    loops_thread = pthread_self();
    return RUN_CASE(cases);
}
