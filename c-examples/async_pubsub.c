/* The same job as basic_pubsub.c without waiting in any call: each answer comes to a completion callback. */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>
#include "options.h"

/* Callbacks of one client run one at a time, on a thread of the library; the main thread reads along, so a mutex it is. */
struct progress {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int connected, subscribed, acknowledged, received, failed;
};

static void count(struct progress *progress, int *counter)
{
    pthread_mutex_lock(&progress->mutex);
    ++*counter;
    pthread_cond_signal(&progress->changed);
    pthread_mutex_unlock(&progress->mutex);
}

/* Waits until `counter` has reached `wanted`, or something has failed, at most `seconds`. `what` is for the person that reads. */
static bool wait_for(struct progress *progress, const char *what, const int *counter, int wanted, int seconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += seconds;
    pthread_mutex_lock(&progress->mutex);
    while (*counter < wanted && progress->failed == 0
           && pthread_cond_timedwait(&progress->changed, &progress->mutex, &deadline) == 0)
        ;
    bool reached = *counter >= wanted;
    if (!reached && progress->failed == 0)
        fprintf(stderr, "%s: %d of %d in %d s\n", what, *counter, wanted, seconds);
    pthread_mutex_unlock(&progress->mutex);
    return reached;
}

/* A completion runs exactly once for every accepted operation, and brings its own detail: it is on another thread than the call. */
static void finish(const char *what, const aws_iot_mqtt_completion *completion, struct progress *progress, int *counter)
{
    if (completion->error != AWS_IOT_MQTT_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, aws_iot_mqtt_error_name(completion->error), completion->detail);
        counter = &progress->failed;
    }
    count(progress, counter);
}

static void on_connected(const aws_iot_mqtt_completion *completion, void *userdata)
{
    finish("connect", completion, (struct progress *)userdata, &((struct progress *)userdata)->connected);
}

static void on_subscribed(const aws_iot_mqtt_completion *completion, void *userdata)
{
    finish("subscribe", completion, (struct progress *)userdata, &((struct progress *)userdata)->subscribed);
}

static void on_published(const aws_iot_mqtt_completion *completion, void *userdata)
{
    finish("publish", completion, (struct progress *)userdata, &((struct progress *)userdata)->acknowledged);
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata)
{
    printf("received on %s: %.*s\n", message->topic, (int)message->payload_len, (const char *)message->payload);
    count((struct progress *)userdata, &((struct progress *)userdata)->received);
}

/* Of an asynchronous call QUEUED is as good as OK: it was accepted, and its completion will come. */
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

    struct progress progress = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, 0};
    const int wanted = options_count(&options);
    int published = 0;
    uint64_t operation; /* names one operation, in its completion and for aws_iot_mqtt_client_cancel */
    aws_iot_mqtt_client *client = NULL;
    if (!accepted("new", aws_iot_mqtt_client_new(options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client)))
        return 1;

    bool ok = accepted("configure_endpoint", aws_iot_mqtt_client_configure_endpoint(client, options.endpoint, options_port(&options)))
        && accepted("configure_credentials", aws_iot_mqtt_client_configure_credentials(client, options.ca, options.key, options.cert, NULL))
        && accepted("connect_async", aws_iot_mqtt_client_connect_async(client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS, on_connected, &progress, NULL, &operation))
        && wait_for(&progress, "connected", &progress.connected, 1, 30)
        && accepted("subscribe_async", aws_iot_mqtt_client_subscribe_async(client, options.topic, AWS_IOT_MQTT_QOS_1, on_subscribed, &progress, NULL,
                                                                           on_message, &progress, NULL, &operation))
        && wait_for(&progress, "subscribed", &progress.subscribed, 1, 30);
    for (int i = 1; ok && i <= wanted; i++) {
        char payload[64]; /* copied by the call, so it may go at once */
        int payload_len = snprintf(payload, sizeof payload, "message %d of %d", i, wanted);
        ok = accepted("publish_async", aws_iot_mqtt_client_publish_async(client, options.topic, (const uint8_t *)payload, (size_t)payload_len,
                                                                         AWS_IOT_MQTT_QOS_1, false, on_published, &progress, NULL, &operation));
        published += ok;
    }
    ok = ok && wait_for(&progress, "acknowledged", &progress.acknowledged, wanted, 30)
        && wait_for(&progress, "received", &progress.received, wanted, 30);
    ok = accepted("disconnect", aws_iot_mqtt_client_disconnect(client, NULL)) && ok;

    aws_iot_mqtt_client_free(client); /* no callback runs after this: `progress` is ours alone again */
    printf("published %d, acknowledged %d, received %d\n", published, progress.acknowledged, progress.received);
    return ok && progress.failed == 0 ? 0 : 1;
}
