use super::peer::*;
use crate::config::{Credentials, Identity, Key, Pem};
use crate::error::{Code, Error};
use crate::transport::tls::{TlsConfig, decrypt};
use rustls::CipherSuite;
use std::sync::Arc;

const RSA_KEY: &str = include_str!("../testdata/rsa_pkcs1.key");
const RSA_VERSION_1: &str = include_str!("../testdata/rsa_version1.crt");
const EC_KEY: &str = include_str!("../testdata/ec_sec1.key");
const EC: &str = include_str!("../testdata/ec.crt");
const ENCRYPTED_PKCS8: &str = include_str!("../testdata/encrypted_pkcs8.key");
const ENCRYPTED_PBES1: &str = include_str!("../testdata/encrypted_pbes1.key");
const ENCRYPTED_SEC1: &str = include_str!("../testdata/encrypted_sec1.key");
const P521_KEY: &str = include_str!("../testdata/p521.key");
const P521: &str = include_str!("../testdata/p521.crt");

fn with_ca(ca: &str) -> Result<TlsConfig, Error> {
    let credentials = Credentials {
        ca: Some(pem("/etc/ca.pem", ca)),
        identity: None,
        ciphers: None,
    };
    TlsConfig::new(&credentials, TlsVersion::V1_2, &[])
}

fn with_identity(certificate: &str, key: &str) -> Result<TlsConfig, Error> {
    with_passphrase(certificate, key, None)
}

fn with_passphrase(
    certificate: &str,
    key: &str,
    passphrase: Option<&[u8]>,
) -> Result<TlsConfig, Error> {
    let credentials = Credentials {
        ca: Some(Authority::new("ca").pem()),
        identity: Some(Identity {
            certificate: pem("/etc/device.crt", certificate),
            key: Key::Pem(decrypt(pem("/etc/device.key", key), passphrase)?),
        }),
        ciphers: None,
    };
    TlsConfig::new(&credentials, TlsVersion::V1_2, &[])
}

#[track_caller]
fn refused(result: Result<TlsConfig, Error>, code: Code, words: &[&str]) {
    let error = result.unwrap_err();
    assert_eq!(error.code, code, "{error}");
    for word in words {
        assert!(error.detail.contains(word), "\"{word}\" is not in: {error}");
    }
}

fn text(pem: &Pem) -> String {
    String::from_utf8(pem.text.to_vec()).unwrap()
}

/// The Base64 with a line cut out, or with a character that is none.
fn damaged(pem: &str) -> [String; 2] {
    let lines: Vec<&str> = pem.lines().collect();
    let (head, tail) = lines.split_at(lines.len() / 2);
    [
        [head, &tail[1..]].concat().join("\n"),
        [head, &["!not Base64!"], tail].concat().join("\n"),
    ]
}

#[test]
fn a_ca_file_must_hold_certificates() {
    let name = "\"/etc/ca.pem\"";
    refused(with_ca(""), Code::CaFile, &[name, "empty"]);
    refused(with_ca("\n \n"), Code::CaFile, &[name, "empty"]);
    refused(with_ca("\x30\x03abc"), Code::CaFile, &[name, "not PEM"]);
    refused(
        with_ca(RSA_KEY),
        Code::CaFile,
        &[name, "RSA PRIVATE KEY", "mixed up"],
    );
    for broken in damaged(EC) {
        refused(
            with_ca(&broken),
            Code::CaFile,
            &[name, "certificate number 1", "damaged"],
        );
    }
    let second = format!("{EC}{}", damaged(EC)[0]);
    refused(with_ca(&second), Code::CaFile, &["certificate number 2"]);
    let cut_off = &EC[..EC.len() - 30];
    refused(with_ca(cut_off), Code::CaFile, &[name, "cut off"]);
}

#[test]
fn a_ca_file_may_hold_more_than_certificates() {
    with_ca(&format!(
        "# the roots\r\n{ENCRYPTED_SEC1}{EC}and a word\n{RSA_VERSION_1}"
    ))
    .unwrap();
    with_ca(&format!("\u{feff}{}", EC.replace('\n', "\r\n"))).unwrap();
}

#[test]
fn a_section_of_any_name_ends_at_its_own_end() {
    let longest = "A NAME OF MORE THAN FORTY CHARACTERS, AS NOBODY FORBIDS";
    for label in ["X-ORGANISATION DATA", longest] {
        let other = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        with_ca(&format!("{other}{EC}")).unwrap();
        with_identity(&format!("{other}{EC}"), &format!("{other}{EC_KEY}")).unwrap();
        refused(with_ca(&other), Code::CaFile, &[&label[..19], "mixed up"]);
    }
}

#[test]
fn a_certificate_must_be_one() {
    let name = "\"/etc/device.crt\"";
    refused(
        with_identity("", EC_KEY),
        Code::Certificate,
        &[name, "empty"],
    );
    refused(
        with_identity(EC_KEY, EC_KEY),
        Code::Certificate,
        &[name, "EC PRIVATE KEY", "mixed up"],
    );
    for broken in damaged(EC) {
        refused(
            with_identity(&broken, EC_KEY),
            Code::Certificate,
            &[name, "damaged"],
        );
    }
}

#[test]
fn a_private_key_must_be_one() {
    let name = "\"/etc/device.key\"";
    refused(with_identity(EC, ""), Code::PrivateKey, &[name, "empty"]);
    refused(
        with_identity(EC, EC),
        Code::PrivateKey,
        &[name, "\"CERTIFICATE\"", "mixed up"],
    );
    for broken in damaged(RSA_KEY) {
        refused(
            with_identity(RSA_VERSION_1, &broken),
            Code::PrivateKey,
            &[name, "damaged"],
        );
    }
    let other_kind = EC_KEY.replace("EC PRIVATE KEY", "OPENSSH PRIVATE KEY");
    refused(
        with_identity(EC, &other_kind),
        Code::PrivateKey,
        &[name, "OPENSSH PRIVATE KEY", "not supported"],
    );
}

#[test]
fn an_encrypted_key_needs_its_passphrase() {
    let name = "\"/etc/device.key\"";
    with_passphrase(EC, ENCRYPTED_PKCS8, Some(b"secret")).unwrap();
    // One that is not encrypted does not mind.
    with_passphrase(EC, EC_KEY, Some(b"secret")).unwrap();
    refused(
        with_identity(EC, ENCRYPTED_PKCS8),
        Code::PrivateKey,
        &[name, "configure_private_key_passphrase"],
    );
    // Some wrong passphrases give something that is padded well.
    for number in 0..300 {
        let wrong = format!("wrong {number}");
        let error = decrypt(
            pem("/etc/device.key", ENCRYPTED_PKCS8),
            Some(wrong.as_bytes()),
        )
        .err()
        .unwrap();
        assert_eq!(error.code, Code::PrivateKey);
        assert_eq!(
            error.detail,
            "private key \"/etc/device.key\": the configured passphrase does not open it"
        );
    }
    for broken in damaged(ENCRYPTED_PKCS8) {
        let error = with_passphrase(EC, &broken, Some(b"secret")).unwrap_err();
        assert_eq!(error.code, Code::PrivateKey, "{error}");
        assert!(error.detail.contains(name), "{error}");
    }
}

#[test]
fn old_ways_to_encrypt_say_how_to_convert() {
    for passphrase in [None, Some(&b"secret"[..])] {
        refused(
            with_passphrase(EC, ENCRYPTED_SEC1, passphrase),
            Code::PrivateKey,
            &[
                "\"/etc/device.key\"",
                "Proc-Type: 4,ENCRYPTED",
                "openssl pkcs8 -topk8",
            ],
        );
    }
    refused(
        with_passphrase(EC, ENCRYPTED_PBES1, Some(b"secret")),
        Code::PrivateKey,
        &[
            "\"/etc/device.key\"",
            "not supported",
            "openssl pkcs8 -topk8 -v2 aes256",
        ],
    );
}

#[test]
fn no_error_quotes_a_key() {
    for broken in damaged(RSA_KEY) {
        let error = with_identity(RSA_VERSION_1, &broken).unwrap_err();
        for line in RSA_KEY.lines().filter(|line| !line.starts_with('-')) {
            assert!(!error.detail.contains(&line[..20]), "{error}");
        }
    }
}

#[test]
fn the_key_must_be_the_certificates() {
    refused(
        with_identity(EC, RSA_KEY),
        Code::PrivateKey,
        &["\"/etc/device.key\" is not the key of certificate \"/etc/device.crt\""],
    );
    let ca = Authority::new("ca");
    let (one, other) = (ca.device(), ca.device());
    refused(
        with_identity(&one.certificate.pem(), &other.key.serialize_pem()),
        Code::PrivateKey,
        &["is not the key of certificate"],
    );
}

#[test]
fn pkcs1_sec1_and_pkcs8_keys_are_read() {
    // The first is with a certificate of X.509 version 1.
    with_identity(RSA_VERSION_1, RSA_KEY).unwrap();
    with_identity(EC, EC_KEY).unwrap();
    let device = Authority::new("ca").device();
    let (certificate, key) = device.pems();
    with_identity(&text(&certificate), &text(&key)).unwrap();
    // One file for both.
    let both = format!("{EC_KEY}{EC}");
    with_identity(&both, &both).unwrap();
}

#[test]
fn p521_depends_on_the_build() {
    let result = with_identity(P521, P521_KEY);
    if cfg!(feature = "aws-lc-rs") {
        result.unwrap();
    } else {
        refused(
            result,
            Code::PrivateKey,
            &["/etc/device.key", "P-521", "aws-lc-rs"],
        );
    }
}

#[test]
fn the_devices_own_dates_are_the_servers_to_judge() {
    let mut params = rcgen::CertificateParams::default();
    params.not_after = rcgen::date_time_ymd(2001, 2, 3);
    let device = Authority::new("ca").issue(params);
    with_identity(&device.certificate.pem(), &device.key.serialize_pem()).unwrap();
}

fn with_ciphers(ciphers: Option<&str>) -> Result<Vec<CipherSuite>, Error> {
    let provider = super::super::ciphers::provider(ciphers)?;
    Ok(provider
        .cipher_suites
        .iter()
        .map(|suite| suite.suite())
        .collect())
}

#[test]
fn cipher_suites_have_two_names_and_two_separators() {
    let two = [
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS13_AES_256_GCM_SHA384,
    ];
    for list in [
        "ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384",
        "ecdhe-rsa-aes128-gcm-sha256,tls_aes_256_gcm_sha384:ECDHE-RSA-AES128-GCM-SHA256,",
    ] {
        assert_eq!(with_ciphers(Some(list)).unwrap(), two, "{list}");
    }
    assert_eq!(
        with_ciphers(Some("ECDHE-ECDSA-CHACHA20-POLY1305")).unwrap(),
        [CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]
    );
}

#[test]
fn the_default_is_what_aws_iot_has() {
    let suites = with_ciphers(None).unwrap();
    assert_eq!(suites.len(), 7);
    let chacha = |suite: &&CipherSuite| format!("{suite:?}").contains("CHACHA20");
    assert_eq!(
        suites.iter().filter(chacha).collect::<Vec<_>>(),
        [&CipherSuite::TLS13_CHACHA20_POLY1305_SHA256]
    );
}

#[test]
fn an_unknown_cipher_suite_is_named_with_the_known_ones() {
    for (list, culprit) in [
        (
            "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256",
            "\"ECDHE-RSA-AES128-SHA256\"",
        ),
        ("AES128-GCM-SHA256", "\"AES128-GCM-SHA256\""),
        ("HIGH:!aNULL", "\"HIGH\""),
    ] {
        let mut credentials = credentials(&Authority::new("ca"), None);
        credentials.ciphers = Some(list.into());
        refused(
            TlsConfig::new(&credentials, TlsVersion::V1_2, &[]),
            Code::Ciphers,
            &[
                culprit,
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "TLS_AES_128_GCM_SHA256",
            ],
        );
    }
    assert_eq!(with_ciphers(Some(" :,")).unwrap_err().code, Code::Ciphers);
}

#[test]
fn equal_credentials_share_one_configuration_and_others_do_not() {
    let ca = Authority::new("ca");
    let (one, other) = (ca.device(), ca.device());
    let first = TlsConfig::new(&credentials(&ca, Some(&one)), TlsVersion::V1_2, &["mqtt"]).unwrap();
    let mut renamed = credentials(&ca, Some(&one));
    renamed.ca.as_mut().unwrap().name = "elsewhere".into();
    let same = TlsConfig::new(&renamed, TlsVersion::V1_2, &["mqtt"]).unwrap();
    assert!(Arc::ptr_eq(&first.client, &same.client));

    let mut ciphers = credentials(&ca, Some(&one));
    ciphers.ciphers = Some("TLS_AES_128_GCM_SHA256".into());
    for (credentials, alpn) in [
        (credentials(&ca, Some(&other)), &["mqtt"][..]),
        (credentials(&ca, None), &["mqtt"]),
        (credentials(&Authority::new("other"), Some(&one)), &["mqtt"]),
        (ciphers, &["mqtt"]),
        (credentials(&ca, Some(&one)), &[]),
        (credentials(&ca, Some(&one)), &["mq", "tt"]),
    ] {
        let config = TlsConfig::new(&credentials, TlsVersion::V1_2, alpn).unwrap();
        assert!(!Arc::ptr_eq(&first.client, &config.client));
    }
}

#[test]
fn a_configuration_that_nobody_uses_is_not_kept() {
    let credentials = credentials(&Authority::new("ca"), None);
    let config = TlsConfig::new(&credentials, TlsVersion::V1_2, &[]).unwrap();
    let weak = Arc::downgrade(&config.client);
    drop(config);
    assert!(weak.upgrade().is_none());
    TlsConfig::new(&credentials, TlsVersion::V1_2, &[]).unwrap();
}
