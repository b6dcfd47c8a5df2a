//! The same types with a second inside: std's, or loom's while schedules are explored. Only what the engine uses.
//!
//! A wait that is explored never ends by its patience: nobody may depend on it, and whoever is not woken shows as a deadlock.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

thread_local! {
    /// Whether this thread explores; loom's threads all run on it.
    static EXPLORES: Cell<bool> = const { Cell::new(false) };
}

/// Runs this in every order that its threads can come in, with so many switches where nothing demands one.
pub(in crate::engine) fn every_schedule(
    preemptions: usize,
    run: impl Fn() + Send + Sync + 'static,
) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    EXPLORES.set(true);
    builder.check(run);
    EXPLORES.set(false);
}

pub(in crate::engine) enum Mutex<T> {
    Std(std::sync::Mutex<T>),
    Loom(loom::sync::Mutex<T>),
}

pub(in crate::engine) enum MutexGuard<'a, T> {
    Std(std::sync::MutexGuard<'a, T>),
    Loom(loom::sync::MutexGuard<'a, T>),
}

pub(in crate::engine) enum Condvar {
    Std(std::sync::Condvar),
    Loom(loom::sync::Condvar),
}

/// Stack of a thread that runs the engine, in machine words; loom's own is too small for it.
const STACK_WORDS: usize = 0x4_0000;

pub(in crate::engine) enum JoinHandle<T> {
    Std(std::thread::JoinHandle<T>),
    Loom(loom::thread::JoinHandle<T>),
}

impl<T> JoinHandle<T> {
    pub(in crate::engine) fn join(self) -> std::thread::Result<T> {
        match self {
            Self::Std(thread) => thread.join(),
            Self::Loom(thread) => thread.join(),
        }
    }
}

pub(in crate::engine) fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    if EXPLORES.get() {
        let thread = loom::thread::Builder::new().stack_size(STACK_WORDS);
        return thread.spawn(run).map(JoinHandle::Loom);
    }
    let thread = std::thread::Builder::new().name(name.into());
    thread.spawn(run).map(JoinHandle::Std)
}

/// A guard of the one or the other kind, poisoned or not.
fn guarded<A, B>(result: LockResult<A>, kind: impl Fn(A) -> B) -> LockResult<B> {
    match result {
        Ok(guard) => Ok(kind(guard)),
        Err(poisoned) => Err(PoisonError::new(kind(poisoned.into_inner()))),
    }
}

impl<T> Mutex<T> {
    pub(in crate::engine) fn new(value: T) -> Self {
        if EXPLORES.get() {
            Self::Loom(loom::sync::Mutex::new(value))
        } else {
            Self::Std(std::sync::Mutex::new(value))
        }
    }

    pub(in crate::engine) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        match self {
            Self::Std(mutex) => guarded(mutex.lock(), MutexGuard::Std),
            Self::Loom(mutex) => guarded(mutex.lock(), MutexGuard::Loom),
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Std(guard) => guard,
            Self::Loom(guard) => guard,
        }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::Std(guard) => guard,
            Self::Loom(guard) => guard,
        }
    }
}

impl Condvar {
    pub(in crate::engine) fn new() -> Self {
        if EXPLORES.get() {
            Self::Loom(loom::sync::Condvar::new())
        } else {
            Self::Std(std::sync::Condvar::new())
        }
    }

    pub(in crate::engine) fn wait_timeout_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        patience: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        match (self, guard) {
            (Self::Std(condvar), MutexGuard::Std(guard)) => {
                let waited = condvar.wait_timeout_while(guard, patience, condition);
                guarded(waited, |(guard, result)| {
                    (MutexGuard::Std(guard), result.timed_out())
                })
            }
            (Self::Loom(condvar), MutexGuard::Loom(mut guard)) => {
                while condition(&mut guard) {
                    guard = condvar.wait(guard).unwrap();
                }
                Ok((MutexGuard::Loom(guard), false))
            }
            _ => panic!("a lock and a condition of different kinds"),
        }
    }

    pub(in crate::engine) fn wait_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        match (self, guard) {
            (Self::Std(condvar), MutexGuard::Std(guard)) => {
                guarded(condvar.wait_while(guard, condition), MutexGuard::Std)
            }
            (Self::Loom(condvar), MutexGuard::Loom(mut guard)) => {
                while condition(&mut guard) {
                    guard = condvar.wait(guard).unwrap();
                }
                Ok(MutexGuard::Loom(guard))
            }
            _ => panic!("a lock and a condition of different kinds"),
        }
    }

    pub(in crate::engine) fn notify_one(&self) {
        match self {
            Self::Std(condvar) => condvar.notify_one(),
            Self::Loom(condvar) => condvar.notify_one(),
        }
    }

    pub(in crate::engine) fn notify_all(&self) {
        match self {
            Self::Std(condvar) => condvar.notify_all(),
            Self::Loom(condvar) => condvar.notify_all(),
        }
    }
}
