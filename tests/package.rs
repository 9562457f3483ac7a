//! The installed package, used as its users do: CMake and pkg-config, shared and static, C and C++, after the tree was moved; the library as
//! a part of another project; Debian packages. The work is in `tests/package/*.sh`, which can be run by hand too.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Both build in one directory, so that the release library is built once.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn run(script: &str, last: &str) {
    let _guard = ONE_AT_A_TIME.lock();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
    let output = Command::new("bash")
        .arg(root.join(script))
        .arg(&work)
        // The package is built as a user builds it: nothing of this cargo's run may reach it.
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("DESTDIR")
        // Cargo points it at its own copy of the library.
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null())
        .output()
        .expect("bash is there: apt-get install -y bash");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains(last),
        "{script}: {}\n{said}\n{complained}",
        output.status
    );
}

#[test]
fn installed_moved_and_used() {
    run("tests/package/round_trip.sh", "ok: round trip complete");
}

#[test]
fn from_source_and_as_debian_packages() {
    run("tests/package/use.sh", "ok: uses complete");
}
