/* Messages that the application acknowledges itself: later, on another thread, in whatever order. */
#include "events.h"

enum { MESSAGES = 4 };
static aws_iot_mqtt_client *client;
static struct gate came = GATE;
static uint64_t tokens[2 * MESSAGES];
static aws_iot_mqtt_message_fn also;

static void keep_token(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    unsigned index = gate_count(&came);
    CHECK(index < 2 * MESSAGES);
    CHECK_INT(message->qos == 0, message->acknowledgement == 0);
    for (unsigned i = 0; i < index; i++) CHECK(message->acknowledgement == 0 || tokens[i] != message->acknowledgement);
    tokens[index] = message->acknowledgement;
    if (also != NULL) also(message, userdata);
    gate_open(&came);
}

static aws_iot_mqtt_client *subscribed(char **argv) {
    client = watched_client(argv, false);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    uint8_t granted = 99;
    CHECK_OK(aws_iot_mqtt_client_subscribe_manual_acknowledge(client, "in", 1, keep_token, NULL, NULL, &granted));
    CHECK_INT(1, granted);
    return client;
}

static void *acknowledge_backwards(void *unused) {
    (void)unused;
    for (int i = MESSAGES - 1; i >= 0; i--) CHECK_OK(aws_iot_mqtt_client_acknowledge(client, tokens[i]));
    return NULL;
}

/* Nothing goes before the application says so; what it says is put in the order of receipt. */
static void later(char **argv) {
    subscribed(argv);
    gate_wait(&came, MESSAGES);
    CHECK_OK(publish_text(client, "all", "came", 1));
    pthread_join(start_thread(acknowledge_backwards, NULL), NULL);
    CHECK_FAILS(AWS_IOT_MQTT_ERR_STALE, "acknowledged already", aws_iot_mqtt_client_acknowledge(client, tokens[0]));
    CHECK_CODE(AWS_IOT_MQTT_ERR_STALE, aws_iot_mqtt_client_acknowledge(client, tokens[MESSAGES - 1]));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, aws_iot_mqtt_client_acknowledge(client, UINT64_MAX));
    CHECK_OK(aws_iot_mqtt_client_acknowledge(client, 0));
    disconnect_and_free(client);
}

/* One message that nobody has acknowledged holds back those behind it. */
static void one_waits(char **argv) {
    subscribed(argv);
    gate_wait(&came, MESSAGES);
    for (int i = 1; i < MESSAGES; i++) CHECK_OK(aws_iot_mqtt_client_acknowledge(client, tokens[i]));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_STALE, "", aws_iot_mqtt_client_acknowledge(client, tokens[1]));
    CHECK_OK(publish_text(client, "none", "yet", 1));
    CHECK_OK(aws_iot_mqtt_client_acknowledge(client, tokens[0]));
    CHECK_OK(publish_text(client, "now", "all", 1));
    disconnect_and_free(client);
}

static void stale(char **argv) {
    subscribed(argv);
    gate_wait(&came, 2);
    CHECK_OK(aws_iot_mqtt_client_acknowledge(client, tokens[0]));
    wait_until_told("acknowledged");
    gate_wait(&online, 2);
    CHECK_FAILS(AWS_IOT_MQTT_ERR_STALE, "send it again", aws_iot_mqtt_client_acknowledge(client, tokens[1]));
    CHECK_CODE(AWS_IOT_MQTT_ERR_STALE, aws_iot_mqtt_client_acknowledge(client, tokens[0]));
    gate_wait(&came, 3);
    CHECK_OK(aws_iot_mqtt_client_acknowledge(client, tokens[2]));
    CHECK_OK(publish_text(client, "done", "", 1));
    disconnect_and_free(client);
}

static void acknowledge_inside(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    CHECK_OK(aws_iot_mqtt_client_acknowledge(client, message->acknowledgement));
}

/* In the callback, QoS 0 among them. */
static void inside(char **argv) {
    also = acknowledge_inside;
    subscribed(argv);
    gate_wait(&came, 3);
    disconnect_and_free(client);
}

static void on_automatic(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
}

/* Two subscriptions match, and one of them acknowledges by hand: the message waits for the application. Then it is made an automatic one. */
static void overlapping(char **argv) {
    client = watched_client(argv, false);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "#", 1, on_automatic, NULL, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_subscribe_manual_acknowledge_async(client, "in", 1, on_done, "manual", NULL, keep_token, NULL, NULL, NULL));
    gate_wait(&came, 1);
    CHECK_OK(publish_text(client, "waits", "", 1));
    CHECK_OK(aws_iot_mqtt_client_acknowledge(client, tokens[0]));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "in", 1, on_automatic, NULL, NULL, NULL));
    CHECK_OK(publish_text(client, "automatic", "", 1));
    disconnect_and_free(client);
}

static const struct test_case cases[] = {{"later", later}, {"one_waits", one_waits}, {"stale", stale}, {"inside", inside}, {"overlapping", overlapping}};

int main(int argc, char **argv) {
    return RUN_CASE(cases);
}
