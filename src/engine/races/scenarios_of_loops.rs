//! Clients in a loop of the application: what one thread waits for, another does.

use super::EventLoop;
use super::client::Client;
use super::rig::{A_SECOND, Rig, Told, config, in_many_orders, publish, publish_and_wait};
use super::wire::Broker;
use crate::config::QoS;
use crate::error::Code;
use shuttle::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A client in a loop of this thread.
fn online(broker: Broker) -> (Arc<EventLoop>, Rig) {
    let event_loop = EventLoop::new().expect("a loop");
    let rig = Rig::connecting_in(&event_loop, broker);
    while rig.online.count() == 0 {
        descriptor(&event_loop);
        event_loop.process().expect("nobody else drives");
    }
    (event_loop, rig)
}

/// Waits as the application does.
fn descriptor(event_loop: &EventLoop) {
    let engine = event_loop.engine().expect("alive");
    engine.core.poller.wait_for_descriptor();
}

fn wake(event_loop: &EventLoop) {
    event_loop.engine().expect("alive").core.poller.wake();
}

/// The application's thread, in its loop until it is told to stop.
fn drive(event_loop: &Arc<EventLoop>, stop: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (event_loop, stop) = (Arc::clone(event_loop), Arc::clone(stop));
    thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            descriptor(&event_loop);
            event_loop.process().expect("nobody else drives");
        }
    })
}

#[test]
fn calls_of_other_threads_return_while_one_drives_the_loop() {
    in_many_orders(A_SECOND, || {
        let (event_loop, rig) = online(Broker::Answers);
        let stop = Arc::new(AtomicBool::new(false));
        // Nothing is ready before the thread has taken the loop over: a call of this one would drive, too.
        let driver = drive(&event_loop, &stop);
        wake(&event_loop);
        let told = Arc::new(Told::default());
        let (client, other) = (Arc::clone(&rig.client), Arc::clone(&told));
        let caller = thread::spawn(move || publish(&client, &other));
        let client = Arc::clone(&rig.client);
        let waiting = thread::spawn(move || publish_and_wait(&client));
        told.done.wait(1);
        caller.join().expect("returned");
        waiting.join().expect("returned");
        rig.free();
        told.in_order();
        stop.store(true, Ordering::SeqCst);
        wake(&event_loop);
        driver.join().expect("returned");
    });
}

/// The thread that waits drives the loop, and what it waits for comes from another thread. In a callback, because there nothing else
/// wakes the loop: that its client has callbacks, it knows.
#[test]
fn p1_a_call_that_drives_the_loop_returns_when_another_thread_frees() {
    in_many_orders(A_SECOND, || {
        let (event_loop, rig) = online(Broker::IsSilentFrom(2));
        let client = Arc::clone(&rig.client);
        let told = Told::doing(move || {
            let outcome = client.publish(b"t", b"x", QoS::AtLeastOnce, false);
            let Err(error) = outcome else { return };
            assert!(matches!(error.code, Code::Cancelled | Code::InvalidState));
        });
        publish(&rig.client, &told);
        let inside = Arc::clone(&told);
        let other = thread::spawn(move || {
            inside.begun.wait(1);
            rig.free();
        });
        while told.done.count() == 0 {
            descriptor(&event_loop);
            event_loop.process().expect("nobody else drives");
        }
        other.join().expect("returned");
        told.in_order();
    });
}

/// Who waits for its call drives the loop, unless another thread has taken it over since.
#[test]
fn a_call_returns_while_another_thread_takes_the_loop_over() {
    in_many_orders(A_SECOND, || {
        let (event_loop, rig) = online(Broker::Answers);
        let stop = Arc::new(AtomicBool::new(false));
        let (other, told) = (Arc::clone(&event_loop), Arc::clone(&stop));
        let other = thread::spawn(move || {
            while !told.load(Ordering::SeqCst) {
                descriptor(&other);
                // Refused as long as the call drives.
                let _ = other.process();
                thread::yield_now();
            }
        });
        publish_and_wait(&rig.client);
        publish_and_wait(&rig.client);
        stop.store(true, Ordering::SeqCst);
        wake(&event_loop);
        other.join().expect("returned");
        rig.free();
    });
}

/// A callback frees the client, another thread frees it as well, and this one frees the loop in which its callbacks would run.
#[test]
fn p5_the_callbacks_of_a_freed_client_run_although_its_loop_is_freed() {
    in_many_orders(A_SECOND, || {
        let (event_loop, rig) = online(Broker::Answers);
        let client = Arc::clone(&rig.client);
        let freeing = Told::doing(move || client.free());
        let told = Arc::new(Told::default());
        publish(&rig.client, &freeing);
        publish(&rig.client, &told);
        let other = thread::spawn(move || rig.free());
        event_loop.process().expect("nobody else drives");
        drop(event_loop);
        other.join().expect("returned");
        assert_eq!(freeing.done.count(), 1, "completions");
        assert_eq!(told.done.count(), 1, "completions");
        freeing.in_order();
        told.in_order();
    });
}

/// A dialer comes back from the application's code while this thread frees the client, which has no callbacks, so that the dialer is
/// the first who asks for somebody to attend to it; and nobody drives the loop any more.
#[test]
fn nothing_of_a_freed_client_stays_in_its_loop() {
    in_many_orders(A_SECOND, || {
        let event_loop = EventLoop::new().expect("a loop");
        for _ in 0..4 {
            let client = Client::new_in(&event_loop, config()).expect("a client");
            let inner = Arc::clone(&client.inner);
            let left = Arc::downgrade(&inner);
            inner.guarded(|_, state, _| state.outside = true);
            let dialer = thread::spawn(move || {
                inner.guarded(|_, state, _| state.outside = false);
            });
            client.free();
            drop(client);
            dialer.join().expect("returned");
            assert_eq!(left.strong_count(), 0, "the client is kept");
        }
    });
}
