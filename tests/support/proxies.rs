//! Real proxies on 127.0.0.1.

use super::STEP;
use super::process::{Ended, Lines, describe, spawn, wait};
use super::temporary::TemporaryDirectory;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port")
        .port()
}

/// Waits until somebody listens on the port; `Err` if the process ends first, as it does when another one has the port.
pub fn wait_for_port(process: &mut Ended, port: u16) -> Result<(), String> {
    let deadline = Instant::now() + STEP;
    while Instant::now() < deadline {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        // Its end is what may happen meanwhile.
        if let Some(status) = wait(&mut process.0, Duration::from_millis(20)) {
            return Err(describe(status));
        }
    }
    Err(format!("nobody listens on port {port} after {STEP:?}"))
}

pub struct Proxy {
    pub port: u16,
    _directory: TemporaryDirectory,
    _process: Ended,
    /// What it logs.
    pub log: Lines,
}

impl Proxy {
    /// tinyproxy, an HTTP proxy that allows CONNECT to one port only; `login` is user and password.
    pub fn tinyproxy(allowed_port: u16, login: Option<(&str, &str)>) -> Proxy {
        Proxy::start("tinyproxy", "tinyproxy-bin", |port, directory| {
            let login = match login {
                Some((user, password)) => format!("BasicAuth {user} {password}\n"),
                None => String::new(),
            };
            let file = directory.write(
                "tinyproxy.conf",
                format!(
                    "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 60\nMaxClients 20\nLogLevel Connect\nConnectPort {allowed_port}\n{login}"
                ),
            );
            let mut command = Command::new("tinyproxy");
            command.arg("-d").arg("-c").arg(file);
            command
        })
    }

    /// microsocks, a SOCKS 5 proxy.
    pub fn microsocks(login: Option<(&str, &str)>) -> Proxy {
        Proxy::start("microsocks", "microsocks", |port, _| {
            let mut command = Command::new("microsocks");
            command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
            if let Some((user, password)) = login {
                command.args(["-u", user, "-P", password]);
            }
            command
        })
    }

    fn start(
        name: &str,
        package: &str,
        command: impl Fn(u16, &TemporaryDirectory) -> Command,
    ) -> Proxy {
        let mut why = String::new();
        // Between asking for a free port and using it somebody else may take it: try again.
        for _ in 0..20 {
            let (port, directory) = (free_port(), TemporaryDirectory::new(name));
            let mut command = command(port, &directory);
            command.stdin(Stdio::null());
            // microsocks logs to its standard error.
            let of_errors = name == "microsocks";
            match of_errors {
                true => command.stdout(Stdio::null()).stderr(Stdio::piped()),
                false => command.stdout(Stdio::piped()).stderr(Stdio::null()),
            };
            let mut process = Ended(spawn(&mut command, package));
            let log = match of_errors {
                true => Lines::of(process.0.stderr.take().expect("a pipe")),
                false => Lines::of(process.0.stdout.take().expect("a pipe")),
            };
            match wait_for_port(&mut process, port) {
                Ok(()) => {
                    return Proxy {
                        port,
                        _directory: directory,
                        _process: process,
                        log,
                    };
                }
                Err(error) => why = format!("{error}\n{}", log.text()),
            }
        }
        panic!("{name} does not start: {why}");
    }

    pub fn wait_for_log(&self, text: &str) {
        let found = self.log.wait_for(STEP, text);
        assert!(
            found,
            "the proxy did not log {text:?}, but:\n{}",
            self.log.text()
        );
    }
}
