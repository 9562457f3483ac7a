//! The C API, called as C calls it: any arguments within the header's rules, in any order, on a client whose sockets come from a
//! factory that plays a broker. The oracle is the header: one completion each, every userdata freed exactly once and not used
//! afterwards, nothing taken or written by a call that failed.
#![allow(unsafe_code)]

/// Calls a C function. What its arguments must keep to is the header's rules.
macro_rules! call {
    ($function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: pointers are NULL, or valid until the call returns; a userdata is until the client is freed, which comes last.
        unsafe { $function($($argument),*) }
    };
}

mod calls;
mod configure;
mod witness;

use super::input::Input;
use crate::ffi::client::{aws_iot_mqtt_client_free, aws_iot_mqtt_client_new};
use crate::ffi::configure::{
    aws_iot_mqtt_client_configure_endpoint, aws_iot_mqtt_client_configure_socket_factory,
    aws_iot_mqtt_client_configure_tls,
};
use crate::ffi::error::aws_iot_mqtt_error::{self, *};
use crate::ffi::error::aws_iot_mqtt_last_error_detail;
use crate::ffi::events::{aws_iot_mqtt_client_on_offline, aws_iot_mqtt_client_on_online};
use crate::ffi::timing::{
    aws_iot_mqtt_client_configure_auto_reconnect_backoff_time,
    aws_iot_mqtt_client_configure_connect_disconnect_timeout,
    aws_iot_mqtt_client_configure_mqtt_operation_timeout,
};
use crate::ffi::types::aws_iot_mqtt_client;
use std::ffi::{CString, c_void};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use witness::{Book, Witness};

const STEPS: usize = 48;

struct Run<'a> {
    input: Input<'a>,
    client: *mut aws_iot_mqtt_client,
    book: Arc<Book>,
    /// Lent to the client until it is freed.
    // Boxed: their addresses are the userdata.
    #[allow(clippy::vec_box)]
    witnesses: Vec<Box<Witness>>,
    operations: Vec<u64>,
}

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (protocol, websocket, clean) = (input.pick(&[4, 3, 5]), input.below(8) == 1, input.flag());
    let (closes, script) = (input.below(4) == 1, input.bytes().to_vec());
    let greets = input.below(4) != 1;
    let mut client = null_mut();
    let made = call!(aws_iot_mqtt_client_new(
        c"fuzzed".as_ptr(),
        protocol,
        websocket,
        clean,
        &raw mut client
    ));
    assert_eq!(made == AWS_IOT_MQTT_OK, !client.is_null());
    if client.is_null() {
        return;
    }
    let mut run = Run {
        input,
        client,
        book: Arc::new(Book::new(script, greets, closes)),
        witnesses: Vec::new(),
        operations: Vec::new(),
    };
    run.prepare();
    for _ in 0..STEPS {
        if run.input.is_empty() {
            break;
        }
        match run.input.below(4) {
            0 => run.configure(),
            _ => run.operate(),
        }
    }
    call!(aws_iot_mqtt_client_free(run.client));
    run.book.check();
    for witness in &run.witnesses {
        witness.check();
    }
}

impl Run<'_> {
    /// What keeps a run short, and off the network: sockets come from the factory only.
    fn prepare(&mut self) {
        let client = self.client;
        self.registered(|userdata| {
            call!(aws_iot_mqtt_client_configure_socket_factory(
                client,
                Some(witness::socket),
                userdata,
                Some(witness::freed)
            ))
        });
        self.registered(|userdata| {
            call!(aws_iot_mqtt_client_on_online(
                client,
                Some(witness::online),
                userdata,
                Some(witness::freed)
            ))
        });
        self.registered(|userdata| {
            call!(aws_iot_mqtt_client_on_offline(
                client,
                Some(witness::offline),
                userdata,
                Some(witness::freed)
            ))
        });
        for done in [
            call!(aws_iot_mqtt_client_configure_endpoint(
                client,
                c"localhost".as_ptr(),
                1883
            )),
            call!(aws_iot_mqtt_client_configure_tls(client, false)),
            call!(aws_iot_mqtt_client_configure_connect_disconnect_timeout(
                client, 20
            )),
            call!(aws_iot_mqtt_client_configure_mqtt_operation_timeout(
                client, 2
            )),
            call!(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(
                client, 1, 4, 50
            )),
        ] {
            assert_eq!(done, AWS_IOT_MQTT_OK);
        }
    }

    fn witness(&mut self) -> &Witness {
        self.witnesses
            .push(Box::new(Witness::new(Arc::clone(&self.book))));
        self.witnesses.last().expect("it was pushed")
    }

    /// A call that takes a userdata if it is accepted, and not otherwise.
    fn registered(
        &mut self,
        call: impl FnOnce(*mut c_void) -> aws_iot_mqtt_error,
    ) -> aws_iot_mqtt_error {
        let witness = self.witness();
        let error = call(witness.userdata());
        witness.taken.store(accepted(error), SeqCst);
        checked(error)
    }

    /// NULL, or any text that C can have.
    fn text(&mut self) -> Option<CString> {
        const KNOWN: &[&std::ffi::CStr] = &[
            c"a/b",
            c"a/+",
            c"#",
            c"",
            c"localhost",
            c"x.iot.eu-west-1.amazonaws.com",
            c"$share/g/a",
            c"\xff\xfe",
        ];
        match self.input.below(4) {
            0 => None,
            1 => {
                let bytes = self.input.bytes();
                let end = bytes.iter().position(|byte| *byte == 0);
                CString::new(&bytes[..end.unwrap_or(bytes.len())]).ok()
            }
            _ => Some(self.input.pick(KNOWN).to_owned()),
        }
    }
}

fn accepted(error: aws_iot_mqtt_error) -> bool {
    matches!(error, AWS_IOT_MQTT_OK | AWS_IOT_MQTT_QUEUED)
}

/// A failure says why, and none is the library's own.
fn checked(error: aws_iot_mqtt_error) -> aws_iot_mqtt_error {
    if !accepted(error) {
        let detail = witness::text(aws_iot_mqtt_last_error_detail());
        assert!(detail.len() > 5, "{error:?} {detail:?}");
        assert_ne!(error, AWS_IOT_MQTT_ERR_INTERNAL, "{detail}");
    }
    error
}

fn pointer(text: &Option<CString>) -> *const std::ffi::c_char {
    text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
}
