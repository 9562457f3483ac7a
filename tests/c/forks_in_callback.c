/* A callback that forks and returns in the child, too: the child ends there and leaves the parent's connection and its events alone. */
#include "check.h"
#include <sys/wait.h>
#include <unistd.h>

static struct gate received = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) return;
    int status = -1;
    CHECK_INT(child, waitpid(child, &status, 0));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    gate_open(&received);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_on_message(client, on_message, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    /* The second one comes when the broker has the first one's PUBACK. */
    gate_wait(&received, 2);
    CHECK_OK(publish_text(client, "t", "parent", 1));
    disconnect_and_free(client);
    return 0;
}
