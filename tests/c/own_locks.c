/* What the program shares between its threads and its callbacks is behind its own locks: "locked". Or is not, in one place: "unlocked".
 * What only the callbacks of one client share needs no lock, because they run one at a time: "in_callbacks". */
#include "check.h"

enum { THREADS = 3, EACH = 20 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned started, outcomes, in_the_open, in_callbacks;
static struct gate done = GATE, freed = GATE;
static aws_iot_mqtt_client *client;
static enum { LOCKED, UNLOCKED, IN_CALLBACKS } how;

static void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    unsigned *number = userdata;
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    pthread_mutex_lock(&mutex);
    CHECK(*number < started);
    outcomes++;
    pthread_mutex_unlock(&mutex);
    if (how == UNLOCKED) in_the_open++;
    if (how == IN_CALLBACKS) in_callbacks++;
    gate_open(&done);
}

static void release(void *userdata) {
    /* The last who used it did so in the completion, on whichever thread. */
    pthread_mutex_lock(&mutex);
    free(userdata);
    pthread_mutex_unlock(&mutex);
    gate_open(&freed);
}

static void *publishes(void *unused) {
    for (int i = 0; i < EACH; i++) {
        unsigned *number = malloc(sizeof *number);
        CHECK(number != NULL);
        pthread_mutex_lock(&mutex);
        *number = started++;
        pthread_mutex_unlock(&mutex);
        /* Under a lock of the program's that its callback takes, too: the library calls nobody from inside a call. */
        pthread_mutex_lock(&mutex);
        int code = (int)aws_iot_mqtt_client_publish_async(client, "t", "x", 1, 1, false, on_done, number, release, NULL);
        pthread_mutex_unlock(&mutex);
        CHECK_CODE(AWS_IOT_MQTT_OK, code);
        /* Nothing orders the last of these and its callback. */
        if (how == UNLOCKED) in_the_open++;
    }
    return unused;
}

static void run(char **argv) {
    client = connected_client(argv);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) threads[i] = start_thread(publishes, NULL);
    for (int i = 0; i < THREADS; i++) CHECK_INT(0, pthread_join(threads[i], NULL));
    gate_wait(&done, THREADS * EACH);
    disconnect_and_free(client);
    gate_wait(&freed, THREADS * EACH);
    pthread_mutex_lock(&mutex);
    CHECK_INT(THREADS * EACH, outcomes);
    pthread_mutex_unlock(&mutex);
    if (how == IN_CALLBACKS) CHECK_INT(THREADS * EACH, in_callbacks); /* All have run when free has returned. */
}

static void run_locked(char **argv) {
    how = LOCKED;
    run(argv);
}

static void run_unlocked(char **argv) {
    how = UNLOCKED;
    run(argv);
}

static void run_in_callbacks(char **argv) {
    how = IN_CALLBACKS;
    run(argv);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {{"locked", run_locked}, {"unlocked", run_unlocked}, {"in_callbacks", run_in_callbacks}};
    return RUN_CASE(cases);
}
