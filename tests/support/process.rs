//! Child processes: waiting with a deadline, collecting their lines, ending them by id.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::cell::Cell;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Starts a program, or fails with the name of the Debian package that has it.
pub fn spawn(command: &mut Command, package: &str) -> Child {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().unwrap_or_else(|error| {
        panic!("cannot start {program}: {error}. Install it: apt-get install {package}")
    })
}

/// Waits until the process ends; `None` if it is still alive after `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    let pid = Pid::from_child(child);
    // Without a handle on the process (it was waited for already) `try_wait` knows the answer.
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
        return child.try_wait().expect("waitpid");
    };
    while Instant::now() < deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut set = [PollFd::new(&handle, PollFlags::IN)];
        let _ = poll(&mut set, Some(&left.try_into().expect("a short time")));
        if let Some(status) = child.try_wait().expect("waitpid") {
            return Some(status);
        }
    }
    None
}

/// How the process ended, in words.
pub fn describe(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("was killed by signal {signal}"),
        None => format!("exited with {}", status.code().unwrap_or(-1)),
    }
}

/// The lines that somebody prints, readable while they come.
#[derive(Clone)]
pub struct Lines {
    shared: Arc<(Mutex<Collected>, Condvar)>,
}

#[derive(Default)]
struct Collected {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    pub fn of(stream: impl Read + Send + 'static) -> Lines {
        let lines = Lines {
            shared: Arc::default(),
        };
        let writer = lines.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                writer.change(|collected| collected.lines.push(text));
                line.clear();
            }
            writer.change(|collected| collected.ended = true);
        });
        lines
    }

    fn change(&self, change: impl FnOnce(&mut Collected)) {
        change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
    }

    /// Waits until `enough` says so; `false` if the stream ended or `limit` passed first.
    pub fn wait(&self, limit: Duration, enough: impl Fn(&[String]) -> bool) -> bool {
        let collected = self.shared.0.lock().unwrap();
        let (collected, _) = self
            .shared
            .1
            .wait_timeout_while(collected, limit, |collected| {
                !collected.ended && !enough(&collected.lines)
            })
            .unwrap();
        enough(&collected.lines)
    }

    /// Waits for a line that contains `text`.
    pub fn wait_for(&self, limit: Duration, text: &str) -> bool {
        // Lines only come to it, so each is looked at once.
        let (looked_at, found) = (Cell::new(0), Cell::new(false));
        self.wait(limit, |lines| {
            let new = &lines[looked_at.replace(lines.len())..];
            found.set(found.get() || new.iter().any(|line| line.contains(text)));
            found.get()
        })
    }

    pub fn wait_for_end(&self, limit: Duration) {
        self.wait(limit, |_| false);
    }

    pub fn all(&self) -> Vec<String> {
        self.shared.0.lock().unwrap().lines.clone()
    }

    pub fn text(&self) -> String {
        self.all().join("\n")
    }
}

/// A child process that does not outlive the test.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
