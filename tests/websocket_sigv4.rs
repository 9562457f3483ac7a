//! The library and AWS's own opinion of its signatures: through the gateway, which judges them with `aws-sigv4`, to a real mosquitto.

mod support;

use support::STEP;
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::gateway::{Gateway, Seen};
use support::mosquitto::Mosquitto;
use support::process::Lines;
use support::running::Running;
use support::temporary::TemporaryDirectory;

const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "hush/Secret+Key%20/=";
/// With everything that a query would mistake for something else.
const TOKEN: &str = "hush/+==%2B%&?#;,:@!$'()*[]{}<>|^`~\"\\ \u{fc}\u{20ac}-._end";
const REGION: &str = "eu-central-1";
/// No `HOME` with the machine's own credentials.
const NOWHERE: (&str, &str) = ("HOME", "/nonexistent");
const OF_AWS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
];

struct Site {
    certificates: Certificates,
    mosquitto: Mosquitto,
    gateway: Gateway,
}

impl Site {
    /// The gateway's clock is that many seconds ahead; it knows `KEY_ID`.
    fn start(ahead: i64) -> Site {
        let certificates = Certificates::new();
        let mosquitto = Mosquitto::start(&certificates);
        let gateway = Gateway::start(&certificates, mosquitto.port, ahead);
        gateway.accept_key(KEY_ID, SECRET, Some(TOKEN));
        Site {
            certificates,
            mosquitto,
            gateway,
        }
    }

    fn program(&self, program: &Program, case: &[&str], environment: &[(&str, &str)]) -> Running {
        let (port, directory) = (self.gateway.port.to_string(), self.certificates.directory());
        let arguments = [&["localhost", &port, &directory], case].concat();
        let mut all: Vec<(&str, &str)> = OF_AWS.map(|name| (name, "")).to_vec();
        all.push(NOWHERE);
        all.extend_from_slice(environment);
        program.start_with(&arguments, &all)
    }

    /// Runs a case to its good end; the requests that came, of which there must be as many, with no secret in what was said.
    fn run(&self, case: &[&str], environment: &[(&str, &str)], requests: usize) -> Vec<Seen> {
        self.run_checked(Checked::Plainly, case, environment, requests)
    }

    fn run_checked(
        &self,
        checked: Checked,
        case: &[&str],
        environment: &[(&str, &str)],
        requests: usize,
    ) -> Vec<Seen> {
        let program = Program::compile_checked("websocket_sigv4", checked);
        let running = self.program(&program, case, environment);
        let said = (running.stdout.clone(), running.stderr.clone());
        self.end(running, requests, &said)
    }

    fn end(&self, running: Running, requests: usize, said: &(Lines, Lines)) -> Vec<Seen> {
        if let Err(why) = running.outcome() {
            panic!(
                "{why}\nthe gateway saw: {:?}\nmosquitto's log:\n{}",
                self.gateway.wait_for(0),
                self.mosquitto.log.text()
            );
        }
        let seen = self.gateway.wait_for(requests);
        assert_eq!(seen.len(), requests, "{seen:?}");
        for request in &seen {
            assert_eq!(request.sni.as_deref(), Some("localhost"));
            assert_eq!(request.alpn, None, "WebSocket offers none");
            assert_eq!(request.host, format!("localhost:{}", self.gateway.port));
        }
        no_secret(&said.0.text(), &seen);
        no_secret(&said.1.text(), &seen);
        assert!(
            said.0.text().contains("log 3 signing for "),
            "{}",
            said.0.text()
        );
        seen
    }
}

/// As they are, as they go over the wire, and what is made of them.
fn no_secret(text: &str, seen: &[Seen]) {
    let mut secrets: Vec<String> = ["hush", KEY_ID, "AKIDROTATED", "X-Amz", "Secret%2BKey"]
        .map(str::to_owned)
        .to_vec();
    for request in seen {
        secrets.push(parameter(request, "X-Amz-Signature"));
        secrets.extend(token(request));
    }
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret}:\n{text}");
    }
}

/// As it came, in its encoding.
fn parameter(seen: &Seen, name: &str) -> String {
    let value = seen.path.split(['?', '&']).find_map(|parameter| {
        let (this, value) = parameter.split_once('=')?;
        (this == name).then(|| value.to_owned())
    });
    value.unwrap_or_else(|| panic!("no {name}: {seen:?}"))
}

fn token(seen: &Seen) -> Option<String> {
    let there = seen.path.contains("X-Amz-Security-Token=");
    there.then(|| parameter(seen, "X-Amz-Security-Token"))
}

fn keys(seen: &[Seen]) -> Vec<&str> {
    seen.iter()
        .map(|seen| match &seen.verdict {
            Ok(signed) => {
                assert_eq!(signed.region, REGION);
                assert_eq!(signed.service, "iotdevicegateway");
                signed.access_key_id.as_str()
            }
            Err(_) => "refused",
        })
        .collect()
}

/// What the program takes for its configured credentials.
fn given() -> [(&'static str, &'static str); 4] {
    [
        ("TEST_KEY_ID", KEY_ID),
        ("TEST_SECRET", SECRET),
        ("TEST_TOKEN", TOKEN),
        ("TEST_REGION", REGION),
    ]
}

#[test]
fn configured_credentials_with_an_awkward_token() {
    let seen = Site::start(0).run(&["configured"], &given(), 1);
    assert_eq!(keys(&seen), [KEY_ID]);
}

#[test]
fn configured_credentials_leave_no_memory_behind() {
    let site = Site::start(0);
    let seen = site.run_checked(Checked::ByAddressSanitizer, &["configured"], &given(), 1);
    assert_eq!(keys(&seen), [KEY_ID]);
}

/// Which also shows that each attempt is signed anew.
#[test]
fn a_provider_gives_other_credentials_for_each_attempt() {
    let site = Site::start(0);
    for number in 1..=2 {
        let key = format!("{KEY_ID}{number}");
        site.gateway.accept_key(&key, SECRET, Some(TOKEN));
    }
    let seen = site.run(&["provider"], &given(), 2);
    assert_eq!(keys(&seen), ["AKIDEXAMPLE1", "AKIDEXAMPLE2"]);
    let signatures = [0, 1].map(|index: usize| parameter(&seen[index], "X-Amz-Signature"));
    assert_ne!(signatures[0], signatures[1]);
}

#[test]
fn credentials_of_the_environment() {
    let environment = [
        ("TEST_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
    ];
    let case = ["found", "credentials from the environment"];
    assert_eq!(keys(&Site::start(0).run(&case, &environment, 1)), [KEY_ID]);
}

#[test]
fn credentials_of_a_profile_in_the_shared_file() {
    let directory = TemporaryDirectory::new("profile");
    let text = format!(
        "[default]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = hush\n\n# the one\n[work]\naws_access_key_id = {KEY_ID}\n\
         aws_secret_access_key = {SECRET}\naws_session_token = {TOKEN}\n"
    );
    let file = directory.write("credentials", text);
    let environment = [
        ("TEST_REGION", REGION),
        ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().expect("UTF-8")),
        ("AWS_PROFILE", "work"),
    ];
    let case = ["found", "credentials from profile work of"];
    assert_eq!(keys(&Site::start(0).run(&case, &environment, 1)), [KEY_ID]);
}

#[test]
fn a_revoked_key_is_forbidden_and_another_one_is_taken() {
    let site = Site::start(0);
    site.gateway.accept_key("AKIDROTATED", SECRET, None);
    let program = Program::compile("websocket_sigv4");
    let mut running = site.program(&program, &["revoked"], &given());
    let said = (running.stdout.clone(), running.stderr.clone());
    running.wait_for("revoke it");
    site.gateway.revoke_key(KEY_ID);
    running.tell("revoked");
    let seen = site.end(running, 3, &said);
    assert_eq!(keys(&seen), [KEY_ID, "refused", "AKIDROTATED"]);
}

/// The gateway's `Date` shows it. Times and signatures of the two attempts differ, so each was signed anew.
fn corrected(ahead: i64, case: &str) {
    let seen = Site::start(ahead).run(&[case], &given(), 2);
    assert_eq!(keys(&seen), ["refused", KEY_ID]);
    let refusal = seen[0].verdict.clone().expect_err("refused");
    assert!(refusal.starts_with("signed 3"), "{refusal}");
    for name in ["X-Amz-Date", "X-Amz-Signature"] {
        assert_ne!(parameter(&seen[0], name), parameter(&seen[1], name));
    }
}

#[test]
fn a_clock_an_hour_late_is_corrected_at_the_next_connect() {
    corrected(3_600, "clock_wrong");
}

#[test]
fn a_clock_an_hour_early_is_corrected_at_the_next_connect() {
    corrected(-3_600, "clock_wrong");
}

#[test]
fn a_wrong_clock_is_corrected_by_the_retry_of_the_first_connect() {
    corrected(3_600, "clock_wrong_and_retried");
}

#[test]
fn a_region_that_cannot_be_told_is_asked_for_and_nothing_sent() {
    let without_region = &given()[..3];
    let seen = Site::start(0).run(&["no_region"], without_region, 1);
    let signed = seen[0].verdict.as_ref().expect("a good signature");
    assert_eq!(
        (signed.region.as_str(), signed.service.as_str()),
        ("us-west-2", "iotdata")
    );
}

/// What an example said, and how it ended.
fn example(site: &Site, environment: &[(&str, &str)]) -> Result<String, String> {
    let program = Program::compile("c-examples/websocket_pubsub");
    let (port, ca) = (
        site.gateway.port.to_string(),
        site.certificates.file("ca.pem"),
    );
    let mut all: Vec<(&str, &str)> = OF_AWS.map(|name| (name, "")).to_vec();
    all.push(NOWHERE);
    all.extend_from_slice(environment);
    let running = program.start_with(
        &[
            "--endpoint",
            "localhost",
            "--port",
            &port,
            "--ca",
            ca.to_str().expect("UTF-8"),
            "--region",
            REGION,
            "--topic",
            "shop",
        ],
        &all,
    );
    let said = running.stdout.clone();
    running.outcome().map(|()| said.text())
}

#[test]
fn the_example_publishes_and_says_what_it_lacks() {
    let site = Site::start(0);
    let key = [
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
    ];
    let said = example(&site, &key).unwrap_or_else(|why| panic!("{why}"));
    assert!(said.contains("published to shop/web/data"), "{said}");
    assert_eq!(keys(&site.gateway.wait_for(1)), [KEY_ID]);
    let arrived = "'shop/web/data', ... (21 bytes)";
    let log = &site.mosquitto.log;
    assert!(log.wait_for(STEP, arrived), "{}", log.text());

    let why = example(&site, &[]).expect_err("there are no credentials");
    assert!(why.contains("AWS_ACCESS_KEY_ID"), "{why}");
    site.gateway.revoke_key(KEY_ID);
    let why = example(&site, &key).expect_err("the key is revoked");
    assert!(why.contains("connect: AWS_IOT_MQTT_ERR_FORBIDDEN"), "{why}");
}
