//! Certificates of every kind that a connection can meet, made for one test and gone after it.

use super::process::spawn;
use super::temporary::TemporaryDirectory;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// `ca.pem`; `server.pem`, `client.pem`, `observer.pem` (of that CA); `wrong_name.pem`, `expired.pem`, `not_yet_valid.pem` (servers of that CA);
/// `other_ca.pem`, `other_server.pem`, `other_client.pem` (of another CA). Each with a `.key` beside it.
pub struct Certificates {
    directory: TemporaryDirectory,
}

type Authority = Issuer<'static, KeyPair>;

impl Certificates {
    pub fn new() -> Certificates {
        let certificates = Certificates {
            directory: TemporaryDirectory::new("certificates"),
        };
        let ca = certificates.authority("ca", "Test CA");
        let other_ca = certificates.authority("other_ca", "Other CA");
        // The last two are the endpoint in the reference's own examples, and the other host in the fault lab.
        let here = [
            "localhost",
            "127.0.0.1",
            "endpoint.iot.region.amazonaws.com",
            "broker.test",
        ];
        certificates.leaf("server", &ca, &here, |_| {});
        certificates.leaf("client", &ca, &[], |_| {});
        certificates.leaf("observer", &ca, &[], |_| {});
        certificates.leaf("wrong_name", &ca, &["elsewhere.invalid"], |_| {});
        certificates.leaf("expired", &ca, &here, |params| {
            params.not_after = date_time_ymd(2001, 1, 1)
        });
        certificates.leaf("not_yet_valid", &ca, &here, |params| {
            params.not_before = date_time_ymd(4000, 1, 1)
        });
        certificates.leaf("other_server", &other_ca, &here, |_| {});
        certificates.leaf("other_client", &other_ca, &[], |_| {});
        certificates
    }

    fn authority(&self, name: &str, common_name: &str) -> Authority {
        let mut params = parameters(common_name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a CA certificate");
        self.directory
            .write(&format!("{name}.pem"), certificate.pem());
        self.directory
            .write(&format!("{name}.key"), key.serialize_pem());
        Issuer::new(params, key)
    }

    fn leaf(
        &self,
        name: &str,
        ca: &Authority,
        hosts: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let mut params = parameters(name, hosts);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, ca).expect("a certificate");
        self.directory
            .write(&format!("{name}.pem"), certificate.pem());
        self.directory
            .write(&format!("{name}.key"), key.serialize_pem());
    }

    /// A device `name` of the CA "ca" with a key that rcgen cannot make; `kind` as `openssl genpkey` takes it.
    pub fn device(&self, name: &str, kind: &[&str]) {
        let public_key = self.key_pair(name, kind);
        self.certify(name, &public_key);
    }

    /// A server `name` of the CA "ca" for these host names, with an RSA key as AWS IoT's servers have.
    pub fn rsa_server(&self, name: &str, hosts: &[String]) {
        let kind = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
        let public_key = self.key_pair(name, &kind);
        let names: Vec<String> = hosts.iter().map(|host| format!("DNS:{host}")).collect();
        let names = format!("subjectAltName = {}\n", names.join(","));
        self.certify_with(name, &public_key, &names);
    }

    /// Makes `name.key`; gives the file of the public key.
    fn key_pair(&self, name: &str, kind: &[&str]) -> PathBuf {
        let key = self.file(&format!("{name}.key"));
        openssl(
            Command::new("openssl")
                .arg("genpkey")
                .args(kind)
                .arg("-out")
                .arg(&key),
        );
        let public_key = self.file(&format!("{name}.pub"));
        let mut export = Command::new("openssl");
        export.args(["pkey", "-pubout", "-in"]).arg(&key);
        openssl(export.arg("-out").arg(&public_key));
        public_key
    }

    /// The key of `name` once more as `encrypted`, in PKCS#8 with a passphrase.
    pub fn encrypt(&self, name: &str, encrypted: &str, passphrase: &str) {
        let mut convert = Command::new("openssl");
        convert.args(["pkcs8", "-topk8", "-passout", &format!("pass:{passphrase}")]);
        convert.arg("-in").arg(self.file(&format!("{name}.key")));
        openssl(
            convert
                .arg("-out")
                .arg(self.file(&format!("{encrypted}.key"))),
        );
    }

    /// A certificate `name` of the CA "ca" for a public key, whoever has the private one.
    pub fn certify(&self, name: &str, public_key: &Path) {
        self.certify_with(name, public_key, "");
    }

    fn certify_with(&self, name: &str, public_key: &Path, more: &str) {
        let extensions = format!("basicConstraints = CA:FALSE\n{more}");
        let extensions = self.write(&format!("{name}.extensions"), &extensions);
        let mut certify = Command::new("openssl");
        certify.args([
            "x509",
            "-new",
            "-days",
            "30",
            "-subj",
            &format!("/CN={name}"),
        ]);
        certify.arg("-force_pubkey").arg(public_key);
        certify.arg("-extfile").arg(extensions);
        certify.arg("-CA").arg(self.file("ca.pem"));
        certify.arg("-CAkey").arg(self.file("ca.key"));
        openssl(certify.arg("-out").arg(self.file(&format!("{name}.pem"))));
    }

    /// The directory, as the C programs get it.
    pub fn directory(&self) -> String {
        self.directory
            .path()
            .to_str()
            .expect("a path in UTF-8")
            .to_owned()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.file(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        self.directory.write(name, text)
    }

    pub fn chain(&self, name: &str) -> Vec<CertificateDer<'static>> {
        let certificates = CertificateDer::pem_file_iter(self.file(&format!("{name}.pem")))
            .expect("the certificate's file");
        certificates
            .collect::<Result<_, _>>()
            .expect("a certificate in PEM")
    }

    fn key(&self, name: &str) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(self.file(&format!("{name}.key"))).expect("the key's file")
    }

    fn roots(&self, ca: &str) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.chain(ca));
        roots
    }

    /// A server with mutual authentication that shows the certificate `name` and asks for one of the CA `clients`.
    pub fn server_of(
        &self,
        name: &str,
        clients: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let roots = Arc::new(self.roots(clients));
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
            .build()
            .expect("a verifier of clients");
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .expect("the TLS versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain(name), self.key(name))
            .expect("the server's certificate and key");
        Arc::new(config)
    }

    /// The same with the usual CA and all TLS versions.
    pub fn server(&self, name: &str) -> Arc<ServerConfig> {
        self.server_of(name, "ca", rustls::ALL_VERSIONS)
    }

    /// A server that asks for no client certificate.
    pub fn server_for_anybody(&self, name: &str) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the TLS versions")
            .with_no_client_auth()
            .with_single_cert(self.chain(name), self.key(name))
            .expect("the server's certificate and key");
        Arc::new(config)
    }

    /// A client for the tests of the tests.
    pub fn client(&self, ca: &str, identity: &str) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the TLS versions")
            .with_root_certificates(self.roots(ca))
            .with_client_auth_cert(self.chain(identity), self.key(identity))
            .expect("the client's certificate and key");
        Arc::new(config)
    }
}

fn openssl(command: &mut Command) {
    command.stdin(Stdio::null());
    let output = spawn(
        command.stdout(Stdio::piped()).stderr(Stdio::piped()),
        "openssl",
    )
    .wait_with_output()
    .expect("openssl's output");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{said}");
}

fn parameters(common_name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|host| host.to_string()).collect();
    let mut params = CertificateParams::new(hosts).expect("host names");
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(4096, 1, 1);
    params
}

fn provider() -> Arc<CryptoProvider> {
    #[cfg(feature = "ring")]
    let provider = rustls::crypto::ring::default_provider();
    #[cfg(not(feature = "ring"))]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    Arc::new(provider)
}
