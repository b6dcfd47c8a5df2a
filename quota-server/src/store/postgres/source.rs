//! Reading for reports.

use super::PostgresConfig;
use super::columns::{Parameter, Stored};
use super::link::{self, Link};
use super::open;
use crate::store::reader::{Dialect, Look, Reader, Source};
use crate::store::value::Value;
use crate::store::{OpenError, StoreError};
use std::borrow::Borrow;
use tokio_postgres::types::ToSql;

/// Rows that are fetched at once: a report's memory stays small, however long it is.
const FETCH: &str = "FETCH 1024 FROM report";

/// A connection that only reads.
#[derive(Debug)]
pub(super) struct PostgresSource<L> {
    link: L,
    in_snapshot: bool,
}

impl<'a> PostgresSource<&'a Link> {
    /// Somebody else's connection.
    pub(super) const fn borrowed(link: &'a Link) -> Self {
        Self {
            link,
            in_snapshot: false,
        }
    }
}

/// Opens a database for reading, whether servers have it open or not.
///
/// # Errors
/// [`OpenError`] says what stands in the way.
pub fn reader(config: &PostgresConfig) -> Result<Reader, OpenError> {
    let link = Link::open(config, link::READS)?;
    open::check_for_reading(&link, config)?;
    let source = PostgresSource {
        link,
        in_snapshot: false,
    };
    Ok(Reader::new(Box::new(source)))
}

impl<L: Borrow<Link>> PostgresSource<L> {
    fn simple(&self, action: &'static str, sql: &str) -> Result<(), StoreError> {
        self.link
            .borrow()
            .run(action, async |link| link.batch(sql).await)
    }
}

impl<L: Borrow<Link> + std::fmt::Debug> Source for PostgresSource<L> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn each(
        &mut self,
        action: &'static str,
        sql: &str,
        parameters: &[Value<'_>],
        look: &mut Look<'_>,
    ) -> Result<(), StoreError> {
        let parameters: Vec<_> = parameters.iter().map(Parameter).collect();
        let parameters: Vec<_> = parameters
            .iter()
            .map(|p| p as &(dyn ToSql + Sync))
            .collect();
        if !self.in_snapshot {
            let rows = self
                .link
                .borrow()
                .run(action, async |link| link.query(sql, &parameters).await)?;
            for row in &rows {
                if look(&Stored(row))?.is_break() {
                    break;
                }
            }
            return Ok(());
        }
        let declare = format!("DECLARE report NO SCROLL CURSOR FOR {sql}");
        self.link.borrow().run(action, async |link| {
            link.execute(&declare, &parameters).await
        })?;
        'rows: loop {
            let rows = self
                .link
                .borrow()
                .run(action, async |link| link.query_afresh(FETCH).await)?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                if look(&Stored(row))?.is_break() {
                    break 'rows;
                }
            }
        }
        self.simple(action, "CLOSE report")
    }

    fn begin_snapshot(&mut self) -> Result<(), StoreError> {
        self.simple(
            "take a snapshot",
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        )?;
        self.in_snapshot = true;
        Ok(())
    }

    fn end_snapshot(&mut self) -> Result<(), StoreError> {
        self.in_snapshot = false;
        self.simple("end a snapshot", "ROLLBACK")
    }

    fn fault_of_file(&mut self) -> Result<Option<String>, StoreError> {
        // PostgreSQL checks its pages as it reads them.
        Ok(None)
    }
}
