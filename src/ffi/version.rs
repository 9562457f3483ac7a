//! Which library is loaded.

use std::ffi::{CStr, c_char};

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version without NUL"),
    };

/// The version of the library that is loaded, such as "1.2.3". AWS_IOT_MQTT_VERSION is the one of the header that the
/// program was compiled with.
///
/// @return A static string, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn aws_iot_mqtt_version() -> *const c_char {
    VERSION.as_ptr()
}
