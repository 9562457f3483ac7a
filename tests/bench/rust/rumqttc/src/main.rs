//! rumqttc driver: the sync Client (its own thread iterates the Connection); idle_many uses AsyncClient
//! event loops on one current-thread runtime.
use bench_common::*;
use rumqttc::{AsyncClient, Client, Connection, Event, MqttOptions, Outgoing, Packet, QoS, TlsConfiguration, Transport};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const DRIVER: &str = "rumqttc";

fn options(o: &Options, i: usize) -> MqttOptions {
    let mut m = MqttOptions::new(format!("rumqttc-{}-{}", std::process::id(), i), o.host.clone(), o.port);
    m.set_keep_alive(Duration::from_secs(60));
    m.set_inflight(o.window as u16);
    m.set_max_packet_size(1 << 20, 1 << 20);
    if o.tls {
        let rd = |p: &str| std::fs::read(p).unwrap();
        m.set_transport(Transport::Tls(TlsConfiguration::Simple {
            ca: rd(&o.ca),
            alpn: None,
            client_auth: if o.cert.is_empty() { None } else { Some((rd(&o.cert), rd(&o.key))) },
        }));
    }
    m
}

/// TCP_NODELAY (off by default) for latency only: see want_nodelay.
fn tuned(o: &Options, (c, mut conn): (Client, Connection)) -> (Client, Connection) {
    if want_nodelay(o) {
        let mut no = rumqttc::NetworkOptions::new();
        no.set_tcp_nodelay(true);
        conn.eventloop.set_network_options(no);
    }
    (c, conn)
}

fn wait(conn: &mut Connection, what: impl Fn(&Packet) -> bool) {
    for e in conn.iter() {
        if let Event::Incoming(p) = e.expect("connection") {
            if what(&p) {
                return;
            }
        }
    }
    panic!("ended");
}

fn main() {
    let o = parse();
    let n = o.count;
    let q = if o.scenario.ends_with('1') { QoS::AtLeastOnce } else { QoS::AtMostOnce };
    let payload = vec![b'x'; o.size];
    match o.scenario.as_str() {
        "connect" => {
            let mut lat = vec![0u64; n];
            let m = Measured::begin();
            for (i, l) in lat.iter_mut().enumerate() {
                let t = Instant::now();
                let (c, mut conn) = tuned(&o, Client::new(options(&o, i), 10));
                wait(&mut conn, |p| matches!(p, Packet::ConnAck(_)));
                *l = t.elapsed().as_nanos() as u64;
                c.disconnect().unwrap();
                for e in conn.iter() {
                    match e {
                        Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_) => break,
                        _ => {}
                    }
                }
            }
            let m = m.end();
            report(DRIVER, &o, &m, n, &mut lat, "");
        }
        "idle_many" => {
            let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            rt.block_on(async {
                let r0 = proc_status("VmRSS");
                let t0 = Instant::now();
                let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
                let mut keep = Vec::new();
                for i in 0..n {
                    let (c, mut el) = AsyncClient::new(options(&o, i), 10);
                    keep.push(c);
                    let tx = tx.clone();
                    tokio::spawn(async move {
                        loop {
                            match el.poll().await {
                                Ok(Event::Incoming(Packet::ConnAck(_))) => tx.send(()).unwrap(),
                                Ok(_) => {}
                                Err(e) => panic!("{e}"),
                            }
                        }
                    });
                    rx.recv().await;
                }
                let cs = t0.elapsed().as_secs_f64();
                // An error ends the program; another CONNACK says that there was one.
                tokio::time::timeout(SETTLING, rx.recv()).await.expect_err(LOST);
                let r1 = proc_status("VmRSS");
                let m = Measured::begin();
                tokio::time::timeout(IDLE, rx.recv()).await.expect_err(LOST);
                let m = m.end();
                report_idle(DRIVER, &o, &m, n, r1 - r0, cs);
                std::process::exit(0);
            });
        }
        "pub_qos0" | "pub_qos1" => {
            let (c, mut conn) = tuned(&o, Client::new(options(&o, 0), 100));
            wait(&mut conn, |p| matches!(p, Packet::ConnAck(_)));
            let acks = if o.scenario == "pub_qos0" { 1 } else { n };
            let (tx, rx) = mpsc::channel();
            let m = Measured::begin();
            std::thread::spawn(move || {
                let mut k = 0;
                for e in conn.iter() {
                    if let Event::Incoming(Packet::PubAck(_)) = e.expect("connection") {
                        k += 1;
                        if k == acks {
                            let _ = tx.send(());
                            return;
                        }
                    }
                }
            });
            for _ in 0..n {
                c.publish(TOPIC_OUT, q, false, payload.clone()).unwrap();
            }
            if acks == 1 {
                c.publish("ctl/expect", QoS::AtLeastOnce, false, n.to_string()).unwrap();
            }
            rx.recv().unwrap();
            let m = m.end();
            report(DRIVER, &o, &m, n, &mut [], "");
        }
        "recv_qos0" | "recv_qos1" => {
            let (c, mut conn) = tuned(&o, Client::new(options(&o, 0), 100));
            wait(&mut conn, |p| matches!(p, Packet::ConnAck(_)));
            c.subscribe(TOPIC_IN, q).unwrap();
            wait(&mut conn, |p| matches!(p, Packet::SubAck(_)));
            let m = Measured::begin();
            c.publish("ctl/blast", QoS::AtMostOnce, false, format!("{} {} {} {} {}", q as u8, n, o.size, o.window, TOPIC_IN)).unwrap();
            let mut k = 0;
            for e in conn.iter() {
                if let Event::Incoming(Packet::Publish(p)) = e.expect("connection") {
                    std::hint::black_box(p.payload.len());
                    k += 1;
                    if k == n {
                        break;
                    }
                }
            }
            let m = m.end();
            report(DRIVER, &o, &m, n, &mut [], "");
        }
        "rtt_qos0" | "rtt_qos1" => {
            let (c, mut conn) = tuned(&o, Client::new(options(&o, 0), 100));
            wait(&mut conn, |p| matches!(p, Packet::ConnAck(_)));
            c.subscribe(TOPIC_ECHO, q).unwrap();
            wait(&mut conn, |p| matches!(p, Packet::SubAck(_)));
            let (tx, rx) = mpsc::channel();
            std::thread::spawn(move || {
                for e in conn.iter() {
                    match e {
                        Ok(Event::Incoming(Packet::Publish(_))) => {
                            if tx.send(Instant::now()).is_err() {
                                return;
                            }
                        }
                        Ok(_) => {}
                        Err(_) => return,
                    }
                }
            });
            let mut lat = vec![0u64; n];
            let m = Measured::begin();
            for l in lat.iter_mut() {
                let t = Instant::now();
                c.publish(TOPIC_ECHO, q, false, payload.clone()).unwrap();
                *l = (rx.recv().unwrap() - t).as_nanos() as u64;
            }
            let m = m.end();
            report(DRIVER, &o, &m, n, &mut lat, "");
        }
        s => panic!("no scenario {s}"),
    }
    std::process::exit(0);
}
