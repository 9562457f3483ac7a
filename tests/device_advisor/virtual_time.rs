//! The session of the library, without sockets and threads, in virtual time: tests that take minutes or hours with AWS.

use super::verdict::Settings;
use aws_iot_mqtt::config::SessionConfig;
use aws_iot_mqtt::error::{Code, Error};
use aws_iot_mqtt::session::{Event, Login, Output, Session, Wait};
use aws_iot_mqtt::time::Instant;
use std::time::Duration;

/// What the endpoint does with an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It refuses the connection.
    Refuse,
    /// It takes CONNECT and says nothing.
    Silent,
    /// It closes the connection after CONNECT.
    Close,
    /// It answers CONNECT and cuts the connection after so long, if at all; what comes meanwhile has no answer.
    Welcome(Option<Duration>),
}

#[derive(Debug, Default)]
pub struct Seen {
    /// When each CONNECT came.
    pub connects: Vec<Duration>,
    /// When the connections ended that had been welcomed, and whether the device ended them.
    pub ends: Vec<(Duration, bool)>,
    /// The application was told that there will be no further attempt.
    pub gave_up: bool,
}

pub fn config(settings: Settings) -> (SessionConfig, u16) {
    let mut config = SessionConfig {
        client_id: "advisor".into(),
        ..SessionConfig::default()
    };
    if settings == Settings::Defaults {
        return (config, 600);
    }
    config.connect_disconnect_timeout = Duration::from_secs(8);
    config.backoff.max = Duration::from_secs(16);
    config.retry_first_connect = true;
    (config, 30)
}

/// A device that only connects, for `length` of virtual time or until `enough`. `answer` is asked at each attempt, by its number and
/// the time that has passed.
pub fn play(
    (config, keep_alive_secs): (SessionConfig, u16),
    seed: u64,
    length: Duration,
    answer: impl Fn(usize, Duration) -> Answer,
    enough: impl Fn(&Seen) -> bool,
) -> Seen {
    let mut session: Session<&str, ()> = Session::new(config, seed);
    let mut seen = Seen::default();
    let mut now = Instant::ZERO;
    let mut attempts = 0;
    // The link of a connection that was welcomed, and when it will be cut.
    let mut connected = false;
    let mut cut: Option<Instant> = None;
    session
        .connect(now, keep_alive_secs, Wait::Forever, |_| Some("connect"))
        .expect("connect is accepted");
    loop {
        while let Some(output) = session.poll() {
            match output {
                Output::Open => {
                    attempts += 1;
                    let answer = answer(attempts, now.since(Instant::ZERO));
                    if answer == Answer::Refuse {
                        session.closed(now, Error::new(Code::ConnectionRefused, "refused"));
                        continue;
                    }
                    session.opened(now, &Login::default());
                    seen.connects.push(now.since(Instant::ZERO));
                    take_all(&mut session, now);
                    match answer {
                        Answer::Close => session.closed(now, lost()),
                        Answer::Welcome(until) => {
                            connected = true;
                            cut = until.map(|until| now + until);
                            session.received(now, &[0x20, 2, 0, 0]);
                        }
                        Answer::Refuse | Answer::Silent => {}
                    }
                }
                Output::Close => {
                    if std::mem::take(&mut connected) {
                        seen.ends.push((now.since(Instant::ZERO), true));
                        cut = None;
                    }
                }
                Output::Event(Event::ConnectFailed {
                    next_attempt: None, ..
                }) => seen.gave_up = true,
                Output::Event(_) => {}
            }
        }
        take_all(&mut session, now);
        if enough(&seen) {
            return seen;
        }
        let next = Instant::first(session.deadline(), cut);
        let Some(next) = next.filter(|next| next.since(Instant::ZERO) <= length) else {
            return seen;
        };
        now = if next > now { next } else { now };
        if cut.is_some_and(|cut| cut <= now) {
            cut = None;
            connected = false;
            seen.ends.push((now.since(Instant::ZERO), false));
            session.closed(now, lost());
        } else {
            session.timeout(now);
        }
    }
}

/// The endpoint takes what comes.
fn take_all(session: &mut Session<&str, ()>, now: Instant) {
    while !session.outgoing().is_empty() {
        let count = session.outgoing().len();
        session.sent(now, count);
    }
}

fn lost() -> Error {
    Error::new(Code::ConnectionLost, "the endpoint closed the connection")
}
