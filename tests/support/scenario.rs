//! A scripted broker and a C program that keep step: the script can wait for what the program says.

use super::STEP;
use super::broker::{Broker, Listener};
use super::c_program::Program;
use super::process::Lines;
use rustls::ServerConfig;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// The program as the script sees it.
pub struct Watched {
    lines: Receiver<Lines>,
    said: Option<Lines>,
    tell: Sender<String>,
}

impl Watched {
    fn said(&mut self) -> &Lines {
        let lines = &self.lines;
        self.said
            .get_or_insert_with(|| lines.recv_timeout(STEP).expect("the program was started"))
    }

    /// Waits for a line on the program's standard output.
    pub fn wait_for(&mut self, text: &str) {
        let said = self.said();
        assert!(
            said.wait_for(STEP, text),
            "the program did not say {text:?}, but {:?}",
            said.all()
        );
    }

    /// Whether the program has said it by now.
    pub fn has_said(&mut self, text: &str) -> bool {
        self.said().all().iter().any(|line| line.contains(text))
    }

    /// A line for the program's standard input.
    pub fn tell(&mut self, text: &str) {
        self.tell.send(text.to_owned()).expect("the program runs");
    }
}

/// Runs `case` of the program against a broker with this script, over plain TCP; both must succeed.
pub fn play(
    program: &str,
    case: &str,
    script: impl FnOnce(&mut Listener, &mut Watched) + Send + 'static,
) {
    play_with(program, &[case], script);
}

/// The same with more arguments.
pub fn play_with(
    program: &str,
    arguments: &[&str],
    script: impl FnOnce(&mut Listener, &mut Watched) + Send + 'static,
) {
    play_compiled(&Program::compile(program), arguments, script);
}

/// The same for a program that is compiled already.
pub fn play_compiled(
    program: &Program,
    arguments: &[&str],
    script: impl FnOnce(&mut Listener, &mut Watched) + Send + 'static,
) {
    let server = Server {
        host: "127.0.0.1",
        directory: "-",
        tls: None,
    };
    if let Err(why) = try_play(program, server, arguments, script) {
        panic!("{why}");
    }
}

/// What the program connects to.
pub struct Server<'a> {
    pub host: &'a str,
    /// Of the certificates; `-`: plain TCP.
    pub directory: &'a str,
    pub tls: Option<Arc<ServerConfig>>,
}

/// Runs the program against a broker with this script. The program's standard input ends with the script. `Err` says what
/// failed.
pub fn try_play(
    program: &Program,
    server: Server<'_>,
    arguments: &[&str],
    script: impl FnOnce(&mut Listener, &mut Watched) + Send + 'static,
) -> Result<(), String> {
    let (lines, receiver) = channel();
    let (tell, told) = channel();
    let mut watched = Watched {
        lines: receiver,
        said: None,
        tell,
    };
    let script = move |listener: &mut Listener| script(listener, &mut watched);
    let broker = match server.tls {
        Some(config) => Broker::tls(config, script),
        None => Broker::plain(script),
    };
    let port = broker.port().to_string();
    let all = [&[server.host, &port, server.directory], arguments].concat();
    let mut running = program.start(&all);
    let _ = lines.send(running.stdout.clone());
    let mut stdin = running.take_stdin();
    // Ends with the script, which holds the other end.
    let teller = std::thread::spawn(move || {
        use std::io::Write;
        while let Ok(line) = told.recv() {
            let _ = stdin.write_all(format!("{line}\n").as_bytes());
        }
    });
    let outcome = running.outcome();
    if outcome.is_err() {
        // The script may still wait for the program that has failed; what it complains about now says how far it got.
        broker.wake();
    }
    let script = broker.outcome();
    let _ = teller.join();
    match (outcome, script) {
        (Ok(()), Ok(())) => Ok(()),
        (Ok(()), Err(why)) => Err(format!("the broker's script failed: {why}")),
        (Err(why), script) => {
            let broker = script.err().unwrap_or_else(|| "nothing".into());
            Err(format!(
                "{why}\nthe broker's script, woken after that, complained about: {broker}"
            ))
        }
    }
}
