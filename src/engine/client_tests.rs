//! What the end of a client promises and no program can see for certain.

use super::client::Client;
use super::shared::lock;
use crate::config::Config;
use crate::log::{Level, Log};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A dialer in name resolution outlives `free`, and has a copy of the log.
#[test]
fn no_line_reaches_the_log_after_free_has_returned() {
    let client = Client::new(Config::default()).expect("a client");
    let lines = Arc::new(AtomicUsize::new(0));
    let sink = Arc::clone(&lines);
    let sink = move |_: Level, _: &str| {
        sink.fetch_add(1, Ordering::SeqCst);
    };
    client
        .on_log(|| Log::new(Level::Debug, Arc::new(sink)))
        .expect("a log");
    let copy = lock(&client.inner.state).log.clone();
    copy.write(Level::Error, || "before".to_owned());
    let before = lines.load(Ordering::SeqCst);
    assert!(before > 0);
    client.free();
    copy.write(Level::Error, || "after".to_owned());
    assert_eq!(lines.load(Ordering::SeqCst), before);
}
