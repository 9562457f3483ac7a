/* Subscribes to many filters, and lets callgrind count what messages cost after that. */
#include "events.h"

#include <valgrind/callgrind.h>

static struct gate subscribed = GATE;
static unsigned came, wanted;
static struct gate all_came = GATE;

static void on_subscribed(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    gate_open(&subscribed);
}

/* Callbacks of one client run one at a time. */
static void on_counted(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    if (++came == wanted) gate_open(&all_came);
}

int main(int argc, char **argv) {
    CHECK(argc > 5);
    unsigned filters = (unsigned)atoi(argv[4]);
    wanted = (unsigned)atoi(argv[5]);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_retransmit_interval(client, 0));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 0));
    /* One half without wildcards, one half with. */
    const char *forms[] = {"data/%05u/value", "state/%05u/+", "data/%05u/other", "logs/%05u/#", "x/%05u/y", "any/+/%05u"};
    for (unsigned i = 0; i < filters; i++) {
        char filter[32];
        snprintf(filter, sizeof filter, forms[i % 6], i);
        CHECK_OK(aws_iot_mqtt_client_subscribe_async(client, filter, 0, on_subscribed, NULL, NULL, on_counted, NULL, NULL, NULL));
    }
    gate_wait(&subscribed, filters);
    CALLGRIND_ZERO_STATS;
    say("subscribed");
    gate_wait(&all_came, 1);
    CALLGRIND_DUMP_STATS;
    CHECK_INT(wanted, came);
    disconnect_and_free(client);
    return 0;
}
