//! A private key that a passphrase protects (PKCS#8, RFC 5958 section 3, by PBES2).

use super::pem;
use crate::config::Pem;
use crate::error::{Code, Error};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo};
use zeroize::Zeroizing;

/// The key without its protection, and without the passphrase then needed again: deriving the key is made to be slow. A key that is
/// not encrypted stays as it is.
pub fn decrypt(key: Pem, passphrase: Option<&[u8]>) -> Result<Pem, Error> {
    let Some(passphrase) = passphrase else {
        return Ok(key);
    };
    let Some(encrypted) = pem::encrypted_private_key(&key)? else {
        return Ok(key);
    };
    // What is older than PBES2 does not even decode.
    let encrypted = EncryptedPrivateKeyInfo::try_from(encrypted.as_slice())
        .map_err(|_| unsupported(&key, "is damaged, or encrypted"))?;
    let decrypted = encrypted
        .decrypt(passphrase)
        .map_err(|error| explain(&key, &error))?;
    // A wrong passphrase gives a well-formed padding once in 256 times.
    PrivateKeyInfo::try_from(decrypted.as_bytes()).map_err(|_| wrong_passphrase(&key))?;
    let text = decrypted
        .to_pem("PRIVATE KEY", pkcs8::LineEnding::LF)
        .map_err(|_| wrong_passphrase(&key))?;
    Ok(Pem {
        name: key.name,
        text: Zeroizing::new(text.as_bytes().to_vec()),
    })
}

fn explain(key: &Pem, error: &pkcs8::Error) -> Error {
    use pkcs8::pkcs5;
    match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::NoPbes1CryptSupport
            | pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::AlgorithmParametersInvalid { .. },
        ) => unsupported(key, "is encrypted"),
        _ => wrong_passphrase(key),
    }
}

fn unsupported(key: &Pem, what: &str) -> Error {
    pem::unusable(
        key,
        &format!(
            "{what} in a way that is not supported (PBES2 with AES or 3DES is): convert it with openssl pkcs8 -topk8 -v2 aes256 -in FILE -out NEW"
        ),
    )
}

fn wrong_passphrase(key: &Pem) -> Error {
    Error::new(
        Code::PrivateKey,
        format!(
            "private key \"{}\": the configured passphrase does not open it",
            key.name
        ),
    )
}
