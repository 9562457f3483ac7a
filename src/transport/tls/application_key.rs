//! A private key that only the application can use: a TPM, a secure element or a PKCS#11 token has it.

use super::der;
use crate::config::{EcdsaForm, Sign, SigningRequest};
use crate::error::{Code, Error};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{SignatureVerificationAlgorithm, alg_id};
use rustls::sign::{Signer, SigningKey};
use rustls::{OtherError, SignatureAlgorithm, SignatureScheme};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;
use std::sync::Arc;

/// What a kind of key signs with, what we prefer first. PKCS#1 first: every token can do it. TLS 1.3 offers only the others.
const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
];
const P256: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
const P384: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP384_SHA384];
const P521: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP521_SHA512];

/// A scheme, and what verifies its signatures with this key.
type Verifiable = (SignatureScheme, &'static dyn SignatureVerificationAlgorithm);

#[derive(Clone)]
pub(super) struct ApplicationKey {
    sign: Arc<dyn Sign>,
    ecdsa: EcdsaForm,
    certificate_name: String,
    public_key: Vec<u8>,
    /// The bytes of r and of s; 0 for RSA.
    half: usize,
    schemes: Vec<Verifiable>,
}

impl ApplicationKey {
    /// `leaf`: the certificate, which tells what kind of key it is.
    pub(super) fn new(
        sign: &Arc<dyn Sign>,
        ecdsa: EcdsaForm,
        certificate_name: &str,
        leaf: &[u8],
        provider: &CryptoProvider,
    ) -> Result<ApplicationKey, Error> {
        let info = der::certificate_public_key_info(leaf).unwrap_or_default();
        let algorithm = der::algorithm(info).unwrap_or_default();
        let kinds = [
            (alg_id::RSA_ENCRYPTION, RSA, 0),
            (alg_id::ECDSA_P256, P256, 32),
            (alg_id::ECDSA_P384, P384, 48),
            (alg_id::ECDSA_P521, P521, 66),
        ];
        let unusable = |why: &str| {
            Error::new(
                Code::Certificate,
                format!("certificate \"{certificate_name}\" is for a key of {why}"),
            )
        };
        let (kind, wanted, half) = kinds
            .into_iter()
            .find(|(kind, ..)| kind.as_ref() == algorithm)
            .ok_or_else(|| {
                unusable("a kind for which there is no callback (there is for RSA, P-256, P-384 and P-521)")
            })?;
        let known = provider.signature_verification_algorithms.mapping;
        let verifier = |scheme: SignatureScheme| {
            let (_, algorithms) = known.iter().find(|(known, _)| *known == scheme)?;
            let fits = |algorithm: &&&dyn SignatureVerificationAlgorithm| {
                algorithm.public_key_alg_id() == kind
            };
            Some((scheme, *algorithms.iter().find(fits)?))
        };
        let schemes: Vec<Verifiable> = wanted.iter().copied().filter_map(verifier).collect();
        if schemes.is_empty() {
            return Err(unusable("P-521, which needs the aws-lc-rs build"));
        }
        // Behind the number of unused bits, which is 0.
        let public_key = der::public_key(info).unwrap_or_default();
        Ok(ApplicationKey {
            sign: Arc::clone(sign),
            ecdsa,
            certificate_name: certificate_name.into(),
            public_key: public_key.get(1..).unwrap_or_default().to_vec(),
            half,
            schemes,
        })
    }

    fn failed(&self, why: &str) -> Error {
        Error::new(
            Code::PrivateKey,
            format!(
                "the private key callback for certificate \"{}\" {why}",
                self.certificate_name
            ),
        )
    }

    /// A signature that is known to be good: one that is not would only make the broker refuse us without saying why.
    fn sign_with(&self, scheme: &Verifiable, message: &[u8]) -> Result<Vec<u8>, Error> {
        let (scheme, verifier) = scheme;
        let request = SigningRequest {
            scheme: (*scheme).into(),
            message,
            digest: &digest(*scheme, message),
        };
        let signature = self
            .sign
            .sign(&request)
            .map_err(|why| self.failed(&format!("did not sign by {}: {why}", name(*scheme))))?;
        let given = signature.len();
        let signature = match self.ecdsa {
            EcdsaForm::Raw if self.half > 0 && given != 2 * self.half => {
                let wanted = 2 * self.half;
                let why = format!("gave {given} bytes, but r and s of its curve have {wanted}");
                return Err(self.failed(&why));
            }
            EcdsaForm::Raw if self.half > 0 => der::ecdsa_signature(&signature),
            _ => signature,
        };
        if verifier
            .verify_signature(&self.public_key, message, &signature)
            .is_err()
        {
            let hint = match self.ecdsa {
                EcdsaForm::Der if self.half > 0 && given == 2 * self.half => {
                    "; it has the length of AWS_IOT_MQTT_SIGNATURE_RAW"
                }
                _ => ": is it another key, or another scheme?",
            };
            let why = format!(
                "gave a signature by {} that does not fit that certificate{hint}",
                name(*scheme)
            );
            return Err(self.failed(&why));
        }
        Ok(signature)
    }
}

impl SigningKey for ApplicationKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let chosen = self
            .schemes
            .iter()
            .find(|(scheme, _)| offered.contains(scheme))?;
        Some(Box::new(ApplicationSigner {
            key: self.clone(),
            scheme: *chosen,
        }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.half {
            0 => SignatureAlgorithm::RSA,
            _ => SignatureAlgorithm::ECDSA,
        }
    }
}

impl fmt::Debug for ApplicationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApplicationKey({})", self.certificate_name)
    }
}

#[derive(Debug)]
struct ApplicationSigner {
    key: ApplicationKey,
    scheme: Verifiable,
}

impl Signer for ApplicationSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.key
            .sign_with(&self.scheme, message)
            .map_err(|error| rustls::Error::Other(OtherError(Arc::new(error))))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme.0
    }
}

/// The scheme of RFC 8446, 4.2.3 for people.
fn name(scheme: SignatureScheme) -> &'static str {
    match scheme {
        SignatureScheme::RSA_PKCS1_SHA256 => "RSA PKCS#1 SHA-256",
        SignatureScheme::RSA_PKCS1_SHA384 => "RSA PKCS#1 SHA-384",
        SignatureScheme::RSA_PKCS1_SHA512 => "RSA PKCS#1 SHA-512",
        SignatureScheme::RSA_PSS_SHA256 => "RSA PSS SHA-256",
        SignatureScheme::RSA_PSS_SHA384 => "RSA PSS SHA-384",
        SignatureScheme::RSA_PSS_SHA512 => "RSA PSS SHA-512",
        SignatureScheme::ECDSA_NISTP256_SHA256 => "ECDSA P-256 SHA-256",
        SignatureScheme::ECDSA_NISTP384_SHA384 => "ECDSA P-384 SHA-384",
        _ => "ECDSA P-521 SHA-512",
    }
}

fn digest(scheme: SignatureScheme, message: &[u8]) -> Vec<u8> {
    use SignatureScheme as Scheme;
    match scheme {
        Scheme::RSA_PKCS1_SHA384 | Scheme::RSA_PSS_SHA384 | Scheme::ECDSA_NISTP384_SHA384 => {
            Sha384::digest(message).to_vec()
        }
        Scheme::RSA_PKCS1_SHA512 | Scheme::RSA_PSS_SHA512 | Scheme::ECDSA_NISTP521_SHA512 => {
            Sha512::digest(message).to_vec()
        }
        _ => Sha256::digest(message).to_vec(),
    }
}
