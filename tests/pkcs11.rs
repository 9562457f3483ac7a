//! `c-examples/pkcs11_key.c` with a real PKCS#11 token (SoftHSM) against a real mosquitto over mutual TLS. The key is made in the token
//! and cannot be taken out of it.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use support::broker::Broker;
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;
use support::process::spawn;
use support::temporary::TemporaryDirectory;

const PIN: &str = "648219";

struct Token {
    directory: TemporaryDirectory,
    module: String,
}

impl Token {
    fn new() -> Token {
        let places = [
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/local/lib/softhsm/libsofthsm2.so",
            "/usr/lib64/pkcs11/libsofthsm2.so",
        ];
        let module = places.into_iter().find(|place| Path::new(place).exists());
        let module = module.expect("no libsofthsm2.so. Install it: apt-get install softhsm2");
        let directory = TemporaryDirectory::new("token");
        std::fs::create_dir(directory.file("tokens")).expect("a directory");
        let tokens = directory.file("tokens");
        let text = format!("directories.tokendir = {}\n", tokens.display());
        directory.write("softhsm2.conf", text);
        let token = Token {
            directory,
            module: module.to_owned(),
        };
        let init = ["--init-token", "--free", "--label", "test", "--pin", PIN];
        token.run(
            "softhsm2-util",
            "softhsm2",
            &[&init[..], &["--so-pin", PIN]].concat(),
        );
        token
    }

    fn configuration(&self) -> String {
        let path = self.directory.file("softhsm2.conf");
        path.to_str().expect("UTF-8").to_owned()
    }

    fn run(&self, program: &str, package: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("SOFTHSM2_CONF", self.configuration());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = spawn(&mut command, package)
            .wait_with_output()
            .expect("its output");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{command:?}:\n{said}\n{complained}"
        );
        said
    }

    /// Another token beside it, which has another PIN.
    fn with_another(&self) {
        let init = ["--init-token", "--free", "--label", "foreign"];
        let pins = ["--pin", "111111", "--so-pin", "111111"];
        self.run("softhsm2-util", "softhsm2", &[init, pins].concat());
    }

    fn tool(&self, arguments: &[&str]) -> String {
        let common = ["--module", &self.module, "--login", "--pin", PIN];
        self.run("pkcs11-tool", "opensc", &[&common[..], arguments].concat())
    }

    /// Makes a key pair in the token and a certificate for it.
    fn key(&self, certificates: &Certificates, label: &str, kind: &str) {
        self.tool(&[
            "--keypairgen",
            "--key-type",
            kind,
            "--label",
            label,
            "--id",
            "01",
        ]);
        let objects = self.tool(&["--list-objects", "--type", "privkey"]);
        assert!(objects.contains("never extractable"), "{objects}");
        let der = self.directory.file("public.der");
        let pem = self.directory.file("public.pem");
        let (der, pem) = (der.to_str().expect("UTF-8"), pem.to_str().expect("UTF-8"));
        self.tool(&[
            "--read-object",
            "--type",
            "pubkey",
            "--id",
            "01",
            "--output-file",
            der,
        ]);
        let convert = ["pkey", "-pubin", "-inform", "DER", "-in", der, "-out", pem];
        self.run("openssl", "openssl", &convert);
        certificates.certify(label, Path::new(pem));
    }
}

/// The example, compiled; and its run against the broker at `port` with the token of this label.
fn example(
    certificates: &Certificates,
    token: &Token,
    label: Option<&str>,
    port: u16,
) -> Result<(), String> {
    let mut find = Command::new("pkg-config");
    find.args(["--cflags", "p11-kit-1"]).stdout(Stdio::piped());
    let found = spawn(&mut find, "pkg-config")
        .wait_with_output()
        .expect("its output");
    assert!(
        found.status.success(),
        "no p11-kit. Install it: apt-get install libp11-kit-dev"
    );
    let flags = String::from_utf8(found.stdout).expect("UTF-8");
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let example = "c-examples/pkcs11_key";
    let program = Program::compile_with(example, Checked::Plainly, &flags, "libp11-kit-dev");
    let file = |name: &str| certificates.file(name).to_str().expect("UTF-8").to_owned();
    let (ca, certificate, port) = (file("ca.pem"), file("device.pem"), port.to_string());
    let mut arguments = Vec::new();
    for (name, value) in [
        ("--endpoint", "127.0.0.1"),
        ("--port", &port),
        ("--ca", &ca),
        ("--cert", &certificate),
        ("--key", "device"),
        ("--topic", "from/token"),
        ("--count", "3"),
    ] {
        arguments.extend([name, value]);
    }
    let configuration = token.configuration();
    let mut environment = vec![
        ("SOFTHSM2_CONF", configuration.as_str()),
        ("PKCS11_MODULE", &token.module),
        ("PKCS11_PIN", PIN),
    ];
    environment.extend(label.map(|label| ("PKCS11_TOKEN", label)));
    let running = program.start_with(&arguments, &environment);
    let said = running.stdout.clone();
    running.outcome()?;
    assert_eq!(said.all(), ["acknowledged 3"]);
    Ok(())
}

fn publishes(kind: &str) {
    let certificates = Certificates::new();
    let token = Token::new();
    token.key(&certificates, "device", kind);
    let broker = Mosquitto::start(&certificates);
    let subscriber = broker.subscriber(&certificates, "#");
    if let Err(why) = example(&certificates, &token, None, broker.port) {
        panic!("{why}\nmosquitto's log:\n{}", broker.log.text());
    }
    let message = "from/token|1|0|19|signed in the token";
    assert_eq!(subscriber.wait_for(3), [message; 3]);
    broker.wait_for_log("u'device'");
}

#[test]
fn an_rsa_key_in_a_token() {
    publishes("rsa:2048");
}

#[test]
fn a_p256_key_in_a_token() {
    publishes("EC:prime256v1");
}

#[test]
fn an_rsa_key_in_a_token_over_tls_1_2() {
    let certificates = Certificates::new();
    let token = Token::new();
    token.key(&certificates, "device", "rsa:2048");
    let server = certificates.server_of("server", "ca", &[&rustls::version::TLS12]);
    let broker = Broker::tls(server, |listener| {
        let mut connection = listener.accept();
        connection.welcome();
        assert_eq!(connection.serve().len(), 4);
    });
    if let Err(why) = example(&certificates, &token, None, broker.port()) {
        panic!("{why}");
    }
    broker.finish();
}

/// A card locks itself after a few wrong PINs, so the PIN goes to the token that was named, and to none if there are several.
#[test]
fn a_token_that_was_not_named_is_left_alone() {
    let certificates = Certificates::new();
    let token = Token::new();
    token.key(&certificates, "device", "EC:prime256v1");
    token.with_another();
    let broker = Mosquitto::start(&certificates);
    for label in [None, Some("no such token")] {
        let why =
            example(&certificates, &token, label, broker.port).expect_err("it has chosen one");
        assert!(why.contains("PKCS11_TOKEN must be"), "{why}");
    }
    if let Err(why) = example(&certificates, &token, Some("test"), broker.port) {
        panic!("{why}\nmosquitto's log:\n{}", broker.log.text());
    }
    let tokens = token.run(
        "pkcs11-tool",
        "opensc",
        &["--module", &token.module, "--list-token-slots"],
    );
    assert_eq!(tokens.matches("token initialized").count(), 2, "{tokens}");
    // SoftHSM's flag for a token that was given a wrong PIN.
    assert!(!tokens.contains("user PIN count low"), "{tokens}");
}
