//! What is lent to the library as userdata, and what the callbacks see. A broken promise is noted and told at the end: nothing may
//! unwind out of a callback.

use crate::ffi::error::aws_iot_mqtt_error;
use crate::ffi::operations::aws_iot_mqtt_client_publish_async;
use crate::ffi::subscriptions::aws_iot_mqtt_client_acknowledge;
use crate::ffi::types::{aws_iot_mqtt_client, aws_iot_mqtt_completion, aws_iot_mqtt_message};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::io::Write;
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Sockets of one run.
const SOCKETS: usize = 6;

/// What all witnesses of a run share.
pub(super) struct Book {
    script: Vec<u8>,
    greets: bool,
    closes: bool,
    state: Mutex<State>,
    changed: Condvar,
    pub(super) last_acknowledgement: AtomicU64,
}

#[derive(Default)]
struct State {
    wrong: Vec<String>,
    /// The broker's ends.
    sockets: Vec<UnixStream>,
    online: bool,
    events: usize,
}

impl Book {
    pub(super) fn new(script: Vec<u8>, greets: bool, closes: bool) -> Self {
        Book {
            script,
            greets,
            closes,
            state: Mutex::default(),
            changed: Condvar::new(),
            last_acknowledgement: AtomicU64::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Until something is told to the application, but not for long.
    pub(super) fn wait(&self) {
        let state = self.state();
        let events = state.events;
        let longest = Duration::from_millis(4);
        drop(
            self.changed
                .wait_timeout_while(state, longest, |state| state.events == events),
        );
    }

    fn event(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.events += 1;
        self.changed.notify_all();
    }

    fn must(&self, holds: bool, what: &str) {
        if !holds {
            self.state().wrong.push(what.to_owned());
        }
    }

    pub(super) fn check(&self) {
        let state = self.state();
        assert!(state.wrong.is_empty(), "{:?}", state.wrong);
        assert!(!state.online, "offline comes last");
    }
}

pub(super) struct Witness {
    book: Arc<Book>,
    /// The library has taken it.
    pub(super) taken: AtomicBool,
    /// Its callback completes this operation. Zero: it is no completion.
    pub(super) operation: AtomicU64,
    /// What a message callback calls.
    pub(super) client: AtomicPtr<aws_iot_mqtt_client>,
    calls: AtomicUsize,
    completed: AtomicU64,
    freed: AtomicBool,
}

impl Witness {
    pub(super) fn new(book: Arc<Book>) -> Self {
        Witness {
            book,
            taken: AtomicBool::new(false),
            operation: AtomicU64::new(0),
            client: AtomicPtr::new(null_mut()),
            calls: AtomicUsize::new(0),
            completed: AtomicU64::new(0),
            freed: AtomicBool::new(false),
        }
    }

    pub(super) fn userdata(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    fn called(userdata: *mut c_void) -> &'static Witness {
        let witness: &Witness = lent(userdata.cast_const().cast());
        witness.calls.fetch_add(1, SeqCst);
        let freed = witness.freed.load(SeqCst);
        witness.book.must(!freed, "a callback after userdata_free");
        witness
    }

    /// After the client was freed.
    pub(super) fn check(&self) {
        let (calls, taken) = (self.calls.load(SeqCst), self.taken.load(SeqCst));
        let operation = self.operation.load(SeqCst);
        assert_eq!(
            self.freed.load(SeqCst),
            taken,
            "freed if taken, after {calls} calls"
        );
        assert!(taken || calls == 0, "called and not taken");
        if operation != 0 {
            assert_eq!(
                (calls, self.completed.load(SeqCst)),
                (1, operation),
                "one completion"
            );
        }
    }
}

/// What the library lends, or has been lent.
fn lent<T>(pointer: *const T) -> &'static T {
    // SAFETY: valid until the callback returns, or until the client is freed; nobody keeps it longer.
    unsafe { &*pointer }
}

pub(super) fn text(text: *const c_char) -> String {
    // SAFETY: the library lends strings that end with a NUL.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().expect("UTF-8").to_owned()
}

pub(super) extern "C" fn freed(userdata: *mut c_void) {
    let witness: &Witness = lent(userdata.cast_const().cast());
    let before = witness.freed.swap(true, SeqCst);
    witness.book.must(!before, "freed twice");
}

pub(super) extern "C" fn socket(_: *const c_char, _: u16, _: u64, userdata: *mut c_void) -> c_int {
    let book = &Witness::called(userdata).book;
    let mut state = book.state();
    let Ok((ours, mut theirs)) = UnixStream::pair() else {
        return -1;
    };
    if state.sockets.len() >= SOCKETS {
        return -1;
    }
    // So few bytes always fit.
    if book.greets {
        let _ = theirs.write_all(&[0x20, 2, 0, 0]);
    }
    let _ = theirs.write_all(&book.script);
    if book.closes {
        let _ = theirs.shutdown(std::net::Shutdown::Write);
    }
    state.sockets.push(theirs);
    ours.into_raw_fd()
}

pub(super) extern "C" fn online(_: bool, userdata: *mut c_void) {
    let book = &Witness::called(userdata).book;
    book.event(|state| {
        if std::mem::replace(&mut state.online, true) {
            state.wrong.push("online twice".into());
        }
    });
}

pub(super) extern "C" fn offline(
    _: aws_iot_mqtt_error,
    detail: *const c_char,
    userdata: *mut c_void,
) {
    let book = &Witness::called(userdata).book;
    book.must(!text(detail).is_empty(), "offline without a reason");
    book.event(|state| {
        if !std::mem::take(&mut state.online) {
            state.wrong.push("offline twice".into());
        }
    });
}

pub(super) extern "C" fn completion(
    completion: *const aws_iot_mqtt_completion,
    userdata: *mut c_void,
) {
    let (witness, completion) = (Witness::called(userdata), lent(completion));
    witness.completed.store(completion.operation, SeqCst);
    let succeeded = completion.error == aws_iot_mqtt_error::AWS_IOT_MQTT_OK;
    let silent = text(completion.detail).is_empty();
    witness
        .book
        .must(succeeded == silent, "a detail exactly where it failed");
    witness.book.event(|_| {});
}

/// Calls the library back, as a callback may.
pub(super) extern "C" fn message(message: *const aws_iot_mqtt_message, userdata: *mut c_void) {
    let (witness, message) = (Witness::called(userdata), lent(message));
    let whole = text(message.topic).len() == message.topic_len && !message.payload.is_null();
    witness.book.must(whole, "a message that is not whole");
    witness
        .book
        .last_acknowledgement
        .store(message.acknowledgement, SeqCst);
    let client = witness.client.load(SeqCst);
    if !client.is_null() {
        call!(aws_iot_mqtt_client_acknowledge(
            client,
            message.acknowledgement
        ));
        call!(aws_iot_mqtt_client_publish_async(
            client,
            message.topic,
            message.payload.cast(),
            message.payload_len,
            1,
            false,
            None,
            null_mut(),
            None,
            null_mut()
        ));
    }
    witness.book.event(|_| {});
}

pub(super) extern "C" fn connect_failed(
    _: aws_iot_mqtt_error,
    detail: *const c_char,
    _: i64,
    userdata: *mut c_void,
) {
    let book = &Witness::called(userdata).book;
    book.must(!text(detail).is_empty(), "a failure without a reason");
    book.event(|_| {});
}

pub(super) extern "C" fn outcome(
    operation: u64,
    _: c_int,
    topic: *const c_char,
    _: aws_iot_mqtt_error,
    _: *const c_char,
    userdata: *mut c_void,
) {
    let book = &Witness::called(userdata).book;
    book.must(
        !topic.is_null() && operation < u64::MAX,
        "an outcome of nothing",
    );
}

pub(super) extern "C" fn log(level: c_int, line: *const c_char, userdata: *mut c_void) {
    let book = &Witness::called(userdata).book;
    book.must(
        (1..=4).contains(&level) && !text(line).is_empty(),
        "an empty line in the log",
    );
}
