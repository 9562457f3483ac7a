//! Promise 10: what a library must not do to the process that it is in.

mod support;

use support::broker::Broker;
use support::c_program::{Checked, Program};
use support::packets::{puback, publish};

fn serve(connections: usize) -> Broker {
    Broker::plain(move |listener| {
        listener.serve_each(connections, |connection| {
            connection.welcome();
            connection.serve();
        });
    })
}

#[test]
fn p10_no_sigpipe_when_the_broker_resets_while_we_write() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_packet("PUBLISH");
        connection.reset();
    });
    Program::compile("sigpipe").run_with(broker, "-", &[]);
}

#[test]
fn p10_no_sigpipe_when_the_broker_closes_while_we_write() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_packet("PUBLISH");
        connection.close();
    });
    Program::compile("sigpipe").run_with(broker, "-", &[]);
}

#[test]
fn p10_library_threads_block_signals_are_few_and_end_with_the_last_client() {
    Program::compile("threads").run_with(serve(1), "-", &[]);
}

#[test]
fn threads_stay_a_moment_for_an_application_that_makes_clients_again_and_again() {
    for checked in [
        Checked::Plainly,
        Checked::ByAddressSanitizer,
        Checked::ByValgrindStrictly,
    ] {
        Program::compile_checked("again", checked).run(&[]);
    }
}

#[test]
fn p10_descriptors_are_close_on_exec_and_gone_with_the_last_client() {
    Program::compile("descriptors").run_with(serve(3), "-", &[]);
}

#[test]
fn p10_a_forked_child_gets_forked_and_can_make_new_clients() {
    Program::compile("forks").run_with(serve(2), "-", &[]);
}

#[test]
fn p10_a_callback_may_fork_and_return_in_the_child() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        for id in 1..=2 {
            connection.send(&publish("in", "x", 1, id, false, false));
            connection.expect(&puback(id));
        }
        let id = connection.expect_with_id(|id| publish("t", "parent", 1, id, false, false));
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
    Program::compile("forks_in_callback").run_with(broker, "-", &[]);
}

#[test]
fn p10_dlclose_with_a_live_client_is_safe() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        for _ in 0..1001 {
            connection.send(&publish("in", "x", 0, 0, false, false));
        }
        assert_eq!(connection.try_read_packet(), None);
    });
    Program::compile("unloads").run_with(broker, "-", &[]);
}

/// Loaded, used, freed and closed several times over: no thread is left, and fork handlers and thread-local destructors are safe after it.
fn reloads(checked: Checked) {
    Program::compile_checked("reloads", checked).run_with(serve(4), "-", &[]);
}

#[test]
fn p10_dlopen_and_dlclose_again_and_again() {
    reloads(Checked::Plainly);
}

#[test]
fn p10_dlopen_and_dlclose_again_and_again_under_valgrind() {
    reloads(Checked::ByValgrindStrictly);
}

#[test]
fn p10_dlopen_and_dlclose_again_and_again_under_address_sanitizer() {
    reloads(Checked::ByAddressSanitizer);
}

/// The process ends while the broker is sending.
fn exits(case: &str) {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let subscribe = connection.expect_packet("SUBSCRIBE");
        connection.answer(&subscribe);
        for _ in 0..3000 {
            if connection
                .try_send(&publish("in", "x", 0, 0, false, false))
                .is_err()
            {
                return;
            }
        }
        assert_eq!(connection.try_read_packet(), None);
    });
    Program::compile("exits").run_with(broker, "-", &[case]);
}

#[test]
fn p10_a_process_may_exit_with_a_busy_client() {
    exits("busy");
}

#[test]
fn p10_a_process_may_exit_with_a_live_client() {
    exits("live");
}

#[test]
fn p10_a_process_may_exit_inside_a_callback() {
    exits("in_callback");
}

#[test]
fn p10_a_process_may_exit_while_a_callback_blocks() {
    exits("blocked");
}
