/* Library threads block all signals, are at most eight while idle, have names, and are gone with the last client. */
#include "proc.h"
#include <signal.h>

static struct numbers before;

static bool as_before(void) {
    return threads().count == before.count;
}

static bool at_most_eight(void) {
    return threads().count <= before.count + 8;
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    sigset_t none, after;
    sigemptyset(&none);
    CHECK_INT(0, pthread_sigmask(SIG_SETMASK, &none, NULL));
    before = threads();
    CHECK_INT(1, before.count);
    aws_iot_mqtt_client *client = connected_client(argv);
    CHECK_OK(publish_text(client, "t", "", 1));
    CHECK(becomes(at_most_eight));
    struct numbers now = threads();
    int ours = 0;
    for (int i = 0; i < now.count; i++) {
        char path[64], blocked[64];
        if (among(before, now.values[i])) continue;
        snprintf(path, sizeof path, "/proc/self/task/%ld/status", now.values[i]);
        if (!proc_field(path, "SigBlk", blocked, sizeof blocked)) continue; /* It has just ended. */
        ours++;
        unsigned long long mask = strtoull(blocked, NULL, 16);
        for (int number = 1; number < 32; number++) {
            if (number == SIGKILL || number == SIGSTOP) continue;
            if ((mask >> (number - 1) & 1) == 0) FAIL("signal %d is not blocked on thread %ld (%s)", number, now.values[i], blocked);
        }
    }
    CHECK(ours > 0);
    CHECK_INT(0, pthread_sigmask(SIG_SETMASK, NULL, &after));
    for (int number = 1; number < 32; number++) CHECK_INT(0, sigismember(&after, number)); /* Ours are as they were. */
    disconnect_and_free(client);
    CHECK(becomes(as_before));
    return 0;
}
