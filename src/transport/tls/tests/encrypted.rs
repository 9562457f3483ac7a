//! Encrypted private keys as people's programs and editors leave them, and such as nobody should open.

use super::peer::*;
use crate::error::{Code, Error};
use crate::transport::tls::{decrypt, pem as sections};

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
