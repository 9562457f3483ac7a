//! Threads for what can only be done blocking: name resolution and the application's socket factory.

use super::threads;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// At most this many at once; further jobs wait (their time counts towards the deadline of their attempt).
const MOST: usize = 32;
/// A dialer without work ends after this time, so that an idle process has none.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Dialers {
    jobs: Sender<Job>,
    queue: Receiver<Job>,
    /// Threads, and jobs that are waiting or running.
    threads: Arc<AtomicUsize>,
    pending: Arc<AtomicUsize>,
}

impl Dialers {
    pub(super) fn new() -> Self {
        let (jobs, queue) = unbounded();
        Dialers {
            jobs,
            queue,
            threads: Arc::default(),
            pending: Arc::default(),
        }
    }

    /// Runs a job on a thread of its own or on one that is free. An error: there is no thread, and none can be started.
    pub(super) fn run(&self, job: Job) -> io::Result<()> {
        let pending = self.pending.fetch_add(1, Ordering::SeqCst) + 1;
        let threads = self.threads.load(Ordering::SeqCst);
        if pending > threads && threads < MOST {
            self.threads.fetch_add(1, Ordering::SeqCst);
            if let Err(error) = self.start() {
                let others = self.threads.fetch_sub(1, Ordering::SeqCst) - 1;
                if others == 0 {
                    self.pending.fetch_sub(1, Ordering::SeqCst);
                    return Err(error);
                }
            }
        }
        // The receiver lives as long as we do.
        let _ = self.jobs.send(job);
        Ok(())
    }

    fn start(&self) -> io::Result<()> {
        let (queue, threads, pending) = (
            self.queue.clone(),
            Arc::clone(&self.threads),
            Arc::clone(&self.pending),
        );
        threads::spawn("mqtt-dialer", move || {
            loop {
                while let Ok(job) = queue.recv_timeout(PATIENCE) {
                    // A job guards itself against panics of what it calls; this only keeps the counts right.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
                    pending.fetch_sub(1, Ordering::SeqCst);
                }
                threads.fetch_sub(1, Ordering::SeqCst);
                // A job may be coming that counted on this thread: its giver counts it before it looks for threads.
                if pending.load(Ordering::SeqCst) == 0 {
                    return;
                }
                threads.fetch_add(1, Ordering::SeqCst);
            }
        })
        .map(|_| ())
    }
}
