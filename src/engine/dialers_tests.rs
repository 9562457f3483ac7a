//! Of `dialers`; not in it, because `races` compiles that file a second time.

use super::dialers::{Dialers, MOST};
use super::shared::lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[test]
fn p6_jobs_run_at_once_up_to_the_limit_and_the_others_wait() {
    let dialers = Dialers::default();
    let (done, finished) = mpsc::channel();
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let inside = Arc::new(AtomicUsize::new(0));
    for _ in 0..MOST * 3 {
        let (done, gate, inside) = (done.clone(), Arc::clone(&gate), Arc::clone(&inside));
        let job = move || {
            let before = inside.fetch_add(1, Ordering::SeqCst);
            let open = gate.1.wait_while(lock(&gate.0), |open| !*open);
            drop(open);
            inside.fetch_sub(1, Ordering::SeqCst);
            let _ = done.send(before + 1);
        };
        dialers.run(Box::new(job)).expect("a thread");
    }
    assert_eq!(lock(&dialers.line.queue).threads, MOST);
    *lock(&gate.0) = true;
    gate.1.notify_all();
    let most = (0..MOST * 3)
        .map(|_| finished.recv_timeout(Duration::from_secs(20)).expect("ran"))
        .max();
    assert!(most <= Some(MOST), "{most:?} at once");
}
