/* Two clients in one process know nothing of each other. */
#include "check.h"

static struct gate first_came = GATE, second_came = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    CHECK_TEXT(userdata == &first_came ? "to/first" : "to/second", message->topic);
    gate_open(userdata);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *first = new_client_named(argv, "first", true), *second = new_client_named(argv, "second", true);
    CHECK_OK(aws_iot_mqtt_client_connect(first, 600));
    CHECK_OK(aws_iot_mqtt_client_connect(second, 600));
    CHECK_OK(aws_iot_mqtt_client_subscribe(first, "to/+", 1, on_message, &first_came, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_subscribe(second, "to/+", 1, on_message, &second_came, NULL, NULL));
    gate_wait(&first_came, 1);
    gate_wait(&second_came, 1);
    disconnect_and_free(first);
    CHECK_OK(publish_text(second, "alone", "", 1));
    disconnect_and_free(second);
    return 0;
}
