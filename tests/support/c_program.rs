//! Compiles the small C programs of `tests/c` against the header and the shared library of this test run, and runs them.

use super::STEP;
use super::broker::Broker;
use super::process::{Ended, Lines, describe, spawn, wait};
use super::temporary::TemporaryDirectory;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How a program is built or run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Plainly,
    ByAddressSanitizer,
    ByValgrind,
    /// Counts instructions; see [`Program::instructions`].
    ByCallgrind,
}

pub struct Program {
    name: String,
    directory: TemporaryDirectory,
    checked: Checked,
}

impl Program {
    pub fn compile(name: &str) -> Program {
        Program::compile_checked(name, Checked::Plainly)
    }

    pub fn compile_checked(name: &str, checked: Checked) -> Program {
        Program::compile_with(name, checked, &[], "gcc")
    }

    /// With more arguments for the compiler, which need the Debian packages `packages`.
    pub fn compile_with(
        name: &str,
        checked: Checked,
        arguments: &[&str],
        packages: &str,
    ) -> Program {
        let program = Program {
            name: name.to_owned(),
            directory: TemporaryDirectory::new(&name.replace('/', "-")),
            checked,
        };
        // The library has a soname, and only an installation has the file of that name; so the link is made here.
        let link = program.directory.file("libaws_iot_mqtt.so.0");
        std::os::unix::fs::symlink(shared_library(), &link).expect("the soname's link");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // The examples are programs as well.
        let source = match name.strip_prefix("c-examples/") {
            Some(example) => root.join("c-examples").join(format!("{example}.c")),
            None => root.join("tests/c").join(format!("{name}.c")),
        };
        let mut compiler = Command::new("cc");
        compiler
            .args([
                "-std=c99",
                "-Wall",
                "-Wextra",
                "-Wpedantic",
                "-Werror",
                "-pthread",
                "-g",
                "-O1",
                "-fno-omit-frame-pointer",
            ])
            .arg("-D_POSIX_C_SOURCE=200809L")
            .arg("-I")
            .arg(root.join("include"))
            .arg(&source)
            .arg("-o")
            .arg(program.executable())
            .arg("-L")
            .arg(program.directory.path())
            // A program that loads the library itself is not linked to it.
            .args(["-Wl,--as-needed", "-l:libaws_iot_mqtt.so.0", "-ldl", "-lm"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if checked == Checked::ByAddressSanitizer {
            compiler.arg("-fsanitize=address");
        }
        let output = spawn(&mut compiler, "gcc")
            .wait_with_output()
            .expect("the compiler's output");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} does not compile (it needs {packages}):\n{said}",
            source.display()
        );
        program
    }

    /// By way of another program, such as `ip netns exec NAME` or `setpriv ...`, which must become this one (exec).
    pub fn start_under(&self, other: &[&str], arguments: &[&str]) -> Running {
        let executable = self.executable();
        let mut words = other.iter().map(std::ffi::OsStr::new);
        let mut command = Command::new(words.next().unwrap_or(executable.as_os_str()));
        command.args(words);
        if !other.is_empty() {
            command.arg(&executable);
        }
        command
            .args(arguments)
            .env("LD_LIBRARY_PATH", self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = spawn(&mut command, "iproute2 util-linux");
        Running {
            what: format!("{} {}", self.name, arguments.join(" ")),
            stdin: child.stdin.take(),
            stdout: Lines::of(child.stdout.take().expect("a pipe")),
            stderr: Lines::of(child.stderr.take().expect("a pipe")),
            child: Ended(child),
            limit: self.limit(),
        }
    }

    fn executable(&self) -> PathBuf {
        self.directory.file("program")
    }

    /// Ten times slower under valgrind.
    fn limit(&self) -> Duration {
        if matches!(self.checked, Checked::ByValgrind | Checked::ByCallgrind) {
            STEP * 6
        } else {
            STEP * 2
        }
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(arguments, &[])
    }

    pub fn start_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
        let mut command = Command::new("valgrind");
        match self.checked {
            Checked::ByValgrind => command.args([
                "--quiet",
                "--error-exitcode=9",
                "--leak-check=full",
                "--errors-for-leak-kinds=definite",
                "--num-callers=24",
                concat!(
                    "--suppressions=",
                    env!("CARGO_MANIFEST_DIR"),
                    "/tests/valgrind.supp"
                ),
            ]),
            Checked::ByCallgrind => command.args(["--quiet", "--tool=callgrind"]).arg(format!(
                "--callgrind-out-file={}",
                self.directory.file("callgrind").display()
            )),
            _ => {
                command = Command::new(self.executable());
                &mut command
            }
        };
        if command.get_program() == "valgrind" {
            command.arg(self.executable());
        }
        command
            .args(arguments)
            .envs(environment.iter().copied())
            .env("LD_LIBRARY_PATH", self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = spawn(&mut command, "valgrind");
        Running {
            what: format!("{} {}", self.name, arguments.join(" ")),
            stdin: child.stdin.take(),
            stdout: Lines::of(child.stdout.take().expect("a pipe")),
            stderr: Lines::of(child.stderr.take().expect("a pipe")),
            child: Ended(child),
            limit: self.limit(),
        }
    }

    /// How many instructions were counted when the program dumped for the first time (CALLGRIND_DUMP_STATS).
    pub fn instructions(&self) -> u64 {
        let file = self.directory.file("callgrind.1");
        let text = std::fs::read_to_string(&file).expect("what callgrind has counted");
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        total
            .and_then(|total| total.trim().parse().ok())
            .expect("a total")
    }

    /// Runs to the end; panics with what the program said unless it exits with 0.
    pub fn run(&self, arguments: &[&str]) {
        if let Err(why) = self.start(arguments).outcome() {
            panic!("{why}");
        }
    }

    /// Runs against a scripted broker with the arguments `127.0.0.1 PORT DIRECTORY ...`; both must succeed. `-` as directory: plain TCP.
    pub fn run_with(&self, broker: Broker, directory: &str, more: &[&str]) {
        self.run_on(broker, directory, more, &[]);
    }

    /// The same on the way that the environment chooses (see `tests/c/check.h`).
    pub fn run_on(
        &self,
        broker: Broker,
        directory: &str,
        more: &[&str],
        environment: &[(&str, &str)],
    ) {
        let port = broker.port().to_string();
        let arguments = [&["127.0.0.1", &port, directory], more].concat();
        let program = self.start_with(&arguments, environment).outcome();
        let Err(why) = program else {
            return broker.finish();
        };
        // The script may still wait for the program that has failed; what it complains about now says how far it got.
        broker.wake();
        let broker = broker.outcome().err().unwrap_or_else(|| "nothing".into());
        panic!("{why}\nthe broker's script, woken after that, complained about: {broker}");
    }
}

/// `cargo test` puts the shared library beside the test programs.
fn shared_library() -> PathBuf {
    // Another one, such as one that is installed.
    if let Some(library) = std::env::var_os("TEST_LIBRARY") {
        return PathBuf::from(library);
    }
    let test = std::env::current_exe().expect("the test's own path");
    let library = test
        .parent()
        .expect("a directory")
        .join("libaws_iot_mqtt.so");
    assert!(
        library.exists(),
        "{}: cargo should have built it for this test",
        library.display()
    );
    library
}

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
