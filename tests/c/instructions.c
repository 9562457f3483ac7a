/* One of the four paths of a message, for a counter of instructions or system calls: `warm` messages, then `count` that are counted.
 * Arguments: host port - case warm count. With count 0 only the first are sent, so that what a start costs can be subtracted.
 * Nothing here depends on time: the application never waits in the middle, and the broker answers in whole windows. */
#include "check.h"

#include <valgrind/callgrind.h>

static struct gate ended = GATE;
static unsigned came, wanted;
static char payload[256];

/* Callbacks of one client run one at a time. */
static void one_more(void) {
    if (++came == wanted) gate_open(&ended);
}

static void on_acknowledged(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    one_more();
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    CHECK_INT(sizeof payload, message->payload_len);
    one_more();
}

static void publish(aws_iot_mqtt_client *client, unsigned count, uint8_t qos) {
    for (unsigned i = 0; i < count; i++) {
        if (qos == 0)
            CHECK_OK(aws_iot_mqtt_client_publish(client, "dt/device/telemetry", payload, sizeof payload, 0, false));
        else
            CHECK_OK(aws_iot_mqtt_client_publish_async(client, "dt/device/telemetry", payload, sizeof payload, 1, false, on_acknowledged,
                                                       NULL, NULL, NULL));
    }
    /* Acknowledged when all before it has come. */
    if (qos == 0) CHECK_OK(publish_text(client, "ctl/end", "", 1));
}

static void receive(aws_iot_mqtt_client *client, unsigned count, uint8_t qos) {
    char request[32];
    snprintf(request, sizeof request, "%u %u", (unsigned)qos, count);
    CHECK_OK(publish_text(client, "ctl/send", request, 0));
}

static void messages(aws_iot_mqtt_client *client, const char *path, unsigned count) {
    uint8_t qos = path[strlen(path) - 1] == '1';
    /* Asked before anything can come. */
    unsigned before = gate_count(&ended);
    came = 0;
    wanted = count;
    if (strncmp(path, "publish", 7) == 0)
        publish(client, count, qos);
    else
        receive(client, count, qos);
    if (strcmp(path, "publish_qos0") != 0) gate_wait(&ended, before + 1);
}

int main(int argc, char **argv) {
    CHECK(argc > 6);
    const char *path = argv[4];
    unsigned warm = (unsigned)atoi(argv[5]), count = (unsigned)atoi(argv[6]);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_retransmit_interval(client, 0));
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, DEADLINE_SECS * 1000));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 0));
    if (strncmp(path, "receive", 7) == 0)
        CHECK_OK(aws_iot_mqtt_client_subscribe(client, "cmd/device/request", path[strlen(path) - 1] == '1', on_message, NULL, NULL, NULL));
    messages(client, path, warm);
    if (count > 0) {
        CALLGRIND_ZERO_STATS;
        messages(client, path, count);
        CALLGRIND_DUMP_STATS;
    }
    disconnect_and_free(client);
    return 0;
}
