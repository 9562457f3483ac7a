/* connect() and connect_async() fail with the number and the culprit that argv names, within the time-out, and leave an idle client. */
#include "check.h"

static struct gate freed = GATE, done = GATE, others = GATE;
static int error;
static char detail[512];
static uint64_t operation, completed;

/* "500" or "500/511", where either will do. */
static bool one_of(const char *codes, int code) {
    char number[16];
    snprintf(number, sizeof number, "%d", code);
    return strstr(codes, number) != NULL;
}

static void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK(userdata == &freed);
    error = (int)completion->error;
    completed = completion->operation;
    snprintf(detail, sizeof detail, "%s", completion->detail);
    gate_open(&done);
}

static void on_online(bool session_present, void *userdata) {
    (void)session_present;
    gate_open(userdata);
}

static void on_offline(aws_iot_mqtt_error why, const char *text, void *userdata) {
    (void)why, (void)text;
    gate_open(userdata);
}

int main(int argc, char **argv) {
    CHECK(argc == 7);
    const char *expected = argv[4], *culprit = argv[5];
    int timeout_ms = atoi(argv[6]);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, (uint32_t)timeout_ms));
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_online, &others, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_offline, &others, NULL));

    long long before = now_ms();
    int code = (int)aws_iot_mqtt_client_connect(client, 60);
    long long took = now_ms() - before;
    if (!one_of(expected, code)) FAIL("expected %s, got %d: %s", expected, code, aws_iot_mqtt_last_error_detail());
    CHECK_CONTAINS(culprit, aws_iot_mqtt_last_error_detail());
    CHECK(aws_iot_mqtt_last_error_detail()[0] != '\0');
    CHECK(took < timeout_ms + 10000);
    if (code == AWS_IOT_MQTT_ERR_TIMEOUT) CHECK(took >= timeout_ms);
    /* It is idle again: what may not change while a connection is wanted can be changed. */
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 5000));

    code = (int)aws_iot_mqtt_client_connect_async(client, 60, on_done, &freed, count_free, &operation);
    CHECK(code == AWS_IOT_MQTT_OK || code == AWS_IOT_MQTT_QUEUED);
    gate_wait(&done, 1);
    gate_wait(&freed, 1);
    if (!one_of(expected, error)) FAIL("expected %s, got %d: %s", expected, error, detail);
    CHECK_INT(operation, completed);
    CHECK_CONTAINS(culprit, detail);
    aws_iot_mqtt_client_free(client);
    CHECK_INT(1, gate_count(&done));
    CHECK_INT(1, gate_count(&freed));
    CHECK_INT(0, gate_count(&others));
    return 0;
}
