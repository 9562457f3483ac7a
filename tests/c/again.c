/* An application that makes clients again and again: the library's threads stay a moment for the next one, and then end. */
#include "proc.h"

static bool only_this_thread(void) {
    return threads().count == 1;
}

static aws_iot_mqtt_client *make(void) {
    aws_iot_mqtt_client *client = NULL;
    CHECK_OK(aws_iot_mqtt_client_new("me", AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client));
    return client;
}

/* A client, and another one in the moment for which the threads stay: it has the same. False where the moment was over before. */
static bool finds_them_again(void) {
    aws_iot_mqtt_client_free(make());
    struct numbers kept = threads();
    aws_iot_mqtt_client *next = make();
    struct numbers now = threads();
    aws_iot_mqtt_client_free(next);
    bool all = kept.count > 1;
    for (int i = 0; i < kept.count; i++) all &= among(now, kept.values[i]);
    return all;
}

int main(void) {
    CHECK(becomes(finds_them_again));
    CHECK(becomes(only_this_thread));
    /* At the end of the process they end with it. */
    for (int i = 0; i < 3; i++) aws_iot_mqtt_client_free(make());
    return 0;
}
