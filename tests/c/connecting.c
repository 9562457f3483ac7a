/* What fits while a client connects, reconnects and disconnects, and what does not. */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct gate freed = GATE, cancelled = GATE, disconnected = GATE, published = GATE, offline = GATE, messages = GATE;
static uint64_t tokens[2];

static void never(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    FAIL("a completion (%d) for a call that failed", (int)completion->error);
}

static void on_cancelled(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK_INT(AWS_IOT_MQTT_ERR_CANCELLED, completion->error);
    gate_open(userdata);
}

static void on_disconnected(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK_INT(AWS_IOT_MQTT_OK, completion->error);
    CHECK_INT(0, completion->left);
    gate_open(userdata);
}

static void on_published(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK_INT(AWS_IOT_MQTT_OK, completion->error);
    gate_open(userdata);
}

static void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)detail;
    CHECK_INT(*(const int *)userdata, error);
    gate_open(&offline);
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    tokens[gate_count(&messages)] = message->acknowledgement;
    gate_open(userdata);
}

static int state_of(aws_iot_mqtt_client *client) {
    int state = 77;
    CHECK_OK(aws_iot_mqtt_client_state(client, &state));
    return state;
}

#define WRONG(call) CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_STATE, call)

/* The system takes the connection, and nobody says anything on it. */
static void connecting(char **argv) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 5) == 0);
    CHECK_INT(0, getsockname(listener, (struct sockaddr *)&address, &length));

    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, "127.0.0.1", ntohs(address.sin_port)));
    uint64_t operation = 0, other = 77;
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 600, on_cancelled, &cancelled, count_free, &operation));
    CHECK_INT(AWS_IOT_MQTT_STATE_CONNECTING, state_of(client));
    WRONG(aws_iot_mqtt_client_connect(client, 600));
    WRONG(aws_iot_mqtt_client_connect_async(client, 600, never, &freed, count_free, &other));
    WRONG(aws_iot_mqtt_client_configure_endpoint(client, "elsewhere.invalid", 8883));
    CHECK_OK(aws_iot_mqtt_client_reconnect(client)); /* An attempt is under way: it goes on. */
    CHECK_INT(0, gate_count(&cancelled));
    size_t left = 77;
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, &left));
    CHECK_INT(0, left);
    gate_wait(&cancelled, 2); /* The completion, and its userdata. */
    CHECK_INT(AWS_IOT_MQTT_STATE_IDLE, state_of(client));

    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 600, on_cancelled, &cancelled, count_free, &operation));
    CHECK_OK(aws_iot_mqtt_client_cancel(client, operation));
    gate_wait(&cancelled, 4);
    CHECK_INT(AWS_IOT_MQTT_STATE_IDLE, state_of(client));

    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 600, on_cancelled, &cancelled, count_free, &operation));
    aws_iot_mqtt_client_free(client);
    CHECK_INT(6, gate_count(&cancelled));
    CHECK_INT(77, other);
    CHECK_INT(0, gate_count(&freed));
    close(listener);
}

/* Without the calls the next attempt would come in an hour. */
static void reconnecting(char **argv) {
    static const int lost = AWS_IOT_MQTT_ERR_CONNECTION_LOST;
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 3600000, 7200000, 7200000));
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_offline, (void *)&lost, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    gate_wait(&offline, 1);
    CHECK_INT(AWS_IOT_MQTT_STATE_RECONNECTING, state_of(client));
    WRONG(aws_iot_mqtt_client_configure_endpoint(client, "elsewhere.invalid", 8883));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    gate_wait(&offline, 2);
    /* This attempt is refused; the client goes on all the same. */
    CHECK_CODE(AWS_IOT_MQTT_ERR_NOT_AUTHORIZED, aws_iot_mqtt_client_connect(client, 600));
    CHECK_INT(AWS_IOT_MQTT_STATE_RECONNECTING, state_of(client));
    CHECK_OK(aws_iot_mqtt_client_reconnect(client));
    gate_wait(&offline, 3);
    CHECK_CODE(AWS_IOT_MQTT_QUEUED, publish_text(client, "t", "kept", 1));
    size_t left = 77;
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, &left));
    CHECK_INT(1, left);
    CHECK_INT(AWS_IOT_MQTT_STATE_IDLE, state_of(client));
    aws_iot_mqtt_client_free(client);
    CHECK_INT(3, gate_count(&offline));
}

/* The broker acknowledges the publish when the message is acknowledged: so long the client is disconnecting. */
static void disconnecting(char **argv) {
    static const int wanted = AWS_IOT_MQTT_ERR_CANCELLED;
    aws_iot_mqtt_client *client = connected_client(argv);
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_offline, (void *)&wanted, NULL));
    CHECK_OK(aws_iot_mqtt_client_subscribe_manual_acknowledge(client, "in", 1, on_message, &messages, NULL, NULL));
    gate_wait(&messages, 2);
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, aws_iot_mqtt_client_acknowledge(client, tokens[1] + 1));
    CHECK_OK(aws_iot_mqtt_client_acknowledge(client, 0));
    CHECK_OK(aws_iot_mqtt_client_publish_async(client, "kept", "x", 1, 1, false, on_published, &published, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_disconnect_async(client, on_disconnected, &disconnected, NULL, NULL));

    uint64_t operation = 77;
    uint8_t granted = 99;
    size_t left = 77;
    CHECK_INT(AWS_IOT_MQTT_STATE_DISCONNECTING, state_of(client));
    WRONG(aws_iot_mqtt_client_connect(client, 600));
    WRONG(aws_iot_mqtt_client_connect_async(client, 600, never, &freed, count_free, &operation));
    WRONG(aws_iot_mqtt_client_disconnect(client, &left));
    WRONG(aws_iot_mqtt_client_disconnect_async(client, never, &freed, count_free, &operation));
    WRONG(aws_iot_mqtt_client_reconnect(client));
    WRONG(publish_text(client, "t", "zero", 0));
    WRONG(publish_text(client, "t", "one", 1));
    WRONG(aws_iot_mqtt_client_publish_async(client, "t", "x", 1, 0, false, never, &freed, count_free, &operation));
    WRONG(aws_iot_mqtt_client_publish_async(client, "t", "x", 1, 1, false, never, &freed, count_free, &operation));
    WRONG(aws_iot_mqtt_client_subscribe(client, "other", 1, on_message, &freed, count_free, &granted));
    WRONG(aws_iot_mqtt_client_unsubscribe(client, "in"));
    WRONG(aws_iot_mqtt_client_configure_tls(client, true));
    CHECK_INT(77, operation);
    CHECK_INT(77, left);
    CHECK_INT(99, granted);
    CHECK_INT(0, gate_count(&freed));
    CHECK_INT(0, gate_count(&disconnected));

    CHECK_OK(aws_iot_mqtt_client_acknowledge(client, tokens[0]));
    gate_wait(&disconnected, 1);
    CHECK_INT(1, gate_count(&published));
    CHECK_INT(1, gate_count(&offline));
    /* One was acknowledged, of the other the connection is gone, and the third there never was. */
    CHECK_CODE(AWS_IOT_MQTT_ERR_STALE, aws_iot_mqtt_client_acknowledge(client, tokens[0]));
    CHECK_CODE(AWS_IOT_MQTT_ERR_STALE, aws_iot_mqtt_client_acknowledge(client, tokens[1]));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, aws_iot_mqtt_client_acknowledge(client, tokens[1] + 1));
    aws_iot_mqtt_client_free(client);
    CHECK_INT(0, gate_count(&freed));
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {"connecting", connecting}, {"reconnecting", reconnecting}, {"disconnecting", disconnecting},
    };
    return RUN_CASE(cases);
}
