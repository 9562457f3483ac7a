//! Who the device is: its certificate and the key to it.

use super::application_key::ApplicationKey;
use super::{der, pem};
use crate::config::{Identity, Key, Pem};
use crate::error::{Code, Error};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{CertifiedKey, SigningKey};
use std::sync::Arc;

/// secp521r1, 1.3.132.0.35, as it stands in a key.
const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];

/// The device's certificate and key. Its dates and issuer are the broker's to judge: a device whose clock is wrong must get
/// as far as hearing so.
pub(super) fn identity(
    identity: &Identity,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Error> {
    let certificate = &identity.certificate;
    let chain = pem::chain(certificate)?;
    let leaf = chain.first().map_or(&[][..], |leaf| leaf);
    let key: Arc<dyn SigningKey> = match &identity.key {
        Key::Pem(key) => from_pem(key, certificate, leaf, provider)?,
        Key::Callback { sign, ecdsa } => Arc::new(ApplicationKey::new(
            sign,
            *ecdsa,
            &certificate.name,
            leaf,
            provider,
        )?),
    };
    Ok(CertifiedKey::new(chain, key))
}

fn from_pem(
    key: &Pem,
    certificate: &Pem,
    leaf: &[u8],
    provider: &CryptoProvider,
) -> Result<Arc<dyn SigningKey>, Error> {
    let der = pem::private_key(key)?;
    let is_p521 = contains_p521(&der);
    let signing_key = provider
        .key_provider
        .load_private_key(der)
        .map_err(|_| unusable(key, is_p521))?;
    let ours = signing_key.public_key();
    let ours = ours.as_ref().and_then(|info| der::public_key(info));
    if ours.is_some() && ours != der::certificate_public_key(leaf) {
        return Err(pem::unusable(
            key,
            &format!("is not the key of certificate \"{}\"", certificate.name),
        ));
    }
    Ok(signing_key)
}

fn unusable(key: &Pem, is_p521: bool) -> Error {
    if is_p521 && !cfg!(feature = "aws-lc-rs") {
        return pem::unusable(key, "is of P-521, which needs the aws-lc-rs build");
    }
    let kinds = if cfg!(feature = "aws-lc-rs") {
        "EC P-256, P-384 and P-521, Ed25519"
    } else {
        "EC P-256 and P-384, Ed25519; P-521 needs the aws-lc-rs build"
    };
    Error::new(
        Code::PrivateKey,
        format!(
            "private key \"{}\" is damaged, or of a kind that this build cannot use (it can use RSA from 2048 bits on, {kinds})",
            key.name
        ),
    )
}

fn contains_p521(key: &PrivateKeyDer<'_>) -> bool {
    key.secret_der()
        .windows(P521.len())
        .any(|bytes| bytes == P521)
}
