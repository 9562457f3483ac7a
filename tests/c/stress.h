/* What the stress program is built on: random numbers, clients with their owners, and the book of every userdata. */
#ifndef STRESS_H
#define STRESS_H

#include "check.h"
#include "proc.h"

enum { CLIENTS = 50, MOST_TOKENS = 2 << 20, MOST_THREADS = 1024, HANG_SECS = 60 };

static uint64_t seed, draws;
static bool stopping;

/* SplitMix64 over a counter that all threads share: the seed settles the sequence, the scheduler who gets which part of it. */
static inline uint64_t draw(void) {
    uint64_t z = seed + __atomic_add_fetch(&draws, 1, __ATOMIC_RELAXED) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline unsigned below(unsigned limit) {
    return (unsigned)(draw() % limit);
}

static inline bool once_in(unsigned times) {
    return below(times) == 0;
}

static inline bool is_stopping(void) {
    return __atomic_load_n(&stopping, __ATOMIC_ACQUIRE);
}

/* What each thread does, for the watchdog. Threads of the library come and go; their places are not used again. */
struct activity {
    const char *call;
    long long since;
};
static struct activity activities[MOST_THREADS];
static unsigned threads_seen;

static inline struct activity *own_activity(void) {
    static __thread struct activity *own;
    if (own == NULL) own = &activities[__atomic_fetch_add(&threads_seen, 1, __ATOMIC_RELAXED) % MOST_THREADS];
    return own;
}

static inline void begins(const char *call) {
    struct activity *own = own_activity();
    __atomic_store_n(&own->since, now_ms(), __ATOMIC_RELAXED);
    __atomic_store_n(&own->call, call, __ATOMIC_RELEASE);
}

static inline void ends(void) {
    __atomic_store_n(&own_activity()->call, NULL, __ATOMIC_RELEASE);
}

static inline void watch_over_all(void) {
    for (int i = 0; i < MOST_THREADS; i++) {
        const char *call = __atomic_load_n(&activities[i].call, __ATOMIC_ACQUIRE);
        long long since = __atomic_load_n(&activities[i].since, __ATOMIC_RELAXED);
        if (call == NULL || now_ms() - since < HANG_SECS * 1000LL) continue;
        fprintf(stderr, "seed %llu: %s has not returned for %d seconds\n", (unsigned long long)seed, call, HANG_SECS);
        for (int j = 0; j < MOST_THREADS; j++) {
            const char *other = __atomic_load_n(&activities[j].call, __ATOMIC_ACQUIRE);
            if (other != NULL) fprintf(stderr, "  thread %d: %s for %lld ms\n", j, other, now_ms() - activities[j].since);
        }
        /* A core, where the machine keeps one, has the stacks. */
        abort();
    }
}

/* The owner's protocol, which the header asks for: no call on a client may begin after its free has begun. Whoever calls is counted,
 * and only who finds nobody counted frees. */
struct slot {
    pthread_mutex_t mutex;
    aws_iot_mqtt_client *client;
    unsigned users;
    uint64_t last_operation, last_acknowledgement;
};
static struct slot slots[CLIENTS];
static unsigned long long calls, clients_made, clients_freed, freed_in_callbacks;

static inline void count(unsigned long long *counter) {
    __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static aws_iot_mqtt_client *make_client(struct slot *slot);

static inline aws_iot_mqtt_client *acquire(struct slot *slot) {
    pthread_mutex_lock(&slot->mutex);
    if (slot->client == NULL) {
        slot->client = make_client(slot);
        count(&clients_made);
    }
    slot->users++;
    aws_iot_mqtt_client *client = slot->client;
    pthread_mutex_unlock(&slot->mutex);
    return client;
}

static inline void release(struct slot *slot) {
    pthread_mutex_lock(&slot->mutex);
    slot->users--;
    pthread_mutex_unlock(&slot->mutex);
}

/* How deep this thread is in callbacks. */
static __thread int depth;

static inline void free_if_idle(struct slot *slot) {
    pthread_mutex_lock(&slot->mutex);
    aws_iot_mqtt_client *client = slot->users == 0 ? slot->client : NULL;
    if (client != NULL) slot->client = NULL;
    pthread_mutex_unlock(&slot->mutex);
    if (client == NULL) return;
    begins("free");
    aws_iot_mqtt_client_free(client);
    ends();
    count(&clients_freed);
    if (depth > 0) count(&freed_in_callbacks);
}

/* The book: what became of each userdata. The userdata itself is allocated, so that AddressSanitizer sees each use after its end. */
enum outcome { OPEN, TAKEN, NOT_TAKEN };
struct entry {
    uint8_t outcome, completed, freed, completes;
};
static struct entry *book;
static uint32_t entries;

struct token {
    uint32_t number;
    struct slot *slot;
};

/* `completes`: of an operation, whose completion comes exactly once. NULL: the book is full, and the program ends. */
static inline struct token *new_token(struct slot *slot, bool completes) {
    struct token *token = malloc(sizeof *token);
    CHECK(token != NULL);
    token->number = __atomic_fetch_add(&entries, 1, __ATOMIC_RELAXED);
    if (token->number >= MOST_TOKENS) FAIL("the book is full: run it for less time");
    token->slot = slot;
    book[token->number].completes = completes;
    return token;
}

static inline void token_completed(const struct token *token) {
    if (__atomic_add_fetch(&book[token->number].completed, 1, __ATOMIC_RELAXED) != 1) FAIL("operation %u completed twice", token->number);
}

static inline void free_token(void *userdata) {
    struct token *token = userdata;
    if (__atomic_add_fetch(&book[token->number].freed, 1, __ATOMIC_RELAXED) != 1) FAIL("userdata %u freed twice", token->number);
    free(token);
}

static inline bool accepted(aws_iot_mqtt_error error) {
    return error == AWS_IOT_MQTT_OK || error == AWS_IOT_MQTT_QUEUED;
}

/* An operation that was accepted and has ended took its userdata as well (rule 2). */
static inline bool ended_after_acceptance(aws_iot_mqtt_error error) {
    return error == AWS_IOT_MQTT_ERR_TIMEOUT || error == AWS_IOT_MQTT_ERR_CANCELLED || error == AWS_IOT_MQTT_ERR_DROPPED ||
           error == AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE || error == AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED;
}

/* The token may be gone already where the call took it, so its number comes extra. */
static inline void settle(struct token *token, uint32_t number, bool taken) {
    __atomic_store_n(&book[number].outcome, taken ? TAKEN : NOT_TAKEN, __ATOMIC_RELEASE);
    if (!taken) free(token);
}

static inline void balance(void) {
    unsigned long long taken = 0, operations = 0;
    for (uint32_t i = 0; i < entries; i++) {
        const struct entry *entry = &book[i];
        bool is_taken = entry->outcome == TAKEN;
        CHECK(entry->outcome != OPEN);
        if (entry->freed != is_taken) FAIL("seed %llu: userdata %u was %s and freed %d times", (unsigned long long)seed, i, is_taken ? "taken" : "not taken", entry->freed);
        if (entry->completed != (is_taken && entry->completes)) FAIL("seed %llu: operation %u was %s and completed %d times", (unsigned long long)seed, i, is_taken ? "accepted" : "refused", entry->completed);
        taken += is_taken;
        operations += is_taken && entry->completes;
    }
    printf("calls=%llu clients=%llu freed_in_callbacks=%llu userdata=%llu operations=%llu\n", calls, clients_made, freed_in_callbacks, taken, operations);
}

#endif
