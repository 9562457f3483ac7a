/* dlopen(), a client that works, free, dlclose(), several times over: no thread of the library is left, and what the library has
 * registered with the system (fork handlers, thread-local destructors) is still safe when it is called after the dlclose(). */
#include "check.h"
#include "proc.h"
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 4 };

/* C has no cast from a pointer to data to one to a function. */
#define LOOK_UP(name, ...) \
    __VA_ARGS__; \
    do { \
        void *symbol_ = dlsym(library, "aws_iot_mqtt_client_" #name); \
        CHECK(symbol_ != NULL); \
        memcpy(&name##_, &symbol_, sizeof symbol_); \
    } while (0)

static struct gate used = GATE, closed = GATE;

/* Has the thread-local detail of a failure, and ends after the library was closed: its destructor runs then. */
static void *fails_once(void *argument) {
    void *library = argument;
    LOOK_UP(new, aws_iot_mqtt_error (*new_)(const char *, int, bool, bool, aws_iot_mqtt_client **));
    CHECK_INT(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, new_("me", 77, false, true, NULL));
    unsigned round = gate_count(&closed) + 1;
    gate_open(&used);
    gate_wait(&closed, round);
    return NULL;
}

/* Not joined is the one that ends because nobody uses the library any more. */
static bool only_this_thread(void) {
    return threads().count == 1;
}

static void one_round(char **argv, unsigned round) {
    void *library = dlopen("libaws_iot_mqtt.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) FAIL("%s", dlerror());
    LOOK_UP(new, aws_iot_mqtt_error (*new_)(const char *, int, bool, bool, aws_iot_mqtt_client **));
    LOOK_UP(configure_endpoint, aws_iot_mqtt_error (*configure_endpoint_)(aws_iot_mqtt_client *, const char *, uint16_t));
    LOOK_UP(configure_tls, aws_iot_mqtt_error (*configure_tls_)(aws_iot_mqtt_client *, bool));
    LOOK_UP(connect, aws_iot_mqtt_error (*connect_)(aws_iot_mqtt_client *, uint32_t));
    LOOK_UP(disconnect, aws_iot_mqtt_error (*disconnect_)(aws_iot_mqtt_client *, size_t *));
    LOOK_UP(free, void (*free_)(aws_iot_mqtt_client *));

    aws_iot_mqtt_client *client = NULL;
    CHECK_INT(0, new_("me", MQTT_3_1_1, false, true, &client));
    CHECK_INT(0, configure_endpoint_(client, argv[1], (uint16_t)atoi(argv[2])));
    CHECK_INT(0, configure_tls_(client, false));
    CHECK_INT(0, connect_(client, 600));
    CHECK_INT(0, disconnect_(client, NULL));
    free_(client);

    pthread_t thread = start_thread(fails_once, library);
    gate_wait(&used, round);
    CHECK_INT(0, dlclose(library));
    /* It stays in memory: this is what makes the rest safe. */
    void *still = dlopen("libaws_iot_mqtt.so.0", RTLD_NOW | RTLD_NOLOAD);
    CHECK(still != NULL);
    CHECK_INT(0, dlclose(still));
    gate_open(&closed);
    CHECK_INT(0, pthread_join(thread, NULL));
    if (!becomes(only_this_thread)) FAIL("%d threads are left", threads().count);

    pid_t child = fork(); /* The handlers of pthread_atfork(). */
    CHECK(child >= 0);
    if (child == 0) _exit(0);
    int status = -1;
    CHECK_INT(child, waitpid(child, &status, 0));
    CHECK_INT(0, status);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    for (unsigned round = 1; round <= ROUNDS; round++) one_round(argv, round);
    return 0;
}
