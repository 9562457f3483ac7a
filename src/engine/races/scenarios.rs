//! Clients that publish and subscribe: what must be true in every order.

use super::MessageHandler;
use super::clock;
use super::dialers::Dialers;
use super::rig::{A_SECOND, Rig, Told, in_many_orders, publish, publish_and_wait};
use super::wire::Gate;
use crate::config::QoS;
use crate::session::Accepted;
use shuttle::thread;
use std::sync::Arc;
use std::time::Duration;

fn join(threads: Vec<thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("returned");
    }
}

/// One publish for each.
fn each_completes_once(rigs: impl AsRef<[Rig]> + IntoIterator<Item = Rig>, told: &[Arc<Told>]) {
    for (rig, told) in rigs.as_ref().iter().zip(told) {
        publish(&rig.client, told);
    }
    told.iter().for_each(|told| told.done.wait(1));
    rigs.into_iter().for_each(Rig::free);
    told.iter().for_each(|told| told.in_order());
}

#[test]
fn a_synchronous_call_wakes_with_its_own_outcome() {
    in_many_orders(A_SECOND, || {
        let rig = Rig::connected();
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let client = Arc::clone(&rig.client);
                thread::spawn(move || {
                    for _ in 0..2 {
                        publish_and_wait(&client);
                    }
                })
            })
            .collect();
        join(callers);
        rig.free();
    });
}

/// The dispatch role: one thread at a time has it, and none leaves it while there is something to run.
#[test]
fn p1_each_completion_runs_once_and_no_two_at_once_and_free_waits_for_them() {
    in_many_orders(A_SECOND, || {
        let rig = Rig::connected();
        let told = Arc::new(Told::default());
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let (client, told) = (Arc::clone(&rig.client), Arc::clone(&told));
                thread::spawn(move || {
                    publish(&client, &told);
                    publish(&client, &told);
                })
            })
            .collect();
        join(callers);
        rig.free();
        assert_eq!(told.done.count(), 4, "completions when free has returned");
        told.in_order();
    });
}

#[test]
fn completions_come_without_anybody_asking() {
    in_many_orders(A_SECOND, || {
        let rig = Rig::connected();
        let told = Arc::new(Told::default());
        let (client, other) = (Arc::clone(&rig.client), Arc::clone(&told));
        let caller = thread::spawn(move || publish(&client, &other));
        publish(&rig.client, &told);
        told.done.wait(2);
        caller.join().expect("returned");
        rig.free();
        told.in_order();
    });
}

/// The polling role: whoever goes into application code leaves another worker outside of it.
#[test]
fn p5_input_is_seen_to_while_callbacks_block() {
    in_many_orders(A_SECOND, || {
        let rigs = [Rig::connected(), Rig::connected()];
        // Each waits in its callback for its own acknowledgement and for that of the other.
        let told: Vec<_> = [&rigs, &rigs]
            .map(|rigs| rigs.each_ref().map(|rig| Arc::clone(&rig.client)))
            .map(|clients| Told::doing(move || clients.iter().for_each(|it| publish_and_wait(it))))
            .into();
        each_completes_once(rigs, &told);
    });
}

/// The run queue: several clients may be in it when one worker is woken.
#[test]
fn clients_with_callbacks_at_the_same_time_all_find_a_worker() {
    in_many_orders(A_SECOND, || {
        let rigs: Vec<Rig> = (0..3).map(|_| Rig::connected()).collect();
        let told = Arc::new(Told::default());
        for rig in &rigs {
            // Sent when the call returns, so its completion is ready then.
            let accepted = rig
                .client
                .publish_async(b"t", b"x", QoS::AtMostOnce, false, |_| {
                    Some(told.completion())
                });
            assert!(accepted.is_ok());
        }
        told.done.wait(3);
        rigs.into_iter().for_each(Rig::free);
    });
}

/// Two may be in callbacks here, so the third client stands in line.
#[test]
fn clients_that_stand_in_line_for_their_callbacks_get_their_turn() {
    in_many_orders(A_SECOND, || {
        let rigs: Vec<Rig> = (0..3).map(|_| Rig::connected()).collect();
        let told: Vec<_> = rigs.iter().map(|_| Arc::new(Told::default())).collect();
        each_completes_once(rigs, &told);
    });
}

#[test]
fn a_burst_that_was_left_for_a_worker_is_sent() {
    in_many_orders(A_SECOND, || {
        let rig = Rig::connected();
        for _ in 0..3 {
            let published = rig.client.publish(b"t", b"x", QoS::AtMostOnce, false);
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
    in_many_orders(A_SECOND, || {
        let rig = Rig::subscribing(MESSAGES);
        let told = Arc::new(Told::default());
        let (client, other) = (Arc::clone(&rig.client), Arc::clone(&told));
        let publisher = thread::spawn(move || publish(&client, &other));
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
    });
}

/// The second callback blocks until the acknowledgement of the first has gone out, for which a timer wakes another worker.
#[test]
fn p5_messages_are_acknowledged_although_a_later_callback_blocks() {
    in_many_orders(A_SECOND, || {
        let rig = Rig::subscribing(MESSAGES);
        let (wire, told) = (Arc::clone(&rig.wire), Arc::new(Told::default()));
        let inside = Arc::clone(&told);
        let handler: MessageHandler = Arc::new(move |_| {
            inside.callback();
            if inside.begun.count() == 2 {
                wire.acknowledged.wait(1);
            }
        });
        let subscribed = rig
            .client
            .subscribe("a", QoS::AtLeastOnce, false, || Some(handler));
        assert!(matches!(subscribed, Ok((Accepted::Now, _))));
        rig.wire.acknowledged.wait(2);
        rig.free();
        told.in_order();
    });
}

/// A dialer gives up waiting for a job just when one comes.
#[test]
fn p6_no_job_is_left_behind_by_a_dialer_that_ends() {
    const PATIENCE: Duration = Duration::from_secs(2);
    in_many_orders(PATIENCE * 32, || {
        let dialers = Dialers::default();
        let ran = Arc::new(Gate::default());
        for job in 1..=3 {
            let gate = Arc::clone(&ran);
            dialers
                .run(Box::new(move || gate.open()))
                .expect("a thread");
            if job != 2 {
                ran.wait(job);
                clock::sleep(PATIENCE);
            }
        }
        drop(dialers);
    });
}

/// No time passes here, so a dialer that sleeps on is not saved by its patience.
#[test]
fn p6_a_dialer_without_work_is_told_of_a_job() {
    in_many_orders(Duration::ZERO, || {
        let dialers = Dialers::default();
        let ran = Arc::new(Gate::default());
        for job in 1..=3 {
            let gate = Arc::clone(&ran);
            dialers
                .run(Box::new(move || gate.open()))
                .expect("a thread");
            ran.wait(job);
        }
        drop(dialers);
    });
}

/// None of them fires here, so all that were set are still there.
#[test]
fn timers_of_one_client_do_not_pile_up() {
    in_many_orders(Duration::ZERO, || {
        let rig = Rig::connected();
        for number in 0..12 {
            let qos = [QoS::AtMostOnce, QoS::AtLeastOnce][number % 2];
            assert!(rig.client.publish(b"t", b"x", qos, false).is_ok());
        }
        let set = rig.wire.core.timers.lock().expect("no poison").len();
        assert!(set <= 4, "{set} timers for one client");
        rig.free();
    });
}
