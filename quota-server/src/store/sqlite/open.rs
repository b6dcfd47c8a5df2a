//! Opening SQLite's file: made with the right permissions, with the settings that durability depends on, at our schema.

use super::carrier::Carrier;
use super::held::Held;
use super::source::SqliteSource;
use super::{Exclusive, SqliteStore, failed, persist};
use crate::store::schema::{FOR_SQLITE, SCHEMA};
use crate::store::{OpenError, moved};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// Marks a file as ours: "Fery" in ASCII.
const APPLICATION_ID: i64 = 0x4665_7279;
/// The writer is alone but for a reader that recovers the log after a crash: it waits that long.
const BUSY: Duration = Duration::from_secs(10);
/// Statements in use, with room.
const STATEMENTS_MAX: usize = 128;
/// Kibibytes of pages kept in memory by the writer. Its working set is the newest pages of a few tables; the system keeps the others
/// at hand. Where a page was split between others, SQLite looks at all that it keeps when the batch ends: more cost more than they spare.
const CACHE_KIB: i64 = 16 * 1024;

/// Opens for writing; the caller holds the lock.
pub(super) fn for_writing(path: &Path) -> Result<Connection, OpenError> {
    make_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open"))?;
    prepare(&connection).map_err(failed("set up the database"))?;
    check_schema(&connection, path, Missing::IsEmpty)?;
    make_durable(&connection, path)?;
    migrate(&connection)?;
    flush_folder(path)?;
    Ok(connection)
}

/// Opens a second time what was opened for writing, to carry its log over.
fn for_carrying(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open"))?;
    prepare(&connection).map_err(failed("set up the database"))?;
    make_durable(&connection, path)?;
    Ok(connection)
}

/// Opens for reading what a server writes, or has written.
pub(super) fn for_reading(path: &Path) -> Result<Connection, OpenError> {
    // SQLite needs to write the log's index to read a database that nobody has open.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open"))?;
    prepare(&connection)
        .and_then(|()| connection.pragma_update(None, "query_only", true))
        .map_err(failed("set up the database"))?;
    check_schema(&connection, path, Missing::IsForeign)?;
    Ok(connection)
}

/// The names of the database and of its log, which is made when it is opened, are in the folder. SQLite flushes that, and does not look
/// whether it was.
fn flush_folder(path: &Path) -> Result<(), OpenError> {
    let flushed = path.canonicalize().and_then(|file| {
        let folder = file.parent().unwrap_or(Path::new("/"));
        File::open(folder)?.sync_all()
    });
    flushed.map_err(|source| OpenError::File {
        action: "flush the folder of",
        path: path.into(),
        source,
    })
}

/// SQLite gives the log the permissions of the database, so it is enough to make that one private.
fn make_private(path: &Path) -> Result<(), OpenError> {
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path);
    opened.map(|_| ()).map_err(|source| OpenError::File {
        action: "make",
        path: path.into(),
        source,
    })
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.busy_timeout(BUSY)?;
    // A statement keeps its plan. Else the connection's cache, which clears parameters, has some planned anew for each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "memory")
}

fn make_durable(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let set = |setting: &'static str, value: &str, expected: &str| {
        let check = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
        // Some settings answer with their new value, some do not: ask them all.
        let found = connection
            .execute_batch(&format!("PRAGMA {setting} = {value}"))
            .and_then(|()| connection.pragma_query_value(None, setting, check))
            .map_err(failed("set up durability"))?;
        let found = match found {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Null
            | rusqlite::types::Value::Real(_)
            | rusqlite::types::Value::Blob(_) => String::new(),
        };
        if found == expected {
            Ok(())
        } else {
            Err(OpenError::NotDurable {
                database: shown(path),
                setting,
                found,
            })
        }
    };
    set("journal_mode", "wal", "wal")?;
    set("synchronous", "full", "2")?;
    set("wal_autocheckpoint", "0", "0")?;
    connection
        .pragma_update(None, "cache_size", -CACHE_KIB)
        .map_err(failed("set up the cache"))?;
    Ok(())
}

/// A file as it is named to people.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// What a file without any schema is taken for.
#[derive(Clone, Copy)]
enum Missing {
    IsEmpty,
    IsForeign,
}

fn check_schema(connection: &Connection, path: &Path, missing: Missing) -> Result<(), OpenError> {
    let unread = failed("read the schema's version");
    let number = |setting| connection.pragma_query_value(None, setting, |row| row.get::<_, i64>(0));
    let numbers = number("application_id").and_then(|id| Ok((id, number("user_version")?)));
    let (application, found) = match numbers {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Err(OpenError::Foreign(shown(path)));
        }
        other => other.map_err(unread)?,
    };
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(failed("read the schema"))?;
    match (application, missing) {
        (0, Missing::IsEmpty) if found == 0 && tables == 0 => Ok(()),
        (APPLICATION_ID, _) if found > SCHEMA => Err(OpenError::Newer {
            database: shown(path),
            found,
            known: SCHEMA,
        }),
        (APPLICATION_ID, _) => Ok(()),
        (_, Missing::IsEmpty | Missing::IsForeign) => Err(OpenError::Foreign(shown(path))),
    }
}

fn migrate(connection: &Connection) -> Result<(), OpenError> {
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed("read the schema's version"))?;
    let done = usize::try_from(found).unwrap_or(0);
    for (at, migration) in FOR_SQLITE.iter().enumerate().skip(done) {
        let to = at.saturating_add(1);
        let sql = format!(
            "BEGIN IMMEDIATE; {}; PRAGMA user_version = {to}; \
             PRAGMA application_id = {APPLICATION_ID}; COMMIT;",
            migration()
        );
        connection
            .execute_batch(&sql)
            .map_err(failed("migrate the schema"))?;
    }
    Ok(())
}

impl SqliteStore {
    /// Opens a database for writing, makes it if it is not there, and keeps others from writing it.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let store = Self::open_moved(path)?;
        match moved::moved_to(&mut SqliteSource::new(&store.connection))? {
            None => Ok(store),
            Some(to) => Err(OpenError::Moved {
                database: shown(path),
                to,
            }),
        }
    }

    /// The same of one that may have moved.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way.
    pub fn open_moved(path: &Path) -> Result<Self, OpenError> {
        let lock = super::lock::WriterLock::take(path)?;
        let connection = for_writing(path)?;
        let carrier = Carrier::start(for_carrying(path)?)?;
        Ok(Self::new(path, connection, carrier, lock))
    }
}

impl Exclusive {
    /// Marks the database as moved, durably.
    ///
    /// # Errors
    /// [`OpenError`] if it cannot be written: it may be marked, or not.
    pub fn mark_as_moved(&self, path: &Path, to: &str) -> Result<(), OpenError> {
        let connection = for_writing(path)?;
        persist::write(&mut Held::new(&connection), moved::MARK, &moved::row(to))
            .map_err(failed("mark the database as moved"))?;
        Ok(())
    }
}
