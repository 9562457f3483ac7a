//! `free` while something else goes on.

use super::client::Client;
use super::rig::{
    A_SECOND, Rig, Told, config, in_many_orders, publish, publish_and_wait, try_publish,
};
use super::wire::Broker;
use crate::config::QoS;
use crate::error::Code;
use shuttle::thread;
use std::sync::Arc;

#[test]
fn p5_free_in_a_callback_while_another_thread_publishes() {
    in_many_orders(A_SECOND, || {
        let rig = Rig::connected();
        let client = Arc::clone(&rig.client);
        let told = Told::doing(move || client.free());
        let (client, other) = (Arc::clone(&rig.client), Arc::clone(&told));
        // Refused if the client is freed already, and then nothing was taken.
        let caller = thread::spawn(move || usize::from(try_publish(&client, &other).is_ok()));
        let accepted = usize::from(try_publish(&rig.client, &told).is_ok());
        told.done.wait(1);
        let accepted = accepted + caller.join().expect("returned");
        rig.free();
        assert_eq!(told.done.count(), accepted, "completions");
        told.in_order();
    });
}

#[test]
fn p5_free_waits_for_the_callback_that_runs() {
    in_many_orders(A_SECOND, || {
        let rig = Rig::connected();
        let told = Arc::new(Told::default());
        publish(&rig.client, &told);
        publish(&rig.client, &told);
        told.begun.wait(1);
        rig.free();
        assert_eq!(told.done.count(), 2, "completions when free has returned");
        told.in_order();
    });
}

#[test]
fn p1_a_connection_is_lost_while_threads_publish_and_free_ends_what_is_left() {
    in_many_orders(A_SECOND, || {
        let rig = Rig::with(Broker::HangsUpAt(2));
        let offline = Arc::new(Told::default());
        let told = Arc::new(Told::default());
        let inside = Arc::clone(&offline);
        let handler = rig
            .client
            .on_offline(|| Some(Arc::new(move |_| inside.callback())));
        assert!(handler.is_ok());
        let (client, other) = (Arc::clone(&rig.client), Arc::clone(&told));
        // Sent, or kept for the next connection.
        let caller = thread::spawn(move || {
            for _ in 0..2 {
                assert!(try_publish(&client, &other).is_ok());
            }
        });
        assert!(try_publish(&rig.client, &told).is_ok());
        offline.begun.wait(1);
        caller.join().expect("returned");
        rig.free();
        assert_eq!(told.done.count(), 3, "completions when free has returned");
        told.in_order();
        offline.in_order();
    });
}

#[test]
fn p1_a_synchronous_call_that_waits_while_another_thread_frees_returns() {
    in_many_orders(A_SECOND, || {
        let rig = Rig::connected();
        let client = Arc::clone(&rig.client);
        let caller =
            thread::spawn(
                move || match client.publish(b"t", b"x", QoS::AtLeastOnce, false) {
                    Ok(_) => {}
                    Err(error) => {
                        assert!(matches!(error.code, Code::Cancelled | Code::InvalidState))
                    }
                },
            );
        rig.free();
        caller.join().expect("returned");
    });
}

/// The callback of one client frees another one, which waits for nobody, and whose completion comes nevertheless.
#[test]
fn p5_a_client_is_freed_in_the_callback_of_another() {
    in_many_orders(A_SECOND, || {
        let (rig, other) = (Rig::connected(), Rig::connected());
        let told = Arc::new(Told::default());
        publish(&other.client, &told);
        let client = Arc::clone(&other.client);
        let freeing = Told::doing(move || client.free());
        publish(&rig.client, &freeing);
        freeing.done.wait(1);
        told.done.wait(1);
        publish_and_wait(&rig.client);
        rig.free();
        other.free();
        told.in_order();
        freeing.in_order();
    });
}

/// A dialer is in the socket factory, or before it, or behind it.
#[test]
fn p5_free_waits_for_the_socket_factory() {
    in_many_orders(A_SECOND, || {
        let client = Client::new(config()).expect("a client");
        let asked = Arc::new(Told::default());
        let factory = Arc::clone(&asked);
        let factory = move |_: &str, _, _| {
            factory.callback();
            -1
        };
        client
            .configure_socket_factory(|| Some(Arc::new(factory)))
            .expect("a factory");
        let told = Arc::new(Told::default());
        let accepted = client.connect_async(60, |_| Some(told.completion()));
        assert!(accepted.is_ok());
        client.free();
        assert_eq!(told.done.count(), 1, "completions when free has returned");
        told.in_order();
        asked.in_order();
        assert_eq!(Arc::strong_count(&asked), 1, "the factory is dropped");
    });
}
