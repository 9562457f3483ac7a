/* Makes a client and frees it: header and library fit together, and everything that the library needs is there. */
#include <aws_iot_mqtt.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    aws_iot_mqtt_client *client = NULL;
    aws_iot_mqtt_error error = aws_iot_mqtt_client_new("uses", AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client);
    if (error == AWS_IOT_MQTT_OK)
        error = aws_iot_mqtt_client_configure_endpoint(client, "localhost", 8883);
    aws_iot_mqtt_client_free(client);
    printf("aws_iot_mqtt %s: %s\n", aws_iot_mqtt_version(), aws_iot_mqtt_error_name((int)error));
    return error != AWS_IOT_MQTT_OK || strcmp(aws_iot_mqtt_version(), AWS_IOT_MQTT_VERSION) != 0;
}
