/* Every function may be called inside a message callback, blocking ones and free included. */
#include "check.h"

static struct gate called = GATE, freed = GATE, inner = GATE;

static void ignore(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message;
    gate_open(userdata);
}

static void publish(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
}

static struct { aws_iot_mqtt_client *client; struct gate *freed; } context = {NULL, &freed};

static void free_context(void *userdata) {
    CHECK(userdata == &context);
    gate_open(&freed);
}

static void do_publish(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    CHECK_OK(publish_text(context.client, "inside", "one", 1));
    CHECK_OK(publish_text(context.client, "inside", "zero", 0));
    gate_open(&called);
}

static void do_subscribe(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    uint8_t granted = 99;
    CHECK_OK(aws_iot_mqtt_client_subscribe(context.client, "inside", 1, ignore, &inner, NULL, &granted));
    CHECK_INT(1, granted);
    gate_open(&called);
}

/* Its own subscription: the userdata lives until the callback has returned. */
static void do_unsubscribe(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    CHECK_OK(aws_iot_mqtt_client_unsubscribe(context.client, "in"));
    CHECK_INT(0, gate_count(&freed));
    gate_open(&called);
}

static void do_replace(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    CHECK_OK(aws_iot_mqtt_client_subscribe(context.client, "in", 0, publish, NULL, NULL, NULL));
    CHECK_INT(0, gate_count(&freed));
    gate_open(&called);
}

static void do_disconnect(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    size_t left = 77;
    CHECK_OK(aws_iot_mqtt_client_disconnect(context.client, &left));
    CHECK_INT(0, left);
    gate_open(&called);
}

static void do_free(const aws_iot_mqtt_message *message, void *userdata) {
    (void)userdata;
    aws_iot_mqtt_client_free(context.client);
    CHECK_INT(0, gate_count(&freed));
    CHECK_TEXT("in", message->topic); /* The message is still there. */
    gate_open(&called);
}

int main(int argc, char **argv) {
    CHECK(argc > 4);
    const struct { const char *name; aws_iot_mqtt_message_fn callback; bool gone; unsigned freed_before_end; } cases[] = {
        {"publish", do_publish, false, 0},       {"subscribe", do_subscribe, false, 0}, {"unsubscribe", do_unsubscribe, false, 1},
        {"replace", do_replace, false, 1},       {"disconnect", do_disconnect, false, 0}, {"free", do_free, true, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, argv[4]) != 0) continue;
        aws_iot_mqtt_client *client = context.client = connected_client(argv);
        CHECK_OK(aws_iot_mqtt_client_subscribe(client, "in", 1, cases[i].callback, &context, free_context, NULL));
        gate_wait(&called, 1);
        if (cases[i].freed_before_end > 0) gate_wait(&freed, 1);
        if (strcmp(argv[4], "subscribe") == 0) gate_wait(&inner, 1);
        if (cases[i].gone) return 0;
        if (strcmp(argv[4], "disconnect") != 0) callbacks_returned(client); /* Else DISCONNECT might overtake the acknowledgement. */
        if (strcmp(argv[4], "disconnect") != 0) CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
        aws_iot_mqtt_client_free(client);
        CHECK_INT(1, gate_count(&freed));
        CHECK_INT(1, gate_count(&called));
        return 0;
    }
    FAIL("no case %s", argv[4]);
    return 1;
}
