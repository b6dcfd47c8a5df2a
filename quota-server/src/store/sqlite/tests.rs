//! What the store relies on in SQLite itself.

mod failing;

use super::*;

fn open() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("ferry.db")).unwrap();
    (folder, store)
}

/// Writes about so many pages in one transaction. SQLite leaves alone what would not change, so each write is another one.
fn write_pages(store: &mut SqliteStore, pages: usize) {
    let round = store.connection.total_changes();
    store.begin().unwrap();
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    let mut statement = store.connection.prepare_cached(sql).unwrap();
    for page in 0..pages {
        let row = (page.to_string(), format!("{round:0>4000}"));
        statement.execute(row).unwrap();
    }
    drop(statement);
    store.commit().unwrap();
}

#[test]
fn sqlite_is_newer_than_the_bug_that_corrupted_logs() {
    assert!(rusqlite::version_number() >= 3_051_003);
}

#[test]
fn the_log_is_carried_over_when_there_is_time_or_too_much_of_it() {
    let (_folder, mut store) = open();
    let check = |store: &mut SqliteStore, pages: i64, idle, begins_anew| {
        write_pages(store, usize::try_from(pages).unwrap());
        assert!(store.log_pages().unwrap().0 >= pages);
        store.maintain(idle).unwrap();
        // Once everything has been carried over, the next commit begins the log anew.
        write_pages(store, 1);
        assert_eq!(
            store.log_pages().unwrap().0 < pages,
            begins_anew,
            "{pages} pages, {idle:?}"
        );
    };
    check(&mut store, LOG_PAGES_IDLE, Idle::No, false);
    check(&mut store, LOG_PAGES_IDLE, Idle::Yes, true);
}

#[test]
fn a_long_log_is_carried_over_beside_the_writer_which_takes_the_rest() {
    let (_folder, mut store) = open();
    write_pages(&mut store, usize::try_from(LOG_PAGES_MAX).unwrap());
    store.maintain(Idle::No).unwrap();
    assert!(store.carrier.carries() || store.log_pages().unwrap().1 > 0);
    // What the writer goes on with does not wait, and in the end the log begins anew.
    let begun = std::time::Instant::now();
    while store.log_pages().unwrap().0 >= LOG_PAGES_MAX {
        write_pages(&mut store, 1);
        store.maintain(Idle::No).unwrap();
        assert!(
            begun.elapsed().as_secs() < 60,
            "the log is never begun anew"
        );
    }
}

#[test]
fn a_transaction_that_is_rolled_back_leaves_nothing() {
    let (_folder, mut store) = open();
    store.begin().unwrap();
    let digest = [1; 32];
    let kept = store.keep_price_table("1", digest, "text", UnixMs(1));
    assert_eq!(kept.unwrap(), Ok(()));
    store.rollback().unwrap();
    store.rollback().unwrap();
    store.begin().unwrap();
    let kept = store.keep_price_table("1", [2; 32], "other", UnixMs(1));
    assert_eq!(kept.unwrap(), Ok(()));
    store.commit().unwrap();
}

#[test]
fn a_statement_is_planned_once_and_held_once() {
    use super::source::bind;
    use crate::store::table::{GRANTS, RESERVATIONS};
    use crate::store::value::Value;
    use rusqlite::StatementStatus;
    use std::sync::LazyLock;

    static GRANTS_OF: LazyLock<String> = LazyLock::new(|| GRANTS.of_tenant(""));
    let (_folder, store) = open();
    let check = |sql: &'static str, parameters: &[Value<'_>]| {
        for step in 1..=2 {
            let mut held = store.held();
            for _row in 0..2 {
                let statement = held.of(sql).unwrap();
                bind(statement, parameters).unwrap();
                assert!(statement.raw_query().next().unwrap().is_none());
            }
            let statement = held.of(sql).unwrap();
            assert_eq!(statement.get_status(StatementStatus::Run), 2 * step);
            // SQLite would plan again what was given back to the connection's cache, which forgets the parameters.
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    };
    let tenant = Value::text("acme");
    check(&GRANTS_OF, std::slice::from_ref(&tenant));
    check(&RESERVATIONS.find, &[tenant, Value::bytes(&[7; 16])]);
}

#[test]
fn a_tenants_keys_are_found_without_looking_at_all() {
    let (_folder, store) = open();
    let sql = format!("EXPLAIN QUERY PLAN {}", crate::store::audit::LISTED);
    let mut statement = store.connection.prepare(&sql).unwrap();
    let steps = statement.query_map(["acme"], |row| row.get(3)).unwrap();
    let steps: Vec<String> = steps.collect::<rusqlite::Result<_>>().unwrap();
    let all = steps.iter().any(|step| step.starts_with("SCAN"));
    assert!(!steps.is_empty() && !all, "{steps:?}");
}
