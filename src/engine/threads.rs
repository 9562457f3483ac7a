//! Starting threads that never see a signal: handlers of the application run on the application's own threads.

use std::io;
use std::thread;
pub(super) use std::thread::{JoinHandle, ThreadId, current};
use std::time::Duration;

/// The engine of an application that makes clients again and again is kept so long without any.
pub(super) const KEPT_FOR: Duration = Duration::from_millis(500);
/// Callbacks that may block at once; further ones wait until one returns. One worker more is always outside of application code.
pub(super) const MOST_IN_CALLBACKS: usize = 64;

/// Starts a thread with all signals blocked.
#[allow(unsafe_code)]
pub(super) fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    // A new thread inherits the mask of the one that starts it: blocking before and restoring after leaves no moment in which
    // a signal could find the new thread.
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are ours; sigfillset initialises the one that pthread_sigmask reads, and it initialises the other.
    let blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr()) == 0
            && libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    if !blocked {
        return Err(io::Error::other("the signal mask could not be set"));
    }
    // The name is what `top -H` and a debugger show; Linux keeps 15 bytes of it.
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .stack_size(256 << 10)
        .spawn(body);
    // SAFETY: `before` was initialised by the call above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    thread
}
