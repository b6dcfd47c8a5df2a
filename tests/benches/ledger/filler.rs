//! A long journal, quickly: one customer's real rows, copied by SQL under other customers' names until there are so many.
//!
//! What one operation costs depends on how deep the tables are and how large the file is, not on whose rows they hold. The
//! copies' hashes are the first customer's, so that `ferry verify` would not pass; nobody asks it here. Nothing is flushed
//! meanwhile.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use ferry_quota_server::engine::Engine;
use indicatif::ProgressBar;
use rusqlite::Connection;

use crate::closed;
use crate::customers;
use crate::home::{self, DATABASE};
use crate::load::{Draw, Load};
use crate::sample::{Sample, Table};
use crate::subject::Subject;

/// Callers that make what is copied.
const CALLERS: usize = 64;
/// For how long they do.
const TIME: Duration = Duration::from_millis(300);
/// Copies in one transaction.
const COPIES: u64 = 20;

/// A database that can be filled.
#[derive(Debug)]
pub struct Filler {
    database: PathBuf,
    tables: Vec<Table>,
    copied: u64,
}

impl Filler {
    /// Makes what is copied, with an engine on the database in `folder`. Closes it.
    pub async fn prepare(
        folder: &Path,
        sample: &Sample,
        subject: &Subject,
        engine: Engine,
    ) -> Result<Self> {
        closed::drive(subject, Load::Hot, CALLERS, TIME, &mut Draw::new(0)).await?;
        home::close(engine).await?;
        Ok(Self {
            database: folder.join(DATABASE),
            tables: sample.tables.clone(),
            copied: 0,
        })
    }

    /// Grows the database, on which nothing runs, to at least so many entries in all journals. Says how many there are.
    pub fn grow(&mut self, rows: u64) -> Result<u64> {
        let database = Connection::open(&self.database)?;
        database.execute_batch("PRAGMA synchronous = off; PRAGMA cache_size = -262144;")?;
        let source = customers::tenant(0)?;
        let count = |sql: &str| database.query_row(sql, (), |row| row.get::<_, i64>(0));
        let all = count("SELECT count(*) FROM journal")?.cast_unsigned();
        let each = count(&format!(
            "SELECT count(*) FROM journal WHERE tenant = '{source}'"
        ))?;
        let copies = rows.saturating_sub(all).div_ceil(each.cast_unsigned());
        let statements: Vec<_> = self.tables.iter().map(copy).collect();
        let progress = ProgressBar::new(copies).with_message("filling");
        let last = self.copied + copies;
        while self.copied < last {
            database.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..COPIES.min(last - self.copied) {
                self.copied += 1;
                let tenant = format!("filler-{:07}", self.copied);
                for statement in &statements {
                    let mut statement = database.prepare_cached(statement)?;
                    statement.execute((source.as_str(), &tenant))?;
                }
                progress.inc(1);
            }
            database.execute_batch("COMMIT")?;
        }
        progress.finish_and_clear();
        Ok(all + copies * each.cast_unsigned())
    }
}

/// Copies one customer's rows of a table to another's name.
fn copy(table: &Table) -> String {
    let others = [&table.key[1..], &table.indexed, &table.rest]
        .concat()
        .join(", ");
    let name = &table.name;
    format!(
        "INSERT INTO {name} (tenant, {others}) SELECT ?2, {others} FROM {name} WHERE tenant = ?1"
    )
}
