/* Connects with a last will and waits to be killed; with "orderly" it disconnects, and the will must not come. */
#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc > 4);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_last_will(client, "will/gone", argv[4], strlen(argv[4]), 1, false));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    printf("ready\n");
    fflush(stdout);
    if (strcmp(argv[4], "orderly") != 0) (void)getchar();
    disconnect_and_free(client);
    return 0;
}
