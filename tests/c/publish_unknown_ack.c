/* A PUBACK for a packet that was never sent acknowledges nothing: the publish times out, and the client goes on. */
#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 700));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    long long before = now_ms();
    CHECK_CODE(AWS_IOT_MQTT_ERR_TIMEOUT, publish_text(client, "first", "lost", 1));
    CHECK(now_ms() - before >= 700);
    CHECK_OK(aws_iot_mqtt_client_publish(client, "then", "", 0, 0, false));
    disconnect_and_free(client);
    return 0;
}
