use super::*;
use crate::store::table::{
    ADVANCES, GRANTS, HOUSE, JOURNAL, KEY_DIRECTORY, KEYS, MOVEMENTS, REFUSALS, RESERVATIONS,
    TENANTS, TOP_UPS,
};

#[test]
fn every_column_that_is_written_stands_in_the_schema() {
    let tables = [
        &TENANTS,
        &HOUSE,
        &MOVEMENTS,
        &ADVANCES,
        &KEYS,
        &TOP_UPS,
        &GRANTS,
        &RESERVATIONS,
        &REFUSALS,
        &JOURNAL,
        &KEY_DIRECTORY,
    ];
    for table in tables {
        assert!(super::tables().any(|name| name == table.name));
        let columns = columns(table.name);
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

/// What CockroachDB, YugabyteDB or Citus would not take, or take as something else.
const BANNED: [&str; 9] = [
    "SEQUENCE",
    "SERIAL",
    "IDENTITY",
    "ADVISORY",
    "TRIGGER",
    "LISTEN",
    "NOTIFY",
    "REFERENCES",
    "CREATE FUNCTION",
];

#[test]
fn sql_is_what_every_relative_of_postgresql_accepts() {
    let sources = [
        ("schema.sql", TEXT),
        ("table.rs", include_str!("../table.rs")),
        ("reader.rs", include_str!("../reader.rs")),
        ("heads.rs", include_str!("../heads.rs")),
        ("house.rs", include_str!("../house.rs")),
        ("seals.rs", include_str!("../seals.rs")),
        ("audit.rs", include_str!("../audit.rs")),
        ("postgres.rs", include_str!("../postgres.rs")),
        ("postgres/house.rs", include_str!("../postgres/house.rs")),
        ("postgres/load.rs", include_str!("../postgres/load.rs")),
        ("postgres/open.rs", include_str!("../postgres/open.rs")),
        (
            "postgres/persist.rs",
            include_str!("../postgres/persist.rs"),
        ),
        ("postgres/source.rs", include_str!("../postgres/source.rs")),
    ];
    for (name, text) in sources {
        for banned in BANNED {
            let found = text.lines().find(|line| line.contains(banned));
            assert_eq!(found, None, "{name} says {banned}");
        }
    }
}

#[test]
fn the_tenant_comes_first_in_every_key_but_the_directories() {
    let directories = [
        "meta",
        "peppers",
        "price_tables",
        "key_directory",
        "epochs",
        "seals",
    ];
    for table in TEXT.split("CREATE TABLE ").skip(1) {
        let (name, rest) = table.split_once(" (").unwrap();
        let (body, _) = rest.split_once("\n);").unwrap();
        let by_tenant = body.contains("PRIMARY KEY (tenant,")
            || body.contains("tenant TEXT NOT NULL PRIMARY KEY");
        assert_eq!(by_tenant, !directories.contains(&name), "{name}");
    }
}
