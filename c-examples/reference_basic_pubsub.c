/* "Basic MQTT Publish/Subscribe" of the AWS IoT Device SDK for Python v1, call by call. Each call stands under the line that it replaces.
 * Topics stand below --topic; seconds have become milliseconds; and every failure says what to mend. */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <stdbool.h>
#include "options.h"

/* def customCallback(client, userdata, message): print(...) */
static void custom_callback(const aws_iot_mqtt_message *message, void *userdata)
{
    (void)userdata;
    printf("Received message on %s: %.*s\n", message->topic, (int)message->payload_len, (const char *)message->payload);
}

static bool succeeded(const char *call, aws_iot_mqtt_error error)
{
    /* QUEUED: there is no connection just now. It is kept, and goes out when there is one again. */
    if (error == AWS_IOT_MQTT_OK || error == AWS_IOT_MQTT_QUEUED)
        return true;
    fprintf(stderr, "%s: %s: %s\n", call, aws_iot_mqtt_error_name(error), aws_iot_mqtt_last_error_detail());
    return false;
}

static bool run(aws_iot_mqtt_client *client, const struct options *options)
{
    char data[256], status[256];
    if (snprintf(data, sizeof data, "%s/device/data", options->topic) >= (int)sizeof data
        || snprintf(status, sizeof status, "%s/device/status", options->topic) >= (int)sizeof status) {
        fprintf(stderr, "--topic is too long\n");
        return false;
    }

    /* client.configureEndpoint("endpoint.iot.region.amazonaws.com", 8883) */
    if (!succeeded("configure_endpoint",
                   aws_iot_mqtt_client_configure_endpoint(client, options->endpoint, options_port(options))))
        return false;
    /* client.configureCredentials("rootCA.crt", "private.key", "certificate.crt"); NULL: the usual ciphers */
    if (!succeeded("configure_credentials",
                   aws_iot_mqtt_client_configure_credentials(client, options->ca, options->key, options->cert, NULL)))
        return false;
    /* client.configureAutoReconnectBackoffTime(1, 32, 20) */
    if (!succeeded("configure_auto_reconnect_backoff_time",
                   aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 1000, 32000, 20000)))
        return false;
    /* client.configureOfflinePublishQueueing(-1)  # Infinite queue */
    if (!succeeded("configure_offline_publish_queueing",
                   aws_iot_mqtt_client_configure_offline_publish_queueing(client, AWS_IOT_MQTT_QUEUE_UNLIMITED,
                                                                          AWS_IOT_MQTT_DROP_NEWEST)))
        return false;
    /* client.configureDrainingFrequency(2)  # 2 Hz */
    if (!succeeded("configure_draining_frequency", aws_iot_mqtt_client_configure_draining_frequency(client, 2)))
        return false;

    /* client.connect() */
    if (!succeeded("connect", aws_iot_mqtt_client_connect(client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS)))
        return false;
    /* client.subscribe("device/data", 1, customCallback) */
    if (!succeeded("subscribe", aws_iot_mqtt_client_subscribe(client, data, AWS_IOT_MQTT_QOS_1, custom_callback, NULL, NULL, NULL)))
        return false;
    /* client.publish("device/status", "online", 0) */
    aws_iot_mqtt_error error = aws_iot_mqtt_client_publish(client, status, "online", 6, AWS_IOT_MQTT_QOS_0, false);
    if (!succeeded("publish", error))
        return false;
    printf("%s \"online\" to %s\n", error == AWS_IOT_MQTT_QUEUED ? "queued" : "published", status);

    /* The Python program ends here without a word to the broker. Disconnecting lets what was published leave first; what is queued is
     * kept for the next connect of this client, and there will be none. */
    size_t left = 0;
    bool ok = succeeded("disconnect", aws_iot_mqtt_client_disconnect(client, &left));
    if (left > 0)
        fprintf(stderr, "%zu operations were not finished\n", left);
    return ok && left == 0;
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, &options) != 0)
        return 2;

    /* client = AWSIoTPyMQTT.AWSIoTMQTTClient("myDevice") */
    aws_iot_mqtt_client *client = NULL;
    const bool use_websocket = false, clean_session = true;
    if (!succeeded("new", aws_iot_mqtt_client_new(options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, use_websocket,
                                                  clean_session, &client)))
        return 1;
    bool ok = run(client, &options);
    aws_iot_mqtt_client_free(client);
    return ok ? 0 : 1;
}
