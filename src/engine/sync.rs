//! The locks, condition variables and atomics of the hand-overs between threads, under one name: a scheduler that tries many orders can take
//! their place (docs/races.md).

pub(super) use std::sync::{Condvar, Mutex, MutexGuard, atomic};
pub(super) use std::thread_local;
