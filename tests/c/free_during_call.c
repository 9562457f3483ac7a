/* A synchronous publish that waits in another thread when the client is freed returns CANCELLED. */
#include "check.h"

static struct gate sent = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&sent);
}

static void *publish(void *client) {
    CHECK_CODE(AWS_IOT_MQTT_ERR_CANCELLED, publish_text(client, "t", "never acknowledged", 1));
    return NULL;
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 30000));
    CHECK_OK(aws_iot_mqtt_client_on_message(client, on_message, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    pthread_t thread = start_thread(publish, client);
    gate_wait(&sent, 1); /* The broker says so when it has the publish. */
    aws_iot_mqtt_client_free(client);
    CHECK_INT(0, pthread_join(thread, NULL));
    return 0;
}
