//! A relay on 127.0.0.1 in front of a broker, for what the kernel cannot do here: delay, jitter, silence, one byte a second, and the
//! reordering of connections. It passes bytes on and knows no protocol.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Connections are accepted, and nothing is read or said, ever.
    Silent,
    /// To the client goes one byte a second.
    OneByteASecond,
    /// Nothing is read from the client.
    StopsReading,
    /// Each chunk, in both directions, comes so much later, give or take the jitter; the order of a stream stays.
    Delay(Duration, Duration),
    /// From the next connection only the first chunk goes on at once, and the rest so much later, though the client has left: the
    /// broker sees it after a connection that the client made later. Then the mode is [`Mode::Pass`] again.
    HoldNext(Duration),
}

pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    accepted: AtomicUsize,
}

struct State {
    mode: Mode,
    /// The bytes that the clients sent and that were passed on.
    sockets: Vec<TcpStream>,
    over: bool,
    /// Of the generator of the jitter.
    seed: u64,
}

impl Relay {
    /// Passes on to this port of 127.0.0.1.
    pub fn start(broker: u16) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on 127.0.0.1");
        let port = listener.local_addr().expect("the port").port();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                mode: Mode::Pass,
                sockets: Vec::new(),
                over: false,
                seed: 0x9e37_79b9_7f4a_7c15,
            }),
            changed: Condvar::new(),
            accepted: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if accepting.lock().over {
                    return;
                }
                accepting.accepted.fetch_add(1, Ordering::SeqCst);
                serve(&accepting, client, broker);
            }
        });
        Relay { port, shared }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections were accepted.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Holds for what comes from now on, of connections that exist, too.
    pub fn set(&self, mode: Mode) {
        self.shared.lock().mode = mode;
        self.shared.changed.notify_all();
    }

    /// Ends every connection, on both sides.
    pub fn cut(&self) {
        for socket in self.shared.lock().sockets.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.shared.changed.notify_all();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.cut();
        // The thread that accepts looks again.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    /// Returns at that time, or when the relay is over.
    fn wait_until(&self, due: Instant) {
        let mut state = self.lock();
        while !state.over && Instant::now() < due {
            let left = due.saturating_duration_since(Instant::now());
            state = self
                .changed
                .wait_timeout(state, left)
                .expect("not poisoned")
                .0;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToBroker,
    ToClient,
}

fn serve(shared: &Arc<Shared>, client: TcpStream, broker: u16) {
    let mut state = shared.lock();
    let mode = state.mode;
    state.sockets.retain(|socket| socket.peer_addr().is_ok());
    state.sockets.push(client.try_clone().expect("dup"));
    if mode == Mode::Silent {
        return;
    }
    let hold = match mode {
        Mode::HoldNext(hold) => {
            state.mode = Mode::Pass;
            Some(hold)
        }
        _ => None,
    };
    // Without a broker the client is told by the end of its connection.
    let Ok(server) = TcpStream::connect(("127.0.0.1", broker)) else {
        let _ = client.shutdown(Shutdown::Both);
        return;
    };
    state.sockets.push(server.try_clone().expect("dup"));
    drop(state);
    for socket in [&client, &server] {
        socket.set_nodelay(true).expect("TCP_NODELAY");
    }
    let (client_too, server_too) = (
        client.try_clone().expect("dup"),
        server.try_clone().expect("dup"),
    );
    pump(shared, Direction::ToBroker, client, server, hold);
    pump(shared, Direction::ToClient, server_too, client_too, None);
}

type Chunks = Mutex<VecDeque<(Instant, Option<Vec<u8>>)>>;

/// Two threads: one reads and says when a chunk is due, the other writes it when it is.
fn pump(
    shared: &Arc<Shared>,
    direction: Direction,
    mut from: TcpStream,
    mut to: TcpStream,
    hold: Option<Duration>,
) {
    let line: Arc<(Chunks, Condvar)> = Arc::default();
    let (reading, read_into) = (Arc::clone(shared), Arc::clone(&line));
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        let mut last_due = Instant::now();
        let mut first = true;
        loop {
            {
                let mut state = reading.lock();
                while state.mode == Mode::StopsReading
                    && direction == Direction::ToBroker
                    && !state.over
                {
                    state = reading.changed.wait(state).expect("not poisoned");
                }
            }
            let count = from.read(&mut buffer).unwrap_or(0);
            let late = lateness(&reading, hold.filter(|_| !first));
            first = false;
            last_due = last_due.max(Instant::now() + late);
            let chunk = (count > 0).then(|| buffer[..count].to_vec());
            read_into
                .0
                .lock()
                .expect("not poisoned")
                .push_back((last_due, chunk));
            read_into.1.notify_all();
            if count == 0 {
                return;
            }
        }
    });
    let writing = Arc::clone(shared);
    std::thread::spawn(move || {
        loop {
            let chunks = line.0.lock().expect("not poisoned");
            let mut chunks = line
                .1
                .wait_while(chunks, |chunks| chunks.is_empty())
                .expect("not poisoned");
            let (due, chunk) = chunks.pop_front().expect("one is there");
            drop(chunks);
            writing.wait_until(due);
            let Some(chunk) = chunk else { break };
            if write(&writing, direction, &mut to, &chunk).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn lateness(shared: &Shared, hold: Option<Duration>) -> Duration {
    let mut state = shared.lock();
    match (state.mode, hold) {
        (_, Some(hold)) => hold,
        (Mode::Delay(mean, jitter), None) => {
            // xorshift: the same delays in every run.
            state.seed ^= state.seed << 13;
            state.seed ^= state.seed >> 7;
            state.seed ^= state.seed << 17;
            let part = (state.seed % 1000) as f64 / 500.0;
            mean - jitter + jitter.mul_f64(part)
        }
        _ => Duration::ZERO,
    }
}

fn write(
    shared: &Shared,
    direction: Direction,
    to: &mut TcpStream,
    chunk: &[u8],
) -> std::io::Result<()> {
    let mut rest = chunk;
    while !rest.is_empty() {
        let slowly = direction == Direction::ToClient && shared.lock().mode == Mode::OneByteASecond;
        if !slowly {
            return to.write_all(rest);
        }
        to.write_all(&rest[..1])?;
        rest = &rest[1..];
        let due = Instant::now() + Duration::from_secs(1);
        let mut state = shared.lock();
        while state.mode == Mode::OneByteASecond && !state.over && Instant::now() < due {
            let left = due.saturating_duration_since(Instant::now());
            state = shared
                .changed
                .wait_timeout(state, left)
                .expect("not poisoned")
                .0;
        }
    }
    Ok(())
}
