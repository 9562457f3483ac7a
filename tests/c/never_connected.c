/* A client that never connected can be freed, NULL as well, and disconnecting it does not hang. */
#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client_free(NULL);
    for (int i = 0; i < 100; i++) aws_iot_mqtt_client_free(new_client(argv));
    aws_iot_mqtt_client *client = NULL;
    CHECK_OK(aws_iot_mqtt_client_new("", MQTT_3_1_1, false, true, &client)); /* An empty id: the library makes one. */
    aws_iot_mqtt_client_free(client);
    return 0;
}
