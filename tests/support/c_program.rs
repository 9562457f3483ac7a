//! Compiles the small C programs of `tests/c`, and the C++ ones of `tests/cpp`, against the header and the shared library of this test run, and runs them.

use super::STEP;
use super::broker::Broker;
use super::process::spawn;
use super::running::Running;
use super::temporary::TemporaryDirectory;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How a program is built or run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Plainly,
    ByAddressSanitizer,
    ByValgrind,
    /// For programs that free their clients outside of callbacks: nothing is even possibly lost then.
    ByValgrindStrictly,
    /// Sees only what the program itself shares between threads: tests/helgrind.supp says why.
    ByHelgrind,
    /// Against a library and a runtime that `make races` builds: see [`thread_sanitizer`].
    ByThreadSanitizer,
    /// Counts instructions; see [`Program::instructions`].
    ByCallgrind,
    /// Counts system calls; see [`Program::system_calls`].
    ByStrace,
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
        Program::build(&shared_library(), name, checked, arguments, packages)
    }

    /// Against another build of the library than that of this test run.
    pub fn compile_against(library: &Path, name: &str, checked: Checked) -> Program {
        Program::build(library, name, checked, &[], "gcc valgrind")
    }

    fn build(
        library: &Path,
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
        link_to(library, &program.directory);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // The examples are programs as well.
        let source = match name.split_once('/') {
            Some(("c-examples", example)) if example.ends_with(".cpp") => root.join(name),
            Some(("c-examples", _)) => root.join(format!("{name}.c")),
            Some(("cpp", _)) => root.join("tests").join(format!("{name}.cpp")),
            _ => root.join("tests/c").join(format!("{name}.c")),
        };
        let cpp = source
            .extension()
            .is_some_and(|extension| extension == "cpp");
        let (command, standard) = if cpp {
            ("c++", "-std=c++17")
        } else {
            ("cc", "-std=c99")
        };
        let mut compiler = Command::new(command);
        compiler
            .args([
                standard,
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
            if cpp {
                compiler.args(["-fsanitize=undefined", "-fno-sanitize-recover=undefined"]);
            }
        }
        if checked == Checked::ByThreadSanitizer {
            compiler.args(["-fsanitize=thread", "-c"]);
        }
        let output = spawn(&mut compiler, if cpp { "g++" } else { "gcc" })
            .wait_with_output()
            .expect("the compiler's output");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} does not compile (it needs {packages}):\n{said}",
            source.display()
        );
        if checked == Checked::ByThreadSanitizer {
            program.link_with_thread_sanitizer();
        }
        program
    }

    /// With the runtime of the compiler that instrumented the library; gcc's own lacks functions that it calls.
    fn link_with_thread_sanitizer(&self) {
        let object = self.directory.file("object");
        std::fs::rename(self.executable(), &object).expect("the object");
        let (_, runtime) = thread_sanitizer().expect("a runtime");
        let output = spawn(
            Command::new("cc")
                .arg("-pthread")
                .arg(&object)
                .arg("-o")
                .arg(self.executable())
                .args(["-Wl,--export-dynamic", "-Wl,--whole-archive"])
                .arg(runtime)
                .arg("-Wl,--no-whole-archive")
                .arg("-L")
                .arg(self.directory.path())
                .args(["-l:libaws_iot_mqtt.so.0", "-ldl", "-lrt", "-lm"])
                .stdin(Stdio::null())
                .stderr(Stdio::piped()),
            "gcc",
        )
        .wait_with_output()
        .expect("the linker's output");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "it does not link:\n{said}");
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
            .env("LD_LIBRARY_PATH", self.directory.path());
        let what = format!("{} {}", self.name, arguments.join(" "));
        Running::start(&mut command, what, "iproute2 util-linux", self.limit())
    }

    fn executable(&self) -> PathBuf {
        self.directory.file("program")
    }

    /// Ten times slower under valgrind.
    fn limit(&self) -> Duration {
        if matches!(
            self.checked,
            Checked::ByValgrind
                | Checked::ByValgrindStrictly
                | Checked::ByHelgrind
                | Checked::ByCallgrind
                | Checked::ByStrace
        ) {
            STEP * 6
        } else {
            STEP * 2
        }
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(arguments, &[])
    }

    pub fn start_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
        let tool = match self.checked {
            Checked::ByValgrind
            | Checked::ByValgrindStrictly
            | Checked::ByHelgrind
            | Checked::ByCallgrind => "valgrind",
            Checked::ByStrace => "strace",
            Checked::Plainly | Checked::ByAddressSanitizer | Checked::ByThreadSanitizer => "",
        };
        let mut command = Command::new(tool);
        match self.checked {
            Checked::ByValgrind | Checked::ByValgrindStrictly => command.args([
                "--quiet",
                "--error-exitcode=9",
                "--leak-check=full",
                match self.checked {
                    Checked::ByValgrindStrictly => "--errors-for-leak-kinds=definite,possible",
                    _ => "--errors-for-leak-kinds=definite",
                },
                "--num-callers=24",
                concat!(
                    "--suppressions=",
                    env!("CARGO_MANIFEST_DIR"),
                    "/tests/valgrind.supp"
                ),
            ]),
            Checked::ByHelgrind => command.args([
                "--quiet",
                "--tool=helgrind",
                "--error-exitcode=9",
                "--num-callers=24",
                concat!(
                    "--suppressions=",
                    env!("CARGO_MANIFEST_DIR"),
                    "/tests/helgrind.supp"
                ),
            ]),
            Checked::ByCallgrind => command
                .args(["--quiet", "--tool=callgrind", "--fair-sched=yes"])
                .arg(format!(
                    "--callgrind-out-file={}",
                    self.directory.file("callgrind").display()
                )),
            Checked::ByStrace => command
                .args(["-f", "-c", "-o"])
                .arg(self.directory.file("strace")),
            _ => {
                command = Command::new(self.executable());
                &mut command
            }
        };
        if !tool.is_empty() {
            command.arg(self.executable());
        }
        command
            .args(arguments)
            .envs(environment.iter().copied())
            .env("LD_LIBRARY_PATH", self.directory.path());
        let what = format!("{} {}", self.name, arguments.join(" "));
        Running::start(&mut command, what, tool, self.limit())
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

    /// How many system calls the whole run made.
    pub fn system_calls(&self) -> u64 {
        let file = self.directory.file("strace");
        let text = std::fs::read_to_string(&file).expect("what strace has counted");
        // The last line is "100.00 seconds usecs/call calls [errors] total".
        let total = text.lines().find(|line| line.ends_with(" total"));
        total
            .and_then(|line| line.split_whitespace().nth(3)?.parse().ok())
            .unwrap_or_else(|| panic!("no total of calls in:\n{text}"))
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

/// The instrumented library and the runtime that `make races` names in TSAN_LIBRARY and TSAN_RUNTIME, if it does.
pub fn thread_sanitizer() -> Option<(PathBuf, PathBuf)> {
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    Some((path("TSAN_LIBRARY")?, path("TSAN_RUNTIME")?))
}

/// Puts the shared library of this test run into a directory, under its soname and the name that linkers look for.
pub fn link_library(directory: &TemporaryDirectory) {
    link_to(&shared_library(), directory);
}

fn link_to(library: &Path, directory: &TemporaryDirectory) {
    for name in ["libaws_iot_mqtt.so.0", "libaws_iot_mqtt.so"] {
        std::os::unix::fs::symlink(library, directory.file(name)).expect("a link");
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
