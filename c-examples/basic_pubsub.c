/* Connects, subscribes, publishes and gets its own messages back: each call waits until the broker has answered. */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>
#include "options.h"

/* What the callback, which runs on a thread of the library, tells the main thread. */
struct inbox {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    int received;
};

/* The message is lent: topic and payload are gone when this function has returned. */
static void on_message(const aws_iot_mqtt_message *message, void *userdata)
{
    struct inbox *inbox = (struct inbox *)userdata;
    printf("received on %s: %.*s\n", message->topic, (int)message->payload_len, (const char *)message->payload);
    pthread_mutex_lock(&inbox->mutex);
    inbox->received++;
    pthread_cond_signal(&inbox->arrived);
    pthread_mutex_unlock(&inbox->mutex);
}

/* Waits until `wanted` messages have come, at most `seconds`; gives how many have. */
static int inbox_wait(struct inbox *inbox, int wanted, int seconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += seconds;
    pthread_mutex_lock(&inbox->mutex);
    while (inbox->received < wanted && pthread_cond_timedwait(&inbox->arrived, &inbox->mutex, &deadline) == 0)
        ;
    int received = inbox->received;
    pthread_mutex_unlock(&inbox->mutex);
    return received;
}

/* OK: done. QUEUED: there is no connection just now; it is kept, and sent when there is one again. On anything else the number says
 * what kind of failure it is, the detail what to do about it. The detail belongs to this thread's last call. */
static bool accepted(const char *call, aws_iot_mqtt_error error)
{
    if (error == AWS_IOT_MQTT_OK || error == AWS_IOT_MQTT_QUEUED)
        return true;
    fprintf(stderr, "%s: %s: %s\n", call, aws_iot_mqtt_error_name(error), aws_iot_mqtt_last_error_detail());
    return false;
}

/* Everything between connect and disconnect. */
static bool publish_and_receive(aws_iot_mqtt_client *client, const struct options *options, struct inbox *inbox)
{
    const int count = options_count(options);
    int published = 0, acknowledged = 0;

    /* The last three arguments: what to pass to the callback, who frees it, and where to put the granted QoS. */
    if (!accepted("subscribe", aws_iot_mqtt_client_subscribe(client, options->topic, AWS_IOT_MQTT_QOS_1, on_message,
                                                             inbox, NULL, NULL)))
        return false;

    for (int i = 1; i <= count; i++) {
        char payload[64];
        int payload_len = snprintf(payload, sizeof payload, "message %d of %d", i, count);
        aws_iot_mqtt_error error = aws_iot_mqtt_client_publish(client, options->topic, (const uint8_t *)payload,
                                                               (size_t)payload_len, AWS_IOT_MQTT_QOS_1, false);
        published += accepted("publish", error);
        acknowledged += error == AWS_IOT_MQTT_OK; /* what was queued is acknowledged later, which this program does not count */
    }
    /* A message may come twice: QoS 1 means at least once. */
    int received = inbox_wait(inbox, count, 30);
    printf("published %d, acknowledged %d, received %d\n", published, acknowledged, received);
    return published == count && received >= count;
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, &options) != 0)
        return 2;

    struct inbox inbox = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    aws_iot_mqtt_client *client = NULL;
    const bool use_websocket = false, clean_session = true;
    if (!accepted("new", aws_iot_mqtt_client_new(options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, use_websocket,
                                                 clean_session, &client)))
        return 1;

    bool ok = accepted("configure_endpoint",
                       aws_iot_mqtt_client_configure_endpoint(client, options.endpoint, options_port(&options)))
        && accepted("configure_credentials",
                    aws_iot_mqtt_client_configure_credentials(client, options.ca, options.key, options.cert, NULL))
        && accepted("connect", aws_iot_mqtt_client_connect(client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS));
    if (ok) {
        printf("connected to %s:%s as %s\n", options.endpoint, options.port, options.client_id);
        ok = publish_and_receive(client, &options, &inbox);

        size_t left = 0; /* accepted, but not finished: kept for the next connect of this client */
        ok = accepted("disconnect", aws_iot_mqtt_client_disconnect(client, &left)) && ok;
        if (left > 0) {
            fprintf(stderr, "%zu operations were not finished\n", left);
            ok = false;
        }
    }
    /* After this no callback runs any more, so `inbox` may go. */
    aws_iot_mqtt_client_free(client);
    return ok ? 0 : 1;
}
