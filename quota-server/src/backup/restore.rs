//! Putting a backup in a database's place.

use super::make::{names, secrets};
use super::{BackupError, DATABASE, Manifest, ManifestError};
use crate::durable_file::{self, FileError, beside};
use crate::heads::accept::{Exported, raise};
use crate::heads::{HeadLine, SignedHead, SigningKey, verify_heads};
use crate::store::Founding as _;
use crate::store::sqlite::{self, Exclusive, SqliteStore};
use crate::verify::verify;
use ferry_ledger::UnixMs;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What was put back.
#[derive(Debug)]
pub struct Restored {
    /// What the backup was.
    pub manifest: Manifest,
    /// The epoch that begins.
    pub epoch: u64,
}

/// Puts the backup in the folder `from` in the place of `database`, where nothing may stand and no server may run. `export` is
/// where the heads of earlier runs are: the new epoch is above all of them.
///
/// # Errors
/// [`BackupError`]: there is no database then, as before.
pub fn restore(
    from: &Path,
    database: &Path,
    export: &Path,
    now: UnixMs,
) -> Result<Restored, BackupError> {
    let manifest = Manifest::check(from, &names())?;
    for suffix in ["", "-wal", "-journal"] {
        let file = beside(database, suffix);
        if file.exists() {
            return Err(BackupError::InTheWay(file));
        }
    }
    let _alone = Exclusive::take(database)?;
    let backed_up = from.join(DATABASE);
    for (kept, place) in secrets(&backed_up).iter().zip(secrets(database)) {
        let there = durable_file::read_secret(&place)?;
        if there.is_some() && there != durable_file::read_secret(kept)? {
            return Err(BackupError::OtherSecret(place));
        }
    }
    let partial = beside(database, ".restoring");
    let restored = prepare(&backed_up, &partial, &manifest, export, now).and_then(|epoch| {
        for (kept, place) in secrets(&backed_up).iter().zip(secrets(database)) {
            let secret = durable_file::read_secret(kept)?;
            let secret = secret.ok_or_else(|| BackupError::Missing(kept.clone()))?;
            durable_file::write(&place, &secret)?;
        }
        durable_file::put(&partial, database)?;
        Ok(epoch)
    });
    clear(&partial)?;
    let epoch = restored?;
    Ok(Restored { manifest, epoch })
}

/// Makes the copy ready under another name: in its new epoch, verified, and on the disk.
fn prepare(
    backed_up: &Path,
    partial: &Path,
    manifest: &Manifest,
    export: &Path,
    now: UnixMs,
) -> Result<u64, BackupError> {
    clear(partial)?;
    fs::copy(backed_up, partial).map_err(FileError::io("make", partial))?;
    let mut reader = sqlite::reader(partial)?;
    // A history that has moved is put back as one that has: restoring it is not yet coming back to it.
    let mut store = SqliteStore::open_moved(partial)?;
    let key = SigningKey::open(backed_up, store.signing_key()?)?;
    let exported = Exported::of(export).epoch;
    let epoch = raise(&mut store, &mut reader, &key, exported, now)?;
    drop(reader);
    // The last connection carries the log over and removes it.
    drop(store);
    let database = partial.to_path_buf().into();
    let report = verify(&database)?;
    if let Some(difference) = report.difference {
        return Err(BackupError::NotClean(difference.to_string()));
    }
    let heads: Option<Vec<SignedHead>> =
        manifest.heads.iter().cloned().map(HeadLine::read).collect();
    let heads = heads.ok_or_else(|| ManifestError::Lacks("heads in their shape".into()))?;
    let verdict = verify_heads(&database, Some(key.public()), &heads)?;
    if let Some(difference) = verdict.difference {
        return Err(BackupError::OtherHead(difference));
    }
    let log = beside(partial, "-wal");
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Err(BackupError::InTheWay(log));
    }
    File::open(partial)
        .and_then(|file| file.sync_all())
        .map_err(FileError::io("write", partial))?;
    Ok(epoch)
}

/// Removes what there is of a copy, and the files that SQLite and the lock left beside it.
fn clear(partial: &Path) -> Result<(), FileError> {
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let file = beside(partial, suffix);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(FileError::io("remove", &file)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
