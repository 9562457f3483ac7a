//! Clients in a loop of the application: what one thread waits for, another does.

use super::EventLoop;
use super::rig::{A_SECOND, Rig, Told, in_many_orders, publish, publish_and_wait};
use shuttle::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
        let event_loop = EventLoop::new().expect("a loop");
        let rig = Rig::connecting_in(&event_loop);
        while rig.online.count() == 0 {
            descriptor(&event_loop);
            event_loop.process().expect("nobody else drives");
        }
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

/// The last of the loop goes while another thread is about to be told that its client has ended.
#[test]
fn free_of_a_client_and_of_its_loop_at_once() {
    in_many_orders(A_SECOND, || {
        let event_loop = EventLoop::new().expect("a loop");
        let rig = Rig::connecting_in(&event_loop);
        let told = Arc::new(Told::default());
        let client = Arc::clone(&rig.client);
        let freeing = Told::doing(move || client.free());
        while rig.online.count() == 0 {
            descriptor(&event_loop);
            event_loop.process().expect("nobody else drives");
        }
        publish(&rig.client, &freeing);
        publish(&rig.client, &told);
        let other = thread::spawn(move || rig.free());
        while freeing.done.count() + told.done.count() == 0 {
            if event_loop.process().is_err() {
                break;
            }
            thread::yield_now();
        }
        drop(event_loop);
        other.join().expect("returned");
        assert_eq!(told.done.count(), 1, "completions");
        assert_eq!(freeing.done.count(), 1, "completions");
        told.in_order();
        freeing.in_order();
    });
}
