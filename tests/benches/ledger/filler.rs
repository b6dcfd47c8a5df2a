//! A long journal, quickly: one customer's real rows, copied by SQL under other customers' names until there are so many.
//!
//! What one operation costs depends on how deep the tables are and how large the file is, not on whose rows they hold. The
//! copies' hashes are the first customer's, so that `ferry verify` would not pass; nobody asks it here. Nothing is flushed
//! meanwhile.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use ferry_examples::postgres;
use ferry_quota_server::engine::Engine;
use indicatif::ProgressBar;
use rusqlite::Connection;
use tokio_postgres::Client;

use crate::closed;
use crate::customers;
use crate::home::{self, DATABASE, Home};
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
    place: Place,
    statements: Vec<String>,
    copied: u64,
}

#[derive(Debug)]
enum Place {
    /// SQLite's file.
    File(PathBuf),
    /// A database of PostgreSQL's.
    Url(String),
}

/// A database that is being filled.
enum Open {
    Sqlite(Connection),
    Postgres(Client),
}

impl Filler {
    /// Makes what is copied, with an engine on the database at `home`. Closes it.
    pub async fn prepare(
        home: &Home,
        sample: &Sample,
        subject: &Subject,
        engine: Engine,
    ) -> Result<Self> {
        closed::drive(subject, Load::Hot, CALLERS, TIME, &mut Draw::new(0)).await?;
        home::close(engine).await?;
        let place = match home.database.as_str() {
            DATABASE => Place::File(home.folder.join(DATABASE)),
            url => Place::Url(url.to_owned()),
        };
        Ok(Self {
            place,
            statements: sample.tables.iter().map(copy).collect(),
            copied: 0,
        })
    }

    /// Grows the database, on which nothing runs, to at least so many entries in all journals. Says how many there are.
    pub async fn grow(&mut self, rows: u64) -> Result<u64> {
        let open = self.place.open().await?;
        let source = customers::tenant(0)?.to_string();
        let all = open.count("SELECT count(*) FROM journal").await?;
        let of_source = format!("SELECT count(*) FROM journal WHERE tenant = '{source}'");
        let each = open.count(&of_source).await?;
        let copies = rows.saturating_sub(all).div_ceil(each);
        let progress = ProgressBar::new(copies).with_message("filling");
        let last = self.copied + copies;
        while self.copied < last {
            open.run("BEGIN").await?;
            for _ in 0..COPIES.min(last - self.copied) {
                self.copied += 1;
                let tenant = format!("filler-{:07}", self.copied);
                for statement in &self.statements {
                    open.copy(statement, &tenant, &source).await?;
                }
                progress.inc(1);
            }
            open.run("COMMIT").await?;
        }
        progress.finish_and_clear();
        open.settle().await?;
        Ok(all + copies * each)
    }
}

impl Place {
    async fn open(&self) -> Result<Open> {
        let (open, unflushed) = match self {
            Self::File(file) => (
                Open::Sqlite(Connection::open(file)?),
                "PRAGMA synchronous = off; PRAGMA cache_size = -262144;",
            ),
            Self::Url(url) => (
                Open::Postgres(postgres::connect(url).await?),
                "SET synchronous_commit = off",
            ),
        };
        open.run(unflushed).await?;
        Ok(open)
    }
}

impl Open {
    async fn run(&self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(database) => database.execute_batch(sql)?,
            Self::Postgres(client) => client.batch_execute(sql).await?,
        }
        Ok(())
    }

    async fn count(&self, sql: &str) -> Result<u64> {
        let count: i64 = match self {
            Self::Sqlite(database) => database.query_row(sql, (), |row| row.get(0))?,
            Self::Postgres(client) => client.query_one(sql, &[]).await?.get(0),
        };
        Ok(count.cast_unsigned())
    }

    async fn copy(&self, sql: &str, to: &str, from: &str) -> Result<()> {
        match self {
            Self::Sqlite(database) => {
                database.prepare_cached(sql)?.execute((to, from))?;
            }
            Self::Postgres(client) => {
                client.execute(sql, &[&to, &from]).await?;
            }
        }
        Ok(())
    }

    /// What PostgreSQL would do in the background soon, so that it does not do it while something is measured.
    async fn settle(&self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => {
                self.run("VACUUM ANALYZE").await?;
                self.run("CHECKPOINT").await
            }
        }
    }
}

/// Copies one customer's rows of a table to another's name. The parameters are in the order in which both databases count them.
fn copy(table: &Table) -> String {
    let others = [&table.key[1..], &table.indexed, &table.rest]
        .concat()
        .join(", ");
    let name = &table.name;
    format!(
        "INSERT INTO {name} (tenant, {others}) SELECT CAST($1 AS TEXT), {others} FROM {name} WHERE tenant = $2"
    )
}
