//! Each MQTT and TLS test of AWS IoT Core Device Advisor, played by a scripted endpoint against the shared library, and judged by
//! its pass criteria; `make advisor` makes `docs/device_advisor.md` of the verdicts.
//!
//! Every test is played with the settings that the page recommends, which must pass, and with the defaults.

mod support;

#[path = "device_advisor/backoff.rs"]
mod backoff;
#[path = "device_advisor/mqtt.rs"]
mod mqtt;
#[path = "device_advisor/page.rs"]
mod page;
#[path = "device_advisor/tls.rs"]
mod tls;
#[path = "device_advisor/verdict.rs"]
mod verdict;
#[path = "device_advisor/virtual_time.rs"]
mod virtual_time;

use rustls::ServerConfig;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::broker::Listener;
use support::c_program::Program;
use support::certificates::Certificates;
use support::scenario::{Server, Watched, try_play};
use verdict::{Settings, Verdict};

/// What the device subscribes.
const TRIGGER: &str = "advisor/in";

/// What every test needs.
pub struct Play {
    program: Program,
    certificates: Certificates,
}

impl Play {
    fn new() -> Play {
        let certificates = Certificates::new();
        certificates.rsa_server("rsa", &["localhost".into()]);
        let names = (0..330).map(|number| format!("{number:03}.{}.invalid", "x".repeat(32)));
        let names: Vec<String> = ["localhost".into()].into_iter().chain(names).collect();
        certificates.rsa_server("large", &names);
        Play {
            program: Program::compile("advisor"),
            certificates,
        }
    }

    /// The device does `what` against a server with this certificate and both TLS versions.
    fn tls(
        &self,
        settings: Settings,
        what: &str,
        certificate: &str,
        options: &[&str],
        script: impl FnOnce(&mut Listener, &mut Watched) -> Verdict + Send + 'static,
    ) -> Verdict {
        let server = self.certificates.server(certificate);
        self.on(settings, what, server, options, script)
    }

    fn on(
        &self,
        settings: Settings,
        what: &str,
        tls: Arc<ServerConfig>,
        options: &[&str],
        script: impl FnOnce(&mut Listener, &mut Watched) -> Verdict + Send + 'static,
    ) -> Verdict {
        let directory = self.certificates.directory();
        let server = Server {
            host: "localhost",
            directory: &directory,
            tls: Some(tls),
        };
        self.run(settings, what, server, options, script)
    }

    /// Without TLS, where only the times matter.
    fn plain(
        &self,
        settings: Settings,
        what: &str,
        options: &[&str],
        script: impl FnOnce(&mut Listener, &mut Watched) -> Verdict + Send + 'static,
    ) -> Verdict {
        let server = Server {
            host: "127.0.0.1",
            directory: "-",
            tls: None,
        };
        self.run(settings, what, server, options, script)
    }

    fn run(
        &self,
        settings: Settings,
        what: &str,
        server: Server<'_>,
        options: &[&str],
        script: impl FnOnce(&mut Listener, &mut Watched) -> Verdict + Send + 'static,
    ) -> Verdict {
        let arguments = [&[what, settings.name()], options].concat();
        let verdict = Arc::new(Mutex::new(None));
        let told = Arc::clone(&verdict);
        let played = try_play(
            &self.program,
            server,
            &arguments,
            move |listener, watched| {
                let verdict = script(listener, watched);
                *told.lock().expect("not poisoned") = Some(verdict);
            },
        );
        match (played, verdict.lock().expect("not poisoned").take()) {
            (Ok(()), Some(verdict)) => verdict,
            (Ok(()), None) => Verdict::Broken("the script says nothing".into()),
            (Err(why), _) => Verdict::Broken(why),
        }
    }
}

#[test]
fn every_test_of_device_advisor_passes_with_the_recommended_settings_and_the_page_says_so() {
    let play = Play::new();
    let verdicts = page::play_all(&play);
    let broken: Vec<String> = verdicts
        .iter()
        .flat_map(|(test, [recommended, defaults])| {
            let recommended = match recommended {
                Verdict::Pass => None,
                other => Some(format!("{}, recommended settings: {other}", test.id)),
            };
            let defaults = match defaults {
                Verdict::Broken(why) => Some(format!("{}, defaults: {why}", test.id)),
                _ => None,
            };
            recommended.into_iter().chain(defaults)
        })
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n\n"));
    page::check(&page::make(&verdicts));
}

fn seconds(values: &[f64]) -> Vec<Duration> {
    values
        .iter()
        .copied()
        .map(Duration::from_secs_f64)
        .collect()
}

#[test]
fn the_judge_tells_the_kinds_of_growth_apart() {
    use backoff::Growth;
    for (spacing, expected) in [
        (&[5.0, 5.0, 5.1, 5.0, 4.9][..], Growth::Constant),
        (&[1.0, 2.0, 3.0, 4.0, 5.0], Growth::Linear),
        (&[1.0, 2.0, 4.0, 8.0, 16.0], Growth::Exponential),
        (&[1.4, 2.2, 7.1, 9.0, 12.0], Growth::BackoffWithJitter),
        (&[9.0, 1.0, 8.0, 2.0, 7.0], Growth::Irregular),
        (&[1.0, 2.0], Growth::Irregular),
    ] {
        assert_eq!(
            backoff::growth(&seconds(spacing), backoff::CUT),
            expected,
            "{spacing:?}"
        );
    }
}

#[test]
fn the_judge_knows_the_suites_of_aws_iot() {
    for (suites, expected) in [
        (&[0x1301, 0xC02B][..], Verdict::Pass),
        (&[0x1301], Verdict::Warnings("no recommended suite")),
        (
            &[0xC02F, 0xCCA8],
            Verdict::Warnings("a suite that AWS IoT does not have"),
        ),
        (
            &[0xCCA8, 0xCCA9],
            Verdict::Fail("no suite that AWS IoT has"),
        ),
    ] {
        assert_eq!(tls::judge_suites(suites), expected, "{suites:04X?}");
    }
}

/// One whose maximum wait is its base, and one that begins anew after each CONNACK.
#[test]
fn the_judge_refuses_devices_without_backoff() {
    let (mut same, keep_alive) = virtual_time::config(Settings::Recommended);
    let mut anew = same.clone();
    same.backoff.max = same.backoff.base;
    anew.backoff.stable = Duration::ZERO;
    for config in [same, anew] {
        let refused = (0..100).filter(|seed| {
            let seen = virtual_time::play(
                (config.clone(), keep_alive),
                *seed,
                Duration::from_secs(300),
                |_, _| virtual_time::Answer::Welcome(Some(Duration::from_millis(100))),
                |seen| seen.connects.len() >= backoff::ATTEMPTS,
            );
            let verdict = backoff::judge_seen(&seen, backoff::ATTEMPTS, true, backoff::CUT);
            matches!(verdict, Verdict::Fail(_))
        });
        assert!(refused.count() >= 90);
    }
}

/// Why the page recommends a maximum of 16 s: at the default of 32 s twelve attempts do not always fit into Device Advisor's time.
#[test]
fn at_the_default_maximum_some_devices_are_too_slow_and_at_the_recommended_one_none_is() {
    let (recommended, keep_alive) = virtual_time::config(Settings::Recommended);
    let mut default = recommended.clone();
    default.backoff.max = Duration::from_secs(32);
    let too_slow = |config: &aws_iot_mqtt::config::SessionConfig| {
        let slow = (0..1000).filter(|seed| {
            let play = (config.clone(), keep_alive);
            let seen = backoff::twelve_connects(play, *seed);
            seen.connects.len() < 12
        });
        slow.count()
    };
    let slow = too_slow(&default);
    assert!((1..100).contains(&slow), "{slow} of 1000");
    println!("{slow} of 1000");
    assert_eq!(too_slow(&recommended), 0);
}
