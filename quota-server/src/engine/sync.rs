//! What threads wait with. The server's are std's. In unit tests they are std's too, but within [`explored::every_schedule`] loom's,
//! which plays through the orders in which threads can come.

#[cfg(test)]
pub(super) mod explored;

#[cfg(test)]
pub(super) use explored::{Condvar, Mutex, MutexGuard};
#[cfg(not(test))]
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
