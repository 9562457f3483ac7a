//! Certificates and keys, from files or from memory.

use super::borrow;
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use crate::config::{Credentials, Identity, Key, Pem, TlsVersion};
use crate::engine::Client;
use crate::error::{Code, Error};
use crate::transport::tls::{self, TlsConfig};
use std::ffi::{c_char, c_void};
use std::fs::File;
use std::io::Read;
use zeroize::Zeroizing;

/// No certificate bundle comes near it; a wrong path might lead to something endless.
const LARGEST_FILE: usize = 1 << 20;
const SMALLEST_BUFFER: usize = 4 << 10;

/// Names the files of X.509 credentials for TLS. They are read and checked at once, so a wrong path shows here and not at the
/// next connection. Accepted at any time and used from the next attempt to connect on: certificates can be rotated without a
/// new client.
///
/// @param client            The client.
/// @param ca_path           PEM file of the CA certificates, the only ones that a server's chain may end in. NULL: those of
///                          the system, and only those.
/// @param key_path          PEM file of the device's private key: PKCS#8, PKCS#1 or SEC1; RSA, EC P-256 or P-384, and P-521
///                          with the aws-lc-rs build. If it is encrypted, call
///                          aws_iot_mqtt_client_configure_private_key_passphrase() before. NULL together with
///                          certificate_path: no certificate is sent.
/// @param certificate_path  PEM file of the device's certificate, followed by those that link it to its CA.
/// @param ciphers           Cipher suites by their OpenSSL or IANA names, separated by colons or commas; NULL: the three
///                          suites of TLS 1.3, and of TLS 1.2 those with ECDHE and AES-GCM. They hold on every transport.
/// @return AWS_IOT_MQTT_ERR_CA_FILE, AWS_IOT_MQTT_ERR_CERTIFICATE or AWS_IOT_MQTT_ERR_PRIVATE_KEY if that file cannot be read
///         or used, or the key does not belong to the certificate; AWS_IOT_MQTT_ERR_CIPHERS if no suite is known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_credentials(
    client: *mut aws_iot_mqtt_client,
    ca_path: *const c_char,
    key_path: *const c_char,
    certificate_path: *const c_char,
    ciphers: *const c_char,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        // SAFETY: as above.
        let (ca, key, certificate, ciphers) = unsafe {
            (
                borrow::optional_string(ca_path, "ca_path")?,
                borrow::optional_string(key_path, "key_path")?,
                borrow::optional_string(certificate_path, "certificate_path")?,
                borrow::optional_string(ciphers, "ciphers")?,
            )
        };
        let identity = both_or_neither(certificate, "certificate_path", key, "key_path")?;
        let ca = ca.map(read_ca).transpose()?;
        let identity = match identity {
            Some((certificate, key)) => Some(with_key(
                &client,
                read_certificate(certificate)?,
                read(key, "private key", Code::PrivateKey)?,
            )?),
            None => None,
        };
        let credentials = Credentials {
            ca,
            identity,
            ciphers: ciphers.map(str::to_owned),
        };
        configure(&client, credentials, || ())
    })
}

/// The same from memory, for devices that keep their key elsewhere than in a file. The texts are copied; the copy of the key
/// is wiped when it is no longer needed.
///
/// @param client               The client.
/// @param ca_pem               CA certificates in PEM, ca_pem_len bytes. NULL with length 0: those of the system.
/// @param ca_pem_len           Length in bytes; a NUL at the end need not be counted.
/// @param key_pem              The device's private key in PEM. NULL with length 0, together with certificate_pem: none.
/// @param key_pem_len          Length in bytes.
/// @param certificate_pem      The device's certificate in PEM, followed by those that link it to its CA.
/// @param certificate_pem_len  Length in bytes.
/// @param ciphers              As for aws_iot_mqtt_client_configure_credentials().
/// @return As for aws_iot_mqtt_client_configure_credentials().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_credentials_pem(
    client: *mut aws_iot_mqtt_client,
    ca_pem: *const c_void,
    ca_pem_len: usize,
    key_pem: *const c_void,
    key_pem_len: usize,
    certificate_pem: *const c_void,
    certificate_pem_len: usize,
    ciphers: *const c_char,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        // SAFETY: as above.
        let (ca, key, certificate, ciphers) = unsafe {
            (
                borrow::optional_bytes(ca_pem, ca_pem_len, "ca_pem")?,
                borrow::optional_bytes(key_pem, key_pem_len, "key_pem")?,
                borrow::optional_bytes(certificate_pem, certificate_pem_len, "certificate_pem")?,
                borrow::optional_string(ciphers, "ciphers")?,
            )
        };
        let identity = both_or_neither(certificate, "certificate_pem", key, "key_pem")?;
        let identity = match identity {
            Some((certificate, key)) => Some(with_key(
                &client,
                pem("certificate PEM", certificate),
                pem("private key PEM", key),
            )?),
            None => None,
        };
        let credentials = Credentials {
            ca: ca.map(|text| pem("CA PEM", text)),
            identity,
            ciphers: ciphers.map(str::to_owned),
        };
        configure(&client, credentials, || ())
    })
}

/// An identity with a key that is ours, and no longer encrypted.
fn with_key(client: &Client, certificate: Pem, key: Pem) -> Result<Identity, Error> {
    let passphrase = client.private_key_passphrase()?;
    let key = tls::decrypt(
        key,
        passphrase.as_ref().map(|passphrase| passphrase.as_slice()),
    )?;
    Ok(Identity {
        certificate,
        key: Key::Pem(key),
    })
}

/// `take` is called when the credentials are accepted: the place to take a userdata.
pub(super) fn configure(
    client: &Client,
    credentials: Credentials,
    take: impl FnOnce(),
) -> Result<(), Error> {
    // Whether TLS can use them is asked here, so that the mistake shows at the call that made it.
    let checked = TlsConfig::new(&credentials, TlsVersion::default(), &[])?;
    client.configure_credentials(credentials, checked, take)
}

fn both_or_neither<T>(
    certificate: Option<T>,
    certificate_name: &str,
    key: Option<T>,
    key_name: &str,
) -> Result<Option<(T, T)>, Error> {
    let missing = |missing: &str, given: &str| {
        Error::new(
            Code::InvalidArgument,
            format!(
                "{missing} is NULL, but {given} is not: a certificate and its private key go together"
            ),
        )
    };
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(missing(certificate_name, key_name)),
        (Some(_), None) => Err(missing(key_name, certificate_name)),
    }
}

pub(super) fn pem(name: &str, text: &[u8]) -> Pem {
    Pem {
        name: name.to_owned(),
        text: Zeroizing::new(text.to_vec()),
    }
}

pub(super) fn read_ca(path: &str) -> Result<Pem, Error> {
    read(path, "CA file", Code::CaFile)
}

pub(super) fn read_certificate(path: &str) -> Result<Pem, Error> {
    read(path, "certificate", Code::Certificate)
}

fn read(path: &str, what: &str, code: Code) -> Result<Pem, Error> {
    let text = File::open(path)
        .and_then(|mut file| {
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            read_to_limit(&mut file, usize::try_from(length).unwrap_or(usize::MAX))
        })
        .map_err(|error| {
            // A text in the place of its path may be a key, which no error repeats.
            let detail = match path.contains("-----BEGIN") || path.contains(['\n', '\r']) {
                true => format!(
                    "{what}: this is PEM text and not a path; for texts there is the function of the same name that ends in _pem"
                ),
                false => format!("{what} {path}: {error}"),
            };
            Error::new(code, detail)
        })?;
    match text {
        Some(text) => Ok(Pem {
            name: path.to_owned(),
            text,
        }),
        None => Err(Error::new(
            code,
            format!("{what} {path}: larger than 1 MiB, so it is no PEM file"),
        )),
    }
}

/// The whole file; `None` if that is more than the limit. `expected` is what its size was said to be, which may be wrong: a pipe has
/// none. It is not read into a `Vec` that grows, which would leave pieces of a key behind in freed memory, nor into one of the
/// largest size, which to wipe takes longer than a TLS handshake.
fn read_to_limit(file: &mut File, expected: usize) -> std::io::Result<Option<Zeroizing<Vec<u8>>>> {
    const MOST: usize = LARGEST_FILE + 1;
    // One byte more, so that the end shows without another round.
    let size = expected.saturating_add(1).clamp(SMALLEST_BUFFER, MOST);
    let mut buffer = Zeroizing::new(vec![0; size]);
    let mut length = 0;
    loop {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if length == MOST {
            return Ok(None);
        }
        if length == buffer.len() {
            let mut larger = Zeroizing::new(vec![0; (length * 2).min(MOST)]);
            larger[..length].copy_from_slice(&buffer);
            buffer = larger;
        }
    }
    // Of its own size: the client keeps it.
    Ok(Some(Zeroizing::new(buffer[..length].to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_missing_file_is_named_with_the_reason_of_the_system() {
        let error = read("/nonexistent/root.pem", "CA file", Code::CaFile)
            .err()
            .unwrap();
        assert_eq!(error.code, Code::CaFile);
        assert!(
            error
                .detail
                .starts_with("CA file /nonexistent/root.pem: No such file or directory"),
            "{error}"
        );
        // A size that nobody knows before.
        let status = read("/proc/self/limits", "CA file", Code::CaFile).unwrap();
        assert!(status.text.ends_with(b"\n"), "{}", status.text.len());
        let error = read("/", "private key", Code::PrivateKey).err().unwrap();
        assert_eq!(error.code, Code::PrivateKey);
        assert!(
            error.detail.starts_with("private key /: Is a directory"),
            "{error}"
        );
    }

    #[test]
    fn a_text_in_the_place_of_its_path_is_not_quoted() {
        for text in [
            "-----BEGIN PRIVATE KEY-----",
            "MHcCAQEEIHush\n",
            "MHcC\rHush",
        ] {
            let error = read(text, "private key", Code::PrivateKey).err().unwrap();
            assert_eq!(error.code, Code::PrivateKey);
            assert!(error.detail.contains("_pem"), "{error}");
            for part in ["BEGIN", "MHcC", "Hush", "\n", "\r"] {
                assert!(!error.detail.contains(part), "{error}");
            }
        }
        for error in [read_ca("-----BEGIN X"), read_certificate("-----BEGIN X")] {
            assert!(error.err().unwrap().detail.contains("_pem"));
        }
    }

    #[test]
    fn a_file_is_read_whole_up_to_the_limit() {
        let path =
            std::env::temp_dir().join(format!("aws-iot-mqtt-credentials-{}", std::process::id()));
        let name = path.to_str().unwrap();
        for length in [0, 5, LARGEST_FILE] {
            std::fs::write(&path, vec![b'x'; length]).unwrap();
            let pem = read(name, "certificate", Code::Certificate).unwrap();
            assert_eq!((pem.text.len(), pem.name.as_str()), (length, name));
        }
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"x")
            .unwrap();
        let error = read(name, "certificate", Code::Certificate).err().unwrap();
        assert!(error.detail.contains("larger than 1 MiB"), "{error}");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_certificate_and_its_key_go_together() {
        assert_eq!(
            both_or_neither(Some(1), "c", Some(2), "k"),
            Ok(Some((1, 2)))
        );
        assert_eq!(both_or_neither::<u8>(None, "c", None, "k"), Ok(None));
        let error = both_or_neither(None, "certificate_path", Some(2), "key_path").unwrap_err();
        assert!(
            error
                .detail
                .starts_with("certificate_path is NULL, but key_path is not"),
            "{error}"
        );
        let error = both_or_neither(Some(1), "certificate_path", None, "key_path").unwrap_err();
        assert!(
            error
                .detail
                .starts_with("key_path is NULL, but certificate_path is not"),
            "{error}"
        );
    }
}
