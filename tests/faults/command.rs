//! `make faults`: every fault, as root, and `docs/reliability.md` of what was measured.

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod hosts;
mod lab;
mod network;
mod page;
mod process;

fn main() {
    page::make();
}
