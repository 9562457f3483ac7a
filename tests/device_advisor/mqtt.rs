//! The MQTT tests: what a device sends, sends again, and acknowledges.

use super::verdict::{Settings, Verdict};
use super::virtual_time::Answer;
use super::{Play, TRIGGER, backoff, tls};
use crate::support::broker::Connection;
use crate::support::packets::{connack, puback, publish, suback, subscribe};
use backoff::ATTEMPTS;
use std::time::{Duration, Instant};

const OUT: &str = "advisor/out";
/// The criterion of the long duration tests.
const AGAIN_WITHIN: Duration = Duration::from_secs(15);
/// A twentieth of the settings' times.
const TWENTIETH: [&str; 4] = [
    "connect_ms=400",
    "base_ms=50",
    "max_ms=800",
    "stable_ms=1000",
];

pub fn connects(play: &Play, settings: Settings) -> Verdict {
    play.tls(settings, "idle", "rsa", &[], move |listener, _| {
        let keep_alive = listener.accept().welcome().keep_alive;
        let expected = if settings == Settings::Recommended {
            30
        } else {
            600
        };
        assert_eq!(keep_alive, expected);
        Verdict::Pass
    })
}

/// Without payload, and with 128 KB.
pub fn acknowledges(play: &Play, settings: Settings) -> Verdict {
    play.tls(settings, "subscribe", "rsa", &[], |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = connection.expect_with_id(|id| subscribe(id, &[(TRIGGER, 1)]));
        connection.send(&suback(id, &[1]));
        for (id, length) in [(7, 0), (8, 1), (9, 128 * 1024)] {
            let payload = tls::payload(length);
            connection.send(&publish(TRIGGER, payload, 1, id, false, false));
            connection.expect(&puback(id));
            watched.wait_for(&format!("message {length}"));
        }
        Verdict::Pass
    })
}

pub fn publishes(play: &Play, settings: Settings) -> Verdict {
    for (what, qos) in [("publish_0", 0), ("publish_1", 1)] {
        let verdict = play.tls(settings, what, "rsa", &[], move |listener, watched| {
            let mut connection = listener.accept();
            connection.welcome();
            expect_hello(&mut connection, qos, false);
            watched.wait_for("publish 0");
            Verdict::Pass
        });
        if verdict != Verdict::Pass {
            return verdict;
        }
    }
    Verdict::Pass
}

fn expect_hello(connection: &mut Connection, qos: u8, retain: bool) {
    if qos == 0 {
        return connection.expect(&publish(OUT, "hello", 0, 0, retain, false));
    }
    let id = connection.expect_with_id(|id| publish(OUT, "hello", 1, id, retain, false));
    connection.send(&puback(id));
}

pub fn publishes_retained(play: &Play, settings: Settings) -> Verdict {
    play.tls(settings, "publish_retained", "rsa", &[], |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        expect_hello(&mut connection, 1, true);
        Verdict::Pass
    })
}

/// No PUBACK: the same packet with DUP must come again on this connection.
pub fn publishes_again(play: &Play, settings: Settings) -> Verdict {
    play.tls(
        settings,
        "publish_1",
        "rsa",
        &[],
        move |listener, watched| {
            let mut connection = listener.accept();
            connection.welcome();
            let id = connection.expect_with_id(|id| publish(OUT, "hello", 1, id, false, false));
            let first = Instant::now();
            if settings == Settings::Defaults {
                watched.wait_for("publish 600");
                return Verdict::Fail(
                    "a synchronous publish ends as TIMEOUT after 5 s and is not sent again",
                );
            }
            connection.expect(&publish(OUT, "hello", 1, id, false, true));
            assert!(first.elapsed() <= AGAIN_WITHIN, "{:?}", first.elapsed());
            connection.send(&puback(id));
            watched.wait_for("publish 0");
            Verdict::Pass
        },
    )
}

pub fn subscribes(play: &Play, settings: Settings) -> Verdict {
    play.tls(settings, "subscribe", "rsa", &[], |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = connection.expect_with_id(|id| subscribe(id, &[(TRIGGER, 1)]));
        connection.send(&suback(id, &[1]));
        watched.wait_for("subscribe 0");
        Verdict::Pass
    })
}

/// No SUBACK: the same packet must come again on this connection.
pub fn subscribes_again(play: &Play, settings: Settings) -> Verdict {
    play.tls(
        settings,
        "subscribe",
        "rsa",
        &[],
        move |listener, watched| {
            let mut connection = listener.accept();
            connection.welcome();
            let id = connection.expect_with_id(|id| subscribe(id, &[(TRIGGER, 1)]));
            let first = Instant::now();
            if settings == Settings::Defaults {
                watched.wait_for("subscribe 600");
                return Verdict::Fail(
                    "a synchronous subscribe ends as TIMEOUT after 5 s and is not sent again",
                );
            }
            connection.expect(&subscribe(id, &[(TRIGGER, 1)]));
            assert!(first.elapsed() <= AGAIN_WITHIN, "{:?}", first.elapsed());
            connection.send(&suback(id, &[1]));
            watched.wait_for("subscribe 0");
            Verdict::Pass
        },
    )
}

/// Nothing after CONNACK has an answer, with a keep alive of 3 s; and at the full keep alive in virtual time.
pub fn no_pingresp(play: &Play, settings: Settings) -> Verdict {
    let short = ["keep_alive_secs=3"];
    let real = play.tls(settings, "idle", "rsa", &short, |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect(&[0xC0, 0]);
        connection.silence();
        // AWS_IOT_MQTT_ERR_PING_TIMEOUT.
        watched.wait_for("offline 206");
        Verdict::Pass
    });
    match real {
        Verdict::Pass => backoff::no_pingresp(settings),
        other => other,
    }
}

/// The session is kept: no SUBSCRIBE after the cut, and the stored message is acknowledged.
pub fn persistent_session(play: &Play, settings: Settings) -> Verdict {
    play.tls(
        settings,
        "subscribe",
        "rsa",
        &["clean=0"],
        |listener, watched| {
            let mut connection = listener.accept();
            assert!(!connection.welcome().clean_session());
            let id = connection.expect_with_id(|id| subscribe(id, &[(TRIGGER, 1)]));
            connection.send(&suback(id, &[1]));
            watched.wait_for("subscribe 0");
            connection.close();
            let mut connection = listener.accept();
            assert!(!connection.expect_connect().clean_session());
            connection.send(&connack(true, 0));
            connection.send(&publish(TRIGGER, tls::payload(20), 1, 40, false, false));
            connection.expect(&puback(40));
            watched.wait_for("message 20");
            Verdict::Pass
        },
    )
}

/// The session was lost: SUBSCRIBE again.
pub fn expired_session(play: &Play, settings: Settings) -> Verdict {
    play.tls(
        settings,
        "subscribe",
        "rsa",
        &["clean=0"],
        |listener, watched| {
            let mut connection = listener.accept();
            connection.welcome();
            let id = connection.expect_with_id(|id| subscribe(id, &[(TRIGGER, 1)]));
            connection.send(&suback(id, &[1]));
            watched.wait_for("subscribe 0");
            connection.close();
            let mut connection = listener.accept();
            connection.expect_connect();
            connection.send(&connack(false, 0));
            let id = connection.expect_with_id(|id| subscribe(id, &[(TRIGGER, 1)]));
            connection.send(&suback(id, &[1]));
            Verdict::Pass
        },
    )
}

/// Twelve CONNECTs, of which the sixth and the twelfth are answered; and at the full times in virtual time.
pub fn without_connack(play: &Play, settings: Settings) -> Verdict {
    let full = backoff::without_connack(settings, 12, true);
    if full != Verdict::Pass {
        return full;
    }
    play.plain(settings, "idle", &TWENTIETH, |listener, _| {
        let connects = backoff::real_connects(listener, 12, |number| match number % 6 {
            0 => Answer::Welcome(None),
            _ => Answer::Silent,
        });
        backoff::judge_real(&connects, backoff::SILENT)
    })
}

/// Cut before CONNACK, ten times.
pub fn server_disconnects(play: &Play, settings: Settings) -> Verdict {
    let full = backoff::server_disconnects(settings);
    if full != Verdict::Pass {
        return full;
    }
    play.plain(settings, "idle", &TWENTIETH, |listener, _| {
        let connects = backoff::real_connects(listener, ATTEMPTS, |number| match number {
            1 => Answer::Welcome(None),
            _ => Answer::Close,
        });
        backoff::judge_real(&connects, backoff::CUT)
    })
}

/// Cut right after CONNACK, ten times.
pub fn unstable(play: &Play, settings: Settings) -> Verdict {
    let full = backoff::unstable(settings);
    if full != Verdict::Pass {
        return full;
    }
    play.plain(settings, "idle", &TWENTIETH, |listener, _| {
        let connects = backoff::real_connects(listener, ATTEMPTS, |_| Answer::Welcome(None));
        backoff::judge_real(&connects, backoff::CUT)
    })
}
