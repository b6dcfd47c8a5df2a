//! Carries the log into the database beside the writer, on a connection of its own: what is carried over must be flushed, and
//! nobody should wait for that.
//!
//! While it carries, the writer appends. So it comes again for what was appended meanwhile, which is less each time; the little
//! that is left in the end the writer carries over itself, between two batches, and begins the log anew.

use crate::store::StoreError;
use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The thread that carries.
#[derive(Debug)]
pub(super) struct Carrier {
    asked: Option<SyncSender<()>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    carries: AtomicBool,
    failure: Mutex<Option<rusqlite::Error>>,
}

impl Carrier {
    /// Starts its thread on a connection to the writer's database.
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (asked, asks) = sync_channel(1);
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("ferry-carrier".into());
        let thread = thread.spawn(move || carry_on(&connection, &asks, &own));
        let thread = thread.map_err(|source| StoreError::Database {
            action: "start a thread",
            source: source.into(),
        })?;
        Ok(Self {
            asked: Some(asked),
            shared,
            thread: Some(thread),
        })
    }

    /// Has it carry over what is in the log, unless it does so already.
    pub(super) fn ask(&self) {
        if self.shared.carries.swap(true, Ordering::SeqCst) {
            return;
        }
        // There is room, since it carries nothing; and it is there for as long as somebody can ask.
        if self
            .asked
            .as_ref()
            .is_none_or(|asked| asked.send(()).is_err())
        {
            tracing::error!("the log's carrier is gone");
        }
    }

    /// Whether it carries now.
    pub(super) fn carries(&self) -> bool {
        self.shared.carries.load(Ordering::SeqCst)
    }

    /// What went wrong. The disk may have failed: nobody knows what is durable then.
    pub(super) fn failure(&self) -> Option<rusqlite::Error> {
        let failure = self.shared.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Carrier {
    /// Its connection is closed before the writer's is.
    fn drop(&mut self) {
        self.asked = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the log's carrier has panicked");
        }
    }
}

fn carry_on(connection: &Connection, asks: &Receiver<()>, shared: &Shared) {
    while asks.recv().is_ok() {
        if let Err(error) = carry(connection) {
            *shared
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        shared.carries.store(false, Ordering::SeqCst);
    }
}

/// Carries over what can be without anybody's waiting.
pub(super) fn carry(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")
        .and_then(|mut statement| statement.query_row((), |_| Ok(())))
}
