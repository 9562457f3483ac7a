/* The process may end with live clients, busy or not, by return, by exit() inside a callback, or with a callback that blocks. */
#include "check.h"

static struct gate came = GATE, never = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message;
    const char *how = userdata;
    gate_open(&came);
    if (strcmp(how, "in_callback") == 0) exit(0);
    if (strcmp(how, "blocked") == 0) gate_wait(&never, 1);
}

int main(int argc, char **argv) {
    CHECK(argc > 4);
    aws_iot_mqtt_client *client = connected_client(argv);
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, "in", 0, on_message, argv[4], NULL, NULL));
    gate_wait(&came, strcmp(argv[4], "busy") == 0 ? 1000 : 1);
    if (strcmp(argv[4], "in_callback") == 0) gate_wait(&never, 1);
    return 0;
}
