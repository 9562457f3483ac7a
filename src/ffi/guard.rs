//! The border: a panic becomes a number, a failure leaves its detail behind.

use super::error::aws_iot_mqtt_error;
use crate::engine::Accepted;
use crate::error::{Code, Error};
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LAST_DETAIL: RefCell<CString> = RefCell::new(CString::default());
}

/// What a call that succeeded can have to say.
pub(super) trait Success {
    fn number(self) -> aws_iot_mqtt_error;
}

impl Success for () {
    fn number(self) -> aws_iot_mqtt_error {
        aws_iot_mqtt_error::AWS_IOT_MQTT_OK
    }
}

impl Success for Accepted {
    fn number(self) -> aws_iot_mqtt_error {
        match self {
            Accepted::Now => aws_iot_mqtt_error::AWS_IOT_MQTT_OK,
            Accepted::Queued => aws_iot_mqtt_error::AWS_IOT_MQTT_QUEUED,
        }
    }
}

/// Runs the body of a C function. No panic crosses into C, where it would be undefined what happens.
///
/// The panic's own words are on standard error already (the default hook); they may quote data, so they are not repeated
/// in the detail, which must hold no secret.
pub(super) fn guard<T: Success>(body: impl FnOnce() -> Result<T, Error>) -> aws_iot_mqtt_error {
    // Inside it becomes a number: to carry the whole result out would cost a message a twentieth of its instructions.
    let number = catch_unwind(AssertUnwindSafe(|| match body() {
        Ok(success) => success.number(),
        Err(error) => failed(error),
    }));
    number.unwrap_or_else(|_| panicked())
}

#[cold]
#[inline(never)]
fn failed(error: Error) -> aws_iot_mqtt_error {
    let number = error.code.into();
    keep_detail(error);
    number
}

#[cold]
#[inline(never)]
fn panicked() -> aws_iot_mqtt_error {
    failed(Error::new(
        Code::Internal,
        "a bug in libaws_iot_mqtt: it panicked; please report what it wrote on standard error",
    ))
}

/// The same for the functions that return nothing.
pub(super) fn guard_silently(body: impl FnOnce()) {
    guard(|| {
        body();
        Ok(())
    });
}

fn keep_detail(error: Error) {
    let detail = c_string(error.detail.into_owned());
    // Fails only while the thread is ending, when nobody can ask any more.
    let _ = LAST_DETAIL.try_with(|last| last.replace(detail));
}

pub(super) fn last_detail() -> *const c_char {
    LAST_DETAIL
        .try_with(|last| last.borrow().as_ptr())
        .unwrap_or(c"".as_ptr())
}

/// Text for C. A NUL inside (a file name cannot have one, a broker's text might) would cut it short, so it is left out.
pub(super) fn c_string(text: impl Into<String>) -> CString {
    let mut bytes = text.into().into_bytes();
    bytes.retain(|&byte| byte != 0);
    CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn detail() -> String {
        // SAFETY: valid until the next failing call on this thread, and copied before that.
        unsafe { CStr::from_ptr(last_detail()) }
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn a_failure_leaves_its_detail_and_a_success_leaves_it_alone() {
        assert_eq!(detail(), "");
        let failed =
            guard(|| Err::<(), _>(Error::new(Code::CaFile, "CA file /a\0b: no such file")));
        assert_eq!(failed, aws_iot_mqtt_error::AWS_IOT_MQTT_ERR_CA_FILE);
        assert_eq!(detail(), "CA file /ab: no such file");
        assert_eq!(
            guard(|| Ok(Accepted::Queued)),
            aws_iot_mqtt_error::AWS_IOT_MQTT_QUEUED
        );
        assert_eq!(
            guard(|| Ok(Accepted::Now)),
            aws_iot_mqtt_error::AWS_IOT_MQTT_OK
        );
        assert_eq!(detail(), "CA file /ab: no such file");
    }

    #[test]
    fn p10_a_panic_becomes_internal_and_its_words_stay_out_of_the_detail() {
        let failed = guard(|| -> Result<(), Error> { panic!("the key is 1234") });
        assert_eq!(failed, aws_iot_mqtt_error::AWS_IOT_MQTT_ERR_INTERNAL);
        assert!(detail().contains("panicked"), "{}", detail());
        assert!(!detail().contains("1234"), "{}", detail());
    }

    #[test]
    fn every_thread_has_its_own_detail() {
        guard(|| Err::<(), _>(Error::new(Code::Io, "mine")));
        std::thread::spawn(|| assert_eq!(detail(), ""))
            .join()
            .unwrap();
        assert_eq!(detail(), "mine");
    }
}
