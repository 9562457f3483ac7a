//! The locks, condition variables and atomics of the hand-overs between threads, under one name: `races` compiles the same files
//! against a scheduler that tries many orders (docs/races.md).

pub(super) use std::sync::{Condvar, Mutex, MutexGuard, atomic};
pub(super) use std::thread_local;
