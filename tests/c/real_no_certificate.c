/* A client that shows no certificate, or one of another CA, is refused by the broker: REFUSED_BY_PEER. */
#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc > 4);
    bool other = strcmp(argv[4], "other") == 0;
    aws_iot_mqtt_client *client = NULL;
    CHECK_OK(aws_iot_mqtt_client_new("me", MQTT_3_1_1, false, true, &client));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, argv[1], (uint16_t)atoi(argv[2])));
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(argv[3], "ca.pem"),
                                                       other ? in_directory(argv[3], "other_client.key") : NULL,
                                                       other ? in_directory(argv[3], "other_client.pem") : NULL, NULL));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_REFUSED_BY_PEER, "", aws_iot_mqtt_client_connect(client, 600));
    aws_iot_mqtt_client_free(client);
    return 0;
}
