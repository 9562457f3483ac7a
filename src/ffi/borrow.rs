//! Raw pointers of C become borrowed values, or an error that names the argument.
//!
//! Every function here is `unsafe` for one and the same reason: the pointer must be NULL or valid for the whole call, as the
//! header's rules ask of the caller. The lifetimes are chosen by the caller of these functions, which never lets a borrow
//! outlive its C call.

use super::types::{aws_iot_mqtt_client, aws_iot_mqtt_loop};
use crate::engine::{Client, EventLoop};
use crate::error::{Code, Error};
use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

#[cold]
#[inline(never)]
fn null(name: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("{name} is NULL"))
}

/// A strong reference of the call's own: should another thread free the client while this call waits inside, the memory stays.
pub(super) unsafe fn client(client: *const aws_iot_mqtt_client) -> Result<Arc<Client>, Error> {
    if client.is_null() {
        return Err(null("client"));
    }
    let client = client.cast::<Client>();
    // SAFETY: a handle is `Arc::into_raw` of a client that was not freed.
    unsafe {
        Arc::increment_strong_count(client);
        Ok(Arc::from_raw(client))
    }
}

/// The same for a loop.
pub(super) unsafe fn event_loop(
    event_loop: *const aws_iot_mqtt_loop,
) -> Result<Arc<EventLoop>, Error> {
    if event_loop.is_null() {
        return Err(null("loop"));
    }
    let event_loop = event_loop.cast::<EventLoop>();
    // SAFETY: a handle is `Arc::into_raw` of a loop that was not freed.
    unsafe {
        Arc::increment_strong_count(event_loop);
        Ok(Arc::from_raw(event_loop))
    }
}

/// A string that is checked where it is used: a topic is mostly that of the call before, and then needs no other check.
#[inline(always)] // Once a message.
pub(super) unsafe fn unchecked_string<'a>(
    text: *const c_char,
    name: &str,
) -> Result<&'a [u8], Error> {
    if text.is_null() {
        return Err(null(name));
    }
    // SAFETY: not NULL, and ends with a NUL.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

pub(super) unsafe fn string<'a>(text: *const c_char, name: &str) -> Result<&'a str, Error> {
    // SAFETY: as above.
    let text = unsafe { unchecked_string(text, name) }?;
    std::str::from_utf8(text).map_err(|error| Error::not_utf8(name, &error))
}

pub(super) unsafe fn optional_string<'a>(
    text: *const c_char,
    name: &str,
) -> Result<Option<&'a str>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as above.
    unsafe { string(text, name) }.map(Some)
}

/// NULL is the empty slice, if the length says so too.
#[inline]
pub(super) unsafe fn bytes<'a>(
    bytes: *const c_void,
    len: usize,
    name: &str,
) -> Result<&'a [u8], Error> {
    if bytes.is_null() {
        return match len {
            0 => Ok(&[]),
            _ => Err(null_with_length(name, len)),
        };
    }
    // No object is larger than that, and a Rust slice must not be: most likely a negative number was converted.
    if len > isize::MAX as usize {
        return Err(too_long(name, len));
    }
    // SAFETY: not NULL, `len` readable bytes, not changed during the call.
    Ok(unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), len) })
}

#[cold]
#[inline(never)]
fn null_with_length(name: &str, len: usize) -> Error {
    let detail = format!("{name} is NULL, but {name}_len is {len}");
    Error::new(Code::InvalidArgument, detail)
}

#[cold]
#[inline(never)]
fn too_long(name: &str, len: usize) -> Error {
    let detail = format!("{name}_len is {len}, larger than any object");
    Error::new(Code::InvalidArgument, detail)
}

/// NULL with length 0 is nothing at all, which is not the same as empty.
pub(super) unsafe fn optional_bytes<'a>(
    data: *const c_void,
    len: usize,
    name: &str,
) -> Result<Option<&'a [u8]>, Error> {
    // SAFETY: as above.
    let borrowed = unsafe { bytes(data, len, name)? };
    Ok((!data.is_null()).then_some(borrowed))
}

/// Where a result goes once the call has succeeded.
pub(super) struct Output<T>(*mut T);

impl<T> Output<T> {
    pub(super) unsafe fn required(output: *mut T, name: &str) -> Result<Self, Error> {
        if output.is_null() {
            Err(null(name))
        } else {
            Ok(Output(output))
        }
    }

    /// The caller may not want to know.
    pub(super) unsafe fn optional(output: *mut T) -> Self {
        Output(output)
    }

    pub(super) fn write(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: promised when this was made: not NULL means valid for writing during the call.
            unsafe { self.0.write(value) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_refused_by_name() {
        // SAFETY: NULL is allowed everywhere here.
        unsafe {
            let error = client(std::ptr::null()).err().unwrap();
            assert_eq!(error, Error::new(Code::InvalidArgument, "client is NULL"));
            let error = string(std::ptr::null(), "topic").unwrap_err();
            assert_eq!(error, Error::new(Code::InvalidArgument, "topic is NULL"));
            assert_eq!(optional_string(std::ptr::null(), "ciphers"), Ok(None));
            let error = Output::<u8>::required(std::ptr::null_mut(), "out")
                .err()
                .unwrap();
            assert_eq!(error, Error::new(Code::InvalidArgument, "out is NULL"));
            Output::<u8>::optional(std::ptr::null_mut()).write(1);
        }
    }

    #[test]
    fn mqtt_1_5_3_1_ill_formed_utf8_is_refused_by_name() {
        // A lone continuation byte, a surrogate half, an overlong slash, a cut sequence.
        for ill_formed in [c"ab\x80", c"ab\xED\xA0\x80", c"ab\xC0\xAF", c"ab\xE2\x82"] {
            // SAFETY: ends with a NUL.
            let error = unsafe { string(ill_formed.as_ptr(), "host") }.unwrap_err();
            assert_eq!(error.code, Code::InvalidUtf8);
            assert!(
                error.detail.starts_with("host is not UTF-8: byte 2 "),
                "{error}"
            );
        }
        // SAFETY: ends with a NUL.
        assert_eq!(unsafe { string(c"grüße".as_ptr(), "host") }, Ok("grüße"));
    }

    #[test]
    fn a_payload_may_be_null_only_when_empty() {
        let one = [7u8];
        let one = one.as_ptr().cast();
        // SAFETY: NULL, or one byte.
        unsafe {
            assert_eq!(bytes(std::ptr::null(), 0, "payload"), Ok(&[][..]));
            assert_eq!(bytes(one, 0, "payload"), Ok(&[][..]));
            assert_eq!(bytes(one, 1, "payload"), Ok(&[7][..]));
            let error = bytes(std::ptr::null(), 1, "payload").unwrap_err();
            assert_eq!(
                error,
                Error::new(
                    Code::InvalidArgument,
                    "payload is NULL, but payload_len is 1"
                )
            );
            assert_eq!(
                bytes(one, usize::MAX, "payload").unwrap_err().code,
                Code::InvalidArgument
            );
            assert_eq!(
                bytes(one, isize::MAX as usize + 1, "payload")
                    .unwrap_err()
                    .code,
                Code::InvalidArgument
            );
        }
    }

    #[test]
    fn an_output_is_written_where_it_was_asked_for() {
        let mut value = 1u64;
        // SAFETY: `value` is valid.
        let output = unsafe { Output::required(&raw mut value, "operation") }.unwrap();
        output.write(2);
        assert_eq!(value, 2);
    }
}
