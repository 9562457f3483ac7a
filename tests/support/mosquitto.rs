//! A real mosquitto with mutual TLS on 127.0.0.1, and its own clients to look at what it does.

use super::STEP;
use super::certificates::Certificates;
use super::process::{Ended, Lines, spawn, wait};
use super::temporary::TemporaryDirectory;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Mosquitto {
    pub port: u16,
    directory: TemporaryDirectory,
    persistence: bool,
    options: &'static str,
    /// The network namespace that it runs in, with its own clients; there it listens on all addresses.
    namespace: Option<String>,
    process: Option<Ended>,
    /// What the broker logs: every packet.
    pub log: Lines,
}

impl Mosquitto {
    pub fn start(certificates: &Certificates) -> Mosquitto {
        Mosquitto::start_with(certificates, false)
    }

    /// With `persistence`, sessions and retained messages survive [`Mosquitto::stop`] and a start on the same port.
    pub fn start_with(certificates: &Certificates, persistence: bool) -> Mosquitto {
        Mosquitto::start_configured(certificates, persistence, "")
    }

    /// With lines of one's own in its configuration.
    pub fn start_configured(
        certificates: &Certificates,
        persistence: bool,
        options: &'static str,
    ) -> Mosquitto {
        Mosquitto::start_in(certificates, persistence, options, None)
    }

    /// In a network namespace.
    pub fn start_in(
        certificates: &Certificates,
        persistence: bool,
        options: &'static str,
        namespace: Option<String>,
    ) -> Mosquitto {
        let mut directory = TemporaryDirectory::new("mosquitto");
        for name in ["ca.pem", "server.pem", "server.key"] {
            std::fs::copy(certificates.file(name), directory.file(name))
                .expect("a copy of a certificate");
        }
        // Between asking for a free port and using it somebody else may take it: try again.
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0")
                .and_then(|socket| socket.local_addr())
                .expect("a free port")
                .port();
            let mut broker = Mosquitto {
                port,
                directory,
                persistence,
                options,
                namespace: namespace.clone(),
                process: None,
                log: Lines::of(std::io::empty()),
            };
            match broker.launch() {
                Ok(()) => return broker,
                Err(why) if why.contains("Address already in use") => directory = broker.directory,
                Err(why) => panic!("mosquitto does not start:\n{why}"),
            }
        }
        panic!("mosquitto found no free port in 20 attempts");
    }

    fn configuration(&self) -> String {
        let directory = self.directory.path().display();
        let root = if rustix::process::getuid().is_root() {
            "user root\n"
        } else {
            ""
        };
        let persistence = match self.persistence {
            true => format!("persistence true\npersistence_location {directory}/\n"),
            false => "persistence false\n".to_owned(),
        };
        // Every packet, unless the options say what.
        let log = match self.options.contains("log_type") {
            true => "",
            false => "log_type all\n",
        };
        let address = match self.namespace {
            Some(_) => "0.0.0.0",
            None => "127.0.0.1",
        };
        format!(
            "{root}{persistence}{}listener {} {address}\ncafile {directory}/ca.pem\ncertfile {directory}/server.pem\nkeyfile {directory}/server.key\n\
             require_certificate true\nuse_identity_as_username true\n{log}log_dest stderr\n",
            self.options, self.port
        )
    }

    fn launch(&mut self) -> Result<(), String> {
        let file = self.directory.write("mosquitto.conf", self.configuration());
        let mut command = self.command("mosquitto");
        // Debian has it where only root's PATH looks.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"));
        command
            .arg("-c")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = spawn(&mut command, "mosquitto");
        self.log = Lines::of(child.stderr.take().expect("a pipe"));
        self.process = Some(Ended(child));
        // The listening socket is there before this line is.
        if self.log.wait(STEP, |lines| {
            lines
                .iter()
                .any(|line| line.contains("mosquitto version") && line.ends_with("running"))
        }) {
            return Ok(());
        }
        Err(self.log.text())
    }

    /// A program beside the broker. `ip netns exec` becomes it, so that the process id is that of the program.
    fn command(&self, program: &str) -> Command {
        match &self.namespace {
            None => Command::new(program),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, program]);
                command
            }
        }
    }

    /// The orderly end (SIGTERM): persistent state is written.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let pid = rustix::process::Pid::from_child(&process.0);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("kill");
            assert!(
                wait(&mut process.0, STEP).is_some(),
                "mosquitto does not end"
            );
        }
    }

    /// SIGKILL: connections end without a word, nothing is written.
    pub fn kill(&mut self) {
        drop(self.process.take());
    }

    /// SIGSTOP: the kernel goes on accepting connections and bytes for it, and it does nothing any more when this returns.
    pub fn freeze(&mut self) {
        let pid = self.pid();
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("SIGSTOP");
        rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::UNTRACED)
            .expect("it stops");
    }

    /// SIGCONT.
    pub fn thaw(&mut self) {
        rustix::process::kill_process(self.pid(), rustix::process::Signal::CONT).expect("SIGCONT");
    }

    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.process.as_ref().expect("a running broker").0)
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        self.stop();
        if let Err(why) = self.launch() {
            panic!("mosquitto does not start again:\n{why}");
        }
    }

    /// Waits until the broker logs a line with `text`.
    pub fn wait_for_log(&self, text: &str) {
        let found = self.log.wait_for(STEP, text);
        assert!(
            found,
            "mosquitto did not log {text:?}, but:\n{}",
            self.log.text()
        );
    }

    /// Subscribes with mosquitto's own client, and returns when the broker has accepted it.
    pub fn subscriber(&self, certificates: &Certificates, filter: &str) -> Subscriber {
        let id = client_id("subscriber");
        let mut command = self.client("mosquitto_sub", certificates, "client", &id);
        command.args(["-q", "1", "-t", filter, "-F", "%t|%q|%r|%l|%p"]);
        self.start_subscriber(command, &id)
    }

    /// The same with a certificate and a lasting session of its own: what is published while it is away is kept for it. Prints
    /// payloads only. Over TLS mosquitto_sub mostly ends when its broker has died; take a new one when the broker is back.
    pub fn observer(&self, certificates: &Certificates, filter: &str) -> Subscriber {
        let mut command = self.client("mosquitto_sub", certificates, "observer", "observer");
        command.args(["-c", "-q", "1", "-t", filter, "-F", "%p"]);
        // Where it says that it has lost its broker.
        command.stderr(Stdio::null());
        self.start_subscriber(command, "observer")
    }

    fn start_subscriber(&self, mut command: Command, id: &str) -> Subscriber {
        command.stdout(Stdio::piped());
        let mut child = spawn(&mut command, "mosquitto-clients");
        let messages = Lines::of(child.stdout.take().expect("a pipe"));
        self.wait_for_log(&format!("Sending SUBACK to {id}"));
        Subscriber {
            process: Ended(child),
            messages,
        }
    }

    /// Publishes with mosquitto's own client, QoS 1, and returns when the broker has acknowledged it.
    pub fn publish(&self, certificates: &Certificates, topic: &str, payload: &str, retain: bool) {
        let mut command = self.client(
            "mosquitto_pub",
            certificates,
            "client",
            &client_id("publisher"),
        );
        command.args(["-q", "1", "-t", topic, "-m", payload]);
        if retain {
            command.arg("-r");
        }
        let mut child = Ended(spawn(&mut command, "mosquitto-clients"));
        let status = wait(&mut child.0, STEP);
        assert!(
            status.is_some_and(|status| status.success()),
            "mosquitto_pub: {status:?}"
        );
    }

    fn client(
        &self,
        program: &str,
        certificates: &Certificates,
        identity: &str,
        id: &str,
    ) -> Command {
        let mut command = self.command(program);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-i", id]);
        for (option, name) in [
            ("--cafile", "ca.pem"),
            ("--cert", &format!("{identity}.pem")),
            ("--key", &format!("{identity}.key")),
        ] {
            command.arg(option).arg(certificates.file(name));
        }
        command.stdin(Stdio::null());
        command
    }
}

fn client_id(kind: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{kind}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A running mosquitto_sub.
pub struct Subscriber {
    process: Ended,
    /// `topic|qos|retain|payload length|payload`, one line a message.
    pub messages: Lines,
}

impl Subscriber {
    /// Ends it, and waits until all that it has printed is in `messages`.
    pub fn end(&mut self) {
        let _ = self.process.0.kill();
        let _ = self.process.0.wait();
        self.messages.wait_for_end(STEP);
    }

    /// Waits for `count` messages, and gives all that came.
    pub fn wait_for(&self, count: usize) -> Vec<String> {
        let came = self.messages.wait(STEP, |lines| lines.len() >= count);
        let messages = self.messages.all();
        assert!(
            came,
            "{count} messages were expected, {} came: {messages:?}",
            messages.len()
        );
        messages
    }
}
