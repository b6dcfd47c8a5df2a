//! The same on PostgreSQL, where no trigger stands guard.

use super::{NOT_DERIVED, NOT_LOOKED_AT, columns, keys_of, lived};
use crate::engine::tests::cluster::{Cluster, execute};
use crate::migrate::migrate;
use crate::store::Database;
use crate::verify::{VerifyReport, verify};

/// The same question on a thread of its own: stores block.
fn aside<T: Send>(ask: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(ask).join().unwrap())
}

fn report(database: &Database) -> VerifyReport {
    aside(|| verify(database).unwrap())
}

#[tokio::test]
async fn every_column_that_is_changed_by_hand_is_found() {
    let closed = lived().await;
    let cluster = Cluster::shared();
    let database = cluster.database();
    let Database::Postgres(config) = &database else {
        panic!("a cluster has databases of PostgreSQL's");
    };
    aside(|| migrate(&closed.file, config, &mut |_| {}).unwrap());
    assert!(report(&database).clean);
    let url = cluster.url_of(&database);
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
                "CASE WHEN coalesce(length({column}), 0) = 0 THEN '\\x00'::bytea \
                 ELSE set_byte({column}, length({column}) - 1, get_byte({column}, length({column}) - 1) # 1) END"
            ),
            other => panic!("a column of kind {other}"),
        };
        let keys = keys_of(&closed.file, &table).join(", ");
        let change = format!(
            "CREATE TABLE kept AS SELECT * FROM {table}; \
             UPDATE {table} SET {column} = {other} WHERE ({keys}) = (SELECT {keys} FROM {table} ORDER BY {keys} LIMIT 1)"
        );
        execute(&url, &change).unwrap_or_else(|e| panic!("{change}: {e}"));
        assert!(!report(&database).clean, "{change}: not found");
        let undo =
            format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept");
        execute(&url, &undo).unwrap();
        found += 1;
    }
    assert!(report(&database).clean, "something was not undone");
    assert!(found > 60, "{found} changes");
    execute(&url, "DELETE FROM seals WHERE month = '2027-01'").unwrap();
    let what = report(&database).difference.map(|found| found.what);
    let told = "seals 2027-01: the store does not have it";
    assert_eq!(what.as_deref(), Some(told));
}
