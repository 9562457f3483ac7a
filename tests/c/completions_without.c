/* Asynchronous calls without a callback, without an operation id, and with a userdata that no callback uses. */
#include "check.h"

static struct gate freed = GATE;

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = connected_client(argv);
    CHECK_OK(aws_iot_mqtt_client_publish_async(client, "t", "x", 1, 1, false, NULL, &freed, count_free, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_message(client, NULL, &freed, count_free));
    CHECK_OK(publish_text(client, "t", "y", 1)); /* The one before is acknowledged when this one is. */
    disconnect_and_free(client);
    CHECK_INT(0, gate_count(&freed)); /* Rule 9: with a NULL callback the userdata is not taken. */
    return 0;
}
