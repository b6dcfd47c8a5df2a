//! Whatever is asked while the server works is found without looking through a journal's length of rows.

use super::tenants::tenants_sql;
use super::*;
use crate::store::sqlite::SqliteStore;
use rusqlite::Connection;

/// How SQLite goes about a question, step by step.
fn plan(sql: &str, parameters: &[Value<'_>]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferry.db");
    drop(SqliteStore::open(&file).unwrap());
    let database = Connection::open(&file).unwrap();
    let mut statement = database
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let parameters = parameters.iter().map(|value| match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Null | Value::Bytes(_) => String::new(),
    });
    let parameters = rusqlite::params_from_iter(parameters);
    let steps = statement.query_map(parameters, |row| row.get(3)).unwrap();
    steps.map(Result::unwrap).collect()
}

#[test]
fn open_reservations_are_found_among_the_open_ones() {
    for tenant in [None, Some("acme".parse().unwrap())] {
        let query = ReservationQuery {
            tenant,
            open_only: true,
            limit: 10,
        };
        let Question { sql, parameters } = reservations_question(Dialect::Sqlite, &query);
        let steps = plan(&sql, &parameters);
        let by_index = |step: &String| step.contains("reservations_open");
        assert!(steps.iter().any(by_index), "{steps:?}");
    }
    for rest in ["ORDER BY t.tenant", "WHERE t.tenant = 'acme'"] {
        let steps = plan(&tenants_sql(Dialect::Sqlite, rest), &[]);
        let reads = |step: &&String| step.contains(" reservations");
        let reads: Vec<_> = steps.iter().filter(reads).collect();
        assert!(!reads.is_empty(), "{steps:?}");
        let by_index = |step: &&String| step.contains("reservations_open");
        assert!(reads.iter().all(by_index), "{steps:?}");
    }
}

#[test]
fn a_tenants_newest_usage_is_read_from_its_end() {
    let query = UsageQuery {
        tenant: Some("acme".parse().unwrap()),
        request: None,
        limit: 10,
    };
    let Question { sql, parameters } = usage_question(Dialect::Sqlite, &query);
    let steps = plan(&sql, &parameters);
    let looks_at_all = |step: &String| step.starts_with("SCAN r") || step.contains("TEMP B-TREE");
    assert!(!steps.iter().any(looks_at_all), "{steps:?}");
}
