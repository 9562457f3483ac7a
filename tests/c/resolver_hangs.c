/* This program is the resolver, and does not answer. A credentials provider that has returned is not waited for any more: free returns. */
#include "check.h"
#include <netdb.h>

static struct gate questions = GATE, may_answer = GATE, answered = GATE, freed = GATE;

/* The library's call comes here, as the program's symbols go before those of libc. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    (void)node, (void)service, (void)hints, (void)result;
    gate_open(&questions);
    gate_wait(&may_answer, 1);
    gate_open(&answered);
    return EAI_AGAIN;
}

static int provide(aws_iot_mqtt_credentials_sink *sink, uint64_t remaining_ms, void *userdata) {
    (void)remaining_ms, (void)userdata;
    CHECK_OK(aws_iot_mqtt_credentials_set(sink, "AKIDEXAMPLE", "secret", NULL, 0));
    return 0;
}

int main(void) {
    aws_iot_mqtt_client *client = NULL;
    CHECK_OK(aws_iot_mqtt_client_new("me", MQTT_3_1_1, true, true, &client));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, "broker.test", 443));
    CHECK_OK(aws_iot_mqtt_client_configure_tls(client, false));
    CHECK_OK(aws_iot_mqtt_client_configure_region(client, "eu-central-1"));
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials_provider(client, provide, &freed, count_free));
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 60, NULL, NULL, NULL, NULL));
    gate_wait(&questions, 1);
    aws_iot_mqtt_client_free(client);
    CHECK_INT(1, gate_count(&freed));
    CHECK_INT(0, gate_count(&answered));
    gate_open(&may_answer);
    gate_wait(&answered, 1);
    return 0;
}
