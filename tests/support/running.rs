//! A program under way, its input and its output.

use super::STEP;
use super::process::{Ended, Lines, describe, spawn, wait};
use std::io::Write;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A program under way. It is killed if the test ends first.
pub struct Running {
    what: String,
    child: Ended,
    stdin: Option<ChildStdin>,
    pub stdout: Lines,
    pub stderr: Lines,
    limit: Duration,
}

impl Running {
    /// Any program, which the Debian package `package` has, and which may take as long as `limit`.
    pub fn start(command: &mut Command, what: String, package: &str, limit: Duration) -> Running {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = spawn(command, package);
        Running {
            what,
            stdin: child.stdin.take(),
            stdout: Lines::of(child.stdout.take().expect("a pipe")),
            stderr: Lines::of(child.stderr.take().expect("a pipe")),
            child: Ended(child),
            limit,
        }
    }

    /// For a program that goes on for a time of its own.
    pub fn allow(&mut self, more: Duration) {
        self.limit += more;
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child.0
    }

    /// Waits for a line on its standard output.
    pub fn wait_for(&self, text: &str) {
        let said = self.stdout.wait_for(self.limit, text);
        assert!(said, "{} did not say {text:?}\n{}", self.what, self.said());
    }

    /// A line for its standard input: the program goes on.
    pub fn tell(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("its standard input");
        // In one write: the program may end at the first byte.
        let line = format!("{text}\n");
        stdin
            .write_all(line.as_bytes())
            .expect("writing to the program");
    }

    /// For a test that writes to the program from another thread.
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("its standard input")
    }

    /// SIGKILL, as an application that crashes.
    pub fn kill(mut self) {
        self.child.0.kill().expect("kill");
        self.child.0.wait().expect("wait");
    }

    fn said(&self) -> String {
        format!(
            "its standard error:\n{}\nits standard output:\n{}",
            self.stderr.text(),
            self.stdout.text()
        )
    }

    /// Waits for the end; `Err` has all that a person needs if it was not an exit with 0.
    pub fn outcome(mut self) -> Result<(), String> {
        match self.ended() {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!(
                "{} {}\n{}",
                self.what,
                describe(status),
                self.said()
            )),
            None => Err(format!(
                "{} does not end in {:?}\n{}",
                self.what,
                self.limit,
                self.said()
            )),
        }
    }

    pub fn finish(self) {
        if let Err(why) = self.outcome() {
            panic!("{why}");
        }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        let status = wait(&mut self.child.0, self.limit)?;
        self.stdout.wait_for_end(STEP);
        self.stderr.wait_for_end(STEP);
        Some(status)
    }
}
