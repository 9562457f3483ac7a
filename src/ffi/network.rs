//! The way through a site's network.

use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use super::{borrow, check};
use crate::config::Proxy;
use std::ffi::c_char;
use std::sync::Arc;

/// Connects through a proxy. It gets the name of the endpoint and resolves it; TLS goes through it to the endpoint, whose
/// certificate is verified as always. A socket factory is asked for a connection to the proxy.
///
/// @param client  The client.
/// @param url     "http://user:password@host:port" for a proxy that knows the CONNECT method of HTTP, with Basic authentication;
///                "socks5h://user:password@host:port" for one of SOCKS version 5; "socks5://" means the same. User name and
///                password may be missing; bytes that are special in a URL are percent-encoded. Without a port it is 80, or
///                1080 for SOCKS. NULL: no proxy (default); environment variables are not read.
/// @return AWS_IOT_MQTT_ERR_NOT_SUPPORTED for another scheme; AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
///         What goes wrong with the proxy later is AWS_IOT_MQTT_ERR_PROXY, and its detail says why.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_proxy(
    client: *mut aws_iot_mqtt_client,
    url: *const c_char,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, url) = unsafe {
            (
                borrow::client(client)?,
                borrow::optional_string(url, "url")?,
            )
        };
        let proxy = url.map(Proxy::parse).transpose()?.map(Arc::new);
        client.configure(|config| {
            config.proxy = proxy;
            Ok(())
        })
    })
}

/// Chooses the protocol names that are offered by ALPN in the TLS handshake. Only unusual endpoints need it.
///
/// @param client     The client.
/// @param protocols  Names, the best first, separated by commas; each of 1 to 255 bytes. NULL: what AWS IoT expects (default),
///                   that is, without WebSocket on port 443 "x-amzn-mqtt-ca", or "mqtt" with a custom authorizer, and none
///                   elsewhere. "": none.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_alpn(
    client: *mut aws_iot_mqtt_client,
    protocols: *const c_char,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, protocols) = unsafe {
            (
                borrow::client(client)?,
                borrow::optional_string(protocols, "protocols")?,
            )
        };
        let alpn = protocols.map(check::alpn).transpose()?;
        client.configure(|config| {
            config.alpn = alpn;
            Ok(())
        })
    })
}
