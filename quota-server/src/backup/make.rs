//! Making a backup, beside a running server or without one.

use super::manifest::Part;
use super::{BackupError, DATABASE, Manifest};
use crate::durable_file::{self, FileError, beside};
use crate::heads::{Signer, SigningKey};
use crate::key_directory::Peppers;
use crate::store::sqlite::{self, copy_into};
use crate::timestamp::rfc3339;
use crate::verify::verify;
use ferry_ledger::UnixMs;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Backs `database` up into the folder `to`, which must not be there yet.
///
/// # Errors
/// [`BackupError`]: there is no folder then.
pub fn make(database: &Path, to: &Path, now: UnixMs) -> Result<Manifest, BackupError> {
    if to.exists() {
        return Err(BackupError::InTheWay(to.into()));
    }
    let partial = beside(to, ".partial");
    if partial.exists() {
        return Err(BackupError::InTheWay(partial));
    }
    DirBuilder::new()
        .mode(0o700)
        .create(&partial)
        .map_err(FileError::io("make", &partial))?;
    let made = fill(database, &partial, now).and_then(|manifest| {
        durable_file::put(&partial, to)?;
        Ok(manifest)
    });
    if made.is_err()
        && let Err(error) = fs::remove_dir_all(&partial)
    {
        tracing::warn!(%error, folder = %partial.display(), "failed to remove what there is of a backup");
    }
    made
}

fn fill(database: &Path, folder: &Path, now: UnixMs) -> Result<Manifest, BackupError> {
    let copy = folder.join(DATABASE);
    durable_file::private(OpenOptions::new().create_new(true), &copy)?;
    copy_into(database, &copy)?;
    for (from, to) in secrets(database).iter().zip(secrets(&copy)) {
        let secret = durable_file::read_secret(from)?;
        let secret = secret.ok_or_else(|| BackupError::Missing(from.clone()))?;
        durable_file::write(&to, &secret)?;
    }
    let report = verify(&copy.clone().into())?;
    if let Some(difference) = report.difference {
        return Err(BackupError::NotClean(difference.to_string()));
    }
    let mut reader = sqlite::reader(&copy)?;
    let key = SigningKey::open(&copy, reader.signing_key()?)?;
    let signer = Signer::new(key, reader.epochs()?.present());
    let heads = reader.heads()?;
    drop(reader);
    File::open(&copy)
        .and_then(|file| file.sync_all())
        .map_err(FileError::io("write", &copy))?;
    let files = names().into_iter().map(|name| Part::of(folder, &name));
    let manifest = Manifest {
        format: Manifest::format(),
        made_at: rfc3339(now.0),
        epoch: signer.epoch(),
        public_key: signer.public().to_string(),
        books: report.tenants,
        entries: report.entries,
        files: files.collect::<Result<_, _>>()?,
        heads: heads
            .iter()
            .map(|(tenant, head)| signer.sign(tenant, *head).line())
            .collect(),
    };
    manifest.write(folder)?;
    Ok(manifest)
}

/// The files that lie beside a database and belong to it.
pub(super) fn secrets(database: &Path) -> [PathBuf; 2] {
    [Peppers::path(database), SigningKey::path(database)]
}

/// The files of a backup.
pub(super) fn names() -> Vec<String> {
    let database = Path::new(DATABASE);
    let secrets = secrets(database).into_iter();
    let all = std::iter::once(database.to_owned()).chain(secrets);
    all.map(|path| path.display().to_string()).collect()
}
