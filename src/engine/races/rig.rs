//! What the scenarios are made of: many orders, clients that are connected, and callbacks that leave something behind.

use super::client::Client;
use super::state::{Connection, Tag};
use super::wire::{Broker, FakeLink, Gate, Wire};
use super::{Completed, Completion, EventLoop, Words, clock, process};
use crate::config::{Config, QoS, SessionConfig};
use crate::error::Error;
use crate::log::{Level, Log};
use crate::session::{Accepted, Wait};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Runner, thread};
use std::cell::RefCell;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longer than any timer that a hand-over uses on purpose: 5 ms is the longest.
pub(super) const A_SECOND: Duration = Duration::from_secs(1);

/// Without RACES=n of the environment, so many orders by each scheduler, the same ones each time: `make test` is no lottery.
const ORDERS: usize = 500;
const SEED: u64 = 20_111_012;

/// So many orders, or RACES=n others, of a scenario by a random scheduler, and as many by one that changes priorities at few points (PCT),
/// which finds what needs a rare order. Nothing in the scenario may take longer than `limit`.
pub(super) fn in_many_orders(limit: Duration, scenario: fn()) {
    // The engine is one for the process, so one scenario at a time.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // One that failed has left its engine in the middle of something.
    process::forked();
    let orders = std::env::var("RACES").ok();
    let orders: Option<usize> = orders.and_then(|text| text.parse().ok());
    let config = || {
        let mut config = shuttle::Config::new();
        config.stack_size = 512 << 10;
        // Unwinding would run `free`, which waits for threads that do not go on any more.
        config
            .ungraceful_shutdown_config
            .immediately_return_on_panic = true;
        config
    };
    let run = move || {
        TRIED.set(TRIED.get() + 1);
        clock::run(limit, scenario);
        TOLD.with_borrow_mut(Vec::clear);
    };
    let _said = Said;
    TRIED.set(0);
    let (random, few_changes) = match orders {
        None => (
            RandomScheduler::new_from_seed(SEED, ORDERS),
            PctScheduler::new_from_seed(SEED, 3, ORDERS),
        ),
        Some(orders) => (RandomScheduler::new(orders), PctScheduler::new(3, orders)),
    };
    Runner::new(random, config()).run(run);
    Runner::new(few_changes, config()).run(run);
}

std::thread_local! {
    static TRIED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    /// Completions are three words, not closures.
    static TOLD: RefCell<Vec<Arc<Told>>> = const { RefCell::new(Vec::new()) };
}

/// Says how many orders it took to find what is wrong.
struct Said;

impl Drop for Said {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("found in order {}", TRIED.get());
            // Clients in it would be freed, and threads that help with that are stopped for ever.
            std::mem::forget(TOLD.take());
        }
    }
}

/// A client with a connection that is up or coming up, and all that its engine complains about.
pub(super) struct Rig {
    pub(super) client: Arc<Client>,
    pub(super) wire: Arc<Wire>,
    pub(super) online: Arc<Gate>,
    complaints: Arc<Mutex<Vec<String>>>,
}

pub(super) fn config() -> Config {
    let session = SessionConfig {
        client_id: "me".to_owned(),
        ..SessionConfig::default()
    };
    Config {
        session,
        host: "broker".to_owned(),
        tls: false,
        ..Config::default()
    }
}

impl Rig {
    pub(super) fn connected() -> Rig {
        Rig::subscribing(b"")
    }

    /// `retained` comes behind each SUBACK.
    pub(super) fn subscribing(retained: &'static [u8]) -> Rig {
        let client = Client::new(config()).expect("a client");
        let rig = Rig::new(client, retained, Broker::Answers);
        rig.online.wait(1);
        rig
    }

    pub(super) fn with(broker: Broker) -> Rig {
        let rig = Rig::new(Client::new(config()).expect("a client"), b"", broker);
        rig.online.wait(1);
        rig
    }

    /// Whoever drives the loop sees it connected.
    pub(super) fn connecting_in(event_loop: &EventLoop, broker: Broker) -> Rig {
        let client = Client::new_in(event_loop, config()).expect("a client");
        Rig::new(client, b"", broker)
    }

    fn new(client: Arc<Client>, retained: &'static [u8], broker: Broker) -> Rig {
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&complaints);
        let sink =
            move |_: Level, line: &str| sink.lock().expect("no poison").push(line.to_owned());
        client
            .on_log(|| Log::new(Level::Error, Arc::new(sink)))
            .expect("a log");
        let online = Arc::new(Gate::default());
        let gate = Arc::clone(&online);
        client
            .on_online(|| Some(Arc::new(move |_| gate.open())))
            .expect("a handler");
        let inner = Arc::clone(&client.inner);
        let wire = Arc::new(Wire {
            core: Arc::clone(&inner.engine.core),
            key: inner.key(),
            answers: shuttle::sync::Mutex::default(),
            acknowledged: Gate::default(),
            published: Gate::default(),
            retained,
            broker,
        });
        let link = FakeLink {
            wire: Arc::clone(&wire),
            file: File::open("/dev/null").expect("a descriptor"),
        };
        inner.guarded(|inner, state, now| {
            let connecting = state
                .session
                .connect(now, 0, Wait::Forever, |_| None::<Tag>);
            assert!(connecting.is_ok());
            state.take_outputs();
            state.connection = Connection::Up(Box::new(link));
            state.opened(inner, now);
        });
        Rig {
            client,
            wire,
            online,
            complaints,
        }
    }

    /// Returns when everything of the client has run. With the last client the engine's threads have to end, since shuttle waits for all.
    pub(super) fn free(self) {
        self.client.free();
        let complaints = self.complaints.lock().expect("no poison").clone();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}

/// What completions and callbacks leave behind.
#[derive(Default)]
pub(super) struct Told {
    /// Completions that have run.
    pub(super) done: Gate,
    /// Callbacks that have begun.
    pub(super) begun: Gate,
    released: AtomicUsize,
    inside: AtomicUsize,
    overlapping: AtomicUsize,
    within: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Told {
    /// What the first completion does.
    pub(super) fn doing(within: impl FnOnce() + Send + 'static) -> Arc<Told> {
        let told = Told::default();
        *told.within.lock().expect("no poison") = Some(Box::new(within));
        Arc::new(told)
    }

    /// A callback of the application, during which others get their turns.
    pub(super) fn callback(&self) {
        if self.inside.fetch_add(1, Ordering::SeqCst) != 0 {
            self.overlapping.fetch_add(1, Ordering::SeqCst);
        }
        self.begun.open();
        thread::yield_now();
        let within = self.within.lock().expect("no poison").take();
        if let Some(within) = within {
            within();
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn completion(self: &Arc<Told>) -> Completion {
        fn run(words: Words, completed: Option<&Completed>) {
            let told = TOLD.with_borrow(|all| Arc::clone(&all[words[0]]));
            match completed {
                None => drop(told.released.fetch_add(1, Ordering::SeqCst)),
                Some(_) => {
                    told.callback();
                    told.done.open();
                }
            }
        }
        let place = TOLD.with_borrow_mut(|all| {
            all.push(Arc::clone(self));
            all.len() - 1
        });
        Completion::new([place, 0, 0], run)
    }

    /// Nothing ran at once, nothing was dropped, and nothing runs any more.
    pub(super) fn in_order(&self) {
        let count = |of: &AtomicUsize| of.load(Ordering::SeqCst);
        assert_eq!(count(&self.overlapping), 0, "two callbacks at once");
        assert_eq!(count(&self.released), 0, "released without a call");
        assert_eq!(count(&self.inside), 0, "a callback is running");
    }
}

pub(super) fn try_publish(client: &Client, told: &Arc<Told>) -> Result<Accepted, Error> {
    client.publish_async(b"t", b"x", QoS::AtLeastOnce, false, |_| {
        Some(told.completion())
    })
}

pub(super) fn publish(client: &Client, told: &Arc<Told>) {
    let accepted = try_publish(client, told);
    assert_eq!(accepted.expect("accepted"), Accepted::Now);
}

pub(super) fn publish_and_wait(client: &Client) {
    let done = client.publish(b"t", b"x", QoS::AtLeastOnce, false);
    assert_eq!(done.expect("acknowledged"), Accepted::Now);
}
