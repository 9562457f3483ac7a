/* A fault that needs no privileges: a step of the wall clock. A program's own function of a name
 * comes before the C library's for all that is loaded into it, the library under test included. */
#ifndef FAULTS_SHIM_H
#define FAULTS_SHIM_H

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic long long clock_shift_secs;
/* How often somebody asked for the time while it was shifted. */
static _Atomic unsigned shifted_answers;

/* As clock_settime() steps it: the wall clock only, never those that count from the start of the machine. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    long long shift = atomic_load(&clock_shift_secs);
    if (result == 0 && clock == CLOCK_REALTIME && shift != 0) {
        now->tv_sec += shift;
        atomic_fetch_add(&shifted_answers, 1);
    }
    return result;
}

#endif
