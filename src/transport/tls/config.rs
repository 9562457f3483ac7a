//! One TLS configuration for all clients with equal credentials: certificates are parsed once, and sessions resumed by all.

use super::identity::identity;
use super::{ciphers, pem};
use crate::config::{Credentials, Key, Pem, TlsVersion};
use crate::error::{Code, Error};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};
use std::time::Duration;

/// Sessions remembered per configuration, eight for each server; a device has one server, seldom two.
const SESSIONS: usize = 16;

/// How we prove who we are, whom we trust, and what we offer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    pub(super) client: Arc<ClientConfig>,
    /// The private key is the application's.
    pub(super) asks_application: bool,
}

impl TlsConfig {
    /// It holds a private key that only the application can use.
    pub fn asks_application(&self) -> bool {
        self.asks_application
    }

    /// `alpn`: the protocol names to offer, best first. Blocks on files only where the system's store has to be read.
    pub fn new(
        credentials: &Credentials,
        minimum: TlsVersion,
        alpn: &[&str],
    ) -> Result<TlsConfig, Error> {
        static CONFIGS: Cache<ClientConfig> = Cache::new();
        let client = CONFIGS.get(digest(credentials, minimum, alpn), || {
            build(credentials, minimum, alpn)
        })?;
        Ok(TlsConfig {
            client,
            asks_application: credentials.asks_application(),
        })
    }
}

fn build(
    credentials: &Credentials,
    minimum: TlsVersion,
    alpn: &[&str],
) -> Result<ClientConfig, Error> {
    let versions = match minimum {
        TlsVersion::V1_2 => &[&TLS13, &TLS12][..],
        TlsVersion::V1_3 => &[&TLS13],
    };
    let provider = Arc::new(ciphers::provider(credentials.ciphers.as_deref())?);
    let verifier = verifier(credentials.ca.as_ref(), &provider)?;
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|_| {
            let why = match minimum {
                TlsVersion::V1_2 => "none of the configured cipher suites fits TLS 1.2 or TLS 1.3",
                TlsVersion::V1_3 => {
                    "none of the configured cipher suites is one of TLS 1.3, which is the configured minimum version"
                }
            };
            Error::new(Code::Ciphers, why)
        })?
        .with_webpki_verifier(verifier);
    let mut client = match &credentials.identity {
        Some(device) => {
            let identity = identity(device, &provider)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
        }
        None => builder.with_no_client_auth(),
    };
    client.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    client.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(client)
}

/// Shared by configurations of its own: each device of a fleet simulator has its own certificate, but all trust the same
/// hundred or so roots.
fn verifier(
    ca: Option<&Pem>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    static VERIFIERS: Cache<WebPkiServerVerifier> = Cache::new();
    let mut key = Sha256::new();
    add(&mut key, ca.map(|pem| pem.text.as_slice()));
    VERIFIERS.get(key.finalize().into(), || {
        let mut roots = RootCertStore::empty();
        match ca {
            Some(pem) => {
                for (index, certificate) in pem::authorities(pem)?.into_iter().enumerate() {
                    roots.add(certificate).map_err(|error| {
                        Error::new(
                            Code::CaFile,
                            format!(
                                "CA \"{}\": its certificate number {} is unusable: {error}",
                                pem.name,
                                index + 1
                            ),
                        )
                    })?;
                }
            }
            None => add_system_roots(&mut roots)?,
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|error| {
                    Error::new(
                        Code::CaFile,
                        format!("the CA certificates are unusable: {error}"),
                    )
                })?;
        // `build` gives an Arc that nobody else has; the cache wants to make its own.
        Arc::into_inner(verifier)
            .ok_or_else(|| Error::new(Code::Internal, "the verifier is shared already"))
    })
}

fn add_system_roots(roots: &mut RootCertStore) -> Result<(), Error> {
    let system = rustls_native_certs::load_native_certs();
    // A store with a root that we cannot read is still a store.
    let (usable, _) = roots.add_parsable_certificates(system.certs);
    if usable > 0 {
        return Ok(());
    }
    let why = system
        .errors
        .first()
        .map_or(String::new(), |error| format!(" ({error})"));
    Err(Error::new(
        Code::CaFile,
        format!(
            "the system has no CA certificates{why}: install its ca-certificates package, or configure a CA file"
        ),
    ))
}

type Digest32 = [u8; 32];

/// Everything that makes two configurations different, and no way back to it.
fn digest(credentials: &Credentials, minimum: TlsVersion, alpn: &[&str]) -> Digest32 {
    let mut digest = Sha256::new();
    add(
        &mut digest,
        credentials.ca.as_ref().map(|pem| pem.text.as_slice()),
    );
    let identity = credentials.identity.as_ref();
    add(
        &mut digest,
        identity.map(|identity| identity.certificate.text.as_slice()),
    );
    match identity.map(|identity| &identity.key) {
        None => add(&mut digest, None),
        Some(Key::Pem(pem)) => add(&mut digest, Some(pem.text.as_slice())),
        // A configuration keeps its key alive, so that no other one has the same address.
        Some(Key::Callback { sign, ecdsa }) => {
            let address = Arc::as_ptr(sign).cast::<()>().addr();
            add(&mut digest, Some(format!("{address} {ecdsa:?}").as_bytes()));
        }
    }
    add(&mut digest, Some(format!("{minimum:?}").as_bytes()));
    add(
        &mut digest,
        credentials.ciphers.as_deref().map(str::as_bytes),
    );
    for name in alpn {
        add(&mut digest, Some(name.as_bytes()));
    }
    digest.finalize().into()
}

/// With its length, so that no two lists of fields look alike.
fn add(digest: &mut Sha256, field: Option<&[u8]>) {
    let length = field.map_or(u64::MAX, |field| field.len() as u64);
    digest.update(length.to_be_bytes());
    digest.update(field.unwrap_or_default());
}

/// What is alive somewhere in the process, by digest. It keeps nothing alive itself.
struct Cache<T> {
    entries: Mutex<Entries<T>>,
}

/// Not hashed: a hash table points into the middle of its memory, which checkers of memory then call possibly lost.
type Entries<T> = BTreeMap<Digest32, Weak<T>>;

impl<T> Cache<T> {
    const fn new() -> Self {
        Cache {
            entries: Mutex::new(BTreeMap::new()),
        }
    }

    fn get(
        &self,
        key: Digest32,
        build: impl FnOnce() -> Result<T, Error>,
    ) -> Result<Arc<T>, Error> {
        if let Some(shared) = self.lock().and_then(|entries| entries.get(&key)?.upgrade()) {
            return Ok(shared);
        }
        // Without the lock, as it takes milliseconds.
        let built = Arc::new(build()?);
        let Some(mut entries) = self.lock() else {
            return Ok(built);
        };
        if let Some(faster) = entries.get(&key).and_then(Weak::upgrade) {
            return Ok(faster);
        }
        entries.retain(|_, entry| entry.strong_count() > 0);
        entries.insert(key, Arc::downgrade(&built));
        Ok(built)
    }

    /// The lock is held for microseconds. If it does not come free, it was held in the parent at `fork` and nobody is left to
    /// release it; then we go without sharing, as a new client in a forked child must work.
    fn lock(&self) -> Option<MutexGuard<'_, Entries<T>>> {
        for _ in 0..200 {
            match self.entries.try_lock() {
                Ok(guard) => return Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p10_a_lock_that_was_held_at_fork_costs_only_the_sharing() {
        let cache = Cache::new();
        let shared = cache.get([1; 32], || Ok(7)).unwrap();
        assert!(Arc::ptr_eq(&shared, &cache.get([1; 32], || Ok(8)).unwrap()));
        // As in the child of a fork, nobody will ever unlock this.
        let _held = cache.entries.lock().unwrap();
        assert_eq!(*cache.get([1; 32], || Ok(9)).unwrap(), 9);
    }

    #[test]
    fn what_nobody_uses_is_swept_out() {
        let cache = Cache::new();
        for number in 0..100 {
            cache.get([number; 32], || Ok(number)).unwrap();
        }
        assert_eq!(cache.lock().unwrap().len(), 1);
    }
}
