/* Publishes without a connection: what is accepted is kept, goes out when there is a connection, and each message has one outcome. */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>
#include "options.h"

struct progress {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int delivered, lost, connections;
};

static void count(struct progress *progress, int *counter)
{
    pthread_mutex_lock(&progress->mutex);
    ++*counter;
    pthread_cond_signal(&progress->changed);
    pthread_mutex_unlock(&progress->mutex);
}

static bool wait_for(struct progress *progress, const int *counter, int wanted, int seconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += seconds;
    pthread_mutex_lock(&progress->mutex);
    while (*counter < wanted && pthread_cond_timedwait(&progress->changed, &progress->mutex, &deadline) == 0)
        ;
    bool reached = *counter >= wanted;
    pthread_mutex_unlock(&progress->mutex);
    return reached;
}

static void on_online(bool session_present, void *userdata)
{
    printf("online, %s session\n", session_present ? "the same" : "a new");
    count((struct progress *)userdata, &((struct progress *)userdata)->connections);
}

static void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata)
{
    (void)userdata;
    printf("offline: %s: %s\n", aws_iot_mqtt_error_name(error), detail);
}

/* The library tries again by itself; this is for telling people why it takes long. */
static void on_connect_failed(aws_iot_mqtt_error error, const char *detail, int64_t next_attempt_ms, void *userdata)
{
    (void)userdata;
    printf("no connection: %s: %s\n", aws_iot_mqtt_error_name(error), detail);
    if (next_attempt_ms >= 0) /* -1: there is none, and connect returns this error */
        printf("next attempt in %" PRId64 " ms\n", next_attempt_ms);
}

/* How a call that had returned QUEUED ended: nobody waited for it. */
static void on_outcome(uint64_t operation, int kind, const char *topic, aws_iot_mqtt_error error, const char *detail, void *userdata)
{
    struct progress *progress = (struct progress *)userdata;
    (void)kind;
    printf("operation %" PRIu64 " on %s: %s %s\n", operation, topic, aws_iot_mqtt_error_name(error), detail);
    count(progress, error == AWS_IOT_MQTT_OK ? &progress->delivered : &progress->lost);
}

static bool expected(const char *call, aws_iot_mqtt_error wanted, aws_iot_mqtt_error error)
{
    if (error == wanted)
        return true;
    fprintf(stderr, "%s: %s: %s\n", call, aws_iot_mqtt_error_name(error), aws_iot_mqtt_last_error_detail());
    return false;
}
#define OK(call) expected(#call, AWS_IOT_MQTT_OK, aws_iot_mqtt_client_##call)

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, &options) != 0)
        return 2;
    const int wanted = options_count(&options);
    struct progress progress = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};
    aws_iot_mqtt_client *client = NULL;
    if (!OK(new(options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client)))
        return 1;

    /* A full queue drops its oldest publish: for measurements the newest ones matter. As many as come in this program fit. */
    bool ok = OK(configure_endpoint(client, options.endpoint, options_port(&options)))
        && OK(configure_credentials(client, options.ca, options.key, options.cert, NULL))
        && OK(configure_offline_publish_queueing(client, wanted, AWS_IOT_MQTT_DROP_OLDEST))
        && OK(configure_draining_frequency(client, AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE))
        && OK(on_online(client, on_online, &progress, NULL)) && OK(on_offline(client, on_offline, &progress, NULL))
        && OK(on_connect_failed(client, on_connect_failed, &progress, NULL))
        && OK(on_outcome(client, on_outcome, &progress, NULL));

    int queued = 0;
    for (int i = 1; ok && i <= wanted; i++) {
        char payload[64];
        int payload_len = snprintf(payload, sizeof payload, "measured offline, %d of %d", i, wanted);
        ok = expected("publish", AWS_IOT_MQTT_QUEUED,
                      aws_iot_mqtt_client_publish(client, options.topic, payload, (size_t)payload_len, AWS_IOT_MQTT_QOS_1, false));
        queued += ok;
    }
    printf("%d queued\n", queued);
    ok = ok && OK(connect(client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS));
    /* As if the device had changed from Wi-Fi to the mobile network in the middle of it: a new connection, and nothing is lost. */
    ok = ok && OK(reconnect(client)) && wait_for(&progress, &progress.connections, 2, 30);
    ok = ok && wait_for(&progress, &progress.delivered, wanted, 30) && OK(disconnect(client, NULL));
    aws_iot_mqtt_client_free(client);
    printf("queued %d, delivered %d, lost %d\n", queued, progress.delivered, progress.lost);
    return ok && progress.lost == 0 ? 0 : 1;
}
