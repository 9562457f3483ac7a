//! A real RabbitMQ with MQTT over WebSocket over TLS on 127.0.0.1. It takes some ten seconds to start.

use super::certificates::Certificates;
use super::process::{Ended, Lines, spawn};
use super::proxies::{free_port, wait_for_port};
use super::temporary::TemporaryDirectory;
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// On a machine that is busy with tests.
const START: Duration = Duration::from_secs(120);

pub struct RabbitMq {
    pub port: u16,
    pub log: Lines,
    server: Ended,
    /// Erlang's port mapper, which a node would start itself and leave behind.
    _mapper: Ended,
    _directory: TemporaryDirectory,
}

impl RabbitMq {
    pub fn start(certificates: &Certificates) -> RabbitMq {
        let directory = TemporaryDirectory::new("rabbitmq");
        let (mapper_port, mapper) = start_mapper();
        // Between asking for a free port and using it somebody else may take it: try again.
        for attempt in 0..3 {
            let port = free_port();
            match launch(&directory, certificates, port, mapper_port, attempt) {
                Ok((server, log)) => {
                    return RabbitMq {
                        port,
                        log,
                        server,
                        _mapper: mapper,
                        _directory: directory,
                    };
                }
                Err(log) if log.contains("eaddrinuse") => {}
                Err(log) => panic!("RabbitMQ does not start:\n{log}"),
            }
        }
        panic!("RabbitMQ found no free port in 3 attempts");
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        kill_group(&mut self.server);
    }
}

/// The shell script that starts it, Erlang and its helpers are one process group.
fn kill_group(server: &mut Ended) {
    let _ = kill_process_group(Pid::from_child(&server.0), Signal::KILL);
    let _ = server.0.wait();
}

fn start_mapper() -> (u16, Ended) {
    let mut why = String::new();
    for _ in 0..20 {
        let port = free_port();
        let mut command = Command::new("epmd");
        command
            .args(["-address", "127.0.0.1", "-port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut mapper = Ended(spawn(&mut command, "rabbitmq-server"));
        match wait_for_port(&mut mapper, port) {
            Ok(()) => return (port, mapper),
            Err(error) => why = error,
        }
    }
    panic!("epmd does not start: {why}");
}

fn launch(
    directory: &TemporaryDirectory,
    certificates: &Certificates,
    port: u16,
    mapper_port: u16,
    attempt: u32,
) -> Result<(Ended, Lines), String> {
    let plugins = directory.write("enabled_plugins", "[rabbitmq_web_mqtt].\n");
    let pem = |name: &str| certificates.file(name).display().to_string();
    let configuration = directory.write(
        "rabbitmq.conf",
        format!(
            "listeners.tcp = none\nmqtt.listeners.tcp = none\nweb_mqtt.tcp.listener = 127.0.0.1:{}\n\
             web_mqtt.ssl.ip = 127.0.0.1\nweb_mqtt.ssl.port = {port}\nweb_mqtt.ssl.cacertfile = {}\nweb_mqtt.ssl.certfile = {}\n\
             web_mqtt.ssl.keyfile = {}\nweb_mqtt.ws_path = /mqtt\nmqtt.allow_anonymous = true\nmqtt.default_user = guest\n\
             mqtt.default_pass = guest\nlog.console = true\nlog.console.level = info\nlog.file = false\n",
            free_port(),
            pem("ca.pem"),
            pem("server.pem"),
            pem("server.key")
        ),
    );
    let home = directory.file(&format!("home{attempt}"));
    std::fs::create_dir(&home).expect("a directory");
    let node = format!("test{}_{attempt}@localhost", std::process::id());
    let mut command = Command::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    command
        .env("HOME", &home)
        .env("RABBITMQ_CONFIG_FILE", &configuration)
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", &plugins)
        .env("RABBITMQ_MNESIA_BASE", home.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", home.join("log"))
        .env("RABBITMQ_NODENAME", node)
        .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_DIST_PORT", free_port().to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", mapper_port.to_string())
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1}",
        )
        .process_group(0)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::piped());
    let mut server = Ended(spawn(&mut command, "rabbitmq-server"));
    let log = Lines::of(server.0.stdout.take().expect("a pipe"));
    if log.wait_for(START, "Server startup complete") {
        return Ok((server, log));
    }
    kill_group(&mut server);
    Err(log.text())
}
