//! Life cycle of a client.

use super::error::aws_iot_mqtt_error;
use super::guard::{guard, guard_silently};
use super::types::aws_iot_mqtt_client;
use super::{borrow, check, client_id, exit, fork};
use crate::config::{Config, SessionConfig};
use crate::engine::Client;
use crate::error::Error;
use std::ffi::{c_char, c_int};
use std::sync::Arc;

/// Makes a client. It does nothing by itself: configure an endpoint and credentials, then connect.
///
/// @param client_id      MQTT client id, UTF-8, at most 65535 bytes [MQTT-3.1.3-4]; AWS IoT takes 128. Two connections with
///                       the same id throw each other off. "" gives the client an id of its own, "aws-iot-mqtt-" and 22 random
///                       characters, which is another one for every client; that suits clean sessions only.
/// @param protocol       AWS_IOT_MQTT_PROTOCOL_3_1_1, or AWS_IOT_MQTT_PROTOCOL_3_1 for old local brokers.
/// @param use_websocket  True for MQTT over WebSocket, at the path /mqtt, on port 443 in AWS IoT; then
///                       aws_iot_mqtt_client_configure_credentials() is only needed for a server whose CA is not one of the
///                       system's. False for MQTT over TLS.
/// @param clean_session  True: the broker forgets subscriptions and messages when the connection ends. False: it keeps them
///                       until the same client id connects again [MQTT-3.1.2-4]; AWS IoT keeps them for one hour unless
///                       the account says otherwise.
/// @param out            Receives the client, which the caller owns and ends with aws_iot_mqtt_client_free().
/// @return AWS_IOT_MQTT_OK, an error of rule 3, or AWS_IOT_MQTT_ERR_IO if the system gives the library no thread or no descriptor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_new(
    client_id: *const c_char,
    protocol: c_int,
    use_websocket: bool,
    clean_session: bool,
    out: *mut *mut aws_iot_mqtt_client,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client_id, out) = unsafe {
            (
                borrow::string(client_id, "client_id")?,
                borrow::Output::required(out, "out")?,
            )
        };
        let config = config(client_id, protocol, use_websocket, clean_session)?;
        exit::watch();
        out.write(Arc::into_raw(Client::new(config)?).cast_mut().cast());
        Ok(())
    })
}

/// What a client begins with.
pub(super) fn config(
    client_id: &str,
    protocol: c_int,
    use_websocket: bool,
    clean_session: bool,
) -> Result<Config, Error> {
    check::length(client_id.len(), "client_id")?;
    let protocol = check::protocol(protocol)?;
    let client_id = match client_id {
        "" => client_id::generate(),
        chosen => chosen.to_owned(),
    };
    fork::watch()?;
    let session = SessionConfig {
        client_id,
        protocol,
        clean_session,
        ..SessionConfig::default()
    };
    Ok(Config {
        websocket: use_websocket,
        session,
        ..Config::default()
    })
}

/// Ends a client: it closes the connection at once without sending what is queued, ends every pending operation with
/// AWS_IOT_MQTT_ERR_CANCELLED and frees every userdata. Disconnect first to part from the broker in an orderly way;
/// a connection that ends here makes the broker publish the last will. Messages that have not reached their callback are given
/// up; those of QoS 1 are not acknowledged, so a broker that keeps the session sends them again.
///
/// Outside callbacks it returns when all callbacks of this client, and every userdata_free, have run. Inside a callback, of
/// whatever client, it returns at once, and the rest happens after that callback. No other call on this client may begin any more;
/// synchronous calls that wait inside the library return AWS_IOT_MQTT_ERR_CANCELLED.
///
/// The library's threads end with the last client. An application that makes the next one within a second finds them again from
/// then on, as they stay half a second without a client, and with them, in memory, the certificate and key of the last one (a key
/// that only the application can use is given back at once). The end of the process ends them, too.
///
/// @param client  The client, or NULL, which does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_free(client: *mut aws_iot_mqtt_client) {
    if client.is_null() {
        return;
    }
    guard_silently(|| {
        // SAFETY: the reference that `new` gave away comes back, once. Calls inside have references of their own.
        let client = unsafe { Arc::from_raw(client.cast_const().cast::<Client>()) };
        client.free();
    });
}
