//! Accepting a loss: the database counts from now on, whatever was exported before. A new epoch begins.

use super::check::{Check, Difference, Found};
use super::epoch::Epoch;
use super::export::{Export, ExportError, read_heads};
use super::signing_key::{SigningKey, SigningKeyError};
use crate::durable_file::FileError;
use crate::store::{Database, Founding, OpenError, Reader, StoreError};
use ferry_ledger::UnixMs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long sessions of others may take to end: a server that has just been stopped is seen for a moment longer.
const SESSIONS_END_MAX: Duration = Duration::from_secs(3);
/// Between two looks at them.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What was given up.
#[derive(Debug)]
pub struct Accepted {
    /// The epoch that begins.
    pub epoch: u64,
    /// Exported heads that the database does not have.
    pub lost: Vec<Difference>,
    /// Where the export of the earlier epochs is kept, if there was one.
    pub aside: Option<PathBuf>,
}

/// The loss could not be accepted. The database counts no more and no less than before.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The database cannot be opened for writing; a server that has it open is such a reason.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody may be serving it.
    #[error(
        "another server has the database open, or something else of ferry ({0} sessions): stop every server on it first"
    )]
    InUse(u64),
    /// The signing key cannot be used.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The export cannot be put aside.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Accepts what the database lacks of what was exported, and of what was done in another place if it had moved there. No server must run
/// on it. The signing key lies beside `secrets`.
///
/// # Errors
/// [`AcceptError`] says what stands in the way.
pub fn accept_loss(
    database: &Database,
    secrets: &Path,
    export: &Path,
    now: UnixMs,
) -> Result<Accepted, AcceptError> {
    // What is no database of ours is not made one.
    drop(database.reader()?);
    let mut store = database.open_moved()?;
    alone(store.as_mut())?;
    let mut reader = database.reader()?;
    let key = SigningKey::open(secrets, store.signing_key()?)?;
    store.keep_signing_key(&key.public())?;
    let exported = Exported::of(export);
    let mut lost = Vec::new();
    let mut check = Check::new(&mut reader, key.public())?;
    for head in &exported.heads {
        match check.look(head)? {
            Found::Holds => {}
            Found::Lost(difference) | Found::Differs(difference) => lost.push(difference),
        }
    }
    let epoch = raise(store.as_mut(), &mut reader, &key, exported.epoch, now)?;
    store.come_back()?;
    let aside = if export.exists() {
        Some(Export::put_aside(export, epoch)?)
    } else {
        None
    };
    Ok(Accepted { epoch, lost, aside })
}

/// Waits until nobody else has the database open.
fn alone(store: &mut dyn Founding) -> Result<(), AcceptError> {
    let until = Instant::now() + SESSIONS_END_MAX;
    loop {
        match store.other_sessions()? {
            0 => return Ok(()),
            others if Instant::now() >= until => return Err(AcceptError::InUse(others)),
            _ => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

/// Begins an epoch above every one that was ever seen, with the heads that stand.
///
/// # Errors
/// [`StoreError`] if the database cannot be read or written.
pub(crate) fn raise(
    store: &mut dyn Founding,
    reader: &mut Reader,
    key: &SigningKey,
    exported: u64,
    now: UnixMs,
) -> Result<u64, StoreError> {
    let present = reader.epochs()?.present();
    let epoch = present.max(exported).saturating_add(1);
    let heads = reader.heads()?.into_iter();
    let heads = heads.map(|(tenant, head)| (tenant, (head.seq, head.hash)));
    store.begin_epoch(&Epoch::begin(epoch, now, heads.collect(), key))?;
    Ok(epoch)
}

/// What an export says, as far as it can be read: an export that was tampered with is no reason to stay down.
pub(crate) struct Exported {
    heads: Vec<super::SignedHead>,
    /// The highest epoch in it.
    pub(crate) epoch: u64,
}

impl Exported {
    pub(crate) fn of(export: &Path) -> Self {
        let heads = read_heads(export).unwrap_or_else(|error| {
            if !matches!(error, ExportError::File(FileError::Io { ref source, .. })
                if source.kind() == std::io::ErrorKind::NotFound)
            {
                tracing::warn!(error = %crate::store::chain(&error), "the exported heads cannot be read");
            }
            Vec::new()
        });
        let epoch = heads.iter().map(|head| head.epoch).max().unwrap_or(0);
        Self { heads, epoch }
    }
}
