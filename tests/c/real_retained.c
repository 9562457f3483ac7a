/* A retained message comes with RETAIN to a new subscription, without it to an existing one, and is removed by an empty one. */
#include "check.h"

static struct record record = RECORD;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    note(&record, "%s:%d:%.*s", message->topic, message->retain, (int)message->payload_len, (const char *)message->payload);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = connected_client(argv);
    CHECK_OK(aws_iot_mqtt_client_publish(client, "state/a", "on", 2, 1, true));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "state/+", 1, on_message, NULL, NULL, NULL));
    CHECK_RECORD("state/a:1:on", &record, 1);
    CHECK_OK(aws_iot_mqtt_client_publish(client, "state/a", "off", 3, 1, true));
    CHECK_RECORD("state/a:1:on state/a:0:off", &record, 2);
    CHECK_OK(aws_iot_mqtt_client_publish(client, "state/a", NULL, 0, 1, true));
    CHECK_RECORD("state/a:1:on state/a:0:off state/a:0:", &record, 3);
    disconnect_and_free(client);
    return 0;
}
