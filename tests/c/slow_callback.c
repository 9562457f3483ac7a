/* While a callback blocks, pings go out, acknowledgements are processed, and another thread's synchronous call returns. */
#include "check.h"

static struct gate inside = GATE, may_return = GATE, returned = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&inside);
    gate_wait(&may_return, 1);
    gate_open(&returned);
}

static void *publish(void *client) {
    CHECK_OK(publish_text(client, "other", "from a thread", 1));
    return NULL;
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 30000));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 1));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "in", 1, on_message, NULL, NULL, NULL));
    gate_wait(&inside, 1);
    CHECK_OK(publish_text(client, "mine", "at once", 1));
    pthread_t thread = start_thread(publish, client);
    CHECK_INT(0, pthread_join(thread, NULL));
    /* The broker acknowledges this one when it has seen two pings. */
    CHECK_OK(publish_text(client, "mine", "after two pings", 1));
    CHECK_INT(0, gate_count(&returned));
    gate_open(&may_return);
    gate_wait(&returned, 1);
    callbacks_returned(client); /* Else DISCONNECT might overtake the acknowledgement. */
    disconnect_and_free(client);
    return 0;
}
