//! The lanes and the writer in all orders of their threads, with one or two switches that nothing demands: a thread that is never woken, a job that is lost or
//! answered twice, an answer before its commit are found, not met by luck.
//!
//! Loom plays the orders, so that there are few threads and few jobs. It knows the lanes' lock and condition only; whatever else a
//! thread does is one step to it.

mod jobs;
mod lanes;
mod memory;
mod writer;

use crate::engine::sync;
use crate::engine::sync::explored::{JoinHandle, every_schedule};

/// A thread of loom's with room on its stack.
fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    sync::spawn("explored", run).unwrap()
}
