//! Time as the scenarios want it: a thread of its own lets it pass. That thread has its turns when the scheduler says so, so a timer may
//! fire at any moment; and it does have them when all others wait, so each timer fires in the end. But only up to a limit, which is
//! far beyond every timer that a hand-over uses on purpose, and far before those that come to the rescue (the deadline of an
//! operation, say): who waits longer waits for a wake-up that was lost, and shuttle reports a deadlock.

use crate::time::Instant;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

// All threads of one execution are on one thread of the system, so cells are enough.
std::thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
    static ALARMS: RefCell<Arc<Alarms>> = RefCell::default();
}

/// Who is to be woken at what time.
#[derive(Default)]
struct Alarms {
    set: Mutex<Set>,
    changed: Condvar,
}

#[derive(Default)]
struct Set {
    by_id: BTreeMap<u64, (Instant, Arc<Condvar>)>,
    next_id: u64,
    limit: Option<Instant>,
    over: bool,
}

/// Each look at the clock takes a microsecond, so that publishes in a row are a burst.
pub(super) fn now() -> Instant {
    NOW.set(NOW.get() + 1000);
    Instant(NOW.get())
}

/// Runs a scenario of which nothing may take longer than `limit`.
pub(super) fn run(limit: Duration, scenario: fn()) {
    NOW.set(1_000_000_000);
    let alarms = Arc::new(Alarms::default());
    alarms.set.lock().expect("no poison").limit = Some(now() + limit);
    ALARMS.set(Arc::clone(&alarms));
    let other = Arc::clone(&alarms);
    let clock = thread::spawn(move || other.pass());
    scenario();
    alarms.change(|set| set.over = true);
    clock.join().expect("ended");
}

impl Alarms {
    fn change<R>(&self, change: impl FnOnce(&mut Set) -> R) -> R {
        let changed = change(&mut self.set.lock().expect("no poison"));
        self.changed.notify_one();
        changed
    }

    fn pass(&self) {
        let mut set = self.set.lock().expect("no poison");
        while !set.over {
            let first = set.by_id.values().min_by_key(|(at, _)| *at);
            let Some((at, whom)) = first.filter(|(at, _)| Some(*at) <= set.limit).cloned() else {
                set = self.changed.wait(set).expect("no poison");
                continue;
            };
            drop(set);
            // Not always at the first opportunity: what others do before the timer fires differs, too.
            if thread_rng().gen_bool(0.5) {
                for _ in 0..thread_rng().gen_range(0..32) {
                    thread::yield_now();
                }
            }
            NOW.set(NOW.get().max(at.0));
            // Until it takes its alarm back: it may be just about to wait, and not hear this.
            whom.notify_all();
            thread::yield_now();
            set = self.set.lock().expect("no poison");
        }
    }
}

/// Wakes at a time those who wait for `whom`, until it is dropped.
pub(super) struct Alarm {
    id: u64,
    alarms: Arc<Alarms>,
}

impl Alarm {
    pub(super) fn new(at: Instant, whom: &Arc<Condvar>) -> Alarm {
        let alarms = ALARMS.with_borrow(Arc::clone);
        let id = alarms.change(|set| {
            set.next_id += 1;
            set.by_id.insert(set.next_id, (at, Arc::clone(whom)));
            set.next_id
        });
        Alarm { id, alarms }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // A thread that ends because an assertion failed must not panic again.
        if let Ok(mut set) = self.alarms.set.lock() {
            set.by_id.remove(&self.id);
        }
    }
}

/// Whether `at` has come; does not take time.
pub(super) fn is_past(at: Instant) -> bool {
    at.0 <= NOW.get()
}

/// The calling thread of a scenario waits.
pub(super) fn sleep(duration: Duration) {
    let until = now() + duration;
    let slept = Arc::new(Condvar::new());
    let _alarm = Alarm::new(until, &slept);
    let guard = Mutex::new(());
    let mut waits = guard.lock().expect("no poison");
    while !is_past(until) {
        waits = slept.wait(waits).expect("no poison");
    }
}
