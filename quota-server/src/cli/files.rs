//! Commands on a database's files, for which no server is asked.

use super::output::{self, Output, confirmed};
use crate::backup::{self, Manifest, Restored};
use crate::config::{Config, HEADS_SUFFIX};
use crate::durable_file::beside;
use crate::heads::accept::{Accepted, accept_loss};
use crate::store::{Database, OpenError};
use clap::Args;
use ferry_ledger::UnixMs;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Losses that are named one by one.
const LOSSES_NAMED_MAX: usize = 20;

/// Which database.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The server's configuration, which says where its database is.
    #[arg(long, default_value = "ferry.toml", value_name = "FILE")]
    config: PathBuf,
    /// The database's file, where there is no configuration.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    database: Option<PathBuf>,
}

/// A database with what lies beside it, or elsewhere.
struct Found {
    database: Database,
    secrets: PathBuf,
    /// Of its heads.
    export: PathBuf,
}

impl Place {
    fn find(self) -> anyhow::Result<Found> {
        Ok(match self.database {
            Some(file) => Found {
                export: beside(&file, HEADS_SUFFIX),
                secrets: file.clone(),
                database: file.into(),
            },
            None => {
                let config = Config::load(&self.config)?;
                Found {
                    database: config.database,
                    secrets: config.secrets,
                    export: config.heads.export,
                }
            }
        })
    }

    /// A database's file, and the export of its heads.
    fn find_file(self) -> anyhow::Result<(PathBuf, PathBuf)> {
        let Found {
            database,
            secrets,
            export,
        } = self.find()?;
        let file = database.file().map(Path::to_path_buf);
        let file = file.ok_or_else(|| {
            anyhow::anyhow!(
                "{database} is PostgreSQL's: back it up and put it back with PostgreSQL's own tools (pg_basebackup, or pg_dump \
                 and pg_restore), and keep {} and {} with it, without which it cannot be used",
                beside(&secrets, ".peppers").display(),
                beside(&secrets, ".signing-key").display()
            )
        })?;
        Ok((file, export))
    }
}

/// Makes a backup.
pub(super) fn backup(to: &Path, place: Place, output: &Output) -> anyhow::Result<ExitCode> {
    let (database, _) = place.find_file()?;
    let manifest = backup::make(&database, to, now())?;
    output.result(&manifest, |manifest| {
        let Manifest { books, entries, .. } = manifest;
        let to = to.display();
        format!("{to}: {books} books, {entries} journal entries, verified; it holds secrets: keep it as the database")
    })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct RestoredBackup {
    database: String,
    made_at: String,
    epoch: u64,
    books: u64,
    entries: u64,
}

/// Puts a backup back.
pub(super) fn restore(from: &Path, place: Place, output: &Output) -> anyhow::Result<ExitCode> {
    let (database, export) = place.find_file()?;
    let Restored { manifest, epoch } = backup::restore(from, &database, &export, now())?;
    let restored = RestoredBackup {
        database: database.display().to_string(),
        made_at: manifest.made_at,
        epoch,
        books: manifest.books,
        entries: manifest.entries,
    };
    output.result(&restored, |restored| {
        let RestoredBackup {
            database,
            made_at,
            epoch,
            books,
            entries,
        } = restored;
        format!(
            "{database}: as of {made_at}, {books} books, {entries} journal entries, verified; epoch {epoch} begins, and the next \
             start tells what was acknowledged after that"
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct AcceptedLoss {
    epoch: u64,
    lost: Vec<String>,
    export_aside: Option<String>,
}

/// Makes a database count that lacks what was acknowledged.
pub(super) async fn accept(place: Place, yes: bool, output: &Output) -> anyhow::Result<ExitCode> {
    let Found {
        database,
        secrets,
        export,
    } = place.find()?;
    let asked = database.clone();
    let moved =
        tokio::task::spawn_blocking(move || asked.reader()?.moved_to().map_err(OpenError::from));
    let since = match moved.await?? {
        Some(to) => format!(" of what was done in {to} since it moved there"),
        None => String::new(),
    };
    let question = format!("giving up what {database} lacks{since}");
    if !yes && !confirmed(&question)? {
        anyhow::bail!("nothing was done");
    }
    let accepting =
        tokio::task::spawn_blocking(move || accept_loss(&database, &secrets, &export, now()));
    let Accepted { epoch, lost, aside } = accepting.await??;
    let accepted = AcceptedLoss {
        epoch,
        lost: lost.iter().map(ToString::to_string).collect(),
        export_aside: aside.map(|path| path.display().to_string()),
    };
    for lost in accepted.lost.iter().take(LOSSES_NAMED_MAX) {
        output::tell(&format!("lost: {lost}"));
    }
    output.result(&accepted, |accepted| {
        let heads = accepted.lost.len();
        format!("epoch {epoch} begins; {heads} exported heads are given up")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixMs(since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }))
}
