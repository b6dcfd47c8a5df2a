//! The lanes and the writer in all orders of their threads, with one or two switches that nothing demands: a thread that is never woken, a job that is lost or
//! answered twice, an answer before its commit are found, not met by luck.
//!
//! Loom plays the orders, so that there are few threads and few jobs. It knows the lanes' lock and condition only; whatever else a
//! thread does is one step to it.

mod jobs;
mod lanes;
mod memory;
mod writer;

/// Stack of a thread that runs the engine, in machine words; loom's own is too small for it.
const STACK_WORDS: usize = 0x4_0000;

use crate::engine::sync::explored::every_schedule;

/// A thread of loom's with room on its stack.
fn spawn<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> loom::thread::JoinHandle<T> {
    let thread = loom::thread::Builder::new().stack_size(STACK_WORDS);
    thread.spawn(run).unwrap()
}
