/* dlclose() with a live client: nothing crashes, whatever the broker sends afterwards. This program is not linked to the library. */
#include "check.h"
#include <dlfcn.h>

/* A function pointer by its name; C has no cast from one kind of pointer to the other. */
#define LOOK_UP(name, type) \
    type name##_; \
    do { \
        void *symbol_ = dlsym(library, "aws_iot_mqtt_client_" #name); \
        CHECK(symbol_ != NULL); \
        memcpy(&name##_, &symbol_, sizeof symbol_); \
    } while (0)

typedef aws_iot_mqtt_error (*endpoint_fn)(aws_iot_mqtt_client *, const char *, uint16_t);
typedef aws_iot_mqtt_error (*tls_fn)(aws_iot_mqtt_client *, bool);
typedef aws_iot_mqtt_error (*connect_fn)(aws_iot_mqtt_client *, uint32_t);

static struct gate came = GATE;

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    gate_open(&came);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    void *library = dlopen("libaws_iot_mqtt.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) FAIL("%s", dlerror());
    LOOK_UP(configure_endpoint, endpoint_fn);
    LOOK_UP(configure_tls, tls_fn);
    LOOK_UP(connect, connect_fn);
    aws_iot_mqtt_error (*new_)(const char *, int, bool, bool, aws_iot_mqtt_client **);
    aws_iot_mqtt_error (*on_message_)(aws_iot_mqtt_client *, aws_iot_mqtt_message_fn, void *, aws_iot_mqtt_userdata_free_fn);
    void *symbol = dlsym(library, "aws_iot_mqtt_client_new");
    memcpy(&new_, &symbol, sizeof symbol);
    symbol = dlsym(library, "aws_iot_mqtt_client_on_message");
    memcpy(&on_message_, &symbol, sizeof symbol);

    aws_iot_mqtt_client *client = NULL;
    CHECK_INT(0, new_("me", MQTT_3_1_1, false, true, &client));
    CHECK_INT(0, configure_endpoint_(client, argv[1], (uint16_t)atoi(argv[2])));
    CHECK_INT(0, configure_tls_(client, false));
    CHECK_INT(0, on_message_(client, on_message, NULL, NULL));
    CHECK_INT(0, connect_(client, 600));
    gate_wait(&came, 1);
    CHECK_INT(0, dlclose(library));
    gate_wait(&came, 1001); /* The broker goes on sending: the library's threads run its code still. */
    return 0;
}
