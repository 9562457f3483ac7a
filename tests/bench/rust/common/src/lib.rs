//! Options, clocks and the JSON line, shared by the Rust drivers.
use std::time::{Duration, Instant};
pub const TOPIC_OUT: &str = "dt/fleet-7/device-0001/telemetry";
pub const TOPIC_IN: &str = "cmd/fleet-7/device-0001/req";
pub const TOPIC_ECHO: &str = "echo/fleet-7/device-0001";

#[derive(Clone, Debug)]
pub struct Options {
    pub host: String,
    pub port: u16,
    pub ca: String,
    pub cert: String,
    pub key: String,
    pub tls: bool,
    pub scenario: String,
    pub count: usize,
    pub size: usize,
    pub window: usize,
}

pub fn parse() -> Options {
    let mut o = Options {
        host: "localhost".into(),
        port: 0,
        ca: String::new(),
        cert: String::new(),
        key: String::new(),
        tls: false,
        scenario: "pub_qos0".into(),
        count: 10000,
        size: 256,
        window: 100,
    };
    let a: Vec<String> = std::env::args().collect();
    let mut i = 1;
    while i + 1 < a.len() {
        let v = a[i + 1].clone();
        match a[i].as_str() {
            "--host" => o.host = v,
            "--port" => o.port = v.parse().unwrap(),
            "--ca" => o.ca = v,
            "--cert" => o.cert = v,
            "--key" => o.key = v,
            "--tls" => o.tls = v == "1",
            "--scenario" => o.scenario = v,
            "--count" => o.count = v.parse().unwrap(),
            "--size" => o.size = v.parse().unwrap(),
            "--window" => o.window = v.parse().unwrap(),
            k => panic!("unknown option {k}"),
        }
        i += 2;
    }
    // SAFETY: it only sets a timer. Every run is bounded in time.
    unsafe { libc::alarm(120) };
    o
}

/// TCP_NODELAY halves every peer's throughput and its absence costs 44 ms on a QoS 1 round trip, so each peer gets
/// what is best for it: its default (Nagle) for throughput, NODELAY for latency. The environment can force one.
pub fn want_nodelay(o: &Options) -> bool {
    if std::env::var_os("BENCH_NAGLE").is_some() {
        return false;
    }
    std::env::var_os("BENCH_NODELAY").is_some() || o.scenario.starts_with("rtt") || o.scenario == "connect"
}

pub fn cpu_s() -> f64 {
    // SAFETY: a structure of numbers may be zero, and the call only fills it.
    unsafe {
        let mut r: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut r);
        r.ru_utime.tv_sec as f64 + r.ru_utime.tv_usec as f64 / 1e6 + r.ru_stime.tv_sec as f64 + r.ru_stime.tv_usec as f64 / 1e6
    }
}

/// VmHWM: ru_maxrss would keep what the process was before exec.
pub fn max_rss_kib() -> i64 {
    proc_status("VmHWM")
}

pub fn proc_status(key: &str) -> i64 {
    std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .find(|l| l.starts_with(key))
        .and_then(|l| l.split_whitespace().nth(1).and_then(|v| v.parse().ok()))
        .unwrap_or(-1)
}

pub struct Measured {
    t0: Instant,
    c0: f64,
    secs: f64,
    cpu: f64,
}
impl Measured {
    pub fn begin() -> Measured {
        let c0 = cpu_s();
        Measured { t0: Instant::now(), c0, secs: 0.0, cpu: 0.0 }
    }
    pub fn end(mut self) -> Measured {
        self.secs = self.t0.elapsed().as_secs_f64();
        self.cpu = cpu_s() - self.c0;
        self
    }
    pub fn cpu(&self) -> f64 {
        self.cpu
    }
}

pub fn report(driver: &str, o: &Options, m: &Measured, n: usize, lat: &mut [u64], extra: &str) {
    let mut s = format!(
        "{{\"driver\":\"{}\",\"scenario\":\"{}\",\"tls\":{},\"size\":{},\"window\":{},\"messages\":{},\"seconds\":{:.6},\"msgs_per_s\":{:.1},\"cpu_s\":{:.6},\"cpu_ns_per_msg\":{:.1},\"cpu_total_s\":{:.6},\"max_rss_kib\":{}",
        driver,
        o.scenario,
        o.tls as u8,
        o.size,
        o.window,
        n,
        m.secs,
        n as f64 / m.secs,
        m.cpu,
        m.cpu * 1e9 / n as f64,
        cpu_s(),
        max_rss_kib()
    );
    if !lat.is_empty() {
        lat.sort_unstable();
        let l = lat.len();
        s += &format!(
            ",\"p50_us\":{:.2},\"p99_us\":{:.2},\"p999_us\":{:.2}",
            lat[l / 2] as f64 / 1e3,
            lat[l * 99 / 100] as f64 / 1e3,
            lat[l * 999 / 1000] as f64 / 1e3
        );
    }
    if !extra.is_empty() {
        s += ",";
        s += extra;
    }
    println!("{s}}}");
}

/// After all clients are connected: what they take so long later, and what they do in the time behind that. What ends the waiting early is a
/// connection that is lost, which idle ones must not be.
pub const SETTLING: Duration = Duration::from_millis(500);
pub const IDLE: Duration = Duration::from_secs(10);
pub const LOST: &str = "an idle connection was lost";

pub fn report_idle(driver: &str, o: &Options, m: &Measured, n: usize, grown_kib: i64, connecting: f64) {
    let extra = format!(
        "\"rss_per_client_kib\":{:.2},\"threads\":{},\"idle_cpu_ms\":{:.2},\"connect_all_s\":{:.3}",
        grown_kib as f64 / n as f64,
        proc_status("Threads"),
        m.cpu() * 1e3,
        connecting
    );
    report(driver, o, m, n, &mut [], &extra);
}
