//! Opening a database: the settings that durability depends on, and our schema, made or brought up to date.

use super::PostgresConfig;
use super::link::Link;
use crate::store::schema::{FOR_POSTGRES, SCHEMA};
use crate::store::{OpenError, StoreError};

/// Without these PostgreSQL acknowledges what it may lose. A relative that has no such setting has no such danger.
const DURABILITY: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];
/// Servers that start at once may meet while they make the schema; each time one of them gets further.
const MEETINGS_MAX: usize = 20;

/// Makes a database ours.
pub(super) fn prepare(link: &Link, config: &PostgresConfig) -> Result<(), OpenError> {
    check_durability(link, config)?;
    if schema_of(link)?.is_none() {
        check_empty(link, config)?;
    }
    let mut met = 0;
    loop {
        match migrate(link, config) {
            Err(OpenError::Store(StoreError::Conflict { .. })) if met < MEETINGS_MAX => met += 1,
            other => return other,
        }
    }
}

/// A database that was ours, and may have been replaced since.
pub(super) fn check_again(link: &Link, config: &PostgresConfig) -> Result<(), OpenError> {
    check_durability(link, config)?;
    check_for_reading(link, config)
}

/// A database that is read must have been made by a server.
pub(super) fn check_for_reading(link: &Link, config: &PostgresConfig) -> Result<(), OpenError> {
    match schema_of(link)? {
        Some(found) if found > SCHEMA => Err(newer(config, found)),
        Some(1..) => Ok(()),
        Some(_) | None => Err(OpenError::Foreign(config.to_string())),
    }
}

fn newer(config: &PostgresConfig, found: i64) -> OpenError {
    OpenError::Newer {
        database: config.to_string(),
        found,
        known: SCHEMA,
    }
}

fn check_durability(link: &Link, config: &PostgresConfig) -> Result<(), OpenError> {
    for setting in DURABILITY {
        let sql = format!("SELECT current_setting('{setting}', true)");
        let rows = link.run("read the settings", async |link| {
            link.query(&sql, &[]).await
        })?;
        let found: Option<&str> = rows.first().and_then(|row| row.try_get(0).ok().flatten());
        if found == Some("off") {
            return Err(OpenError::NotDurable {
                database: config.to_string(),
                setting,
                found: "off".into(),
            });
        }
    }
    Ok(())
}

const TABLES: &str =
    "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()";

fn number(link: &Link, sql: &str) -> Result<i64, StoreError> {
    let rows = link.run("read the schema", async |link| link.query(sql, &[]).await)?;
    let number = rows.first().and_then(|row| row.try_get(0).ok());
    number.ok_or_else(|| StoreError::Corrupt("the schema's version is no number".into()))
}

/// The schema's version; `None` where there is none.
fn schema_of(link: &Link) -> Result<Option<i64>, StoreError> {
    let sql = format!("{TABLES} AND table_name = 'meta'");
    if number(link, &sql)? == 0 {
        return Ok(None);
    }
    let sql = "SELECT coalesce(max(CAST(value AS BIGINT)), 0) FROM meta WHERE name = 'schema'";
    number(link, sql).map(Some)
}

fn check_empty(link: &Link, config: &PostgresConfig) -> Result<(), OpenError> {
    let sql = format!("{TABLES} AND table_name <> 'meta'");
    // Another server may be making them just now: then there is a schema when they are there.
    if number(link, &sql)? > 0 && schema_of(link)?.is_none() {
        return Err(OpenError::Foreign(config.to_string()));
    }
    Ok(())
}

/// One server at a time: the others wait for the row that tells the version.
fn migrate(link: &Link, config: &PostgresConfig) -> Result<(), OpenError> {
    const ACTION: &str = "migrate the schema";
    const VERSION: &str = "SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'schema' FOR UPDATE";
    link.run(ACTION, async |link| {
        link.batch("CREATE TABLE IF NOT EXISTS meta (name TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, value TEXT COLLATE \"C\" NOT NULL)").await?;
        link.batch("INSERT INTO meta (name, value) VALUES ('schema', '0') ON CONFLICT (name) DO NOTHING").await?;
        link.batch("BEGIN").await
    })?;
    let migrated = (|| {
        let found = number(link, VERSION)?;
        if found > SCHEMA {
            return Err(newer(config, found));
        }
        let done = usize::try_from(found).unwrap_or(0);
        for (at, migration) in FOR_POSTGRES.iter().enumerate().skip(done) {
            let to = at.saturating_add(1);
            let sql = format!(
                "{}; UPDATE meta SET value = '{to}' WHERE name = 'schema'",
                migration()
            );
            link.run(ACTION, async |link| link.batch(&sql).await)?;
        }
        Ok(())
    })();
    let end = if migrated.is_ok() {
        "COMMIT"
    } else {
        "ROLLBACK"
    };
    let ended = link.run(ACTION, async |link| link.batch(end).await);
    migrated?;
    Ok(ended?)
}
