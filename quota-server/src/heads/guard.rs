//! What a server looks at before it decides anything: whether its database still has what was acknowledged.

use super::check::{Check, Difference, Found};
use super::export::{Export, ExportError};
use super::signed::{SignedHead, Signer};
use crate::durable_file::FileError;
use crate::store::{Database, OpenError, Reader, StoreError};
use std::path::Path;
use std::sync::Arc;

/// Losses that are named one by one: of more, their number is enough.
const LOSSES_NAMED_MAX: usize = 20;

/// The heads cannot be looked at, or not be exported.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What came of it.
pub(crate) enum Guarded {
    /// Every exported head holds, or is a known loss: the server may go on, and export.
    Sound(Export),
    /// The database is not the one that was acknowledged: why, and what to do.
    Unsound(String),
}

/// Looks every exported head up, tells known losses once, and opens the export.
pub(crate) fn guard(
    database: &Database,
    export: &Path,
    signer: &Arc<Signer>,
) -> Result<Guarded, GuardError> {
    let heads = match Export::read(export) {
        Ok(heads) => heads,
        Err(error) => return Ok(Guarded::Unsound(unreadable(&error))),
    };
    let mut reader = database.reader()?;
    let looked = look(&mut reader, signer, &heads)?;
    if let Some(difference) = looked.difference {
        return Ok(Guarded::Unsound(advice(&difference, export)));
    }
    if heads.iter().any(|head| head.epoch < signer.epoch()) {
        tell_losses(&looked.lost);
        let aside = Export::put_aside(export, signer.epoch())?;
        tracing::warn!(
            epoch = signer.epoch(), aside = %aside.display(),
            "a new epoch: the heads of earlier ones are kept aside"
        );
    }
    let newest = reader.heads()?;
    if heads.is_empty() && !newest.is_empty() {
        tracing::warn!(
            export = %export.display(),
            "no exported heads: nothing proves that the database is the newest"
        );
    }
    let export = Export::begin(export.to_owned(), newest, Arc::clone(signer))?;
    Ok(Guarded::Sound(export))
}

/// What was found of the exported heads.
pub(super) struct Looked {
    pub(super) lost: Vec<Difference>,
    pub(super) difference: Option<Difference>,
}

pub(super) fn look(
    reader: &mut Reader,
    signer: &Signer,
    heads: &[SignedHead],
) -> Result<Looked, StoreError> {
    let mut check = Check::new(reader, signer.public())?;
    let mut lost = Vec::new();
    for head in heads {
        match check.look(head)? {
            Found::Holds => {}
            Found::Lost(difference) => lost.push(difference),
            Found::Differs(difference) => {
                let difference = Some(difference);
                return Ok(Looked { lost, difference });
            }
        }
    }
    let difference = None;
    Ok(Looked { lost, difference })
}

fn tell_losses(lost: &[Difference]) {
    for difference in lost.iter().take(LOSSES_NAMED_MAX) {
        tracing::error!(%difference, "LOST: acknowledged before the restore, and not in this database");
    }
    if !lost.is_empty() {
        let heads = lost.len();
        tracing::error!(
            heads,
            "LOST: exported heads that the restore gave up; gateways' access logs tell what was in them"
        );
    }
}

fn unreadable(error: &ExportError) -> String {
    format!(
        "the exported heads cannot be trusted: {}. Put the file back as the server wrote it, or, if it is lost, move it \
         away: then nothing proves that the database is the newest",
        crate::store::chain(error)
    )
}

fn advice(difference: &Difference, export: &Path) -> String {
    format!(
        "the database is not the one that was acknowledged: {difference} (by {}). Put the right database back, or restore the \
         newest backup with `ferry restore`; if this database is what counts from now on, stop every server on it and run `ferry accept-loss`",
        export.display()
    )
}
