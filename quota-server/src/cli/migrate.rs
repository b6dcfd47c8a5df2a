//! `ferry migrate`: from SQLite's file to PostgreSQL.

use super::output::{Output, PROGRESS_EVERY, Progress};
use crate::migrate::{Migrated, Stage, migrate};
use crate::store::postgres::PostgresConfig;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Reads `sqlite:PATH`.
pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    match text.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(path.into()),
        Some(_) | None => Err("not a file such as sqlite:/var/lib/ferry/ferry.db".into()),
    }
}

#[derive(Serialize)]
struct Moved {
    from: String,
    to: String,
    books: u64,
    entries: u64,
    rows: u64,
    secrets: String,
}

pub(super) async fn run(
    from: PathBuf,
    to: PostgresConfig,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let to = match std::env::var("PGPASSWORD") {
        Ok(password) => to.with_password(&password),
        Err(_) => to,
    };
    let (file, shown) = (from.display().to_string(), to.to_string());
    let moving = tokio::task::spawn_blocking(move || {
        let mut progress = Progress::begin();
        let migrated = migrate(&from, &to, &mut |stage| show(&mut progress, stage));
        progress.end();
        migrated
    });
    let Migrated {
        books,
        entries,
        rows,
    } = moving.await??;
    let moved = Moved {
        secrets: std::path::absolute(&file)?.display().to_string(),
        from: file,
        to: shown,
        books,
        entries,
        rows,
    };
    output.result(&moved, told)?;
    Ok(ExitCode::SUCCESS)
}

fn show(progress: &mut Progress, stage: Stage) {
    match stage {
        Stage::Verifying(entries) if entries.is_multiple_of(PROGRESS_EVERY) => {
            progress.say(&format!("verifying the file: {entries} journal entries"));
        }
        Stage::Copying(rows) => progress.say(&format!("copying: {rows} rows")),
        Stage::VerifyingCopy(entries) if entries.is_multiple_of(PROGRESS_EVERY) => {
            progress.say(&format!("verifying the copy: {entries} journal entries"));
        }
        Stage::Verifying(_) | Stage::VerifyingCopy(_) => {}
    }
}

fn told(moved: &Moved) -> String {
    let Moved {
        from,
        to,
        books,
        entries,
        rows,
        secrets,
    } = moved;
    let done = match rows {
        0 => "had been copied before".to_owned(),
        rows => format!("{rows} rows copied"),
    };
    format!(
        "{to}: {done}; {books} books, {entries} journal entries, verified. In ferry.toml set database to it and \
         secrets = '{secrets}', whose files every server needs; {from} is marked as moved, and no server starts on it any more"
    )
}
