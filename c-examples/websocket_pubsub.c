/* "WebSocket Connection with IAM" of the AWS IoT Device SDK for Python v1, call by call. Each call stands under the line that it replaces.
 * No certificate of the device is needed: the request that opens the connection is signed with IAM credentials, anew for each attempt.
 *
 *   export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... AWS_SESSION_TOKEN=...
 *   websocket_pubsub --endpoint abc123-ats.iot.eu-west-1.amazonaws.com
 *
 * Secrets do not belong on a command line, where every user of the machine can read them: they come from the environment. */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <stdbool.h>
#include "options.h"

static bool succeeded(const char *call, aws_iot_mqtt_error error)
{
    /* QUEUED: there is no connection just now. It is kept, and goes out when there is one again. */
    if (error == AWS_IOT_MQTT_OK || error == AWS_IOT_MQTT_QUEUED)
        return true;
    fprintf(stderr, "%s: %s: %s\n", call, aws_iot_mqtt_error_name(error), aws_iot_mqtt_last_error_detail());
    return false;
}

/* NULL if the variable is not set, or empty */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static bool run(aws_iot_mqtt_client *client, const struct options *options, const char *access_key_id, const char *secret_access_key)
{
    static const char payload[] = "{\"temperature\": 25.0}";
    char data[256];
    if (snprintf(data, sizeof data, "%s/web/data", options->topic) >= (int)sizeof data) {
        fprintf(stderr, "--topic is too long\n");
        return false;
    }

    /* client.configureEndpoint("endpoint.iot.region.amazonaws.com", 443) */
    if (!succeeded("configure_endpoint",
                   aws_iot_mqtt_client_configure_endpoint(client, options->endpoint, options_port(options))))
        return false;
    /* client.configureIAMCredentials("AKIA...", "secret", "session-token"); without this call the library looks into the environment
     * by itself, and then into ~/.aws/credentials */
    if (!succeeded("configure_iam_credentials",
                   aws_iot_mqtt_client_configure_iam_credentials(client, access_key_id, secret_access_key,
                                                                 variable("AWS_SESSION_TOKEN"))))
        return false;

    /* Two calls for other servers than AWS IoT's own: a region that the name of the server does not tell, and a CA that is none of
     * the system's. */
    if (options->region != NULL && !succeeded("configure_region", aws_iot_mqtt_client_configure_region(client, options->region)))
        return false;
    if (options->ca != NULL &&
        !succeeded("configure_credentials", aws_iot_mqtt_client_configure_credentials(client, options->ca, NULL, NULL, NULL)))
        return false;

    /* client.connect() */
    if (!succeeded("connect", aws_iot_mqtt_client_connect(client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS)))
        return false;
    /* client.publish("web/data", '{"temperature": 25.0}', 1) */
    aws_iot_mqtt_error error = aws_iot_mqtt_client_publish(client, data, payload, sizeof payload - 1, AWS_IOT_MQTT_QOS_1, false);
    if (!succeeded("publish", error))
        return false;
    printf("%s to %s\n", error == AWS_IOT_MQTT_QUEUED ? "queued" : "published", data);

    /* client.disconnect(); what is queued is kept for the next connect of this client, and there will be none */
    size_t left = 0;
    bool ok = succeeded("disconnect", aws_iot_mqtt_client_disconnect(client, &left));
    if (left > 0)
        fprintf(stderr, "%zu operations were not finished\n", left);
    return ok && left == 0;
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_read(argc, argv, &options, "443") != 0)
        return 2;
    const char *access_key_id = variable("AWS_ACCESS_KEY_ID"), *secret_access_key = variable("AWS_SECRET_ACCESS_KEY");
    if (access_key_id == NULL || secret_access_key == NULL) {
        fprintf(stderr, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed in the environment\n");
        return 2;
    }

    /* client = AWSIoTPyMQTT.AWSIoTMQTTClient("webClient", useWebsocket=True) */
    aws_iot_mqtt_client *client = NULL;
    const bool use_websocket = true, clean_session = true;
    if (!succeeded("new", aws_iot_mqtt_client_new(options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, use_websocket, clean_session,
                                                  &client)))
        return 1;
    bool ok = run(client, &options, access_key_id, secret_access_key);
    aws_iot_mqtt_client_free(client);
    return ok ? 0 : 1;
}
