//! What all clients of a process share: the poller, a few workers, the dialers, and the timers.

use super::clock;
use super::dialers::Dialers;
use super::driving::Driving;
use super::due;
use super::inner::{Attention, Inner};
use super::names::Names;
use super::poller::{FIRST_KEY, Poller, Ready};
use super::process::{self, NOBODY};
use super::spare_messages::SpareMessages;
use super::sync::atomic::{AtomicBool, Ordering};
use super::sync::{Mutex, MutexGuard, thread_local};
use super::threads::{self, JoinHandle, MOST_IN_CALLBACKS};
use crate::error::{Code, Error};
use crate::time::Instant;
use crate::transport::tls::TlsConfig;
use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, PoisonError, Weak};

/// Workers that are kept when nothing happens: enough that a callback here or there costs no thread.
const IDLE_WORKERS: usize = 4;

/// The part that the workers hold, so that they end when [`Engine`] goes.
pub(super) struct Core {
    pub(super) poller: Poller,
    clients: Mutex<HashMap<u64, Weak<Inner>>>,
    pub(super) timers: Mutex<BinaryHeap<Reverse<(Instant, u64)>>>,
    /// Clients that some worker should look after, whatever their socket says.
    run_queue: Mutex<VecDeque<(Arc<Inner>, Attention)>>,
    workers: Mutex<Workers>,
    pub(super) spare_messages: SpareMessages,
    /// There are no workers: the application does what they do, in a loop of its own.
    pub(super) driving: Option<Driving>,
    cores: usize,
    stop: AtomicBool,
    /// A timer of [`NOBODY`] is set.
    pub(super) looks_back: AtomicBool,
}

#[derive(Default)]
struct Workers {
    all: usize,
    in_callbacks: usize,
    threads: Vec<JoinHandle<()>>,
    /// Clients whose callbacks wait because too many others block.
    line: VecDeque<Arc<Inner>>,
}

pub(super) struct Engine {
    pub(super) core: Arc<Core>,
    pub(super) dialers: Dialers,
    pub(super) names: Names,
    /// It outlives its last client for a moment: see `process`.
    pub(super) is_kept: bool,
    pub(super) kept_tls: Mutex<Option<TlsConfig>>,
}

impl Engine {
    /// With `driving`: one without workers, for the clients of one loop of the application.
    pub(super) fn new(driving: Option<Driving>) -> Result<Engine, Error> {
        let poller = Poller::new()
            .map_err(|error| Error::new(Code::Io, format!("epoll, eventfd or timerfd: {error}")))?;
        Ok(Engine {
            core: Arc::new(Core {
                poller,
                clients: Mutex::default(),
                timers: Mutex::default(),
                run_queue: Mutex::default(),
                workers: Mutex::default(),
                spare_messages: SpareMessages::default(),
                driving,
                cores: cores(),
                stop: AtomicBool::new(false),
                looks_back: AtomicBool::new(false),
            }),
            dialers: Dialers::default(),
            names: Names::default(),
            is_kept: false,
            kept_tls: Mutex::default(),
        })
    }
}

/// Asked once: the answer is in files of the control groups, and a process may make and free its one client again and again.
fn cores() -> usize {
    // No OnceLock: a fork in the middle of the first question would leave it locked in the child.
    static CORES: AtomicUsize = AtomicUsize::new(0);
    match CORES.load(Ordering::Relaxed) {
        0 => {
            let cores = std::thread::available_parallelism().map_or(2, usize::from);
            CORES.store(cores, Ordering::Relaxed);
            cores
        }
        known => known,
    }
}

thread_local! {
    /// Asked on threads of the application: to ask std for the current thread's id would allocate on each of them.
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

impl Engine {
    /// Its threads end. On one of them they cannot be waited for.
    pub(super) fn stop(&self) {
        self.core.stop.store(true, Ordering::Release);
        self.core.poller.wake();
        let threads = std::mem::take(&mut lock(&self.core.workers).threads);
        if !IS_WORKER.with(Cell::get) {
            for thread in threads {
                let _ = thread.join();
            }
        }
        self.dialers.end();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
        self.has_ended();
    }
}

impl Core {
    pub(super) fn new_key(&self) -> u64 {
        // Of the process and not of the engine: the same key again in a forked child would be taken for the parent's client.
        static NEXT: AtomicU64 = AtomicU64::new(FIRST_KEY);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes a client, with a worker for it if they are few: one client needs one until it has a callback, and a process that makes
    /// one connection should not start and end four threads for it.
    pub(super) fn register(self: &Arc<Self>, key: u64, client: &Arc<Inner>) -> Result<(), Error> {
        let mut clients = lock(&self.clients);
        if self.stop.load(Ordering::Acquire) {
            return Err(Error::new(Code::Io, "the process is ending"));
        }
        if self.driving.is_some() {
            clients.insert(key, Arc::downgrade(client));
            return Ok(());
        }
        let wanted = (clients.len() + 1).min(self.cores.clamp(2, IDLE_WORKERS));
        let mut workers = lock(&self.workers);
        let outside = workers.all - workers.in_callbacks;
        if outside < wanted {
            match self.start_worker(&mut workers) {
                Err(error) if outside == 0 => {
                    let why = format!("a thread could not be started: {error}");
                    return Err(Error::new(Code::Io, why));
                }
                // Those that there are do.
                Ok(()) | Err(_) => {}
            }
        }
        clients.insert(key, Arc::downgrade(client));
        Ok(())
    }

    pub(super) fn unregister(&self, key: u64) {
        lock(&self.clients).remove(&key);
        if self.driving.is_some() {
            // Perhaps nobody will come for them any more, and the queue would keep the client, and with it the engine.
            lock(&self.run_queue).retain(|(client, _)| client.key() != key);
        }
    }

    /// Takes no client any more, if it has none. False if it has.
    pub(super) fn close_if_unused(&self) -> bool {
        let clients = lock(&self.clients);
        if clients.is_empty() {
            self.stop.store(true, Ordering::Release);
        }
        clients.is_empty()
    }

    pub(super) fn has_no_clients(&self) -> bool {
        lock(&self.clients).is_empty()
    }

    /// Those that are freed and have not ended yet.
    pub(super) fn freed_clients(&self) -> Vec<Arc<Inner>> {
        let clients = lock(&self.clients);
        let freed = clients.values().filter_map(Weak::upgrade);
        freed.filter(|client| client.is_freed()).collect()
    }

    /// When the next timer fires, or now if there is something to do already.
    pub(super) fn next_time(&self) -> Option<Instant> {
        if !lock(&self.run_queue).is_empty() {
            return Some(Instant::ZERO);
        }
        lock(&self.timers).peek().map(|Reverse((at, _))| *at)
    }

    /// A worker will attend to the client at this time, or a little later.
    pub(super) fn schedule(&self, at: Instant, key: u64) {
        let mut timers = lock(&self.timers);
        let is_first = timers.peek().is_none_or(|Reverse((first, _))| at < *first);
        timers.push(Reverse((at, key)));
        if is_first {
            self.poller.set_timer(at);
        }
    }

    /// A worker will look after this client soon.
    pub(super) fn attend(&self, client: Arc<Inner>, reason: Attention) {
        self.line_up(client, reason);
        self.poller.wake();
    }

    /// A worker will look after this client when it is woken.
    pub(super) fn line_up(&self, client: Arc<Inner>, reason: Attention) {
        lock(&self.run_queue).push_back((client, reason));
    }

    fn start_worker(self: &Arc<Self>, workers: &mut Workers) -> std::io::Result<()> {
        let core = Arc::clone(self);
        let thread = threads::spawn("mqtt-worker", move || core.work())?;
        workers.all += 1;
        workers.threads.retain(|thread| !thread.is_finished());
        workers.threads.push(thread);
        Ok(())
    }

    fn work(self: Arc<Self>) {
        IS_WORKER.with(|is_worker| is_worker.set(true));
        let generation = process::generation();
        loop {
            if self.stop.load(Ordering::Acquire) {
                // The next one, too.
                return self.poller.wake();
            }
            self.look_after(self.poller.wait());
            if process::generation() != generation {
                // A callback has forked, and this is the child's only thread: with it the child ends. The events are the parent's.
                return;
            }
            let mut workers = lock(&self.workers);
            if workers.all - workers.in_callbacks > IDLE_WORKERS {
                workers.all -= 1;
                return;
            }
        }
    }

    /// Does what the poller says.
    pub(super) fn look_after(&self, ready: Ready) {
        match ready {
            Ready::Wake => self.run_one(),
            Ready::Timer => self.expire(),
            Ready::Key(key) => {
                let client = lock(&self.clients).get(&key).and_then(Weak::upgrade);
                if let Some(client) = client {
                    client.ready(Attention::Socket);
                }
            }
            Ready::Nothing => {}
        }
    }

    fn run_one(&self) {
        let mut queue = lock(&self.run_queue);
        let Some((client, reason)) = queue.pop_front() else {
            return;
        };
        let more = !queue.is_empty();
        drop(queue);
        if more {
            self.poller.wake();
        }
        client.ready(reason);
    }

    fn expire(&self) {
        let now = clock::now();
        let mut due = Vec::new();
        {
            let mut timers = lock(&self.timers);
            while let Some(Reverse((at, key))) = timers.peek().copied() {
                if at > now {
                    self.poller.set_timer(at);
                    break;
                }
                timers.pop();
                due.push(key);
            }
        }
        if due.contains(&NOBODY) {
            self.end_if_unused();
        }
        let clients: Vec<Arc<Inner>> = {
            let registered = lock(&self.clients);
            due.iter()
                .filter_map(|key| registered.get(key).and_then(Weak::upgrade))
                .collect()
        };
        let mut due = due::due(clients, now);
        let Some((last, attention)) = due.pop() else {
            return;
        };
        // This worker takes one; it may go into application code with it, so the others must find other workers.
        if !due.is_empty() {
            lock(&self.run_queue).extend(due);
            self.poller.wake();
        }
        last.ready(attention);
    }

    /// This worker goes into application code. Makes sure that another one stays outside; false if that cannot be had now: then
    /// the client stands in line and gets its turn when another callback returns.
    pub(super) fn enter_callbacks(self: &Arc<Self>, client: &Arc<Inner>) -> bool {
        if self.driving.is_some() {
            return self.enter_callbacks_in_loop(client);
        }
        // The end of the last client needs nobody else; `register` looks for a worker for the next one.
        let is_last = client.is_freed() && lock(&self.clients).len() == 1;
        let mut workers = lock(&self.workers);
        let outside = workers.all - workers.in_callbacks;
        // Where nobody is in callbacks, nobody will return from one and give the turn: then this worker goes, though it is the only one.
        if workers.in_callbacks >= MOST_IN_CALLBACKS
            || (outside <= 1
                && !is_last
                && self.start_worker(&mut workers).is_err()
                && workers.in_callbacks > 0)
        {
            workers.line.push_back(Arc::clone(client));
            return false;
        }
        workers.in_callbacks += 1;
        true
    }

    /// In a loop of the application no callback runs inside another: what a synchronous call in a callback comes upon stands in line until
    /// that callback has returned.
    fn enter_callbacks_in_loop(&self, client: &Arc<Inner>) -> bool {
        let mut workers = lock(&self.workers);
        if workers.in_callbacks > 0 {
            workers.line.push_back(Arc::clone(client));
            return false;
        }
        workers.in_callbacks = 1;
        true
    }

    /// In a loop: the last callbacks of a client that is freed, on the thread that frees it. Others stand in line meanwhile, but it does not:
    /// what runs may wait for this thread.
    pub(super) fn in_callbacks(&self, run: impl FnOnce()) {
        let mine = {
            let mut workers = lock(&self.workers);
            let mine = workers.in_callbacks == 0;
            workers.in_callbacks += usize::from(mine);
            mine
        };
        run();
        if mine {
            self.give_turn();
        }
    }

    /// The next in line for this thread, if there is one; then it is still in callbacks.
    pub(super) fn leave_callbacks(&self) -> Option<Arc<Inner>> {
        if self.driving.is_some() {
            let next = lock(&self.workers).line.pop_front();
            if next.is_some() {
                return next;
            }
        }
        self.give_turn();
        None
    }

    fn give_turn(&self) {
        let next = {
            let mut workers = lock(&self.workers);
            workers.in_callbacks -= 1;
            workers.line.pop_front()
        };
        if let Some(next) = next {
            self.attend(next, Attention::Turn);
        }
    }
}

/// A panic of one client's code must not stop the others, so poison is ignored: what a lock guards here is consistent between
/// any two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
