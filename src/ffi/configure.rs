//! Where to connect, and as whom.

use super::callback::{self, aws_iot_mqtt_socket_factory_fn, aws_iot_mqtt_userdata_free_fn};
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use super::{borrow, check};
use crate::config::Will;
use crate::error::{Code, Error};
use std::ffi::{c_char, c_int, c_void};
use zeroize::Zeroizing;

/// Sets the broker to connect to.
///
/// @param client  The client.
/// @param host    Host name or address, without scheme, port or path; at most 253 bytes. In AWS IoT the device data endpoint:
///                `aws iot describe-endpoint --endpoint-type iot:Data-ATS` prints it.
/// @param port    1 to 65535. In AWS IoT 8883, or 443, where ALPN tells the service that MQTT is meant.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted, that is, from connect to disconnect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_endpoint(
    client: *mut aws_iot_mqtt_client,
    host: *const c_char,
    port: u16,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, host) = unsafe { (borrow::client(client)?, borrow::string(host, "host")?) };
        check::host(host)?;
        if port == 0 {
            return Err(Error::new(
                Code::InvalidArgument,
                "port is 0, use 8883 or 443 for AWS IoT",
            ));
        }
        client.configure(|config| {
            config.host = host.to_owned();
            config.port = port;
            Ok(())
        })
    })
}

/// Switches TLS off for a broker in the local network, or on again. Without TLS everybody on the way can read and change what is
/// sent, passwords included; the log warns at each connect.
///
/// An AWS endpoint is one whose name ends in .amazonaws.com, .amazonaws.com.cn, .amazonaws.eu, .api.aws,
/// .api.amazonwebservices.com.cn or .api.amazonwebservices.eu. A custom domain and a bare address cannot be told from a local broker:
/// do not switch TLS off for them.
///
/// @param client   The client.
/// @param enabled  True (default): TLS. False: plain TCP; connecting to an AWS endpoint then returns
///                 AWS_IOT_MQTT_ERR_NOT_SUPPORTED.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_tls(
    client: *mut aws_iot_mqtt_client,
    enabled: bool,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.configure(|config| {
            config.tls = enabled;
            Ok(())
        })
    })
}

/// Sets the oldest TLS version that the client speaks. There is nothing older than TLS 1.2.
///
/// @param client   The client.
/// @param version  AWS_IOT_MQTT_TLS_1_2 (default) or AWS_IOT_MQTT_TLS_1_3.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_minimum_tls_version(
    client: *mut aws_iot_mqtt_client,
    version: c_int,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let version = check::tls_version(version)?;
        client.configure(|config| {
            config.minimum_tls_version = version;
            Ok(())
        })
    })
}

/// Lets the application make the sockets, for instance through a proxy or a certain network interface.
///
/// @param client         The client.
/// @param callback       Makes one connected socket for each attempt. NULL: the library connects by itself (default).
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_socket_factory(
    client: *mut aws_iot_mqtt_client,
    callback: aws_iot_mqtt_socket_factory_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.configure_socket_factory(|| {
            callback::socket_factory(callback, userdata, userdata_free)
        })
    })
}

/// Sets the user name and password of CONNECT. Accepted at any time and used from the next attempt to connect on.
///
/// @param client        The client.
/// @param username      At most 65535 bytes [MQTT-3.1.3-11]. NULL clears both; then the password must be NULL too, because
///                      a password needs a user name [MQTT-3.1.2-22].
/// @param password      password_len bytes of any value; copied, and the copy is wiped when it is no longer needed. NULL with
///                      length 0: no password.
/// @param password_len  At most 65535.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_username_password(
    client: *mut aws_iot_mqtt_client,
    username: *const c_char,
    password: *const c_void,
    password_len: usize,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, username, password) = unsafe {
            (
                borrow::client(client)?,
                borrow::optional_string(username, "username")?,
                borrow::optional_bytes(password, password_len, "password")?,
            )
        };
        if username.is_none() && password.is_some() {
            return Err(Error::new(
                Code::InvalidArgument,
                "username is NULL, but password is not: a password needs a user name [MQTT-3.1.2-22]",
            ));
        }
        check::length(username.map_or(0, str::len), "username")?;
        check::length(password.map_or(0, <[u8]>::len), "password")?;
        let username = username.map(str::to_owned);
        let password = password.map(|password| Zeroizing::new(password.to_vec()));
        client.configure_any_time(|config| {
            config.username = username;
            config.password = password;
            Ok(())
        })
    })
}

/// Sets the message that the broker publishes when the connection ends without DISCONNECT [MQTT-3.1.2-8]. Accepted at any time
/// and used from the next CONNECT on.
///
/// @param client       The client.
/// @param topic        Topic name, without wildcards, at most 65535 bytes.
/// @param payload      payload_len bytes. NULL with length 0: an empty message, which is legal.
/// @param payload_len  At most 65535.
/// @param qos          AWS_IOT_MQTT_QOS_0 or AWS_IOT_MQTT_QOS_1.
/// @param retain       Whether the broker keeps the message for later subscribers.
/// @return AWS_IOT_MQTT_ERR_INVALID_TOPIC if the topic name is not valid [MQTT-4.7.1-1].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_last_will(
    client: *mut aws_iot_mqtt_client,
    topic: *const c_char,
    payload: *const c_void,
    payload_len: usize,
    qos: c_int,
    retain: bool,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, topic, payload) = unsafe {
            (
                borrow::client(client)?,
                borrow::string(topic, "topic")?,
                borrow::bytes(payload, payload_len, "payload")?,
            )
        };
        crate::codec::topic::check_name(topic)?;
        check::length(payload.len(), "payload")?;
        let will = Will {
            topic: topic.to_owned(),
            payload: payload.to_vec(),
            qos: check::qos(qos)?,
            retain,
        };
        client.configure_any_time(|config| {
            config.session.will = Some(will);
            Ok(())
        })
    })
}

/// Removes the last will; the next CONNECT has none. Accepted at any time.
///
/// @param client  The client.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_clear_last_will(
    client: *mut aws_iot_mqtt_client,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.configure_any_time(|config| {
            config.session.will = None;
            Ok(())
        })
    })
}

/// Lets the user name of CONNECT tell AWS IoT which SDK connects, by "?SDK=...&Version=..." behind it. This is the default.
///
/// @param client  The client.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_enable_metrics_collection(
    client: *mut aws_iot_mqtt_client,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.configure(|config| {
            config.metrics = true;
            Ok(())
        })
    })
}

/// Sends the user name as it was configured, and none if none was. Some local brokers need that.
///
/// @param client  The client.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_disable_metrics_collection(
    client: *mut aws_iot_mqtt_client,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.configure(|config| {
            config.metrics = false;
            Ok(())
        })
    })
}
