//! Puts session, link, broker and application together, lets time pass, and checks what belongs to none of them.

use super::super::packets;
use super::application::{Application, Handler, Kind, Tag};
use super::broker::{Broker, Mood};
use super::configuration;
use super::random::Random;
use super::wire::Wire;
use crate::config::SessionConfig;
use crate::error::{Code, Error};
use crate::session::{Login, Output, Session, State};
use crate::time::Instant;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    None,
    Wanted,
    Open,
}

pub(super) struct World {
    pub(super) random: Random,
    pub(super) config: SessionConfig,
    pub(super) session: Session<Tag, Handler>,
    pub(super) app: Application,
    pub(super) wire: Wire,
    pub(super) now: Instant,
    pub(super) link: Link,
    pub(super) paused: bool,
    /// What the last CONNECT said, and what the next one is to say.
    pub(super) keep_alive_secs: u16,
    pub(super) wanted_keep_alive_secs: u16,
    /// The application asks for a link now, wait or not.
    pub(super) allow_open: bool,
    trace: bool,
    pub(super) broker: Broker,
    pub(super) mood: Mood,
    /// What the link took and the broker has not read; and the other way round.
    pub(super) up: Vec<u8>,
    pub(super) down: Vec<u8>,
    /// Of the backoff: the number of the next wait, and since when and within what bounds the present one lasts.
    pub(super) failures: u32,
    pub(super) waiting: Option<(Instant, Duration, Duration)>,
    online_since: Option<Instant>,
    digest: u64,
}

impl World {
    pub(super) fn new(seed: u64, trace: bool) -> Self {
        World::with(Random::new(seed), seed, trace)
    }

    pub(super) fn with(mut random: Random, seed: u64, trace: bool) -> Self {
        let config = configuration::draw(&mut random);
        let mut world = World {
            session: Session::new(config.clone(), seed),
            app: Application::new(&config),
            wire: Wire::new(&config),
            now: Instant(random.next() % 1_000_000),
            link: Link::None,
            paused: false,
            keep_alive_secs: 0,
            wanted_keep_alive_secs: 0,
            allow_open: false,
            trace,
            broker: Broker::default(),
            mood: configuration::mood(&mut random),
            up: Vec::new(),
            down: Vec::new(),
            failures: 0,
            waiting: None,
            online_since: None,
            digest: 0xCBF2_9CE4_8422_2325,
            random,
            config,
        };
        let config = world.config.clone();
        world.say(|| format!("{config:?}"));
        world
    }

    pub(super) fn say(&mut self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>14.6} {}", self.now.0 as f64 / 1e9, what());
        }
    }

    pub(super) fn step(&mut self) {
        match self.random.below(1000) {
            0..250 => self.command(),
            250..450 => self.take(),
            450..600 => self.broker_reads(),
            600..730 => self.broker_answers(),
            730..870 => self.receive(),
            870..960 => self.time_passes(),
            960..970 => self.peer_closes(),
            970..985 => self.broker.publish(&mut self.random),
            985..990 => self.mood = configuration::mood(&mut self.random),
            990..994 if !self.broker.has_connection() => self.broker.session = None,
            _ => self.link_decides(),
        }
        if self.link == Link::Wanted && self.random.chance(15) {
            self.link_decides();
        }
        self.check();
    }

    /// Does what the session says. It sends nothing: that is a step of its own.
    pub(super) fn settle(&mut self) {
        while let Some(output) = self.session.poll() {
            let text = format!("{output:?}");
            for byte in text.bytes().chain(self.now.0.to_le_bytes()) {
                self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
            }
            self.say(|| format!("    {text}"));
            match output {
                Output::Open => {
                    assert_eq!(self.link, Link::None, "two links");
                    if let Some((since, least, most)) = self.waiting.take() {
                        let waited = self.now.since(since);
                        let in_time = waited >= least && waited <= most;
                        assert!(in_time || self.allow_open, "waited {waited:?}");
                    }
                    self.link = Link::Wanted;
                }
                Output::Close => {
                    assert_ne!(self.link, Link::None, "no link to close");
                    self.cut();
                }
                Output::Event(event) => {
                    self.backoff(&event);
                    self.app
                        .event(event, &mut self.wire, &self.broker, self.now);
                }
            }
        }
    }

    /// Follows the waits of promise 7.
    fn backoff(&mut self, event: &crate::session::Event<Tag, Handler>) {
        use crate::session::Event;
        let backoff = self.config.backoff;
        let drawn = match event {
            Event::Online { .. } => {
                self.online_since = Some(self.now);
                return;
            }
            Event::Offline { .. } => {
                let since = self.online_since.take();
                if since.is_some_and(|since| self.now.since(since) >= backoff.stable) {
                    self.failures = 0;
                }
                None
            }
            Event::ConnectFailed { next_attempt, .. } => {
                if next_attempt.is_none() {
                    return;
                }
                *next_attempt
            }
            _ => return,
        };
        let ceiling = backoff.base.max(backoff.max / 2);
        let least = (backoff.base * (1 << self.failures.min(20))).min(ceiling);
        let most = (least * 2).min(backoff.max).max(least);
        assert!(drawn.is_none_or(|wait| wait >= least && wait <= most));
        self.failures += 1;
        self.waiting = Some((self.now, least, most));
    }

    /// The connection is no more. What the link took may still reach the broker.
    fn cut(&mut self) {
        if self.link == Link::Open && self.random.chance(50) {
            let up = std::mem::take(&mut self.up);
            self.broker.read(&up, &mut self.random, &self.mood);
        }
        self.broker.lost();
        self.up.clear();
        self.down.clear();
        self.link = Link::None;
        self.paused = false;
    }

    fn link_decides(&mut self) {
        if self.link != Link::Wanted {
            return;
        }
        if self.random.chance(self.mood.unreachable) {
            self.say(|| "the link cannot be made".to_owned());
            self.link = Link::None;
            let why = Error::new(Code::ConnectionRefused, "refused");
            self.session.closed(self.now, why);
        } else {
            self.open();
        }
        self.settle();
    }

    pub(super) fn open(&mut self) {
        self.say(|| "the link is there".to_owned());
        self.link = Link::Open;
        self.broker.accept();
        self.wire.reset();
        self.app.connection += 1;
        self.keep_alive_secs = self.wanted_keep_alive_secs;
        self.session.opened(self.now, &Login::default());
        self.settle();
    }

    fn take(&mut self) {
        let pending = self.session.outgoing().len();
        if self.link == Link::Open && pending > 0 {
            let count = match self.random.below(4) {
                0 => self.behind_a_packet(),
                _ => None,
            };
            let count = count.unwrap_or_else(|| self.random.piece(pending));
            self.take_bytes(count);
        }
    }

    /// Where the first of the outgoing bytes begins a packet: how many a link takes that stops behind one.
    fn behind_a_packet(&mut self) -> Option<usize> {
        if !self.wire.is_whole() {
            return None;
        }
        let mut rest = self.session.outgoing();
        for _ in 0..self.random.below(3) {
            let (_, length) = packets::read(rest)?;
            rest = &rest[length..];
        }
        let (_, length) = packets::read(rest)?;
        Some(self.session.outgoing().len() - rest.len() + length)
    }

    pub(super) fn take_bytes(&mut self, count: usize) {
        let outgoing = self.session.outgoing().to_vec();
        for byte in &outgoing[..count] {
            self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        if self.trace {
            let mut shown = &outgoing[..];
            let mut text = String::new();
            while let Some((packet, length)) =
                self.wire.is_whole().then(|| packets::read(shown)).flatten()
            {
                text += &format!(" [{packet}]");
                shown = &shown[length..];
            }
            self.say(|| format!("the link takes {count} of {}{text}", outgoing.len()));
        }
        self.wire.take(&outgoing, count, &mut self.app, self.now);
        self.up.extend_from_slice(&outgoing[..count]);
        self.session.sent(self.now, count);
        self.settle();
    }

    fn broker_reads(&mut self) {
        if !self.up.is_empty() {
            let count = self.random.piece(self.up.len());
            self.broker_reads_bytes(count);
        }
    }

    pub(super) fn broker_reads_bytes(&mut self, count: usize) {
        let bytes: Vec<u8> = self.up.drain(..count).collect();
        self.say(|| format!("the broker reads {count}"));
        if self.broker.read(&bytes, &mut self.random, &self.mood) {
            self.say(|| "the broker closes".to_owned());
            self.close_by_peer(Code::ConnectionLost);
        }
    }

    fn broker_answers(&mut self) {
        for _ in 0..1 + self.random.below(4) {
            self.broker.answer(&mut self.random);
        }
    }

    fn receive(&mut self) {
        self.down.extend(self.broker.out());
        if self.link == Link::Open && !self.paused && !self.down.is_empty() {
            let count = self.random.piece(self.down.len());
            self.receive_bytes(count);
        }
    }

    pub(super) fn receive_bytes(&mut self, count: usize) {
        let bytes: Vec<u8> = self.down.drain(..count).collect();
        self.say(|| format!("received {bytes:02X?}"));
        self.wire.answered(&bytes, &mut self.app);
        self.session.received(self.now, &bytes);
        self.settle();
    }

    pub(super) fn peer_closes(&mut self) {
        if self.link == Link::Open {
            let code = self
                .random
                .pick(&[Code::ConnectionLost, Code::ConnectionLost, Code::Io]);
            self.say(|| format!("the peer closes: {code:?}"));
            self.close_by_peer(code);
        }
    }

    pub(super) fn close_by_peer(&mut self, code: Code) {
        self.cut();
        self.session
            .closed(self.now, Error::new(code, "the connection was closed"));
        self.settle();
    }

    fn time_passes(&mut self) {
        let to_deadline = self.session.deadline().unwrap_or(self.now).max(self.now);
        let then = match self.random.below(8) {
            0..4 => self.now + Duration::from_micros(self.random.next() % 50_000),
            4..6 => self.now + Duration::from_millis(self.random.next() % 3_000),
            6 if self.random.chance(10) => self.now + Duration::from_secs(self.random.next() % 60),
            _ => to_deadline,
        };
        self.pass(then);
    }

    /// Calls `timeout` at each deadline up to `then`.
    pub(super) fn pass(&mut self, then: Instant) {
        let mut at_once = 0;
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= then) {
            at_once = if deadline > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 5, "the deadline stays in the past");
            self.now = self.now.max(deadline);
            self.say(|| "timeout".to_owned());
            self.session.timeout(self.now);
            self.settle();
        }
        self.now = then;
        // One too many does no harm.
        if self.random.chance(20) {
            self.session.timeout(self.now);
            self.settle();
        }
    }

    pub(super) fn check(&self) {
        self.app.check(self.now);
        let session = &self.session;
        let limit = self.config.memory_limit;
        assert!(
            session.live_bytes + session.queue.bytes() <= limit,
            "memory"
        );
        assert!(
            self.config
                .queue_size
                .is_none_or(|size| session.queued() <= size)
        );
        let mut waiting = session.waiting_publishes.iter();
        assert!(
            !waiting.any(|operation| operation.queued),
            "the window is waited for in the queue"
        );
        let quiet = session.outgoing().is_empty() && !self.paused;
        if self.link == Link::Open && self.wire.greeted && session.outgoing().is_empty() {
            let window = usize::from(self.config.in_flight_window);
            let is_full = session.publishes.len() >= window;
            self.wire.check_resent(&self.app, is_full);
            let silent = self.now.since(self.wire.last_taken);
            let keep_alive = Duration::from_secs(u64::from(self.keep_alive_secs));
            assert!(keep_alive.is_zero() || silent <= keep_alive, "no PINGREQ");
        }
        if session.deadline().is_none() {
            match session.state() {
                State::Idle => {}
                State::Connected | State::Draining if quiet => {
                    assert_eq!((session.in_flight(), session.queued()), (0, 0));
                    assert_eq!(self.keep_alive_secs, 0);
                }
                State::Connected | State::Draining => {}
                state => panic!("nothing will happen, and the state is {state:?}"),
            }
        }
    }

    /// Everything ends.
    pub(super) fn end(mut self) -> u64 {
        self.say(|| "shut down".to_owned());
        self.app.shut_down = true;
        self.session.shut_down(self.now);
        self.settle();
        assert_eq!(self.link, Link::None);
        assert_eq!(
            (self.session.deadline(), self.session.accepted_bytes()),
            (None, 0)
        );
        self.app.check(Instant::ZERO);
        self.app.check_end();
        self.app
            .operations
            .iter()
            .filter(|operation| operation.kind == Kind::Publish)
            .fold(self.digest, |digest, operation| {
                digest.rotate_left(1) ^ u64::from(operation.transmissions)
            })
    }
}
