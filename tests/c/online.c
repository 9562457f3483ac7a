/* on_online and on_offline alternate, and on_online comes before the completion of the connect. */
#include "check.h"

static struct record record = RECORD;

static void on_online(bool session_present, void *userdata) {
    CHECK(userdata == &record);
    note(&record, session_present ? "online(session)" : "online");
}

static void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    CHECK(userdata == &record);
    CHECK(detail != NULL);
    note(&record, "offline(%d)", (int)error);
}

static void on_connected(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK(userdata == &record);
    note(&record, "connected(%d,%d)", (int)completion->error, completion->session_present);
}

static void on_disconnected(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK(userdata == &record);
    note(&record, "disconnected(%d,%d)", (int)completion->error, (int)completion->left);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = new_client_named(argv, "me", false);
    uint64_t operation = 0;
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_online, &record, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_offline, &record, NULL));
    for (int i = 0; i < 2; i++) {
        int code = (int)aws_iot_mqtt_client_connect_async(client, 600, on_connected, &record, NULL, &operation);
        CHECK(code == AWS_IOT_MQTT_OK || code == AWS_IOT_MQTT_QUEUED);
        if (!gate_reached(&record.gate, (unsigned)(4 * i + 2), DEADLINE_SECS)) FAIL("\"%s\"", record.text);
        CHECK_OK(aws_iot_mqtt_client_disconnect_async(client, on_disconnected, &record, NULL, &operation));
        if (!gate_reached(&record.gate, (unsigned)(4 * i + 4), DEADLINE_SECS)) FAIL("\"%s\"", record.text);
    }
    aws_iot_mqtt_client_free(client);
    CHECK_TEXT("online connected(0,0) offline(604) disconnected(0,0) online(session) connected(0,1) offline(604) disconnected(0,0)",
               record.text);
    return 0;
}
