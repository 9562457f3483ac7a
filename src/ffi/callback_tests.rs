use super::super::completion::completion;
use super::super::types::aws_iot_mqtt_completion;
use super::*;
use crate::config::QoS;
use crate::engine::Completed;
use crate::error::Code;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// What a test registers as userdata: it counts, and keeps what the callback saw.
#[derive(Default)]
struct Witness {
    freed: AtomicUsize,
    seen: Mutex<Vec<String>>,
}

impl Witness {
    fn userdata(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    fn freed(&self) -> usize {
        self.freed.load(SeqCst)
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    unsafe fn of<'a>(userdata: *mut c_void) -> &'a Witness {
        // SAFETY: every test registers a living witness.
        unsafe { &*userdata.cast::<Witness>() }
    }

    fn saw(&self, what: String) {
        assert_eq!(self.freed(), 0, "called after userdata_free");
        self.seen.lock().unwrap().push(what);
    }
}

unsafe fn text(text: *const c_char) -> String {
    // SAFETY: the library lends strings that end with a NUL.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}

unsafe extern "C" fn freed(userdata: *mut c_void) {
    // SAFETY: see `of`.
    unsafe { Witness::of(userdata) }.freed.fetch_add(1, SeqCst);
}

unsafe extern "C" fn on_completion(
    completion: *const aws_iot_mqtt_completion,
    userdata: *mut c_void,
) {
    // SAFETY: lent.
    let (completion, witness) = unsafe { (&*completion, Witness::of(userdata)) };
    // SAFETY: lent.
    let detail = unsafe { text(completion.detail) };
    witness.saw(format!(
        "{} {:?} '{detail}' id {} granted {} present {} left {}",
        completion.operation,
        completion.error,
        completion.packet_id,
        completion.granted_qos,
        completion.session_present,
        completion.left
    ));
}

unsafe extern "C" fn on_offline(
    error: aws_iot_mqtt_error,
    detail: *const c_char,
    userdata: *mut c_void,
) {
    // SAFETY: lent.
    unsafe { Witness::of(userdata).saw(format!("{error:?} {}", text(detail))) };
}

unsafe extern "C" fn on_online(session_present: bool, userdata: *mut c_void) {
    // SAFETY: lent.
    unsafe { Witness::of(userdata).saw(format!("{session_present}")) };
}

unsafe extern "C" fn on_connect_failed(
    error: aws_iot_mqtt_error,
    detail: *const c_char,
    next_ms: i64,
    userdata: *mut c_void,
) {
    // SAFETY: lent.
    unsafe { Witness::of(userdata).saw(format!("{error:?} {} {next_ms}", text(detail))) };
}

unsafe extern "C" fn on_outcome(
    operation: u64,
    kind: c_int,
    topic: *const c_char,
    error: aws_iot_mqtt_error,
    detail: *const c_char,
    userdata: *mut c_void,
) {
    // SAFETY: lent.
    unsafe {
        Witness::of(userdata).saw(format!(
            "{operation} {kind} {} {error:?} '{}'",
            text(topic),
            text(detail)
        ));
    }
}

unsafe extern "C" fn on_log(level: c_int, line: *const c_char, userdata: *mut c_void) {
    // SAFETY: lent.
    unsafe { Witness::of(userdata).saw(format!("{level} {}", text(line))) };
}

unsafe extern "C" fn make_socket(
    host: *const c_char,
    port: u16,
    remaining_ms: u64,
    userdata: *mut c_void,
) -> c_int {
    // SAFETY: lent.
    unsafe { Witness::of(userdata).saw(format!("{} {port} {remaining_ms}", text(host))) };
    -1
}

fn completed(result: Result<(), Error>) -> Completed {
    Completed {
        operation: OperationId(7),
        result,
        packet_id: 9,
        granted_qos: Some(QoS::AtLeastOnce),
        session_present: true,
        left: 3,
    }
}

#[test]
fn a_completion_runs_and_then_its_userdata_is_freed_once() {
    let witness = Witness::default();
    let run = completion(Some(on_completion), witness.userdata(), Some(freed)).unwrap();
    assert_eq!(witness.freed(), 0);
    run.call(&completed(Ok(())));
    assert_eq!(witness.freed(), 1);
    assert_eq!(
        witness.seen(),
        ["7 AWS_IOT_MQTT_OK '' id 9 granted 1 present true left 3"]
    );
}

#[test]
fn a_completion_brings_its_failure_and_the_detail() {
    let witness = Witness::default();
    let run = completion(Some(on_completion), witness.userdata(), None).unwrap();
    let mut failed = completed(Err(Error::new(
        Code::SubscribeRefused,
        "SUBACK 0x80 for a/b",
    )));
    failed.granted_qos = None;
    run.call(&failed);
    assert_eq!(
        witness.seen(),
        [
            "7 AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED 'SUBACK 0x80 for a/b' id 9 granted 128 present true left 3"
        ]
    );
}

#[test]
fn what_is_dropped_unused_is_freed_once() {
    let witness = Witness::default();
    drop(completion(
        Some(on_completion),
        witness.userdata(),
        Some(freed),
    ));
    assert_eq!(witness.freed(), 1);
    assert!(witness.seen().is_empty());
}

#[test]
fn a_null_callback_takes_nothing() {
    let witness = Witness::default();
    let userdata = witness.userdata();
    assert!(completion(None, userdata, Some(freed)).is_none());
    assert!(message(None, userdata, Some(freed)).is_none());
    assert!(online(None, userdata, Some(freed)).is_none());
    assert!(offline(None, userdata, Some(freed)).is_none());
    assert!(connect_failed(None, userdata, Some(freed)).is_none());
    assert!(outcome(None, userdata, Some(freed)).is_none());
    assert!(socket_factory(None, userdata, Some(freed)).is_none());
    assert!(!log(Level::Debug, None, userdata, Some(freed)).enabled(Level::Error));
    assert_eq!(witness.freed(), 0);
}

#[test]
fn a_handler_is_freed_by_its_last_owner() {
    let witness = Witness::default();
    let handler = online(Some(on_online), witness.userdata(), Some(freed)).unwrap();
    let running = Arc::clone(&handler);
    // Replaced while it runs: the one who runs it still holds it.
    drop(handler);
    assert_eq!(witness.freed(), 0);
    running(true);
    running(false);
    std::thread::spawn(move || drop(running)).join().unwrap();
    assert_eq!(witness.freed(), 1);
    assert_eq!(witness.seen(), ["true", "false"]);
}

#[test]
fn events_reach_c_with_their_arguments() {
    let witness = Witness::default();
    let userdata = witness.userdata();
    let lost = Error::new(Code::ConnectionLost, "reset by\0 peer");

    offline(Some(on_offline), userdata, None).unwrap()(&lost);
    let failed = connect_failed(Some(on_connect_failed), userdata, None).unwrap();
    failed(&lost, Some(1500));
    failed(&lost, None);
    failed(&lost, Some(u64::MAX));
    let ended = outcome(Some(on_outcome), userdata, None).unwrap();
    ended(OperationId(5), OperationKind::Publish, "a/b", &Ok(()));
    ended(
        OperationId(0),
        OperationKind::Subscribe,
        "a/#",
        &Err(Error::new(Code::SubscribeRefused, "no")),
    );
    let lines = log(Level::Info, Some(on_log), userdata, None);
    lines.write(Level::Warning, || "plain TCP".to_owned());
    lines.write(Level::Debug, || {
        unreachable!("nobody listens at this level")
    });
    assert_eq!(
        socket_factory(Some(make_socket), userdata, None).unwrap()("broker", 1883, 250),
        -1
    );

    assert_eq!(
        witness.seen(),
        [
            "AWS_IOT_MQTT_ERR_CONNECTION_LOST reset by peer".to_owned(),
            "AWS_IOT_MQTT_ERR_CONNECTION_LOST reset by peer 1500".to_owned(),
            "AWS_IOT_MQTT_ERR_CONNECTION_LOST reset by peer -1".to_owned(),
            format!(
                "AWS_IOT_MQTT_ERR_CONNECTION_LOST reset by peer {}",
                i64::MAX
            ),
            "5 2 a/b AWS_IOT_MQTT_OK ''".to_owned(),
            "0 3 a/# AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED 'no'".to_owned(),
            "2 plain TCP".to_owned(),
            "broker 1883 250".to_owned(),
        ]
    );
}
