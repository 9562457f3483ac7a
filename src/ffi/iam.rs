//! IAM credentials for MQTT over WebSocket, and what else a SigV4 signature needs.

use super::callback::{self, aws_iot_mqtt_credentials_provider_fn, aws_iot_mqtt_userdata_free_fn};
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::{aws_iot_mqtt_client, aws_iot_mqtt_credentials_sink};
use super::{borrow, check};
use crate::aws::{credentials, region, role_alias};
use crate::config::{IamCredentials, IotCredentialsProvider, SIGNING_SERVICE};
use crate::error::{Code, Error};
use std::ffi::{c_char, c_void};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// Sets the IAM credentials that sign the request for MQTT over WebSocket (Signature Version 4). They come before all other
/// sources, which are, in this order: aws_iot_mqtt_client_configure_iam_credentials_provider(),
/// aws_iot_mqtt_client_configure_iot_credentials_provider(), the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
/// AWS_SESSION_TOKEN), and the shared credentials file (~/.aws/credentials or AWS_SHARED_CREDENTIALS_FILE, profile AWS_PROFILE or
/// [default]). Environment and file are read for each attempt to connect; do not change the environment meanwhile.
///
/// Accepted at any time and used from the next attempt on: temporary credentials can be replaced before they expire. The copies
/// are wiped when they are no longer needed.
///
/// @param client             The client.
/// @param access_key_id      Access key id. NULL together with the other two: removes configured credentials.
/// @param secret_access_key  Secret access key.
/// @param session_token      Session token of temporary credentials, or NULL.
/// @return AWS_IOT_MQTT_ERR_CREDENTIALS for a key that cannot be right, such as one with a line break at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_iam_credentials(
    client: *mut aws_iot_mqtt_client,
    access_key_id: *const c_char,
    secret_access_key: *const c_char,
    session_token: *const c_char,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let none =
            access_key_id.is_null() && secret_access_key.is_null() && session_token.is_null();
        let iam_credentials = match none {
            true => None,
            // SAFETY: as above.
            false => Some(Arc::new(unsafe {
                iam_credentials(access_key_id, secret_access_key, session_token, 0)?
            })),
        };
        client.configure_any_time(|config| {
            config.iam_credentials = iam_credentials;
            Ok(())
        })
    })
}

/// Lets the application give IAM credentials for each attempt to connect, from Cognito, an SSO, a secure store or wherever else.
/// Accepted at any time and used from the next attempt on.
///
/// @param client         The client.
/// @param callback       Gives the credentials. NULL: the other sources are asked (default).
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_iam_credentials_provider(
    client: *mut aws_iot_mqtt_client,
    callback: aws_iot_mqtt_credentials_provider_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.configure_credentials_provider(|| {
            callback::credentials_provider(callback, userdata, userdata_free)
        })
    })
}

/// Gives the credentials that a credentials provider was asked for; to be called inside that callback. The last call counts.
///
/// @param sink               What the callback got.
/// @param access_key_id      Access key id; copied, as the others are.
/// @param secret_access_key  Secret access key.
/// @param session_token      Session token of temporary credentials, or NULL.
/// @param expires_unix_secs  When they expire, in seconds since 1970 (UTC); 0: not known, or never. Expired ones fail the attempt;
///                           the next one with expired ones lets the server judge, as it may be the clock that is wrong.
/// @return AWS_IOT_MQTT_ERR_CREDENTIALS for a key that cannot be right, such as one with a line break at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_credentials_set(
    sink: *mut aws_iot_mqtt_credentials_sink,
    access_key_id: *const c_char,
    secret_access_key: *const c_char,
    session_token: *const c_char,
    expires_unix_secs: u64,
) -> aws_iot_mqtt_error {
    guard(|| {
        if sink.is_null() {
            return Err(Error::new(Code::InvalidArgument, "sink is NULL"));
        }
        // SAFETY: what the callback got is a `Sink` that lives until the callback returns (rule 8).
        let sink = unsafe { &*sink.cast_const().cast::<Sink>() };
        // SAFETY: as the header asks of the caller.
        let given = unsafe {
            iam_credentials(
                access_key_id,
                secret_access_key,
                session_token,
                expires_unix_secs,
            )
        };
        let result = given.as_ref().map(drop).map_err(Clone::clone);
        sink.put(given);
        result
    })
}

/// Lets the AWS IoT credentials provider of the account give temporary IAM credentials for the device's certificate (see
/// aws_iot_mqtt_client_configure_credentials()), so that no IAM key has to be on the device. They are asked for over HTTPS when
/// an attempt to connect needs some, and used again until 5 minutes before they expire (half of their life, if that is shorter). This
/// goes through the configured proxy and the socket factory, too. Accepted at any time and used from the next attempt on.
///
/// @param client         The client.
/// @param endpoint_host  Its host: `aws iot describe-endpoint --endpoint-type iot:CredentialProvider` prints it. NULL together
///                       with the other two, and port 0: it is not asked (default).
/// @param port           443 in AWS IoT.
/// @param role_alias     The role alias; capital letters matter.
/// @param thing_name     The thing that the certificate is attached to, where the policy or role names it; NULL: none is told.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_iot_credentials_provider(
    client: *mut aws_iot_mqtt_client,
    endpoint_host: *const c_char,
    port: u16,
    role_alias: *const c_char,
    thing_name: *const c_char,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let none = endpoint_host.is_null() && role_alias.is_null() && thing_name.is_null();
        let provider = match none && port == 0 {
            true => None,
            // SAFETY: as above.
            false => Some(Arc::new(unsafe {
                iot_provider(endpoint_host, port, role_alias, thing_name)?
            })),
        };
        client.configure_any_time(|config| {
            config.iot_credentials_provider = provider;
            Ok(())
        })
    })
}

/// Sets the AWS region that the request for MQTT over WebSocket is signed for. The name of an AWS IoT endpoint tells it; a custom
/// domain, a VPC endpoint or a local gateway does not.
///
/// @param client  The client.
/// @param region  For instance "eu-central-1". NULL: as the host name says (default).
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_region(
    client: *mut aws_iot_mqtt_client,
    region: *const c_char,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        // SAFETY: as above.
        let region = unsafe { scope_part(region, "region")? };
        client.configure(|config| {
            config.region = region;
            Ok(())
        })
    })
}

/// Sets the service that the request for MQTT over WebSocket is signed for.
///
/// @param client   The client.
/// @param service  NULL: "iotdevicegateway" (default), which suits AWS IoT. Some older gateways know "iotdata" only.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_signing_service(
    client: *mut aws_iot_mqtt_client,
    service: *const c_char,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        // SAFETY: as above.
        let service = unsafe { scope_part(service, "service")? };
        client.configure(|config| {
            config.signing_service = service.unwrap_or_else(|| SIGNING_SERVICE.to_owned());
            Ok(())
        })
    })
}

/// What a credentials provider has given so far. C knows it by its address only, and may use it on any thread.
#[derive(Default)]
pub(super) struct Sink(Mutex<Option<Result<IamCredentials, Error>>>);

impl Sink {
    fn put(&self, given: Result<IamCredentials, Error>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(given);
    }

    pub(super) fn take(&self) -> Option<Result<IamCredentials, Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

unsafe fn iam_credentials(
    access_key_id: *const c_char,
    secret_access_key: *const c_char,
    session_token: *const c_char,
    expires_unix_secs: u64,
) -> Result<IamCredentials, Error> {
    // SAFETY: as the header asks of the caller.
    let (access_key_id, secret_access_key, session_token) = unsafe {
        (
            borrow::string(access_key_id, "access_key_id")?,
            borrow::string(secret_access_key, "secret_access_key")?,
            borrow::optional_string(session_token, "session_token")?,
        )
    };
    check::length(access_key_id.len(), "access_key_id")?;
    check::length(secret_access_key.len(), "secret_access_key")?;
    check::length(session_token.map_or(0, str::len), "session_token")?;
    let given = IamCredentials {
        access_key_id: access_key_id.to_owned(),
        secret_access_key: Zeroizing::new(secret_access_key.to_owned()),
        // Shells give an empty variable where there is none.
        session_token: session_token
            .filter(|token| !token.is_empty())
            .map(|token| Zeroizing::new(token.to_owned())),
        expires: (expires_unix_secs != 0).then_some(expires_unix_secs),
    };
    credentials::check(&given, "the application")?;
    Ok(given)
}

unsafe fn iot_provider(
    endpoint_host: *const c_char,
    port: u16,
    role_alias: *const c_char,
    thing_name: *const c_char,
) -> Result<IotCredentialsProvider, Error> {
    // SAFETY: as the header asks of the caller.
    let (host, role_alias, thing_name) = unsafe {
        (
            borrow::string(endpoint_host, "endpoint_host")?,
            borrow::string(role_alias, "role_alias")?,
            borrow::optional_string(thing_name, "thing_name")?,
        )
    };
    let invalid = |detail: &'static str| Err(Error::new(Code::InvalidArgument, detail));
    check::host(host).map_err(|why| {
        let detail = format!("endpoint_host: {}", why.detail);
        Error::new(why.code, detail)
    })?;
    if port == 0 {
        return invalid("port is 0, use 443 for AWS IoT");
    }
    if !role_alias::is_role_alias(role_alias) {
        return invalid("role_alias is not 1 to 128 letters, digits and _=,@-");
    }
    if thing_name.is_some_and(|name| !role_alias::is_thing_name(name)) {
        return invalid("thing_name is not 1 to 128 letters, digits and :_-");
    }
    Ok(IotCredentialsProvider {
        host: host.to_owned(),
        port,
        role_alias: role_alias.to_owned(),
        thing_name: thing_name.map(str::to_owned),
    })
}

/// A part of the credential scope, which is in lower case.
unsafe fn scope_part(text: *const c_char, name: &str) -> Result<Option<String>, Error> {
    // SAFETY: as the header asks of the caller.
    let Some(text) = (unsafe { borrow::optional_string(text, name)? }) else {
        return Ok(None);
    };
    if !region::is_region(text) || text.len() > 64 {
        return Err(Error::new(
            Code::InvalidArgument,
            format!("{name} is not 1 to 64 lower-case letters, digits and dashes"),
        ));
    }
    Ok(Some(text.to_owned()))
}
