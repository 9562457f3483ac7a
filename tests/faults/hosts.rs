//! Two hosts in network namespaces with a cable between them, and a name server on the broker's. Needs root.

// The tests use a part of it, the command all.
#![allow(dead_code)]

use super::support::process::spawn;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const DEVICE: &str = "10.77.0.2/24";
const DEVICE_LATER: &str = "10.77.0.3/24";
const BROKER: [u8; 4] = [10, 77, 0, 1];

pub struct Hosts {
    pub device: String,
    pub broker: String,
    over: Arc<AtomicBool>,
    names: Option<JoinHandle<()>>,
}

impl Hosts {
    /// The device knows "broker.test" from its own file of names.
    pub fn new() -> Hosts {
        Hosts::with("10.77.0.1 broker.test\n127.0.0.1 localhost\n")
    }

    /// It has to ask the name server.
    pub fn with_name_server() -> Hosts {
        let mut hosts = Hosts::with("127.0.0.1 localhost\n");
        hosts.names = Some(hosts.serve_names());
        hosts
    }

    fn with(names: &str) -> Hosts {
        let process = std::process::id();
        let hosts = Hosts {
            device: format!("faults-device-{process}"),
            broker: format!("faults-broker-{process}"),
            over: Arc::default(),
            names: None,
        };
        let (device, broker) = (hosts.device.as_str(), hosts.broker.as_str());
        ip(&["netns", "add", device]);
        ip(&["netns", "add", broker]);
        let cable = [
            "link", "add", "cable", "netns", device, "type", "veth", "peer", "name", "cable",
            "netns", broker,
        ];
        ip(&cable);
        for (host, address) in [(device, DEVICE), (broker, "10.77.0.1/24")] {
            ip(&["-n", host, "addr", "add", address, "dev", "cable"]);
            ip(&["-n", host, "link", "set", "cable", "up"]);
            ip(&["-n", host, "link", "set", "lo", "up"]);
        }
        let directory = hosts.configuration();
        std::fs::create_dir_all(&directory).expect("a directory in /etc/netns");
        std::fs::write(directory.join("hosts"), names).expect("the file of names");
        std::fs::write(directory.join("resolv.conf"), "nameserver 10.77.0.1\n")
            .expect("the name server's address");
        hosts
    }

    /// `ip netns exec` shows the files in there as those of /etc.
    fn configuration(&self) -> PathBuf {
        PathBuf::from("/etc/netns").join(&self.device)
    }

    /// What runs a program on the device.
    pub fn on_device(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.device]
            .map(str::to_owned)
            .to_vec()
    }

    /// A rule of nftables on the broker's host: hook "input" or "output", and what it says of packets on the cable.
    pub fn rule(&self, hook: &str, rule: &str) {
        let chain = format!("{{ type filter hook {hook} priority 0; }}");
        nft(&self.broker, &["add", "table", "inet", "faults"]);
        nft(
            &self.broker,
            &["add", "chain", "inet", "faults", hook, &chain],
        );
        let interface = match hook {
            "input" => "iifname cable",
            _ => "oifname cable",
        };
        let rule = format!("{interface} {rule}");
        nft(
            &self.broker,
            &["add", "rule", "inet", "faults", hook, &rule],
        );
    }

    pub fn no_rules(&self) {
        nft(&self.broker, &["delete", "table", "inet", "faults"]);
    }

    /// How many packets the rules with "counter" have met.
    pub fn counted(&self) -> u64 {
        let list = ["list", "table", "inet", "faults"];
        let text = nft(&self.broker, &list);
        let counts = text.split("counter packets ").skip(1);
        let numbers = counts.filter_map(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        numbers.sum()
    }

    /// At most so much from the device.
    pub fn limit_rate(&self, rate: &str) {
        let filter = ["rate", rate, "burst", "4kb", "latency", "400ms"];
        let begin = [
            "-n",
            &self.device,
            "qdisc",
            "add",
            "dev",
            "cable",
            "root",
            "tbf",
        ];
        run("tc", &[&begin[..], &filter].concat(), "iproute2");
    }

    pub fn no_limit(&self) {
        run(
            "tc",
            &["-n", &self.device, "qdisc", "del", "dev", "cable", "root"],
            "iproute2",
        );
    }

    /// The device's end of the cable: "up" or "down".
    pub fn link(&self, state: &str) {
        ip(&["-n", &self.device, "link", "set", "cable", state]);
    }

    pub fn change_address(&self) {
        let device = &self.device;
        ip(&["-n", device, "addr", "del", DEVICE, "dev", "cable"]);
        ip(&["-n", device, "addr", "add", DEVICE_LATER, "dev", "cable"]);
    }

    /// Answers every question for an IPv4 address with the broker's, and all others with nothing.
    fn serve_names(&self) -> JoinHandle<()> {
        let namespace = std::fs::File::open(format!("/run/netns/{}", self.broker))
            .expect("the broker's namespace");
        let over = Arc::clone(&self.over);
        std::thread::spawn(move || {
            // This thread is on the broker's host from here on.
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("moving into a network namespace");
            let socket = UdpSocket::bind("10.77.0.1:53").expect("port 53");
            let patience = Some(Duration::from_millis(200));
            socket.set_read_timeout(patience).expect("a read time-out");
            let mut question = [0; 512];
            while !over.load(Ordering::SeqCst) {
                if let Ok((length, from)) = socket.recv_from(&mut question) {
                    let _ = socket.send_to(&answer(&question[..length]), from);
                }
            }
        })
    }
}

/// RFC 1035, 4.1: the question is repeated, and a pointer to its name begins the answer.
fn answer(question: &[u8]) -> Vec<u8> {
    let name = question[12..].iter().position(|byte| *byte == 0);
    let end = 12 + name.expect("the end of a name") + 5;
    let is_address = question[end - 4..end] == [0, 1, 0, 1];
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    answer.extend(&question[12..end]);
    if is_address {
        // For no second: each connection asks anew.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(BROKER);
    }
    answer
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(names) = self.names.take() {
            let _ = names.join();
        }
        for host in [&self.device, &self.broker] {
            let _ = Command::new("ip").args(["netns", "del", host]).status();
        }
        let _ = std::fs::remove_dir_all(self.configuration());
    }
}

fn ip(arguments: &[&str]) {
    run("ip", arguments, "iproute2");
}

fn nft(host: &str, arguments: &[&str]) -> String {
    let begin = ["netns", "exec", host, "nft"];
    run("ip", &[&begin, arguments].concat(), "nftables")
}

/// What the program prints. What the kernel lacks is said by the program that asks for it.
fn run(program: &str, arguments: &[&str], package: &str) -> String {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = spawn(&mut command, package)
        .wait_with_output()
        .expect("its output");
    assert!(
        output.status.success(),
        "`{program} {}` fails: {} (root and, in the kernel, network namespaces, veth, nf_tables and sch_tbf are needed)",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
