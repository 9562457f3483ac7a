//! Threads for what can only be done blocking: name resolution, the application's socket factory, its credentials and keys.

use super::shared::lock;
use super::sync::{Condvar, Mutex};
use super::threads::{self, JoinHandle};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// At most this many at once; further jobs wait (their time counts towards the deadline of their attempt).
pub(super) const MOST: usize = 32;
/// A dialer without work ends after this time, so that an idle process has none.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Dialers {
    pub(super) line: Arc<Line>,
}

/// Where jobs wait for dialers and dialers for jobs. A condition variable, not a channel: those of std and crossbeam spin before they
/// sleep, which on one core keeps the thread that the connection waits for from running.
#[derive(Default)]
pub(super) struct Line {
    pub(super) queue: Mutex<Queue>,
    came: Condvar,
}

#[derive(Default)]
pub(super) struct Queue {
    jobs: VecDeque<Job>,
    pub(super) threads: usize,
    /// Of `threads`, those that wait for a job.
    free: usize,
    handles: Vec<JoinHandle<()>>,
    /// Nobody gives jobs any more.
    ended: bool,
}

/// The last client has gone, and its dialers go with it.
impl Drop for Dialers {
    fn drop(&mut self) {
        self.end();
    }
}

impl Dialers {
    /// Runs a job on a thread of its own or on one that is free. An error: there is no thread, and none can be started.
    pub(super) fn run(&self, job: Job) -> io::Result<()> {
        let mut queue = lock(&self.line.queue);
        queue.jobs.push_back(job);
        if queue.jobs.len() > queue.free && queue.threads < MOST {
            let line = Arc::clone(&self.line);
            match threads::spawn("mqtt-dialer", move || line.work()) {
                Ok(handle) => {
                    queue.threads += 1;
                    queue.handles.retain(|handle| !handle.is_finished());
                    queue.handles.push(handle);
                }
                Err(error) if queue.threads == 0 => {
                    queue.jobs.pop_back();
                    return Err(error);
                }
                // Those that there are will come to it.
                Err(_) => {}
            }
        }
        drop(queue);
        self.line.came.notify_one();
        Ok(())
    }

    /// They end, and are waited for unless one is at a job: a name resolution may hang.
    pub(super) fn end(&self) {
        let (handles, all_are_free) = {
            let mut queue = lock(&self.line.queue);
            queue.ended = true;
            let all_are_free = queue.free == queue.threads && queue.jobs.is_empty();
            (std::mem::take(&mut queue.handles), all_are_free)
        };
        self.line.came.notify_all();
        if all_are_free {
            for handle in handles {
                let _ = handle.join();
            }
        }
    }
}

impl Line {
    fn work(&self) {
        while let Some(job) = self.next() {
            // A job guards itself against panics of what it calls; this only keeps the thread.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        }
    }

    /// `None`: this thread has waited long enough and is not counted any more.
    fn next(&self) -> Option<Job> {
        let mut queue = lock(&self.queue);
        if queue.jobs.is_empty() && !queue.ended {
            queue.free += 1;
            queue = self
                .came
                .wait_timeout_while(queue, PATIENCE, |queue| {
                    queue.jobs.is_empty() && !queue.ended
                })
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            queue.free -= 1;
        }
        let job = queue.jobs.pop_front();
        if job.is_none() {
            queue.threads -= 1;
        }
        job
    }
}
