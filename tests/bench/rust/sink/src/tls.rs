//! One cipher for every client, and full handshakes only, so that all are asked for the same work.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{CipherSuite, RootCertStore, ServerConfig, ServerConnection};
use std::error::Error;
use std::io;
use std::sync::Arc;

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, Box<dyn Error>> {
    Ok(CertificateDer::pem_file_iter(path)?.collect::<Result<_, _>>()?)
}

pub fn config(ca: &str, certificate: &str, key: &str, version: &str) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    // AES-128-GCM first, and the server's order counts, as at AWS IoT.
    provider.cipher_suites.sort_by_key(|suite| {
        !matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    });
    let provider = Arc::new(provider);
    let versions = if version == "1.3" { &[&rustls::version::TLS13] } else { &[&rustls::version::TLS12] };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate)?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(clients)
        .with_single_cert(certificates(certificate)?, PrivateKeyDer::from_pem_file(key)?)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.ignore_client_order = true;
    Ok(Arc::new(config))
}

pub fn connection(config: &Arc<ServerConfig>) -> io::Result<ServerConnection> {
    let mut connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
    connection.set_buffer_limit(Some(512 * 1024));
    Ok(connection)
}
