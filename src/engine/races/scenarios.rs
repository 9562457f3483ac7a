//! What happens in each execution, and what must be true of it in every order. RACES=n (default 150) orders of each scenario by a
//! random scheduler, and as many by one that changes priorities at few points (PCT), which finds what needs a rare order.

use super::client::Client;
use super::dialers::Dialers;
use super::state::{Connection, Tag};
use super::wire::{FakeLink, Gate, Wire};
use super::{Completed, Completion, MessageHandler, Words, clock};
use crate::config::{Config, QoS, SessionConfig};
use crate::log::{Level, Log};
use crate::session::{Accepted, Wait};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Runner, thread};
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

fn in_many_orders(time_passes: bool, scenario: fn()) {
    // The engine is one for the process, so one scenario at a time.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let orders = std::env::var("RACES").ok();
    let orders = orders.and_then(|text| text.parse().ok()).unwrap_or(150);
    let config = || {
        let mut config = shuttle::Config::new();
        config.stack_size = 512 << 10;
        config
    };
    let run = move || {
        clock::start(time_passes);
        scenario();
    };
    Runner::new(RandomScheduler::new(orders), config()).run(run);
    Runner::new(PctScheduler::new(3, orders), config()).run(run);
}

/// A client with a connection that is up, and all that its engine complains about.
struct Rig {
    client: Arc<Client>,
    wire: Arc<Wire>,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Rig {
    fn connected(retained: &'static [u8]) -> Rig {
        let session = SessionConfig {
            client_id: "me".to_owned(),
            ..SessionConfig::default()
        };
        let config = Config {
            session,
            ..Config::default()
        };
        let client = Client::new(config).expect("a client");
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
        online.wait(1);
        Rig {
            client,
            wire,
            complaints,
        }
    }

    /// The last of the client: returns when the engine's threads have ended, since shuttle waits for all.
    fn free(self) {
        self.client.free();
        let complaints = self.complaints.lock().expect("no poison").clone();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}

/// What completions and callbacks leave behind.
#[derive(Default)]
struct Told {
    done: Gate,
    released: AtomicUsize,
    inside: AtomicUsize,
    overlapping: AtomicUsize,
    client: Mutex<Option<Arc<Client>>>,
}

impl Told {
    /// A callback of the application, during which others get their turns.
    fn callback(&self) {
        if self.inside.fetch_add(1, Ordering::SeqCst) != 0 {
            self.overlapping.fetch_add(1, Ordering::SeqCst);
        }
        thread::yield_now();
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    fn completion(self: &Arc<Told>) -> Completion {
        fn run(words: Words, completed: Option<&Completed>) {
            let told = TOLD.with(|all| Arc::clone(&all.borrow()[words[0]]));
            match completed {
                None => drop(told.released.fetch_add(1, Ordering::SeqCst)),
                Some(_) => {
                    told.callback();
                    let freed = told.client.lock().expect("no poison").take();
                    if let Some(client) = freed {
                        client.free();
                    }
                    told.done.open();
                }
            }
        }
        let place = TOLD.with(|all| {
            all.borrow_mut().push(Arc::clone(self));
            all.borrow().len() - 1
        });
        Completion::new([place, 0, 0], run)
    }

    fn in_order(&self) {
        assert_eq!(
            self.overlapping.load(Ordering::SeqCst),
            0,
            "two callbacks at once"
        );
        assert_eq!(
            self.released.load(Ordering::SeqCst),
            0,
            "released without a call"
        );
    }
}

std::thread_local! {
    /// Completions are three words, not closures.
    static TOLD: std::cell::RefCell<Vec<Arc<Told>>> = const { std::cell::RefCell::new(Vec::new()) };
}

fn publish(client: &Client, qos: QoS, told: &Arc<Told>) {
    let accepted = client.publish_async("t", b"x", qos, false, |_| Some(told.completion()));
    assert!(
        matches!(accepted, Ok(Accepted::Now)),
        "{:?}",
        accepted.err()
    );
}

#[test]
fn synchronous_calls_of_several_threads_return() {
    in_many_orders(false, || {
        let rig = Rig::connected(b"");
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let client = Arc::clone(&rig.client);
                thread::spawn(move || {
                    for _ in 0..2 {
                        let done = client.publish("t", b"x", QoS::AtLeastOnce, false);
                        assert!(matches!(done, Ok(Accepted::Now)));
                    }
                })
            })
            .collect();
        callers
            .into_iter()
            .for_each(|caller| caller.join().expect("returned"));
        rig.free();
    });
}

#[test]
fn p1_each_completion_runs_once_and_no_two_at_once_and_free_waits_for_them() {
    in_many_orders(false, || {
        let rig = Rig::connected(b"");
        let told = Arc::new(Told::default());
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let (client, told) = (Arc::clone(&rig.client), Arc::clone(&told));
                thread::spawn(move || {
                    publish(&client, QoS::AtLeastOnce, &told);
                    publish(&client, QoS::AtLeastOnce, &told);
                })
            })
            .collect();
        callers
            .into_iter()
            .for_each(|caller| caller.join().expect("returned"));
        rig.free();
        assert_eq!(told.done.count(), 4, "completions when free has returned");
        told.in_order();
        TOLD.with(|all| all.borrow_mut().clear());
    });
}

#[test]
fn completions_come_without_anybody_asking() {
    in_many_orders(true, || {
        let rig = Rig::connected(b"");
        let told = Arc::new(Told::default());
        let (client, other) = (Arc::clone(&rig.client), Arc::clone(&told));
        let caller = thread::spawn(move || publish(&client, QoS::AtLeastOnce, &other));
        publish(&rig.client, QoS::AtLeastOnce, &told);
        told.done.wait(2);
        caller.join().expect("returned");
        rig.free();
        told.in_order();
        TOLD.with(|all| all.borrow_mut().clear());
    });
}

#[test]
fn p5_free_in_a_callback_while_another_thread_publishes() {
    in_many_orders(false, || {
        let rig = Rig::connected(b"");
        let told = Arc::new(Told::default());
        *told.client.lock().expect("no poison") = Some(Arc::clone(&rig.client));
        let (client, other) = (Arc::clone(&rig.client), Arc::clone(&told));
        let caller = thread::spawn(move || {
            // Refused if the client is freed already, and then nothing was taken.
            let _ = client.publish_async("t", b"y", QoS::AtLeastOnce, false, |_| {
                Some(other.completion())
            });
        });
        publish(&rig.client, QoS::AtLeastOnce, &told);
        told.done.wait(1);
        caller.join().expect("returned");
        rig.free();
        told.in_order();
        TOLD.with(|all| all.borrow_mut().clear());
    });
}

#[test]
fn a_burst_that_was_left_for_a_worker_is_sent() {
    in_many_orders(true, || {
        let rig = Rig::connected(b"");
        for _ in 0..3 {
            let published = rig.client.publish("t", b"x", QoS::AtMostOnce, false);
            assert!(matches!(published, Ok(Accepted::Now)));
        }
        rig.wire.published.wait(3);
        rig.free();
    });
}

/// QoS 1 on "a": packet identifiers 1 and 2, in one piece.
const MESSAGES: &[u8] = &[
    0x32, 6, 0, 1, b'a', 0, 1, b'x', 0x32, 6, 0, 1, b'a', 0, 2, b'y',
];

#[test]
fn p5_messages_are_acknowledged_when_their_callbacks_have_run() {
    in_many_orders(false, || {
        let rig = Rig::connected(MESSAGES);
        let told = Arc::new(Told::default());
        let (client, other) = (Arc::clone(&rig.client), Arc::clone(&told));
        let publisher = thread::spawn(move || publish(&client, QoS::AtLeastOnce, &other));
        let inside = Arc::clone(&told);
        let handler: MessageHandler = Arc::new(move |_| inside.callback());
        let subscribed = rig
            .client
            .subscribe("a", QoS::AtLeastOnce, false, || Some(handler));
        assert!(matches!(subscribed, Ok((Accepted::Now, _))));
        rig.wire.acknowledged.wait(2);
        told.done.wait(1);
        publisher.join().expect("returned");
        rig.free();
        told.in_order();
        TOLD.with(|all| all.borrow_mut().clear());
    });
}

/// Two may be in callbacks here, so the third client stands in line.
#[test]
fn clients_that_stand_in_line_for_their_callbacks_get_their_turn() {
    in_many_orders(false, || {
        let rigs: Vec<Rig> = (0..3).map(|_| Rig::connected(b"")).collect();
        let told: Vec<_> = rigs.iter().map(|_| Arc::new(Told::default())).collect();
        for (rig, told) in rigs.iter().zip(&told) {
            publish(&rig.client, QoS::AtLeastOnce, told);
        }
        told.iter().for_each(|told| told.done.wait(1));
        rigs.into_iter().for_each(Rig::free);
        told.iter().for_each(|told| told.in_order());
        TOLD.with(|all| all.borrow_mut().clear());
    });
}

/// Time passes, so a dialer may give up waiting just when its job comes.
#[test]
fn p6_no_job_is_left_behind_by_a_dialer_that_ends() {
    in_many_orders(true, || {
        let dialers = Dialers::default();
        let ran = Arc::new(Gate::default());
        for job in 1..=3 {
            let gate = Arc::clone(&ran);
            dialers
                .run(Box::new(move || gate.open()))
                .expect("a thread");
            if job != 2 {
                ran.wait(job);
            }
        }
        drop(dialers);
    });
}

/// None of them fires here, so all that were set are still there.
#[test]
fn timers_of_one_client_do_not_pile_up() {
    in_many_orders(false, || {
        let rig = Rig::connected(b"");
        for number in 0..12 {
            let qos = [QoS::AtMostOnce, QoS::AtLeastOnce][number % 2];
            assert!(rig.client.publish("t", b"x", qos, false).is_ok());
        }
        let set = rig.wire.core.timers.lock().expect("no poison").len();
        assert!(set <= 4, "{set} timers for one client");
        rig.free();
    });
}
