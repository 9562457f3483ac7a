/* Clauses of MQTT 3.1.1 that show only in the whole client: see tests/conformance/statements.tsv. */
#include "check.h"

/* An empty client id, for a clean session and for one that is kept. */
static void empty_id(char **argv) {
    for (int clean = 0; clean < 2; clean++) {
        aws_iot_mqtt_client *client = new_client_named(argv, "", clean);
        CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
        CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
        aws_iot_mqtt_client_free(client);
    }
}

/* A message comes that nobody has subscribed and for which there is no callback. */
static void unsubscribed(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    char line[16];
    CHECK(fgets(line, sizeof line, stdin) != NULL);
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    aws_iot_mqtt_client_free(client);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {{"empty_id", empty_id}, {"unsubscribed", unsubscribed}};
    return RUN_CASE(cases);
}
