//! A life that began on SQLite and goes on on PostgreSQL.

use super::cluster::{Cluster, execute};
use super::fixture::{Fixture, HOLD, START_MS};
use crate::durable_file::beside;
use crate::heads::accept::accept_loss;
use crate::migrate::{MigrateError, Migrated, Stage, migrate};
use crate::store::postgres::PostgresConfig;
use crate::store::sqlite::copy_into;
use crate::store::{Database, OpenError, StoreError, StoredEntry};
use crate::verify::verify;
use ferry_ledger::{ReserveAnswer, UnixMs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The same question on a thread of its own: stores block.
fn aside<T: Send>(ask: impl FnOnce() -> T + Send) -> std::thread::Result<T> {
    std::thread::scope(|scope| scope.spawn(ask).join())
}

fn config(database: &Database) -> PostgresConfig {
    match database {
        Database::Postgres(config) => PostgresConfig::clone(config),
        Database::Sqlite(file) => panic!("{} is no PostgreSQL", file.display()),
    }
}

pub(super) fn moved(file: &Path, to: &Database) -> Result<Migrated, MigrateError> {
    aside(|| migrate(file, &config(to), &mut |_| {})).unwrap()
}

/// The journals of all books, one after the other.
fn journal(database: &Database) -> Vec<StoredEntry> {
    let read = || {
        let mut reader = database.reader().unwrap();
        let all = usize::try_from(i64::MAX).unwrap();
        reader.snapshot(|snapshot| {
            let books = snapshot.heads()?.into_keys();
            let each = books.map(|book| snapshot.journal(&book, 0, all));
            let entries: Result<Vec<Vec<StoredEntry>>, StoreError> = each.collect();
            entries.map(|entries| entries.concat())
        })
    };
    aside(read).unwrap().unwrap()
}

/// A database with everything in it, and no server on it.
async fn lived() -> (Fixture, PathBuf) {
    let fixture = Fixture::lived().await;
    fixture.close().await;
    let file = fixture.database();
    (fixture, file)
}

#[tokio::test]
async fn a_history_moves_to_postgresql_and_goes_on_there() {
    let cluster = Cluster::shared();
    let (mut fixture, file) = lived().await;
    let to = cluster.database();
    let first = moved(&file, &to).unwrap();
    assert_eq!((first.books, first.rows > 20), (3, true), "{first:?}");
    let entries = journal(&file.clone().into());
    assert_eq!(first.entries, entries.len() as u64);
    assert_eq!(entries, journal(&to));

    // Again: it is recognised, before and after servers went on with it.
    let again = Migrated { rows: 0, ..first };
    assert_eq!(moved(&file, &to).unwrap(), again);
    fixture.go_on_at(to.clone());
    fixture.top_up(3 * HOLD, "on PostgreSQL").await;
    let granted = fixture.reserve(fixture.draw()).await;
    assert!(matches!(granted, ReserveAnswer::Granted(_)), "{granted:?}");
    fixture.assert_clean().await;
    let longer = moved(&file, &to).unwrap();
    assert_eq!((longer.rows, longer.entries), (0, first.entries + 2));
}

/// Whether a server would start on a file.
fn serves(file: &Path) -> bool {
    match Database::from(file.to_path_buf()).open() {
        Ok(_) => true,
        Err(OpenError::Moved { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn nobody_serves_from_a_file_that_has_moved_before_somebody_comes_back() {
    let cluster = Cluster::shared();
    let (fixture, file) = lived().await;
    let to = cluster.database();
    moved(&file, &to).unwrap();
    let sqlite = Database::from(file.clone());
    let error = sqlite.open().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(&format!("has moved to {to}")), "{error}");
    assert!(verify(&sqlite).unwrap().clean);
    assert_eq!(journal(&sqlite), journal(&to));
    let copy = fixture.folder.path().join("copy.db");
    copy_into(&file, &copy).unwrap();
    assert!(!serves(&copy), "a copy of it has moved too");

    let elsewhere = cluster.database();
    let error = moved(&file, &elsewhere).unwrap_err();
    assert!(
        matches!(&error, MigrateError::Moved(place) if *place == to.to_string()),
        "{error:?}"
    );
    assert!(moved(&file, &to).is_ok(), "the same place is known");

    let accepted = accept_loss(&sqlite, &file, &beside(&file, ".heads"), UnixMs(START_MS));
    assert_eq!(accepted.unwrap().epoch, 2);
    assert!(serves(&file));
    assert!(verify(&sqlite).unwrap().clean);
    assert!(moved(&file, &elsewhere).unwrap().rows > 20);
    assert!(!serves(&file));
}

#[tokio::test]
async fn what_was_broken_off_left_nothing_and_is_done_again() {
    let cluster = Cluster::shared();
    let (_fixture, file) = lived().await;
    let to = cluster.database();
    let broken_off = aside(|| {
        migrate(&file, &config(&to), &mut |stage| {
            assert!(!matches!(stage, Stage::Copying(10..)), "broken off");
        })
    });
    assert!(broken_off.is_err());
    assert_eq!(journal(&to), Vec::new());
    assert!(serves(&file), "it has not moved");
    assert!(moved(&file, &to).unwrap().rows > 20);
    assert!(!serves(&file));
}

#[tokio::test]
async fn a_postgresql_that_is_killed_meanwhile_is_copied_to_when_it_is_back() {
    let cluster = Arc::new(Cluster::start());
    let (_fixture, file) = lived().await;
    let to = cluster.database();
    let killed = aside(|| {
        migrate(&file, &config(&to), &mut |stage| {
            if matches!(stage, Stage::Copying(_)) {
                cluster.kill();
            }
        })
    });
    let error = killed.unwrap().unwrap_err();
    assert!(matches!(error, MigrateError::Copy(_)), "{error:?}");
    assert!(serves(&file), "it has not moved");
    cluster.run();
    assert!(moved(&file, &to).unwrap().rows > 20);
}

#[tokio::test]
async fn nothing_is_copied_over_another_history_or_out_of_a_broken_one() {
    let cluster = Cluster::shared();
    let (fixture, file) = lived().await;
    let (_other, other_file) = lived().await;
    let to = cluster.database();
    moved(&other_file, &to).unwrap();
    let before = journal(&to);
    let error = moved(&file, &to).unwrap_err();
    assert!(matches!(error, MigrateError::Occupied(_)), "{error:?}");
    assert_eq!(journal(&to), before);
    assert!(serves(&file), "it has not moved");

    let foreign = cluster.database();
    execute(
        &cluster.url_of(&foreign),
        "CREATE TABLE tenants (name TEXT)",
    )
    .unwrap();
    let error = moved(&file, &foreign).unwrap_err().to_string();
    assert!(error.contains("is not a database of ferry"), "{error}");

    let running = fixture.another();
    let error = moved(&file, &cluster.database()).unwrap_err().to_string();
    assert!(
        error.contains("another server has the database open"),
        "{error}"
    );
    running.close();
    running.stopped().await;

    let sqlite = rusqlite::Connection::open(&file).unwrap();
    sqlite
        .execute("UPDATE tenants SET posted = posted + 1", ())
        .unwrap();
    drop(sqlite);
    let empty = cluster.database();
    let error = moved(&file, &empty).unwrap_err();
    assert!(matches!(error, MigrateError::NotClean(_)), "{error:?}");
    assert!(serves(&file), "it has not moved");
    assert!(
        aside(|| verify(&empty)).unwrap().is_err(),
        "it was never made"
    );
}
