/* Mixed load for as long as the test wants: several clients over TLS publish with both QoS to each other, and subscribe and
 * unsubscribe all the time. Each operation must complete exactly once. On "report" it says what was done; it ends on "end". */
#include "events.h"

#include <malloc.h>

enum { CLIENTS = 6, PAYLOAD_MOST = 4096, EVERY_US = 2000, CHURN_EVERY = 20, TRIM_EVERY = 500 };

static struct {
    aws_iot_mqtt_client *handle;
    /* The filter that comes and goes. */
    bool subscribed;
} clients[CLIENTS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
/* Under the lock. */
static unsigned long accepted, completed, refused, received, connections, lost;
static char first_failure[256];
static bool over;

static void on_end(const aws_iot_mqtt_completion *completion, void *userdata) {
    unsigned char *calls = userdata;
    pthread_mutex_lock(&lock);
    if (++*calls != 1) FAIL("an operation completed twice");
    completed++;
    if (completion->error != AWS_IOT_MQTT_OK && first_failure[0] == '\0')
        snprintf(first_failure, sizeof first_failure, "%s: %s", aws_iot_mqtt_error_name((int)completion->error), completion->detail);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_received(const aws_iot_mqtt_message *message, void *userdata) {
    (void)message, (void)userdata;
    pthread_mutex_lock(&lock);
    received++;
    pthread_mutex_unlock(&lock);
}

static void on_connected(bool session_present, void *userdata) {
    (void)session_present, (void)userdata;
    pthread_mutex_lock(&lock);
    connections++;
    pthread_mutex_unlock(&lock);
}

static void on_lost(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)error, (void)detail, (void)userdata;
    pthread_mutex_lock(&lock);
    lost++;
    pthread_mutex_unlock(&lock);
}

/* Accepted before the call, so that the completion cannot come first. */
static void *new_operation(void) {
    pthread_mutex_lock(&lock);
    accepted++;
    pthread_mutex_unlock(&lock);
    void *calls = calloc(1, 1);
    CHECK(calls != NULL);
    return calls;
}

static bool begun(aws_iot_mqtt_error error, void *calls) {
    if (error == AWS_IOT_MQTT_OK || error == AWS_IOT_MQTT_QUEUED) return true;
    if (error != AWS_IOT_MQTT_ERR_QUEUE_FULL) FAIL("a call fails: %d %s", (int)error, aws_iot_mqtt_last_error_detail());
    pthread_mutex_lock(&lock);
    accepted--;
    refused++;
    pthread_mutex_unlock(&lock);
    free(calls);
    return false;
}

static void publish(unsigned long number) {
    static char payload[PAYLOAD_MOST];
    unsigned from = (unsigned)(number % CLIENTS);
    char topic[32];
    snprintf(topic, sizeof topic, "soak/%u/data", from);
    /* Sizes that repeat in no short cycle. */
    size_t payload_len = (size_t)(number * 2654435761u % PAYLOAD_MOST);
    void *calls = new_operation();
    int qos = number / CLIENTS % 2 == 0;
    begun(aws_iot_mqtt_client_publish_async(clients[from].handle, topic, payload, payload_len, (uint8_t)qos, false, on_end, calls, free, NULL),
          calls);
}

static void churn(unsigned long number) {
    unsigned who = (unsigned)(number % CLIENTS);
    char filter[32];
    snprintf(filter, sizeof filter, "soak/%u/+", (who + 2) % CLIENTS);
    void *calls = new_operation();
    aws_iot_mqtt_error error;
    if (clients[who].subscribed)
        error = aws_iot_mqtt_client_unsubscribe_async(clients[who].handle, filter, on_end, calls, free, NULL);
    else
        error = aws_iot_mqtt_client_subscribe_async(clients[who].handle, filter, 1, on_end, calls, free, on_received, NULL, NULL, NULL);
    if (begun(error, calls)) clients[who].subscribed = !clients[who].subscribed;
}

/* Under the lock. */
static void wait_us(long us) {
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    due.tv_nsec += us * 1000L;
    due.tv_sec += due.tv_nsec / 1000000000L;
    due.tv_nsec %= 1000000000L;
    while (pthread_cond_timedwait(&changed, &lock, &due) == 0 && !over) {
    }
}

static void *load(void *argument) {
    (void)argument;
    for (unsigned long number = 0;; number++) {
        pthread_mutex_lock(&lock);
        wait_us(EVERY_US);
        bool end = over;
        pthread_mutex_unlock(&lock);
        if (end) return NULL;
        publish(number);
        if (number % CHURN_EVERY == 0) churn(number / CHURN_EVERY);
        /* What the C library keeps for later, in an arena for each thread, would hide what is lost. */
        if (number % TRIM_EVERY == 0) malloc_trim(0);
    }
}

static void start_client(char **argv, unsigned number) {
    char name[32], filter[32];
    snprintf(name, sizeof name, "soak-%u", number);
    snprintf(filter, sizeof filter, "soak/%u/data", (number + 1) % CLIENTS);
    aws_iot_mqtt_client *client = new_client_named(argv, name, number % 2 == 0);
    CHECK_OK(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 50, 1000, 2000));
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 5000));
    CHECK_OK(aws_iot_mqtt_client_configure_draining_frequency(client, AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE));
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_connected, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_on_offline(client, on_lost, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 10));
    CHECK_OK(aws_iot_mqtt_client_subscribe(client, filter, 1, on_received, NULL, NULL, NULL));
    clients[number].handle = client;
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    pthread_condattr_t attributes;
    CHECK_INT(0, pthread_condattr_init(&attributes));
    CHECK_INT(0, pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    CHECK_INT(0, pthread_cond_init(&changed, &attributes));
    for (unsigned i = 0; i < CLIENTS; i++) start_client(argv, i);
    pthread_t thread = start_thread(load, NULL);
    say("ready");
    char line[32];
    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "end\n") != 0) {
        pthread_mutex_lock(&lock);
        /* What was allocated and not freed, in all arenas. */
        struct mallinfo2 memory = mallinfo2();
        printf("report allocated_kib=%zu accepted=%lu completed=%lu refused=%lu received=%lu connections=%lu\n",
               (memory.uordblks + memory.hblkhd) / 1024, accepted, completed, refused, received,
               connections);
        fflush(stdout);
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_lock(&lock);
    over = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    pthread_mutex_lock(&lock);
    for (long long end = now_ms() + DEADLINE_SECS * 1000; completed < accepted && now_ms() < end;) {
        struct timespec due;
        clock_gettime(CLOCK_MONOTONIC, &due);
        due.tv_sec++;
        pthread_cond_timedwait(&changed, &lock, &due);
    }
    if (completed != accepted) FAIL("%lu of %lu operations have completed", completed, accepted);
    if (first_failure[0] != '\0') FAIL("an operation failed: %s", first_failure);
    pthread_mutex_unlock(&lock);
    for (unsigned i = 0; i < CLIENTS; i++) {
        CHECK_OK(aws_iot_mqtt_client_disconnect(clients[i].handle, NULL));
        aws_iot_mqtt_client_free(clients[i].handle);
    }
    CHECK_INT(connections, lost);
    printf("last accepted=%lu completed=%lu refused=%lu received=%lu connections=%lu\n", accepted, completed, refused, received, connections);
    return 0;
}
