//! Private keys that a passphrase protects, and those that only the application can use.

use super::callback::{Userdata, aws_iot_mqtt_userdata_free_fn};
use super::credentials::{configure, pem, read_ca, read_certificate};
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::{aws_iot_mqtt_client, aws_iot_mqtt_signing_request};
use super::{borrow, check};
use crate::config::{Credentials, Identity, Key, Pem, Sign, SigningRequest};
use crate::engine::Client;
use crate::error::{Code, Error};
use std::ffi::{c_char, c_int, c_void};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// Room for a signature: one of RSA with 8192 bits.
const LONGEST_SIGNATURE: usize = 1024;

/// Signs with a private key that only the application can use. It runs on a thread of its own, outside the order of the other
/// callbacks, at most once at a time for one client, and may block; the attempt to connect waits for it within its deadline,
/// and aws_iot_mqtt_client_free() until it has returned, but inside it returns at once. A blocking call on the same client inside it
/// returns AWS_IOT_MQTT_ERR_WOULD_DEADLOCK. What it signed is verified against the certificate before it is sent.
///
/// @param request        What to sign, and how; lent (rule 8).
/// @param signature      Receives the signature: for ECDSA in the configured form, for RSA as many bytes as its modulus has.
/// @param signature_len  Holds the room at signature, 1024 bytes; receives the length of what was written.
/// @param userdata       What was registered.
/// @return 0, or a number of your own, which comes back in the detail of AWS_IOT_MQTT_ERR_PRIVATE_KEY.
pub type aws_iot_mqtt_sign_fn = Option<
    unsafe extern "C" fn(
        request: *const aws_iot_mqtt_signing_request,
        signature: *mut u8,
        signature_len: *mut usize,
        userdata: *mut c_void,
    ) -> c_int,
>;

/// Sets the passphrase for encrypted private keys (PKCS#8, "BEGIN ENCRYPTED PRIVATE KEY"). Accepted at any time; it holds for the
/// calls of aws_iot_mqtt_client_configure_credentials() and aws_iot_mqtt_client_configure_credentials_pem() that follow. A wrong one
/// shows there, as AWS_IOT_MQTT_ERR_PRIVATE_KEY. A key that is not encrypted does not need one and does not mind.
///
/// @param client          The client.
/// @param passphrase      passphrase_len bytes of any value; copied, and the copy is wiped when it is no longer needed. NULL with
///                        length 0: forget it.
/// @param passphrase_len  Length in bytes.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_private_key_passphrase(
    client: *mut aws_iot_mqtt_client,
    passphrase: *const c_void,
    passphrase_len: usize,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, passphrase) = unsafe {
            (
                borrow::client(client)?,
                borrow::optional_bytes(passphrase, passphrase_len, "passphrase")?,
            )
        };
        let passphrase = passphrase.map(|passphrase| Zeroizing::new(passphrase.to_vec()));
        client.configure_any_time(|config| {
            config.private_key_passphrase = passphrase;
            Ok(())
        })
    })
}

/// Connects with a private key that stays where it is: in a TPM, a secure element or a PKCS#11 token. The callback signs with it,
/// once for each TLS handshake that is not resumed. Takes the place of aws_iot_mqtt_client_configure_credentials(), and is
/// like that accepted at any time and used from the next attempt to connect on.
///
/// The certificate tells which kind of key it is, and so which schemes the callback must know: RSA PKCS1 for TLS 1.2 and PSS for
/// TLS 1.3 (SHA256, if the server has no other wish), or that of the curve for both.
///
/// @param client            The client.
/// @param ca_path           As for aws_iot_mqtt_client_configure_credentials().
/// @param certificate_path  PEM file of the device's certificate, followed by those that link it to its CA.
/// @param ciphers           As for aws_iot_mqtt_client_configure_credentials().
/// @param signature_form    What the callback gives for ECDSA: AWS_IOT_MQTT_SIGNATURE_DER or AWS_IOT_MQTT_SIGNATURE_RAW. Without
///                          a meaning for RSA.
/// @param callback          Signs.
/// @param userdata          Handed to the callback (rule 9). Freed when other credentials have replaced these and the last
///                          connection that was made with them has ended.
/// @param userdata_free     Gives userdata back; may be NULL.
/// @return AWS_IOT_MQTT_ERR_CA_FILE or AWS_IOT_MQTT_ERR_CERTIFICATE if that file cannot be read or used;
///         AWS_IOT_MQTT_ERR_CIPHERS if no suite is known. A callback that does not fit the certificate shows when connecting, as
///         AWS_IOT_MQTT_ERR_PRIVATE_KEY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_private_key_callback(
    client: *mut aws_iot_mqtt_client,
    ca_path: *const c_char,
    certificate_path: *const c_char,
    ciphers: *const c_char,
    signature_form: c_int,
    callback: aws_iot_mqtt_sign_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        // SAFETY: as above.
        let (ca, certificate, ciphers) = unsafe {
            (
                borrow::optional_string(ca_path, "ca_path")?,
                borrow::string(certificate_path, "certificate_path")?,
                borrow::optional_string(ciphers, "ciphers")?,
            )
        };
        let registration = Registration::new(signature_form, callback, userdata, userdata_free)?;
        let ca = ca.map(read_ca).transpose()?;
        let certificate = read_certificate(certificate)?;
        registration.configure(&client, ca, certificate, ciphers)
    })
}

/// The same with certificates from memory.
///
/// @param client               The client.
/// @param ca_pem               As for aws_iot_mqtt_client_configure_credentials_pem().
/// @param ca_pem_len           Length in bytes.
/// @param certificate_pem      The device's certificate in PEM, followed by those that link it to its CA.
/// @param certificate_pem_len  Length in bytes.
/// @param ciphers              As for aws_iot_mqtt_client_configure_credentials().
/// @param signature_form       As for aws_iot_mqtt_client_configure_private_key_callback().
/// @param callback             Signs.
/// @param userdata             Handed to the callback (rule 9).
/// @param userdata_free        Gives userdata back; may be NULL.
/// @return As for aws_iot_mqtt_client_configure_private_key_callback().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_private_key_callback_pem(
    client: *mut aws_iot_mqtt_client,
    ca_pem: *const c_void,
    ca_pem_len: usize,
    certificate_pem: *const c_void,
    certificate_pem_len: usize,
    ciphers: *const c_char,
    signature_form: c_int,
    callback: aws_iot_mqtt_sign_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        // SAFETY: as above.
        let (ca, certificate, ciphers) = unsafe {
            (
                borrow::optional_bytes(ca_pem, ca_pem_len, "ca_pem")?,
                borrow::bytes(certificate_pem, certificate_pem_len, "certificate_pem")?,
                borrow::optional_string(ciphers, "ciphers")?,
            )
        };
        let registration = Registration::new(signature_form, callback, userdata, userdata_free)?;
        let ca = ca.map(|text| pem("CA PEM", text));
        let certificate = pem("certificate PEM", certificate);
        registration.configure(&client, ca, certificate, ciphers)
    })
}

type SignFn = unsafe extern "C" fn(
    *const aws_iot_mqtt_signing_request,
    *mut u8,
    *mut usize,
    *mut c_void,
) -> c_int;

/// What a call brings to register a callback, before it is taken.
struct Registration {
    form: crate::config::EcdsaForm,
    callback: SignFn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
}

impl Registration {
    fn new(
        signature_form: c_int,
        callback: aws_iot_mqtt_sign_fn,
        userdata: *mut c_void,
        userdata_free: aws_iot_mqtt_userdata_free_fn,
    ) -> Result<Self, Error> {
        let callback = callback.ok_or_else(|| {
            Error::new(
                Code::InvalidArgument,
                "callback is NULL: for a key in PEM call aws_iot_mqtt_client_configure_credentials",
            )
        })?;
        Ok(Registration {
            form: check::ecdsa_form(signature_form)?,
            callback,
            userdata,
            userdata_free,
        })
    }

    fn configure(
        self,
        client: &Client,
        ca: Option<Pem>,
        certificate: Pem,
        ciphers: Option<&str>,
    ) -> Result<(), Error> {
        let signer = Arc::new(Signer {
            callback: self.callback,
            userdata: Mutex::new(None),
        });
        let credentials = Credentials {
            ca,
            identity: Some(Identity {
                certificate,
                key: Key::Callback {
                    sign: Arc::clone(&signer) as Arc<dyn Sign>,
                    ecdsa: self.form,
                },
            }),
            ciphers: ciphers.map(str::to_owned),
        };
        configure(client, credentials, || {
            signer.take(Userdata::take(self.userdata, self.userdata_free));
        })
    }
}

/// The application's function and its userdata, which is there from when the call was accepted to when it is given back.
struct Signer {
    callback: SignFn,
    userdata: Mutex<Option<Userdata>>,
}

impl Signer {
    fn take(&self, userdata: Userdata) {
        *self.userdata.lock().unwrap_or_else(PoisonError::into_inner) = Some(userdata);
    }
}

impl Sign for Signer {
    fn sign(&self, request: &SigningRequest<'_>) -> Result<Vec<u8>, String> {
        // Held while the callback runs, so that the userdata is not freed under it.
        let userdata = self.userdata.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(userdata) = &*userdata else {
            return Err("its client is being freed".into());
        };
        let lent = aws_iot_mqtt_signing_request {
            scheme: c_int::from(request.scheme),
            digest: request.digest.as_ptr(),
            digest_len: request.digest.len(),
            message: request.message.as_ptr(),
            message_len: request.message.len(),
        };
        let mut signature = vec![0; LONGEST_SIGNATURE];
        let mut length = signature.len();
        // SAFETY: the application promised a callback of this type (rule 9); what is lent lives until it returns, and the buffer
        // has the length that it is told.
        let returned = unsafe {
            (self.callback)(
                &raw const lent,
                signature.as_mut_ptr(),
                &raw mut length,
                userdata.pointer(),
            )
        };
        if returned != 0 {
            return Err(format!("it returned {returned}"));
        }
        if length > LONGEST_SIGNATURE {
            return Err(format!(
                "it says that it wrote {length} bytes, where there is room for {LONGEST_SIGNATURE}"
            ));
        }
        signature.truncate(length);
        Ok(signature)
    }

    fn release(&self) {
        let userdata = self
            .userdata
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(userdata);
    }
}
