/* The broker resets the connection while we write: no SIGPIPE, although the program leaves its default, which kills. No handler was installed. */
#include "check.h"
#include <signal.h>

/* What happens on each signal: a shell may have started us with some of them ignored, so it is compared with how it was. */
static void read_handlers(void (*handlers[32])(int)) {
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        CHECK_INT(0, sigaction(number, NULL, &action));
        handlers[number] = action.sa_handler;
    }
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    sigset_t none;
    sigemptyset(&none);
    CHECK_INT(0, pthread_sigmask(SIG_SETMASK, &none, NULL));
    void (*before[32])(int);
    read_handlers(before);
    CHECK(before[SIGPIPE] == SIG_DFL);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 20000));
    CHECK_OK(aws_iot_mqtt_client_configure_offline_publish_queueing(client, 0, AWS_IOT_MQTT_DROP_NEWEST));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    static char payload[16384];
    int code = AWS_IOT_MQTT_OK;
    for (int i = 0; i < 100000 && code == AWS_IOT_MQTT_OK; i++)
        code = (int)aws_iot_mqtt_client_publish(client, "t", payload, sizeof payload, 0, false);
    CHECK_CODE(AWS_IOT_MQTT_ERR_QUEUE_DISABLED, code);
    aws_iot_mqtt_client_free(client);
    void (*after[32])(int);
    read_handlers(after);
    for (int number = 1; number < 32; number++)
        if (after[number] != before[number]) FAIL("the action on signal %d was changed", number);
    return 0;
}
