//! The installed package, used as its users do: CMake and pkg-config, shared and static, C and C++, after the tree was moved.
//! The work is in `tests/package/round_trip.sh`, which can be run by hand too.

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn installed_moved_and_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
    let output = Command::new("bash")
        .arg(root.join("tests/package/round_trip.sh"))
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
        output.status.success() && said.contains("ok: round trip complete"),
        "tests/package/round_trip.sh: {}\n{said}\n{complained}",
        output.status
    );
}
