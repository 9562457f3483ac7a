//! Custom authorizers of AWS IoT.

use super::borrow;
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use crate::aws::custom_authorizer;
use crate::config::CustomAuthorizer;
use crate::error::{Code, Error};
use std::ffi::c_char;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Authenticates by a custom authorizer of AWS IoT instead of a device certificate. The user name of CONNECT becomes
/// `USERNAME?x-amz-customauthorizer-name=NAME&x-amz-customauthorizer-signature=SIGNATURE&TOKENKEY=TOKEN`, each part
/// only if it is given, and percent-encoded here; user name and password are those of
/// aws_iot_mqtt_client_configure_username_password(). It is the same over WebSocket. Without WebSocket on port 443 the protocol
/// name "mqtt" is offered by ALPN, as AWS IoT asks for. aws_iot_mqtt_client_configure_credentials() is only needed for a server
/// whose CA is not one of the system's; give it no certificate and key unless the domain asks for both.
///
/// Accepted at any time and used from the next attempt to connect on, so that tokens can be renewed. A later call replaces all
/// four.
///
/// @param client           The client.
/// @param authorizer_name  Name of the authorizer. NULL: the default one of the account or domain.
/// @param token_key_name   Name under which the authorizer expects its token. NULL together with token.
/// @param token            The token as it is, not percent-encoded; the copy is wiped when it is no longer needed. NULL: none.
/// @param signature        Signature of the token in Base64; it may be percent-encoded already. NULL: the authorizer has signing
///                         disabled.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_custom_authorizer(
    client: *mut aws_iot_mqtt_client,
    authorizer_name: *const c_char,
    token_key_name: *const c_char,
    token: *const c_char,
    signature: *const c_char,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        // SAFETY: as above.
        let (name, key, token, signature) = unsafe {
            (
                borrow::optional_string(authorizer_name, "authorizer_name")?,
                borrow::optional_string(token_key_name, "token_key_name")?,
                borrow::optional_string(token, "token")?,
                borrow::optional_string(signature, "signature")?,
            )
        };
        let secret = |text: &str| Zeroizing::new(text.to_owned());
        let token = match (key, token) {
            (Some(key), Some(token)) => Some((key.to_owned(), secret(token))),
            (None, None) => None,
            (Some(_), None) => return Err(missing("token", "token_key_name")),
            (None, Some(_)) => return Err(missing("token_key_name", "token")),
        };
        let authorizer = CustomAuthorizer {
            name: name.map(str::to_owned),
            token,
            signature: signature.map(secret),
        };
        custom_authorizer::check(&authorizer)?;
        let authorizer = Arc::new(authorizer);
        client.configure_any_time(|config| {
            config.custom_authorizer = Some(authorizer);
            Ok(())
        })
    })
}

fn missing(missing: &str, given: &str) -> Error {
    Error::new(
        Code::InvalidArgument,
        format!("{missing} is NULL, but {given} is not: a token and its name go together"),
    )
}
