//! rustls's cryptography provider and the cipher suites that we offer with it.

use crate::error::{Code, Error};
use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, SupportedCipherSuite};

// Both features on (`--all-features`) is no error: aws-lc-rs can do all that ring can.
#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as chosen;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use rustls::crypto::ring as chosen;
#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
compile_error!(
    "one of the features \"ring\" and \"aws-lc-rs\" is needed: rustls has no cryptography of its own"
);

/// IANA's name, OpenSSL's name, the suite, and whether it is offered by default: AWS IoT's policies have no TLS 1.2 suite with
/// CHACHA20, and AWS's tests of a device remark on each suite that the service does not have. In order of preference; AES-128
/// first, as its strength suffices and small devices do more bytes a second with it.
const SUITES: [(&str, &str, CipherSuite, bool); 9] = [
    (
        "TLS_AES_128_GCM_SHA256",
        "",
        CipherSuite::TLS13_AES_128_GCM_SHA256,
        true,
    ),
    (
        "TLS_AES_256_GCM_SHA384",
        "",
        CipherSuite::TLS13_AES_256_GCM_SHA384,
        true,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        "",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        true,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        true,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        true,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        true,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        true,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        false,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        false,
    ),
];

/// The provider with exactly the suites of `ciphers`, in that order, or with the default ones. It is passed to each configuration
/// and never installed for the process: the application may use rustls, too.
///
/// Unlike OpenSSL's list, ours holds for TLS 1.3 as well: what is not named is not offered.
pub(super) fn provider(ciphers: Option<&str>) -> Result<CryptoProvider, Error> {
    let mut provider = chosen::default_provider();
    let available = std::mem::take(&mut provider.cipher_suites);
    // The defaults of a provider are all that it has, but nothing promises that.
    let all = available.iter().chain(chosen::ALL_CIPHER_SUITES);
    let find = |wanted: CipherSuite| all.clone().find(|suite| suite.suite() == wanted).copied();
    match ciphers {
        None => {
            provider.cipher_suites = SUITES
                .iter()
                .filter(|(.., default)| *default)
                .filter_map(|(_, _, suite, _)| find(*suite))
                .collect();
        }
        Some(list) => {
            for name in list.split([':', ',', ' ']).filter(|name| !name.is_empty()) {
                let suite = named(name)
                    .and_then(find)
                    .ok_or_else(|| unsupported(name))?;
                if !provider.cipher_suites.contains(&suite) {
                    provider.cipher_suites.push(suite);
                }
            }
            if provider.cipher_suites.is_empty() {
                return Err(Error::new(
                    Code::Ciphers,
                    format!("the list of cipher suites is empty; {}", supported()),
                ));
            }
        }
    }
    Ok(provider)
}

/// IANA's name of a suite, which is also OpenSSL's for those of TLS 1.3.
pub(super) fn name(suite: SupportedCipherSuite) -> String {
    SUITES
        .iter()
        .find(|(_, _, known, _)| *known == suite.suite())
        .map_or_else(
            || format!("{:?}", suite.suite()),
            |(iana, ..)| (*iana).into(),
        )
}

fn named(name: &str) -> Option<CipherSuite> {
    SUITES
        .iter()
        .find(|(iana, openssl, ..)| {
            name.eq_ignore_ascii_case(iana) || name.eq_ignore_ascii_case(openssl)
        })
        .map(|(_, _, suite, _)| *suite)
}

fn unsupported(name: &str) -> Error {
    let name: String = name.chars().take(80).collect();
    Error::new(
        Code::Ciphers,
        format!(
            "the cipher suite \"{name}\" is unknown or not supported; {}",
            supported()
        ),
    )
}

fn supported() -> String {
    let names: Vec<&str> = SUITES
        .iter()
        .map(|(iana, openssl, ..)| if openssl.is_empty() { *iana } else { *openssl })
        .collect();
    format!("supported are {}", names.join(", "))
}
