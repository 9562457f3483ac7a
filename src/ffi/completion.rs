//! A completion callback of C in three words, as the engine keeps it: one is made for each asynchronous publish.

use super::callback::{
    Outcome, Userdata, aws_iot_mqtt_completion_fn, aws_iot_mqtt_userdata_free_fn,
};
use super::types::{AWS_IOT_MQTT_QOS_NONE, aws_iot_mqtt_completion};
use crate::config::QoS;
use crate::engine::{Completed, Completion, Words};
use std::ffi::c_void;

/// Takes the userdata, so it is called inside a `make` of the engine only; a NULL callback gives `None` and takes nothing.
pub(super) fn completion(
    callback: aws_iot_mqtt_completion_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> Option<Completion> {
    let words = [
        callback? as usize,
        userdata.expose_provenance(),
        userdata_free.map_or(0, |free| free as usize),
    ];
    Some(Completion::new(words, complete))
}

/// What the words of a completion stand for.
fn complete([callback, userdata, userdata_free]: Words, completed: Option<&Completed>) {
    let function = |word| std::ptr::with_exposed_provenance::<()>(word);
    let free = (userdata_free != 0).then(|| function(userdata_free));
    // SAFETY: the words were made in `completion` from an `aws_iot_mqtt_userdata_free_fn` that is not NULL.
    let free = free.map(|free| unsafe {
        std::mem::transmute::<*const (), unsafe extern "C" fn(*mut c_void)>(free)
    });
    let userdata = Userdata::take(std::ptr::with_exposed_provenance_mut(userdata), free);
    let Some(completed) = completed else {
        return;
    };
    // SAFETY: as above, from an `aws_iot_mqtt_completion_fn` that is not NULL.
    let callback = unsafe {
        std::mem::transmute::<
            *const (),
            unsafe extern "C" fn(*const aws_iot_mqtt_completion, *mut c_void),
        >(function(callback))
    };
    let outcome = Outcome::new(&completed.result);
    let lent = aws_iot_mqtt_completion {
        operation: completed.operation.0,
        error: outcome.error,
        detail: outcome.detail.as_ptr(),
        packet_id: completed.packet_id,
        granted_qos: granted(completed.granted_qos),
        session_present: completed.session_present,
        left: completed.left,
    };
    // SAFETY: the application promised a callback of this type (rule 9); what is lent lives until it returns.
    unsafe { callback(&raw const lent, userdata.pointer()) };
}

pub(super) fn granted(qos: Option<QoS>) -> u8 {
    qos.map_or(AWS_IOT_MQTT_QOS_NONE, |qos| qos as u8)
}
