/* One thread, one poll(2): a program with a loop of its own drives the client in it, beside its other descriptors. What a read of
 * standard input gives is published (from a terminal: a line), what comes back printed. It ends when its input has and all has an outcome. */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>
#include "options.h"

/* No locks: callbacks run on this thread only, inside aws_iot_mqtt_loop_process(). */
struct program {
    aws_iot_mqtt_client *client;
    const char *topic;
    bool failed, subscribed, disconnecting, ended;
    int published, acknowledged;
};

static bool accepted(const char *call, aws_iot_mqtt_error error)
{
    const bool ok = error == AWS_IOT_MQTT_OK || error == AWS_IOT_MQTT_QUEUED;
    if (!ok)
        fprintf(stderr, "%s: %s: %s\n", call, aws_iot_mqtt_error_name(error), aws_iot_mqtt_last_error_detail());
    return ok;
}
#define OK(call) accepted(#call, aws_iot_mqtt_##call)

static void on_message(const aws_iot_mqtt_message *message, void *userdata)
{
    (void)userdata;
    printf("received: %.*s\n", (int)message->payload_len, (const char *)message->payload);
}

static void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata)
{
    (void)userdata;
    printf("offline: %s: %s\n", aws_iot_mqtt_error_name(error), detail);
}

static bool went_well(const char *what, const aws_iot_mqtt_completion *completion, struct program *program)
{
    if (completion->error == AWS_IOT_MQTT_OK)
        return true;
    fprintf(stderr, "%s: %s: %s\n", what, aws_iot_mqtt_error_name(completion->error), completion->detail);
    return !(program->failed = true);
}

static void on_published(const aws_iot_mqtt_completion *completion, void *userdata)
{
    ((struct program *)userdata)->acknowledged += went_well("publish", completion, userdata);
}

static void on_disconnected(const aws_iot_mqtt_completion *completion, void *userdata)
{
    ((struct program *)userdata)->ended = went_well("disconnect", completion, userdata);
}

static void on_subscribed(const aws_iot_mqtt_completion *completion, void *userdata)
{
    struct program *program = userdata;
    if ((program->subscribed = went_well("subscribe", completion, program)))
        printf("subscribed to %s, type a line\n", program->topic);
}

static void on_connected(const aws_iot_mqtt_completion *completion, void *userdata)
{
    struct program *program = userdata;
    program->failed |= !went_well("connect", completion, program)
        || !OK(client_subscribe_async(program->client, program->topic, 1, on_subscribed, program, NULL, on_message, NULL, NULL, NULL));
}

/* What standard input has, in one message. False at its end. */
static bool publish_input(struct program *program)
{
    char line[1024];
    ssize_t length = read(STDIN_FILENO, line, sizeof line);
    if (length <= 0)
        return length < 0 && errno == EINTR;
    length -= line[length - 1] == '\n';
    aws_iot_mqtt_error error = aws_iot_mqtt_client_publish_async(program->client, program->topic, line, (size_t)length,
                                                                 AWS_IOT_MQTT_QOS_1, false, on_published, program, NULL, NULL);
    if ((program->failed |= !accepted("publish", error)))
        return false;
    printf("%s: %.*s\n", error == AWS_IOT_MQTT_QUEUED ? "queued" : "publishing", (int)length, line);
    program->published++;
    return true;
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, &options) != 0)
        return 2;
    struct program program = {.topic = options.topic};
    aws_iot_mqtt_loop *loop = NULL;
    struct pollfd wait_for[2] = {{.fd = -1, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    bool ok = OK(loop_new(&loop)) && OK(loop_fd(loop, &wait_for[0].fd))
        && OK(client_new_in_loop(loop, options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &program.client))
        && OK(client_configure_endpoint(program.client, options.endpoint, options_port(&options)))
        && OK(client_configure_credentials(program.client, options.ca, options.key, options.cert, NULL))
        && OK(client_on_offline(program.client, on_offline, NULL, NULL))
        && OK(client_connect_async(program.client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS, on_connected, &program, NULL, NULL));

    /* The loop of the program. The library's times are in its descriptor, so poll needs no time-out for them. */
    for (bool input = true; ok && !program.failed && !program.ended;) {
        fflush(stdout);
        wait_for[1].fd = input && program.subscribed ? STDIN_FILENO : -1;
        const int ready = poll(wait_for, 2, -1);
        ok = ready > 0 || errno == EINTR;
        if (ready > 0 && wait_for[1].revents != 0)
            input = publish_input(&program);
        ok = ok && OK(loop_process(loop));
        if (ok && !input && program.acknowledged == program.published && !program.disconnecting)
            ok = program.disconnecting = OK(client_disconnect_async(program.client, on_disconnected, &program, NULL, NULL));
    }
    aws_iot_mqtt_client_free(program.client);
    aws_iot_mqtt_loop_free(loop);
    printf("%d published, %d acknowledged\n", program.published, program.acknowledged);
    return program.ended ? 0 : 1;
}
