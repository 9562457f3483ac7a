//! What `engine/threads.rs` is, of shuttle; signals are no matter here.

use std::io;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(super) use shuttle::thread::{ThreadId, current};

/// shuttle's threads do not outlive one order.
pub(super) const KEPT_FOR: Duration = Duration::ZERO;
/// So few that the line for them is used.
pub(super) const MOST_IN_CALLBACKS: usize = 2;

/// shuttle's does not tell whether the thread has finished, and when it is dropped, shuttle does not mind any more whether the thread
/// ends. Here each thread of the engine has to.
pub(super) struct JoinHandle<T> {
    handle: ManuallyDrop<shuttle::thread::JoinHandle<T>>,
    finished: Arc<AtomicBool>,
}

impl<T> JoinHandle<T> {
    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::SeqCst)
    }

    pub(super) fn thread(&self) -> &shuttle::thread::Thread {
        self.handle.thread()
    }

    pub(super) fn join(self) -> std::thread::Result<T> {
        ManuallyDrop::into_inner(self.handle).join()
    }
}

pub(super) fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let finished = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&finished);
    let body = move || {
        body();
        flag.store(true, Ordering::SeqCst);
    };
    let builder = shuttle::thread::Builder::new().name(name.to_owned());
    let handle = ManuallyDrop::new(builder.spawn(body)?);
    Ok(JoinHandle { handle, finished })
}
