//! Threads, and what they wait with. The server's are std's. In unit tests they are std's too, but within [`explored::every_schedule`] loom's,
//! which plays through the orders in which threads can come.

#[cfg(test)]
pub(super) mod explored;

#[cfg(test)]
pub(super) use explored::{Condvar, JoinHandle, Mutex, MutexGuard, spawn};
#[cfg(not(test))]
pub(super) use std::{
    sync::{Condvar, Mutex, MutexGuard},
    thread::JoinHandle,
};

/// Starts a thread of this name.
#[cfg(not(test))]
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.into()).spawn(run)
}
