use super::*;
use crate::store::postgres::relatives::fault;
use crate::store::table::{
    ADVANCES, CORRECTIONS, COUNTERS, GRANTS, HOUSE, JOURNAL, KEY_DIRECTORY, KEYS, LIMITS,
    MOVEMENTS, REFUSALS, RESERVATIONS, TENANTS, TOP_UP_DIRECTORY, TOP_UPS, TRANSFERS, Table,
    UNRESERVED_SETTLES,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

static TABLES: [&Table; 17] = [
    &TENANTS,
    &HOUSE,
    &MOVEMENTS,
    &ADVANCES,
    &KEYS,
    &TOP_UPS,
    &TOP_UP_DIRECTORY,
    &TRANSFERS,
    &CORRECTIONS,
    &GRANTS,
    &LIMITS,
    &COUNTERS,
    &RESERVATIONS,
    &REFUSALS,
    &UNRESERVED_SETTLES,
    &JOURNAL,
    &KEY_DIRECTORY,
];

#[test]
fn every_column_that_is_written_stands_in_the_schema() {
    for table in TABLES {
        assert!(super::tables().any(|name| name == table.name));
        let columns = columns_at(SCHEMA, table.name);
        assert!(!columns.contains(&"--") && !columns.contains(&"PRIMARY"));
        for column in table.columns {
            assert!(columns.contains(column), "{}.{column}", table.name);
            let kind = column_type(table.name, column);
            assert!(
                ["BIGINT", "TEXT", "BYTEA"].contains(&kind),
                "{}.{column} is '{kind}'",
                table.name
            );
        }
    }
}

/// Every text that the store is written in, but SQLite's own: what is built at run time is built from these.
#[test]
fn sources_say_what_every_relative_of_postgresql_accepts() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")];
    let mut seen = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap();
            if path.is_dir() && name != "sqlite" {
                folders.push(path);
            } else if path.is_file() && !OTHERS.contains(&name) {
                let text = fs::read_to_string(&path).unwrap();
                assert_eq!(fault(&without_comments(&text)), None, "{}", path.display());
                seen.insert(name.to_owned());
            }
        }
    }
    for name in [
        "schema.sql",
        "2.sql",
        "3.sql",
        "table.rs",
        "reader.rs",
        "credit.rs",
        "load.rs",
    ] {
        assert!(seen.contains(name), "{name} is not among them");
    }
}

/// SQLite's, and what speaks of what is banned.
const OTHERS: [&str; 3] = ["sqlite.rs", "relatives.rs", "tests.rs"];

/// The lines that are no comments, as one: a statement goes on over several.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with("//") && !line.starts_with("--"));
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_built_for_the_tables_is_what_every_relative_of_postgresql_accepts() {
    let made = include_str!("../table.rs").matches("\ntable!(").count();
    assert_eq!(TABLES.len(), made, "a table is missing here");
    for table in TABLES {
        for sql in [
            &*table.upsert,
            &*table.find,
            &*table.upsert_all,
            &*table.insert_all,
            &*table.find_all,
            &table.of_tenant(""),
            &table.insert(),
            &table.delete_sql(table.key),
        ] {
            assert_eq!(fault(sql), None, "{sql}");
        }
    }
    for text in FOR_POSTGRES {
        assert_eq!(fault(&without_comments(&text())), None);
    }
}

#[test]
fn the_tenant_comes_first_in_every_key_but_the_directories() {
    let directories = [
        "meta",
        "peppers",
        "price_tables",
        "key_directory",
        "top_up_directory",
        "epochs",
        "seals",
        "unreserved_settles",
    ];
    let all = VERSIONS.concat();
    for table in all.split("CREATE TABLE ").skip(1) {
        let (name, rest) = table.split_once(" (").unwrap();
        let (body, _) = rest.split_once("\n);").unwrap();
        let by_tenant = body.contains("PRIMARY KEY (tenant,")
            || body.contains("tenant TEXT NOT NULL PRIMARY KEY");
        assert_eq!(by_tenant, !directories.contains(&name), "{name}");
    }
}

/// Rows with a content are large; in a tree of their keys each would have a page almost to itself.
#[test]
fn only_small_rows_lie_in_the_order_of_their_keys() {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    for version in FOR_SQLITE {
        database.execute_batch(&version()).unwrap();
    }
    for table in super::tables() {
        let by_key: bool = database
            .query_row(
                "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1",
                [table],
                |row| row.get(0),
            )
            .unwrap();
        let is_large = columns_at(SCHEMA, table).contains(&"content");
        assert_eq!(by_key, !is_large, "{table}");
    }
}

/// What a version adds is read and copied like what was there from the beginning.
#[test]
fn the_schema_names_the_columns_that_the_tables_have() {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    for (at, version) in (1..).zip(FOR_SQLITE) {
        database.execute_batch(&version()).unwrap();
        for table in super::tables_at(at) {
            let sql = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";
            let mut statement = database.prepare(sql).unwrap();
            let found = statement.query_map([table], |row| row.get(0)).unwrap();
            let found: Vec<String> = found.map(Result::unwrap).collect();
            assert_eq!(columns_at(at, table), found, "{table} at {at}");
        }
    }
    for table in super::tables() {
        for column in columns_at(SCHEMA, table) {
            let kind = column_type(table, column);
            assert!(
                ["BIGINT", "TEXT", "BYTEA"].contains(&kind),
                "{table}.{column} is '{kind}'"
            );
        }
    }
}
