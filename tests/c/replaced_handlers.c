/* Replacing and removing handlers gives each userdata back exactly once. */
#include "check.h"

static struct gate first = GATE, second = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
}

static void on_online(bool session_present, void *userdata) {
    (void)session_present, (void)userdata;
}

static void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)error, (void)detail, (void)userdata;
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_on_message(client, on_message, &first, count_free));
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_online, &first, count_free));
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_offline, &first, count_free));
    CHECK_INT(0, gate_count(&first));
    CHECK_OK(aws_iot_mqtt_client_on_message(client, on_message, &second, count_free));
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_online, &second, count_free));
    gate_wait(&first, 2);
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, NULL, NULL, NULL));
    gate_wait(&first, 3);
    CHECK_INT(0, gate_count(&second));
    CHECK_OK(aws_iot_mqtt_client_on_message(client, NULL, NULL, NULL));
    gate_wait(&second, 1);
    aws_iot_mqtt_client_free(client);
    CHECK_INT(3, gate_count(&first));
    CHECK_INT(2, gate_count(&second));
    return 0;
}
