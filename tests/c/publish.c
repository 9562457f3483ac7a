/* Synchronous publishes: the broker compares the bytes. */
#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = connected_client(argv);
    CHECK_OK(aws_iot_mqtt_client_publish(client, "a/b", "zero", 4, 0, false));
    CHECK_OK(aws_iot_mqtt_client_publish(client, "a/b", "on\0e", 4, 1, false));
    CHECK_OK(aws_iot_mqtt_client_publish(client, "a/\xc3\xbc", "kept", 4, 1, true));
    CHECK_OK(aws_iot_mqtt_client_publish(client, "kept", NULL, 0, 0, true));
    disconnect_and_free(client);
    return 0;
}
