/* What the programs share that drive their clients in a loop of their own, on one thread. */
#ifndef LOOP_H
#define LOOP_H

#include "events.h"
#include "proc.h"
#include <poll.h>

static aws_iot_mqtt_loop *loop;
/* How often poll() said that there is something to do. */
static int turns;

static inline void make_loop(void) {
    CHECK_OK(aws_iot_mqtt_loop_new(&loop));
}

static inline aws_iot_mqtt_client *client_in_loop(char **argv, const char *client_id) {
    aws_iot_mqtt_client *client = NULL;
    CHECK_OK(aws_iot_mqtt_client_new_in_loop(loop, client_id, MQTT_3_1_1, getenv("TEST_WEBSOCKET") != NULL, true, &client));
    configure_way(client, argv);
    backoff(client, BASE_MS, MAX_MS);
    CHECK_OK(aws_iot_mqtt_client_configure_draining_frequency(client, AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE));
    return client;
}

/* One turn of an application's loop. It waits for the descriptor alone: the times must be in it. */
static inline void turn(int limit_ms) {
    struct pollfd descriptor = {-1, POLLIN, 0};
    CHECK_OK(aws_iot_mqtt_loop_fd(loop, &descriptor.fd));
    turns += poll(&descriptor, 1, limit_ms) == 1;
    CHECK_OK(aws_iot_mqtt_loop_process(loop));
}

#define DRIVE_UNTIL(condition) \
    do { \
        long long end_ = now_ms() + DEADLINE_SECS * 1000; \
        while (!(condition)) { \
            long long left_ = end_ - now_ms(); \
            if (left_ <= 0) FAIL("not in %d seconds: %s; so far: %s", DEADLINE_SECS, #condition, happened.text); \
            turn((int)left_); \
        } \
    } while (0)

#define CONNECT_IN_LOOP(client, keep_alive_secs) \
    do { \
        unsigned before_ = gate_count(&ended); \
        CHECK_OK(aws_iot_mqtt_client_connect_async(client, keep_alive_secs, on_done, (void *)(uintptr_t)"connect", NULL, NULL)); \
        DRIVE_UNTIL(gate_count(&ended) == before_ + 1); \
    } while (0)

#endif
