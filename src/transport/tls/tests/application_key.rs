use super::peer::*;
use crate::config::{Credentials, EcdsaForm, Identity, Key, Sign, SigningRequest};
use crate::error::{Code, Error};
use crate::transport::Link;
use crate::transport::tls::{TlsConfig, ciphers};
use rustls::SignatureScheme as Scheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;
use rustls::version::{TLS12, TLS13};
use sha2::Digest;
use std::sync::{Arc, Mutex};

const RSA: [&str; 2] = [
    include_str!("../testdata/rsa_version1.crt"),
    include_str!("../testdata/rsa_pkcs1.key"),
];
const P256: [&str; 2] = [
    include_str!("../testdata/ec.crt"),
    include_str!("../testdata/ec_sec1.key"),
];
const P384: [&str; 2] = [
    include_str!("../testdata/p384.crt"),
    include_str!("../testdata/p384.key"),
];
const P521: [&str; 2] = [
    include_str!("../testdata/p521.crt"),
    include_str!("../testdata/p521.key"),
];

/// A token: a key that signs, and what it does to its signatures.
struct Token {
    key: Arc<dyn SigningKey>,
    change: fn(Vec<u8>) -> Result<Vec<u8>, String>,
    schemes: Mutex<Vec<u16>>,
}

impl Sign for Token {
    fn sign(&self, request: &SigningRequest<'_>) -> Result<Vec<u8>, String> {
        let digest = match request.digest.len() {
            32 => sha2::Sha256::digest(request.message).to_vec(),
            48 => sha2::Sha384::digest(request.message).to_vec(),
            _ => sha2::Sha512::digest(request.message).to_vec(),
        };
        assert_eq!(digest, request.digest);
        self.schemes.lock().unwrap().push(request.scheme);
        let signer = self
            .key
            .choose_scheme(&[Scheme::from(request.scheme)])
            .expect("a scheme of this key");
        (self.change)(signer.sign(request.message).expect("a signature"))
    }

    fn release(&self) {}
}

fn token(key: &str, change: fn(Vec<u8>) -> Result<Vec<u8>, String>) -> Arc<Token> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = ciphers::provider(None).unwrap();
    Arc::new(Token {
        key: provider.key_provider.load_private_key(key).unwrap(),
        change,
        schemes: Mutex::default(),
    })
}

fn with_token(certificate: &str, token: &Arc<Token>, ecdsa: EcdsaForm) -> Credentials {
    Credentials {
        ca: None,
        identity: Some(Identity {
            certificate: pem("/etc/device.crt", certificate),
            key: Key::Callback {
                sign: Arc::clone(token) as Arc<dyn Sign>,
                ecdsa,
            },
        }),
        ciphers: None,
    }
}

/// r and s of a DER signature in `half` bytes each.
fn raw(signature: &[u8], half: usize) -> Vec<u8> {
    let numbers = match signature[1] {
        0x81 => &signature[3..],
        _ => &signature[2..],
    };
    let (r, s) = numbers[2..].split_at(usize::from(numbers[1]));
    let mut raw = Vec::new();
    for number in [r, &s[2..]] {
        let digits: Vec<u8> = number
            .iter()
            .copied()
            .skip_while(|&byte| byte == 0)
            .collect();
        raw.extend(vec![0; half - digits.len()]);
        raw.extend(digits);
    }
    raw
}

/// Signs like a handshake that offers these schemes.
fn sign(credentials: &Credentials, offered: &[Scheme]) -> Result<Vec<u8>, Error> {
    let identity = credentials.identity.as_ref().unwrap();
    let provider = ciphers::provider(None).unwrap();
    let certified = super::super::identity::identity(identity, &provider)?;
    let signer = certified.key.choose_scheme(offered).expect("a scheme");
    signer.sign(b"message").map_err(|error| match error {
        rustls::Error::Other(other) => other.0.downcast_ref::<Error>().unwrap().clone(),
        other => panic!("{other}"),
    })
}

const ALL: &[Scheme] = &[
    Scheme::RSA_PSS_SHA512,
    Scheme::RSA_PKCS1_SHA256,
    Scheme::ECDSA_NISTP521_SHA512,
    Scheme::ECDSA_NISTP384_SHA384,
    Scheme::ECDSA_NISTP256_SHA256,
];

#[test]
fn every_scheme_of_every_key() {
    let rsa = [
        Scheme::RSA_PKCS1_SHA256,
        Scheme::RSA_PKCS1_SHA384,
        Scheme::RSA_PKCS1_SHA512,
        Scheme::RSA_PSS_SHA256,
        Scheme::RSA_PSS_SHA384,
        Scheme::RSA_PSS_SHA512,
    ];
    for scheme in rsa {
        let token = token(RSA[1], Ok);
        // The form of ECDSA is no matter.
        sign(&with_token(RSA[0], &token, EcdsaForm::Raw), &[scheme]).unwrap();
        assert_eq!(*token.schemes.lock().unwrap(), [u16::from(scheme)]);
    }
    for ([certificate, key], scheme) in [
        (P256, Scheme::ECDSA_NISTP256_SHA256),
        (P384, Scheme::ECDSA_NISTP384_SHA384),
        #[cfg(feature = "aws-lc-rs")]
        (P521, Scheme::ECDSA_NISTP521_SHA512),
    ] {
        let token = token(key, Ok);
        sign(&with_token(certificate, &token, EcdsaForm::Der), ALL).unwrap();
        assert_eq!(*token.schemes.lock().unwrap(), [u16::from(scheme)]);
    }
}

#[test]
fn p521_needs_the_aws_lc_rs_build() {
    let token = token(P256[1], Ok);
    let config = TlsConfig::new(
        &with_token(P521[0], &token, EcdsaForm::Der),
        TlsVersion::V1_2,
        &[],
    );
    if cfg!(not(feature = "aws-lc-rs")) {
        let error = config.unwrap_err();
        assert_eq!(
            error.detail,
            "certificate \"/etc/device.crt\" is for a key of P-521, which needs the aws-lc-rs build"
        );
    }
}

#[test]
fn r_and_s_one_after_the_other_are_taken() {
    let p256 = token(P256[1], |signature| Ok(raw(&signature, 32)));
    let p384 = token(P384[1], |signature| Ok(raw(&signature, 48)));
    let p256 = with_token(P256[0], &p256, EcdsaForm::Raw);
    let p384 = with_token(P384[0], &p384, EcdsaForm::Raw);
    // Often enough that numbers with leading zeros and with a leading one bit come.
    for _ in 0..300 {
        sign(&p256, ALL).unwrap();
    }
    for _ in 0..20 {
        sign(&p384, ALL).unwrap();
    }
    #[cfg(feature = "aws-lc-rs")]
    {
        let p521 = token(P521[1], |signature| Ok(raw(&signature, 66)));
        let p521 = with_token(P521[0], &p521, EcdsaForm::Raw);
        for _ in 0..20 {
            sign(&p521, ALL).unwrap();
        }
    }
}

#[test]
fn a_number_in_der_is_positive_and_short() {
    let mut numbers = [0; 64];
    assert_eq!(
        super::super::der::ecdsa_signature(&numbers),
        [0x30, 6, 2, 1, 0, 2, 1, 0]
    );
    numbers[31] = 0x7f;
    numbers[62] = 0x80;
    assert_eq!(
        super::super::der::ecdsa_signature(&numbers),
        [0x30, 8, 2, 1, 0x7f, 2, 3, 0, 0x80, 0]
    );
}

#[track_caller]
fn refused(credentials: &Credentials, words: &[&str]) {
    let error = sign(credentials, ALL).unwrap_err();
    assert_eq!(error.code, Code::PrivateKey, "{error}");
    for word in ["callback", "\"/etc/device.crt\""].iter().chain(words) {
        assert!(error.detail.contains(word), "\"{word}\" is not in: {error}");
    }
}

#[test]
fn what_the_application_gives_is_verified() {
    let fails = token(P256[1], |_| Err("it returned 5".into()));
    refused(
        &with_token(P256[0], &fails, EcdsaForm::Der),
        &["did not sign by ECDSA P-256 SHA-256", "it returned 5"],
    );
    let other_key = token(include_str!("../testdata/ec_sec1.key"), Ok);
    let device = Authority::new("ca").device();
    refused(
        &with_token(&device.certificate.pem(), &other_key, EcdsaForm::Der),
        &["does not fit that certificate"],
    );
    for garbage in [
        |_| Ok(Vec::new()),
        |_| Ok(vec![0x30; 72]),
        |_| Ok(vec![0xff; 1024]),
    ] {
        refused(
            &with_token(P256[0], &token(P256[1], garbage), EcdsaForm::Der),
            &["does not fit that certificate"],
        );
        refused(
            &with_token(RSA[0], &token(RSA[1], garbage), EcdsaForm::Der),
            &["does not fit that certificate", "RSA PKCS#1 SHA-256"],
        );
        refused(
            &with_token(P256[0], &token(P256[1], garbage), EcdsaForm::Raw),
            &["bytes, but r and s of its curve have 64"],
        );
    }
    let flipped = token(P256[1], |mut signature| {
        signature[20] ^= 1;
        Ok(signature)
    });
    refused(&with_token(P256[0], &flipped, EcdsaForm::Der), &["fit"]);
    let unexpectedly_raw = token(P256[1], |signature| Ok(raw(&signature, 32)));
    refused(
        &with_token(P256[0], &unexpectedly_raw, EcdsaForm::Der),
        &["AWS_IOT_MQTT_SIGNATURE_RAW"],
    );
}

#[test]
fn a_handshake_is_signed_in_both_versions() {
    for version in [&TLS13, &TLS12] {
        let ca = Authority::new("ca");
        let device = ca.device();
        let token = token(&device.key.serialize_pem(), Ok);
        let mut credentials = with_token(&device.certificate.pem(), &token, EcdsaForm::Der);
        credentials.ca = Some(ca.pem());
        let (address, server) = serve(
            server_config(&ca.server(HOST), Some(&ca), &[version]),
            |mut stream| std::io::Read::read_exact(&mut stream, &mut [0; 5]),
        );
        let mut link = client(dial(address), &credentials, HOST);
        assert!(link.asks_application());
        handshake(&mut link).unwrap();
        assert!(!link.asks_application());
        write_all(&mut link, b"hello").unwrap();
        server.join().unwrap().unwrap();
        assert_eq!(*token.schemes.lock().unwrap(), [0x0403]);
    }
}

#[test]
fn a_handshake_with_a_key_that_fails_ends_with_its_reason() {
    for version in [&TLS13, &TLS12] {
        let ca = Authority::new("ca");
        let device = ca.device();
        let token = token(&device.key.serialize_pem(), |_| Err("it returned 7".into()));
        let mut credentials = with_token(&device.certificate.pem(), &token, EcdsaForm::Der);
        credentials.ca = Some(ca.pem());
        let (address, server) = serve(
            server_config(&ca.server(HOST), Some(&ca), &[version]),
            |mut stream| std::io::Read::read(&mut stream, &mut [0; 5]),
        );
        let mut link = client(dial(address), &credentials, HOST);
        let error = handshake(&mut link).unwrap_err();
        assert_eq!(error.code, Code::PrivateKey, "{error}");
        assert!(error.detail.contains("it returned 7"), "{error}");
        drop(link);
        let _ = server.join().unwrap();
    }
}

#[test]
fn every_registration_has_a_configuration_of_its_own() {
    let (one, other) = (token(P256[1], Ok), token(P256[1], Ok));
    let config = |token, form| {
        TlsConfig::new(&with_token(P256[0], token, form), TlsVersion::V1_2, &[]).unwrap()
    };
    let first = config(&one, EcdsaForm::Der);
    assert!(Arc::ptr_eq(
        &first.client,
        &config(&one, EcdsaForm::Der).client
    ));
    assert!(!Arc::ptr_eq(
        &first.client,
        &config(&one, EcdsaForm::Raw).client
    ));
    assert!(!Arc::ptr_eq(
        &first.client,
        &config(&other, EcdsaForm::Der).client
    ));
}
