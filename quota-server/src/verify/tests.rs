//! Whatever somebody changes by hand is found: every column of every projection, every field of every entry.

mod postgres;

use super::{VerifyReport, verify};
use crate::engine::tests::fixture::{Fixture, used};
use crate::heads::accept::accept_loss;
use ferry_ledger::UnixMs;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Columns that no journal tells of: reports show them, nothing is decided by them.
const NOT_DERIVED: &[(&str, &str)] = &[
    ("tenants", "frozen"),
    ("house", "frozen"),
    ("keys", "last_used_at"),
    ("price_tables", "loaded_at"),
    // Refusals stand beside the journal: one that is filed under another id is like one that was forgotten.
    ("refusals", "reservation"),
    ("unreserved_settles", "principal"),
    ("unreserved_settles", "hour"),
    ("unreserved_settles", "count"),
];
/// Tables that hold nothing that could be wrong.
const NOT_LOOKED_AT: &[&str] = &["meta", "peppers"];

/// A database with everything in it, closed, in one file.
struct Closed {
    file: PathBuf,
    fixture: Fixture,
}

async fn lived() -> Closed {
    let fixture = Fixture::lived().await;
    fixture.clock.pass(60 * 86_400_000);
    for month in ["2026-12", "2027-01", "2027-02"] {
        let sealed = fixture.engine.seal_month(month.parse().unwrap()).await;
        sealed.unwrap();
    }
    fixture.assert_clean().await;
    fixture.close().await;
    let file = fixture.database();
    let no_export = fixture.folder.path().join("heads");
    let accepted = accept_loss(&file.clone().into(), &file, &no_export, UnixMs(1)).unwrap();
    assert_eq!(accepted.epoch, 2);
    let connection = Connection::open(&file).unwrap();
    let left: i64 = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(1))
        .unwrap();
    assert_eq!(left, 0);
    Closed { file, fixture }
}

impl Closed {
    /// What `verify` says of a copy that this was done to.
    fn after(&self, change: &str) -> VerifyReport {
        let copy = self.fixture.folder.path().join("copy.db");
        std::fs::copy(&self.file, &copy).unwrap();
        let connection = Connection::open(&copy).unwrap();
        connection
            .execute_batch(change)
            .unwrap_or_else(|e| panic!("{change}: {e}"));
        drop(connection);
        verify(&copy.clone().into()).unwrap_or_else(|e| panic!("{change}: {e}"))
    }

    fn check(&self, change: &str, expected: &str) {
        let report = self.after(change);
        let what = report.difference.map(|difference| difference.what);
        let what = what.unwrap_or_else(|| panic!("{change}: not found"));
        assert!(what.contains(expected), "{change}: {what}");
        assert!(!report.clean);
    }
}

/// A whole book that was taken out leaves nothing that its own journal could tell of: what it gave and got does.
#[tokio::test]
async fn a_transfer_that_one_of_its_books_lacks_is_found() {
    let of_acme = [
        "keys",
        "key_directory",
        "top_ups",
        "top_up_directory",
        "reservations",
        "refusals",
        "grants",
    ];
    for (gone, rest, told) in [
        (
            "other",
            &[][..],
            "transfers: 'acme' has t-1, and 'other' does not have its other side",
        ),
        (
            "acme",
            &of_acme,
            "transfers: 'other' has t-1, and 'acme' does not have its other side",
        ),
    ] {
        let fixture = Fixture::with_holds(1).await;
        crate::engine::tests::transfers::some(&fixture).await;
        fixture.assert_clean().await;
        fixture.close().await;
        let connection = Connection::open(fixture.database()).unwrap();
        for table in ["tenants", "journal", "transfers"].iter().chain(rest) {
            let sql = format!("DELETE FROM {table} WHERE tenant = '{gone}'");
            connection.execute(&sql, ()).unwrap();
        }
        drop(connection);
        let report = verify(&fixture.database().into()).unwrap();
        let what = report.difference.map(|difference| difference.what);
        assert_eq!(what.as_deref(), Some(told));
    }
}

/// Every column of every table, with its type.
fn columns(file: &Path) -> Vec<(String, String, String)> {
    let connection = Connection::open(file).unwrap();
    let sql = "SELECT t.name, c.name, c.type FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c \
               WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn every_column_that_is_changed_by_hand_is_found() {
    let closed = lived().await;
    let mut found = 0;
    for (table, column, kind) in columns(&closed.file) {
        let derived = !NOT_DERIVED.contains(&(table.as_str(), column.as_str()));
        if !derived || NOT_LOOKED_AT.contains(&table.as_str()) {
            continue;
        }
        let other = match kind.as_str() {
            "INTEGER" => format!("coalesce({column}, 0) + 1000000"),
            "TEXT" => format!("coalesce({column}, '') || 'x'"),
            "BLOB" => format!(
                "coalesce(unhex(substr(hex({column}), 1, length(hex({column})) - 1) \
                 || CASE substr(hex({column}), -1) WHEN '0' THEN '1' ELSE '0' END), x'00')"
            ),
            other => panic!("a column of kind {other}"),
        };
        for end in ["ASC", "DESC"] {
            let change = change_one_row(&closed.file, &table, &column, &other, end);
            let report = closed.after(&change);
            assert!(!report.clean, "{change}: not found");
            found += 1;
        }
    }
    assert!(found > 150, "{found} changes");
}

/// The columns of a table's key.
fn keys_of(file: &Path, table: &str) -> Vec<String> {
    let connection = Connection::open(file).unwrap();
    let sql = "SELECT name FROM pragma_table_xinfo(?1) WHERE pk > 0 ORDER BY pk";
    let mut statement = connection.prepare(sql).unwrap();
    let keys = statement.query_map([table], |row| row.get(0));
    keys.unwrap().map(Result::unwrap).collect()
}

/// Changes one column of the first or the last row by key.
fn change_one_row(file: &Path, table: &str, column: &str, other: &str, end: &str) -> String {
    let keys = keys_of(file, table);
    let order: Vec<_> = keys.iter().map(|key| format!("{key} {end}")).collect();
    let guarded = "DROP TRIGGER IF EXISTS epochs_stay; DROP TRIGGER IF EXISTS seals_stay";
    format!(
        "{guarded}; UPDATE {table} SET {column} = {other} WHERE ({keys}) = (SELECT {keys} FROM {table} ORDER BY {order} LIMIT 1)",
        keys = keys.join(", "),
        order = order.join(", "),
    )
}

#[tokio::test]
async fn a_difference_says_where_it_is() {
    let closed = lived().await;
    for (change, expected) in [
        (
            "UPDATE tenants SET posted = posted + 1",
            "tenants: posted is",
        ),
        (
            "UPDATE journal SET lines = replace(lines, 'usage', 'breakage') WHERE seq = (SELECT max(seq) FROM journal WHERE lines LIKE '%usage%')",
            "but the journal says '[[",
        ),
        (
            "UPDATE journal SET lines = NULL",
            "lines is absent, but the journal says",
        ),
        (
            "DELETE FROM reservations WHERE state = 'open'",
            "the store does not have it",
        ),
        (
            "DELETE FROM top_ups",
            "top_ups 'bank' 'first': the store does not have it",
        ),
        ("DELETE FROM keys", "the store does not have it"),
        ("DELETE FROM key_directory", "the store does not have it"),
        ("DELETE FROM journal WHERE seq = 3", "entry 4"),
        ("DELETE FROM journal", "the journal is empty"),
        (
            "DELETE FROM price_tables",
            "price version '2026-01' has no model 'small'",
        ),
        ("DELETE FROM tenants", "which is no tenant"),
        (
            "UPDATE journal SET time = time - 1000000 WHERE seq = 5",
            "entry 5",
        ),
        (
            "DROP TRIGGER epochs_stay; UPDATE epochs SET time = 2",
            "epochs 2: it is not signed by this database's key",
        ),
        (
            "INSERT INTO journal SELECT tenant, -1, time, kind, content, previous_hash, hash, occurred_at, lines \
             FROM journal WHERE seq = 2",
            "journal -1: an entry before the first",
        ),
        (
            "UPDATE key_directory SET digest = zeroblob(32) WHERE digest = (SELECT max(digest) FROM key_directory)",
            "not what the journal says",
        ),
        (
            "DROP TRIGGER seals_last; DELETE FROM seals WHERE month = '2027-01'",
            "seals 2027-01: the store does not have it",
        ),
        (
            "UPDATE refusals SET content = x'01'",
            "a refusal that cannot be read",
        ),
        (
            "INSERT INTO reservations SELECT tenant, x'00', state, lease_until, in_flight_key, in_flight_digest, content \
             FROM reservations LIMIT 1",
            "the journal does not know it",
        ),
    ] {
        closed.check(change, expected);
    }
}

#[tokio::test]
async fn a_difference_in_whom_payments_were_credited_to_says_where_it_is() {
    let closed = lived().await;
    for (change, expected) in [
        (
            "DELETE FROM top_up_directory",
            "top_up_directory 'bank' 'first': the store does not have it",
        ),
        (
            "UPDATE top_up_directory SET tenant = 'other'",
            "top_up_directory 'bank' 'first': the store does not have it",
        ),
        (
            "INSERT INTO top_up_directory VALUES ('bank', 'gone', 'other')",
            "top_up_directory 'bank' 'gone': the journal does not know it",
        ),
    ] {
        closed.check(change, expected);
    }
}

#[tokio::test]
async fn a_difference_in_the_houses_book_says_where_it_is() {
    let closed = lived().await;
    for (change, expected) in [
        (
            "UPDATE advances SET amount = amount + 1",
            "advances 'openai' 'USD': amount is 8, but the journal says 7",
        ),
        (
            "DELETE FROM movements WHERE movement = 'h-3'",
            "movements 'h-3': the store does not have it",
        ),
        (
            "UPDATE house SET seq = seq + 1",
            "house: seq is 8, but the journal says 7",
        ),
        (
            "UPDATE journal SET kind = 5 WHERE tenant = 'house' AND seq = 3",
            "entry 3",
        ),
        (
            "UPDATE journal SET lines = replace(lines, '260', '1') WHERE tenant = 'house' AND seq = 5",
            "journal 5: lines is",
        ),
        ("DELETE FROM house", "journal: a row of 'house'"),
    ] {
        closed.check(change, expected);
    }
}

#[tokio::test]
async fn a_running_server_can_be_verified_at_any_moment() {
    let fixture = Fixture::with_holds(1_000).await;
    let work = async {
        for _ in 0..40 {
            let (id, _) = fixture.granted().await;
            fixture.settle(id, used(10, 1)).await;
        }
    };
    let watch = async {
        let mut most = 0;
        while most < 80 {
            let report = fixture.engine.verify().await.unwrap();
            assert!(report.clean, "{report:?}");
            most = report.entries;
        }
    };
    tokio::join!(work, watch);
}

#[tokio::test]
async fn what_is_no_database_of_ferry_is_an_error_and_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.db");
    assert!(verify(&file.clone().into()).is_err());
    std::fs::write(&file, "a text, and no database at all").unwrap();
    assert!(
        verify(&file.clone().into())
            .unwrap_err()
            .to_string()
            .contains("is not a database of ferry")
    );
}
