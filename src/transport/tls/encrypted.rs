//! A private key that a passphrase protects (PKCS#8, RFC 5958 section 3, by PBES2).

use super::pem;
use crate::config::Pem;
use crate::error::{Code, Error};
use pkcs8::pkcs5::{self, EncryptionScheme, pbes2::Kdf};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo};
use zeroize::Zeroizing;

/// "For especially critical keys" (RFC 8018 section 4.2); OpenSSL writes 2048.
const MOST_ROUNDS: u32 = 10_000_000;
/// Of scrypt, in bytes: the largest that a common tool writes (RustCrypto's). OpenSSL writes 16 MiB, and reads up to 32.
const MOST_MEMORY: u64 = 128 << 20;
/// Of scrypt over this memory; OpenSSL writes 1.
const MOST_PASSES: u16 = 16;

const WAY: &str = "in a way that is not supported (PBES2 with AES or 3DES is)";
const COST: &str = "at a cost that is not supported (10,000,000 rounds of PBKDF2 are, and 16 passes of scrypt over 128 MiB)";

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
        .map_err(|_| unsupported(&key, "is damaged, or encrypted", WAY))?;
    if !is_bearable(&encrypted.encryption_algorithm) {
        return Err(unsupported(&key, "is encrypted", COST));
    }
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

/// Whether the key can be derived in some seconds, in memory that a device has: the file says how often and in how much, in numbers that
/// would keep the caller for hours or end the process.
fn is_bearable(scheme: &EncryptionScheme<'_>) -> bool {
    match scheme.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Pbkdf2(parameters)) => parameters.iteration_count <= MOST_ROUNDS,
        Some(Kdf::Scrypt(parameters)) => {
            let block = 128 * u64::from(parameters.block_size);
            let memory = parameters.cost_parameter.saturating_mul(block);
            // Nothing at all is what the decoder itself cannot bear.
            (1..=MOST_MEMORY).contains(&memory) && parameters.parallelization <= MOST_PASSES
        }
        // Not supported, as will be said.
        _ => true,
    }
}

fn explain(key: &Pem, error: &pkcs8::Error) -> Error {
    match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::NoPbes1CryptSupport
            | pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::AlgorithmParametersInvalid { .. },
        ) => unsupported(key, "is encrypted", WAY),
        _ => wrong_passphrase(key),
    }
}

fn unsupported(key: &Pem, what: &str, how: &str) -> Error {
    pem::unusable(
        key,
        &format!("{what} {how}: convert it with openssl pkcs8 -topk8 -v2 aes256 -in FILE -out NEW"),
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
