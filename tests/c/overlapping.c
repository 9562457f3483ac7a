/* A message goes to all matching subscriptions in the order of subscribing, then to on_message. Subscribing again replaces the callback
 * and keeps the place. A message before the SUBACK waits for it. */
#include "check.h"

static struct record record = RECORD;
static struct gate freed = GATE;

static void plus(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    note(&record, "plus:%.*s", (int)message->payload_len, (const char *)message->payload);
}

static void exact(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    note(&record, "exact:%.*s", (int)message->payload_len, (const char *)message->payload);
}

static void again(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    note(&record, "again:%.*s", (int)message->payload_len, (const char *)message->payload);
}

static void every(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    note(&record, "every:%.*s", (int)message->payload_len, (const char *)message->payload);
}

static void subscribed(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_INT(AWS_IOT_MQTT_OK, completion->error);
    note(&record, "granted:%d", completion->granted_qos);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = connected_client(argv);
    uint64_t operation = 0;
    CHECK_OK(aws_iot_mqtt_client_on_message(client, every, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_subscribe_async(client, "a/+", 1, subscribed, NULL, NULL, plus, &freed, count_free, &operation));
    /* The broker sends "early" before its SUBACK. */
    CHECK_RECORD("granted:1 plus:early every:early", &record, 3);
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "a/b", 0, exact, NULL, NULL, NULL));
    CHECK_OK(publish_text(client, "go", "1", 1));
    CHECK_RECORD("granted:1 plus:early every:early plus:both exact:both every:both", &record, 6);
    CHECK_INT(0, gate_count(&freed));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "a/+", 1, again, NULL, NULL, NULL));
    gate_wait(&freed, 1);
    CHECK_OK(publish_text(client, "go", "2", 1));
    CHECK_RECORD("granted:1 plus:early every:early plus:both exact:both every:both again:last exact:last every:last every:other", &record, 10);
    disconnect_and_free(client);
    CHECK_INT(1, gate_count(&freed));
    return 0;
}
