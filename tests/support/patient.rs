//! Whom `c-examples/doctor.c` examines in the tests.

use super::c_program::Program;
use super::certificates::Certificates;

/// What the doctor is called with, before a test changes it.
pub struct Patient {
    pub endpoint: &'static str,
    pub port: u16,
    pub files: [&'static str; 3],
    pub topic: &'static str,
}

impl Patient {
    pub fn at(port: u16) -> Patient {
        Patient {
            endpoint: "127.0.0.1",
            port,
            files: ["ca.pem", "client.pem", "client.key"],
            topic: "doctor/test",
        }
    }

    /// Runs it; gives whether all was well, and what it printed.
    pub fn examined(&self, certificates: &Certificates) -> (bool, String) {
        let program = Program::compile("c-examples/doctor");
        let port = self.port.to_string();
        let [ca, cert, key] = self
            .files
            .map(|name| certificates.file(name).display().to_string());
        // Without a network the resolver would try its servers for longer than we allow.
        let quick = [("RES_OPTIONS", "timeout:1 attempts:1")];
        let arguments = [
            ["--endpoint", self.endpoint],
            ["--port", &port],
            ["--ca", &ca],
            ["--cert", &cert],
            ["--key", &key],
            ["--client-id", "patient"],
            ["--topic", self.topic],
            ["--count", "3"],
        ];
        let running = program.start_with(&arguments.concat(), &quick);
        let said = running.stdout.clone();
        match running.outcome() {
            Ok(()) => (true, said.text()),
            Err(why) => {
                assert!(why.contains("exited with 1\n"), "{why}");
                (false, said.text())
            }
        }
    }

    /// It must find the one thing that is wrong: a step, and a word of its cause or mend. The steps `before` must hold. Gives what it
    /// printed.
    pub fn suffers(
        &self,
        certificates: &Certificates,
        before: &[&str],
        step: &str,
        words: &[&str],
    ) -> String {
        let (well, said) = self.examined(certificates);
        assert!(!well, "the doctor says that all is well:\n{said}");
        for step in before {
            assert!(
                has(&said, "ok", step),
                "the step {step} should hold:\n{said}"
            );
        }
        let failed: Vec<&str> = said.lines().filter(|l| l.contains("  FAIL  ")).collect();
        assert_eq!(failed.len(), 1, "one diagnosis was expected:\n{said}");
        assert!(has(&said, "FAIL", step), "{step} should fail:\n{said}");
        for word in words.iter().chain(&["likely:", "mend:"]) {
            assert!(said.contains(word), "{word:?} is missed in:\n{said}");
        }
        said
    }
}

/// Whether there is a line of this verdict and step; the step's name ends where the blanks begin.
pub fn has(said: &str, verdict: &str, step: &str) -> bool {
    said.lines().any(|line| {
        let rest = line.trim_start().strip_prefix(verdict);
        rest.is_some_and(|rest| rest.trim_start().starts_with(&format!("{step}  ")))
    })
}
