//! Gives the shared library its soname and keeps it in memory once loaded. Nothing is generated here.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The ABI number: `libaws_iot_mqtt.so.0`. It changes with a break of the ABI only, never with the version. cmake/ reads this line.
    let abi = 0;
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if system == "linux" || system == "android" || system.ends_with("bsd") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libaws_iot_mqtt.so.{abi}");
        // Threads of ours may be alive at `dlclose`; unmapping their code would crash the program. It stays mapped instead.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
