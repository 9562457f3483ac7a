/* Threads as the program sees them: which there are, an event when one has ended, and threads that cannot be started. /proc lists a thread for
 * a moment more when it has ended, and nothing tells when it no longer does. A program's own function of a name comes before the C library's for
 * all that is loaded into it, the library under test included. */
#ifndef THREADS_SHIM_H
#define THREADS_SHIM_H

#include "check.h"
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the strict standard, with which programs of applications are compiled, hides of glibc. */
#ifndef RTLD_NEXT
#define RTLD_NEXT ((void *)-1L)
#endif
long syscall(long number, ...);

struct numbers {
    int count;
    long values[256];
};

static inline bool among(struct numbers numbers, long value) {
    for (int i = 0; i < numbers.count; i++) {
        if (numbers.values[i] == value) return true;
    }
    return false;
}

enum { ANY_NUMBER = 1000000 };
/* How many more can be started. */
static int threads_left = ANY_NUMBER;
static unsigned refused_threads;

/* All but the first one. */
static struct numbers started;
static pthread_mutex_t started_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_started = PTHREAD_COND_INITIALIZER;

/* The numbers of the program's threads, the first one's first. */
static inline struct numbers threads(void) {
    pthread_mutex_lock(&started_mutex);
    struct numbers all = {0, {0}};
    all.values[0] = getpid();
    all.count = started.count + 1;
    memcpy(all.values + 1, started.values, (size_t)started.count * sizeof *started.values);
    pthread_mutex_unlock(&started_mutex);
    return all;
}

struct thread_start {
    void *(*body)(void *);
    void *argument;
    bool is_running;
};

/* Destructors of thread-specific data run in up to four rounds. In the third one those of the thread's own variables have run, which free
 * memory: Rust's standard library does that in the second. */
static pthread_key_t end_of_thread;
static char rounds[3];

static void thread_ends(void *round) {
    if ((char *)round > rounds) {
        CHECK_INT(0, pthread_setspecific(end_of_thread, (char *)round - 1));
        return;
    }
    long number = syscall(SYS_gettid);
    pthread_mutex_lock(&started_mutex);
    for (int i = 0; i < started.count; i++) {
        if (started.values[i] == number) started.values[i] = started.values[--started.count];
    }
    pthread_mutex_unlock(&started_mutex);
    something_happened();
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_end_of_thread(void) {
    CHECK_INT(0, pthread_key_create(&end_of_thread, thread_ends));
}

static void *run_thread(void *given) {
    struct thread_start *start = given;
    void *(*body)(void *) = start->body, *argument = start->argument;
    pthread_once(&once, make_end_of_thread);
    CHECK_INT(0, pthread_setspecific(end_of_thread, rounds + 2));
    pthread_mutex_lock(&started_mutex);
    CHECK(started.count < 255);
    started.values[started.count++] = syscall(SYS_gettid);
    start->is_running = true;
    pthread_cond_broadcast(&has_started);
    pthread_mutex_unlock(&started_mutex);
    return body(argument);
}

typedef int pthread_create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

#ifdef __SANITIZE_THREAD__
pthread_create_fn __interceptor_pthread_create;
#endif

static inline pthread_create_fn *real_pthread_create(void) {
#ifdef __SANITIZE_THREAD__
    return __interceptor_pthread_create;
#else
    union {
        void *symbol;
        pthread_create_fn *function;
    } real;
    real.symbol = dlsym(RTLD_NEXT, "pthread_create");
    return real.function;
#endif
}

/* Returns when the thread is among threads(). Refuses as with RLIMIT_NPROC reached. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    if (__atomic_fetch_sub(&threads_left, 1, __ATOMIC_SEQ_CST) <= 0) {
        __atomic_fetch_add(&refused_threads, 1, __ATOMIC_SEQ_CST);
        return EAGAIN;
    }
    struct thread_start start = {body, argument, false};
    int result = real_pthread_create()(thread, attributes, run_thread, &start);
    if (result != 0) return result;
    pthread_mutex_lock(&started_mutex);
    while (!start.is_running) pthread_cond_wait(&has_started, &started_mutex);
    pthread_mutex_unlock(&started_mutex);
    return 0;
}

#endif
