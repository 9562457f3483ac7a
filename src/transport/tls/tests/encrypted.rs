//! Encrypted private keys as people's programs and editors leave them, and such as nobody should open.

use super::peer::*;
use crate::config::Pem;
use crate::error::{Code, Error};
use crate::transport::tls::{decrypt, pem as sections};
use data_encoding::BASE64;
use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::der::Encode;
use pkcs8::pkcs5::pbes2::{
    EncryptionScheme, Kdf, Parameters, Pbkdf2Params, Pbkdf2Prf, ScryptParams,
};

const PLAIN: &str = include_str!("../testdata/p384.key");
const ENCRYPTED: &str = include_str!("../testdata/encrypted_pkcs8.key");

fn opened(text: &str) -> Result<(), Error> {
    let key = decrypt(pem("/etc/device.key", text), Some(b"secret"))?;
    sections::private_key(&key).map(|_| ())
}

#[test]
fn an_encrypted_key_may_be_laid_out_as_one_that_is_not() {
    for (from, to) in [
        ("\n", "\r\n"),
        ("\n", " \n"),
        ("-----\nMI", "-----\n\nMI"),
        ("\n-----END", "\n\n-----END"),
    ] {
        for text in [PLAIN, ENCRYPTED] {
            let laid_out = text.replace(from, to);
            assert_ne!(laid_out, text);
            assert_eq!(opened(&laid_out), Ok(()), "{laid_out:?}");
        }
    }
}

#[test]
fn an_encrypted_key_that_is_cut_off_or_damaged_says_so() {
    let (head, _) = ENCRYPTED.split_once("-----END").unwrap();
    let begin = head.lines().next().unwrap();
    for (text, words) in [
        (head, "cut off"),
        (begin, "cut off"),
        (&begin[..begin.len() - 5], "cut off"),
        (&ENCRYPTED.replacen("MI", "M!", 1), "not Base64"),
        (&ENCRYPTED.replacen("MI", "MA", 1), "damaged"),
    ] {
        let error = opened(text).unwrap_err();
        assert_eq!(error.code, Code::PrivateKey);
        assert!(error.detail.contains(words), "{error}");
    }
}

/// A key that nothing opens, encrypted in this way.
fn encrypted_by(kdf: Kdf<'_>) -> Pem {
    let encryption = EncryptionScheme::Aes256Cbc { iv: &[1; 16] };
    let info = EncryptedPrivateKeyInfo {
        encryption_algorithm: Parameters { kdf, encryption }.into(),
        encrypted_data: &[2; 64],
    };
    let base64 = BASE64.encode(&info.to_der().unwrap());
    let label = "ENCRYPTED PRIVATE KEY";
    pem(
        "/etc/device.key",
        &format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n"),
    )
}

fn pbkdf2(iteration_count: u32) -> Pem {
    encrypted_by(Kdf::Pbkdf2(Pbkdf2Params {
        salt: b"salt",
        iteration_count,
        key_length: None,
        prf: Pbkdf2Prf::HmacWithSha256,
    }))
}

fn scrypt(cost_parameter: u64, block_size: u16, parallelization: u16) -> Pem {
    encrypted_by(Kdf::Scrypt(ScryptParams {
        salt: b"salt",
        cost_parameter,
        block_size,
        parallelization,
        key_length: None,
    }))
}

#[test]
fn a_key_cannot_ask_for_time_or_memory_without_bounds() {
    for key in [
        pbkdf2(10_000_001),
        pbkdf2(u32::MAX),
        scrypt(1 << 18, 8, 1),
        // All memory there is, and more than a number can say.
        scrypt(1 << 40, 8, 1),
        scrypt(1 << 63, 8, 1),
        scrypt(1 << 14, 8, 17),
        scrypt(1 << 14, 8, u16::MAX),
        scrypt(0, 8, 1),
        scrypt(1 << 14, 0, 1),
    ] {
        let error = decrypt(key, Some(b"secret")).err().unwrap();
        assert_eq!(error.code, Code::PrivateKey);
        for words in ["/etc/device.key", "cost", "128 MiB", "openssl pkcs8"] {
            assert!(error.detail.contains(words), "{error}");
        }
    }
    // What OpenSSL writes.
    for key in [pbkdf2(2048), scrypt(1 << 14, 8, 1)] {
        let error = decrypt(key, Some(b"secret")).err().unwrap();
        assert!(error.detail.contains("does not open it"), "{error}");
    }
}
