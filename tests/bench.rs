//! The harness of `make bench` judges figures: its own checks, which measure nothing. See `tests/bench/harness/check.py`.

use std::process::{Command, Stdio};

#[test]
fn the_harness_of_the_benchmarks_compares_and_judges_rightly() {
    let output = Command::new("python3")
        .args(["-B", "-m", "unittest", "-q", "harness.check"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench"))
        .stdin(Stdio::null())
        .output()
        .expect("python3 is there: apt-get install -y python3");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !said.contains("Ran 0 tests"),
        "python3 -m unittest harness.check:\n{said}"
    );
}
