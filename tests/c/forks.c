/* In a forked child old handles give FORKED and can be freed, and new clients work; the parent goes on. */
#include "check.h"
#include <sys/wait.h>
#include <unistd.h>

static int in_child(aws_iot_mqtt_client *old, char **argv) {
    uint64_t operation = 77;
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, publish_text(old, "t", "child", 1));
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, aws_iot_mqtt_client_publish_async(old, "t", "x", 1, 0, false, NULL, NULL, NULL, &operation));
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, aws_iot_mqtt_client_connect(old, 600));
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, aws_iot_mqtt_client_disconnect(old, NULL));
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, aws_iot_mqtt_client_unsubscribe(old, "t"));
    CHECK_CODE(AWS_IOT_MQTT_ERR_FORKED, aws_iot_mqtt_client_configure_mqtt_operation_timeout(old, 1000));
    CHECK_INT(77, operation);
    aws_iot_mqtt_client_free(old);
    aws_iot_mqtt_client *client = new_client_named(argv, "child", true);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    CHECK_OK(publish_text(client, "t", "new in the child", 1));
    disconnect_and_free(client);
    return 0;
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = new_client_named(argv, "parent", true);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(in_child(client, argv));
    int status = -1;
    CHECK_INT(child, waitpid(child, &status, 0));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(publish_text(client, "t", "parent", 1));
    disconnect_and_free(client);
    return 0;
}
