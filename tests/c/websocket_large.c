/* A publish that is larger than a frame, and then the end. */
#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc > 3);
    static char large[300 * 1024];
    for (size_t i = 0; i < sizeof large; i++) large[i] = (char)(i * 31 + i / 256);
    memcpy(large + sizeof large - 7, "the end", 7);
    aws_iot_mqtt_client *client = connected_client(argv);
    CHECK_OK(aws_iot_mqtt_client_publish(client, "t", large, sizeof large, 1, false));
    disconnect_and_free(client);
    return 0;
}
