//! The library from other languages: the examples of `c-examples/ffi`, each run against a real mosquitto over mutual TLS.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::STEP;
use support::c_program::link_library;
use support::certificates::Certificates;
use support::gateway::Gateway;
use support::mosquitto::Mosquitto;
use support::running::Running;
use support::temporary::TemporaryDirectory;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder(language: &str) -> PathBuf {
    root().join("c-examples/ffi").join(language)
}

/// A broker, and a directory with the library as a program finds it.
struct Site {
    certificates: Certificates,
    mosquitto: Mosquitto,
    library: TemporaryDirectory,
}

impl Site {
    fn start(name: &str) -> Site {
        let certificates = Certificates::new();
        let mosquitto = Mosquitto::start(&certificates);
        let library = TemporaryDirectory::new(name);
        link_library(&library);
        Site {
            certificates,
            mosquitto,
            library,
        }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", self.library.path());
        command
    }

    /// What all three examples do: `pubsub HOST PORT CA CERTIFICATE KEY TOPIC`.
    fn pubsub(&self, language: &str, mut command: Command, package: &str) {
        let topic = format!("ffi/{language}");
        command.args(["127.0.0.1", &self.mosquitto.port.to_string()]);
        for name in ["ca.pem", "client.pem", "client.key"] {
            command.arg(self.certificates.file(name));
        }
        command.arg(&topic);
        let subscriber = self.mosquitto.subscriber(&self.certificates, "ffi/#");
        let program = Running::start(
            &mut command,
            format!("{language}'s pubsub"),
            package,
            STEP * 3,
        );
        let said = program.stdout.clone();
        if let Err(why) = program.outcome() {
            panic!("{why}\nmosquitto's log:\n{}", self.mosquitto.log.text());
        }
        for line in [
            &format!("received on {topic}: synchronous"),
            &format!("received on {topic}: asynchronous"),
            "acknowledged ",
            "refused: AWS_IOT_MQTT_ERR_INVALID_TOPIC: topic",
            "ended: AWS_IOT_MQTT_ERR_CANCELLED: ",
        ] {
            let found = said
                .all()
                .iter()
                .filter(|said| said.starts_with(line))
                .count();
            assert_eq!(found, 1, "{line:?} in:\n{}", said.text());
        }
        // Twice: that it arrived is not only the program's own opinion.
        let (one, two) = (
            format!("{topic}|1|0|11|synchronous"),
            format!("{topic}|1|0|12|asynchronous"),
        );
        assert_eq!(subscriber.wait_for(2), [one, two]);
        self.mosquitto
            .wait_for_log(&format!("Received DISCONNECT from ffi-{language}"));
    }
}

fn python(site: &Site) -> Command {
    // No byte code beside the sources.
    let mut command = site.command("python3");
    command
        .env("PYTHONPATH", folder("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

#[test]
fn python_publishes_and_subscribes() {
    let site = Site::start("python");
    let mut command = python(&site);
    command.arg(folder("python").join("pubsub.py"));
    site.pubsub("python", command, "python3");
}

/// Every method that the reference has, its exceptions, and what a callback may do.
#[test]
fn python_has_every_call_of_the_reference() {
    let site = Site::start("python-calls");
    let mut command = python(&site);
    command
        .arg(root().join("tests/ffi/calls.py"))
        .arg(site.mosquitto.port.to_string())
        .arg(site.certificates.directory());
    Running::start(&mut command, "calls.py".into(), "python3", STEP * 3).finish();
}

/// One of the reference's examples in a directory with the files that it names.
struct Example {
    _directory: TemporaryDirectory,
    running: Running,
}

fn example(site: &Site, name: &str, port: u16, environment: &[(&str, &str)]) -> Example {
    let directory = TemporaryDirectory::new(&format!("reference-{name}"));
    for (ours, theirs) in [
        ("ca.pem", "rootCA.crt"),
        ("client.key", "private.key"),
        ("client.pem", "certificate.crt"),
    ] {
        std::fs::copy(site.certificates.file(ours), directory.file(theirs)).expect("a copy");
    }
    let mut command = python(site);
    command
        .arg(root().join("tests/ffi/run_reference.py"))
        .arg(folder("python").join(format!("reference_{name}.py")))
        .arg(port.to_string())
        .current_dir(directory.path())
        .envs(environment.iter().copied());
    let running = Running::start(
        &mut command,
        format!("reference_{name}.py"),
        "python3",
        STEP * 3,
    );
    Example {
        _directory: directory,
        running,
    }
}

#[test]
fn the_references_basic_example_runs() {
    let site = Site::start("reference-basic");
    let subscriber = site
        .mosquitto
        .subscriber(&site.certificates, "device/status");
    let mut example = example(&site, "basic_pubsub", site.mosquitto.port, &[]);
    example.running.wait_for("the example has come to its end");
    site.mosquitto
        .publish(&site.certificates, "device/data", "21 degrees", false);
    example
        .running
        .wait_for("Received message on device/data: 21 degrees");
    assert_eq!(subscriber.wait_for(1), ["device/status|0|0|6|online"]);
    example.running.tell("end");
    example.running.finish();
    // The program does not disconnect; its end does.
    site.mosquitto
        .wait_for_log("Received DISCONNECT from myDevice");
}

#[test]
fn the_references_websocket_example_runs() {
    let site = Site::start("reference-websocket");
    let gateway = Gateway::start(&site.certificates, site.mosquitto.port, 0);
    gateway.accept_key("AKIA...", "secret", Some("session-token"));
    let subscriber = site.mosquitto.subscriber(&site.certificates, "web/data");
    // The example trusts the system's CAs.
    let ca = site.certificates.file("ca.pem");
    let environment = [("SSL_CERT_FILE", ca.to_str().expect("UTF-8"))];
    let mut example = example(&site, "websocket", gateway.port, &environment);
    example.running.wait_for("the example has come to its end");
    example.running.tell("end");
    example.running.finish();
    assert_eq!(
        subscriber.wait_for(1),
        ["web/data|1|0|21|{\"temperature\": 25.0}"]
    );
    let seen = gateway.wait_for(1);
    assert_eq!(seen[0].host, "endpoint.iot.region.amazonaws.com");
}

#[test]
fn the_references_asynchronous_example_runs() {
    let site = Site::start("reference-async");
    let subscriber = site.mosquitto.subscriber(&site.certificates, "async/topic");
    let mut example = example(&site, "async", site.mosquitto.port, &[]);
    for line in [
        "Connection request sent with mid: 1",
        "Publish request sent with mid: 2",
        "Connected with mid: 1, result: 0",
        "Published message mid: 2",
    ] {
        example.running.wait_for(line);
    }
    assert_eq!(subscriber.wait_for(1), ["async/topic|1|0|5|hello"]);
    example.running.tell("end");
    example.running.finish();
}

/// A copy of the example with its dependency, as `npm ci` installs it from the committed lock file.
fn node_modules() -> TemporaryDirectory {
    let directory = TemporaryDirectory::new("node");
    for name in [
        "aws_iot_mqtt.js",
        "pubsub.js",
        "package.json",
        "package-lock.json",
        ".npmrc",
    ] {
        std::fs::copy(folder("node").join(name), directory.file(name)).expect("a copy");
    }
    let mut command = Command::new("npm");
    command.arg("ci").current_dir(directory.path());
    // It downloads.
    Running::start(&mut command, "npm ci".into(), "npm", STEP * 15).finish();
    directory
}

#[test]
fn node_publishes_and_subscribes() {
    let site = Site::start("node");
    let modules = node_modules();
    let mut command = site.command("node");
    command.arg(modules.file("pubsub.js"));
    site.pubsub("node", command, "nodejs");
    // A file that is not there ends the program, and says so.
    let mut command = site.command("node");
    command.arg(modules.file("pubsub.js")).args([
        "127.0.0.1",
        "1",
        "nowhere.pem",
        "nowhere.pem",
        "nowhere.key",
    ]);
    let program = Running::start(&mut command, "pubsub.js".into(), "nodejs", STEP * 3);
    let why = program.outcome().expect_err("there is no such file");
    assert!(
        why.contains("exited with 1\n") && why.contains("ERR_CA_FILE: CA file nowhere.pem"),
        "{why}"
    );
    // What a handler throws, what a call refuses, and the end of a process with a living client.
    std::fs::copy(root().join("tests/ffi/calls.js"), modules.file("calls.js")).expect("a copy");
    for case in ["callbacks", "refusals", "exit"] {
        let mut command = site.command("node");
        command
            .arg(modules.file("calls.js"))
            .arg(case)
            .arg(site.mosquitto.port.to_string())
            .arg(site.certificates.directory());
        Running::start(&mut command, format!("calls.js {case}"), "nodejs", STEP * 3).finish();
    }
}

/// `go ...` in the example's folder, with the header and library of this test run; nothing is downloaded.
fn go(site: &Site, arguments: &[&str]) -> Command {
    let mut command = site.command("go");
    // What the Go compiler keeps, its own library above all.
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
    command
        .args(arguments)
        .current_dir(folder("go"))
        .env("GOCACHE", kept.join("cache"))
        .env("GOPATH", kept.join("path"))
        .env("GOPROXY", "off")
        .env("GOFLAGS", "-buildvcs=false")
        .env("CGO_ENABLED", "1")
        // A Go pointer that C keeps ends the program.
        .env("GODEBUG", "cgocheck=2")
        .env(
            "CGO_CFLAGS",
            format!("-Wall -Werror -I{}", root().join("include").display()),
        )
        .env(
            "CGO_LDFLAGS",
            format!("-L{}", site.library.path().display()),
        )
        .env("TEST_PORT", site.mosquitto.port.to_string())
        .env("TEST_CERTIFICATES", site.certificates.directory());
    command
}

#[test]
fn go_publishes_and_subscribes() {
    let site = Site::start("go");
    let program = site.library.file("pubsub");
    let output = program.to_str().expect("UTF-8");
    for (what, arguments) in [
        ("go build", &["build", "-o", output, "./pubsub"][..]),
        ("go vet", &["vet", "./..."]),
        ("go test", &["test", "-count=1", "-timeout=90s", "./..."]),
    ] {
        let mut command = go(&site, arguments);
        Running::start(&mut command, what.into(), "golang-go", STEP * 15).finish();
    }
    site.pubsub("go", site.command(&program), "golang-go");
}

/// `tests/ffi/reference_*.txt` are the reference's texts (which have lost their indentation): only the import may differ.
#[test]
fn the_examples_are_those_of_the_reference() {
    for name in ["basic_pubsub", "websocket", "async"] {
        let theirs = root().join(format!("tests/ffi/reference_{name}.txt"));
        let ours = folder("python").join(format!("reference_{name}.py"));
        let lines = |path: &Path| -> Vec<String> {
            let text = std::fs::read_to_string(path).expect("an example");
            text.lines()
                .map(|line| line.trim_start().to_owned())
                .collect()
        };
        let import = "import AWSIoTPythonSDK.MQTTLib as AWSIoTPyMQTT";
        let mut wanted = lines(&theirs);
        assert_eq!(wanted[0], import);
        wanted[0] = "import aws_iot_mqtt as AWSIoTPyMQTT".into();
        assert_eq!(lines(&ours), wanted, "{}", ours.display());
    }
}
