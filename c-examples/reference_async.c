/* "Asynchronous Operations" of the AWS IoT Device SDK for Python v1, call by call. Each call stands under the line that it replaces.
 * What Python calls "mid" is an operation id here: it is known before there is a packet id, and it is never used again. */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>
#include "options.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int finished, failed;

static void finish(const aws_iot_mqtt_completion *completion)
{
    if (completion->error != AWS_IOT_MQTT_OK)
        fprintf(stderr, "%s: %s\n", aws_iot_mqtt_error_name(completion->error), completion->detail);
    pthread_mutex_lock(&mutex);
    finished++;
    failed += completion->error != AWS_IOT_MQTT_OK;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

/* def connackCallback(mid, data): print(...) */
static void connack_callback(const aws_iot_mqtt_completion *completion, void *userdata)
{
    (void)userdata;
    printf("Connected with mid: %" PRIu64 ", result: %d\n", completion->operation, (int)completion->error);
    finish(completion);
}

/* def pubackCallback(mid): print(...) */
static void puback_callback(const aws_iot_mqtt_completion *completion, void *userdata)
{
    (void)userdata;
    printf("Published message mid: %" PRIu64 "\n", completion->operation);
    finish(completion);
}

/* The Python program would go on with something else; this one has nothing else to do. */
static bool wait_for(int wanted, int seconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += seconds;
    pthread_mutex_lock(&mutex);
    while (finished < wanted && failed == 0 && pthread_cond_timedwait(&changed, &mutex, &deadline) == 0)
        ;
    bool all = finished >= wanted && failed == 0;
    if (!all && failed == 0)
        fprintf(stderr, "%d of %d answers came in %d s\n", finished, wanted, seconds);
    pthread_mutex_unlock(&mutex);
    return all;
}

/* OK: on its way. QUEUED: kept until there is a connection. Either way the completion comes. */
static bool accepted(const char *call, aws_iot_mqtt_error error)
{
    if (error == AWS_IOT_MQTT_OK || error == AWS_IOT_MQTT_QUEUED)
        return true;
    fprintf(stderr, "%s: %s: %s\n", call, aws_iot_mqtt_error_name(error), aws_iot_mqtt_last_error_detail());
    return false;
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, &options) != 0)
        return 2;
    char topic[256];
    if (snprintf(topic, sizeof topic, "%s/async/topic", options.topic) >= (int)sizeof topic) {
        fprintf(stderr, "--topic is too long\n");
        return 2;
    }

    /* client = AWSIoTPyMQTT.AWSIoTMQTTClient("asyncClient") */
    aws_iot_mqtt_client *client = NULL;
    if (!accepted("new", aws_iot_mqtt_client_new(options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client)))
        return 1;
    /* client.configureEndpoint("endpoint.iot.region.amazonaws.com", 8883) */
    bool ok = accepted("configure_endpoint",
                       aws_iot_mqtt_client_configure_endpoint(client, options.endpoint, options_port(&options)))
        /* client.configureCredentials("rootCA.crt", "private.key", "certificate.crt") */
        && accepted("configure_credentials",
                    aws_iot_mqtt_client_configure_credentials(client, options.ca, options.key, options.cert, NULL));

    /* mid = client.connectAsync(ackCallback=connackCallback) */
    uint64_t mid = 0;
    ok = ok && accepted("connect_async", aws_iot_mqtt_client_connect_async(client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS, connack_callback,
                                                                           NULL, NULL, &mid));
    if (ok)
        printf("Connection request sent with mid: %" PRIu64 "\n", mid);
    /* pub_mid = client.publishAsync("async/topic", "hello", 1, pubackCallback) */
    uint64_t pub_mid = 0;
    ok = ok && accepted("publish_async", aws_iot_mqtt_client_publish_async(client, topic, "hello", 5, AWS_IOT_MQTT_QOS_1, false, puback_callback,
                                                                           NULL, NULL, &pub_mid));
    if (ok)
        printf("Publish request sent with mid: %" PRIu64 "\n", pub_mid);

    ok = ok && wait_for(2, 30);
    if (ok)
        ok = accepted("disconnect", aws_iot_mqtt_client_disconnect(client, NULL));
    aws_iot_mqtt_client_free(client); /* no callback runs after this */
    return ok ? 0 : 1;
}
