//! Certificates and keys out of PEM texts, with errors that name the text and say what is in it instead.

use crate::config::Pem;
use crate::error::{Code, Error};
use data_encoding::BASE64;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_pemfile::Item;

const BEGIN: &[u8] = b"-----BEGIN ";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const CUT_OFF: &str = "is cut off: its END line is missing";
const NOT_BASE64: &str = "is damaged: it is not Base64";

/// One `-----BEGIN X-----` to `-----END X-----`. If the end is missing, all the rest.
struct Section<'a> {
    /// Its first 40 characters.
    label: String,
    text: &'a [u8],
}

/// All certificates of a CA file.
pub(super) fn authorities(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Error> {
    certificates(pem, "CA", Code::CaFile)
}

/// The device's certificate and what is between it and the CA.
pub(super) fn chain(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Error> {
    certificates(pem, "certificate", Code::Certificate)
}

fn certificates(pem: &Pem, role: &str, code: Code) -> Result<Vec<CertificateDer<'static>>, Error> {
    let mut certificates = Vec::new();
    let sections = sections(&pem.text);
    for section in sections
        .iter()
        .filter(|section| section.label == "CERTIFICATE")
    {
        let number = certificates.len() + 1;
        let broken = |why: &str| {
            Error::new(
                code,
                format!(
                    "{role} \"{}\": its certificate number {number} {why}",
                    pem.name
                ),
            )
        };
        match rustls_pemfile::read_one_from_slice(section.text) {
            Ok(Some((Item::X509Certificate(certificate), _)))
                if super::der::certificate_public_key(&certificate).is_some() =>
            {
                certificates.push(certificate);
            }
            Ok(_) => return Err(broken("is damaged: it does not decode as X.509")),
            Err(error) => return Err(broken(&damage(&error))),
        }
    }
    if certificates.is_empty() {
        return Err(Error::new(
            code,
            format!(
                "{role} \"{}\" holds no certificate: {}",
                pem.name,
                contents(&pem.text, &sections)
            ),
        ));
    }
    Ok(certificates)
}

/// The first private key: PKCS#8, PKCS#1 (RSA) or SEC1 (EC).
pub(super) fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>, Error> {
    let section = private_key_section(pem)?;
    if section.label == ENCRYPTED {
        return Err(unusable(
            pem,
            "is encrypted: call aws_iot_mqtt_client_configure_private_key_passphrase before",
        ));
    }
    match rustls_pemfile::read_one_from_slice(section.text) {
        Ok(Some((Item::Pkcs8Key(key), _))) => Ok(key.into()),
        Ok(Some((Item::Pkcs1Key(key), _))) => Ok(key.into()),
        Ok(Some((Item::Sec1Key(key), _))) => Ok(key.into()),
        Ok(_) => Err(unusable(
            pem,
            &format!(
                "is of the kind \"{}\", which is not supported: convert it to PKCS#8",
                section.label
            ),
        )),
        Err(error) => Err(unusable(pem, &damage(&error))),
    }
}

/// The first private key, if it is encrypted PKCS#8: as DER, whatever blanks and empty lines there are. The decoder of the others does
/// not know its label.
pub(super) fn encrypted_private_key(pem: &Pem) -> Result<Option<Vec<u8>>, Error> {
    let section = private_key_section(pem)?;
    if section.label != ENCRYPTED {
        return Ok(None);
    }
    let text = &section.text[BEGIN.len() + ENCRYPTED.len()..];
    let Some(end) = find(text, b"-----END ") else {
        return Err(unusable(pem, CUT_OFF));
    };
    let base64: Vec<u8> = text[..end]
        .iter()
        .copied()
        .skip_while(|&byte| byte == b'-')
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    BASE64
        .decode(&base64)
        .map(Some)
        .map_err(|_| unusable(pem, NOT_BASE64))
}

fn private_key_section(pem: &Pem) -> Result<Section<'_>, Error> {
    let mut sections = sections(&pem.text);
    let Some(at) = sections
        .iter()
        .position(|section| section.label.ends_with("PRIVATE KEY"))
    else {
        return Err(unusable(
            pem,
            &format!("holds no private key: {}", contents(&pem.text, &sections)),
        ));
    };
    let section = sections.swap_remove(at);
    // OpenSSL's own form, from before PKCS#8: its key is derived by one round of MD5.
    if contains(section.text, b"Proc-Type: 4,ENCRYPTED") {
        return Err(unusable(
            pem,
            "is encrypted in the legacy form (Proc-Type: 4,ENCRYPTED), which is not supported: convert it with openssl pkcs8 -topk8 -in FILE -out NEW",
        ));
    }
    Ok(section)
}

pub(super) fn unusable(pem: &Pem, why: &str) -> Error {
    Error::new(
        Code::PrivateKey,
        format!("private key \"{}\" {why}", pem.name),
    )
}

/// The decoder's error without the lines that it quotes: they may be of a key.
fn damage(error: &rustls_pemfile::Error) -> String {
    match error {
        rustls_pemfile::Error::MissingSectionEnd { .. } => CUT_OFF,
        rustls_pemfile::Error::IllegalSectionStart { .. } => {
            "is damaged: its BEGIN line is malformed"
        }
        rustls_pemfile::Error::Base64Decode(_) => NOT_BASE64,
    }
    .into()
}

/// What a text without what we look for has instead.
fn contents(text: &[u8], sections: &[Section<'_>]) -> String {
    if text.iter().all(u8::is_ascii_whitespace) {
        "it is empty".into()
    } else if sections.is_empty() {
        "it is not PEM (no \"-----BEGIN\" line); DER must be converted to PEM first".into()
    } else {
        let mut labels: Vec<&str> = sections
            .iter()
            .map(|section| section.label.as_str())
            .collect();
        labels.dedup();
        labels.truncate(3);
        format!(
            "it holds \"{}\"; have the CA, private key and certificate been mixed up?",
            labels.join("\", \"")
        )
    }
}

/// Found by us and not by the decoder, so that an encrypted key in a file of certificates does no harm to them.
fn sections(text: &[u8]) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let mut rest = text;
    while let Some(start) = find(rest, BEGIN) {
        let section = &rest[start..];
        let line = section[BEGIN.len()..]
            .split(|byte| matches!(byte, b'\r' | b'\n'))
            .next()
            .unwrap_or_default();
        // A single dash may be in a label (RFC 7468 section 3).
        let label = &line[..find(line, b"--").unwrap_or(line.len())];
        let end_line = [b"-----END ", label, b"-----"].concat();
        let length = find(section, &end_line).map_or(section.len(), |at| at + end_line.len());
        sections.push(Section {
            label: String::from_utf8_lossy(label).chars().take(40).collect(),
            text: &section[..length],
        });
        rest = &section[length..];
    }
    sections
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    find(text, wanted).is_some()
}
