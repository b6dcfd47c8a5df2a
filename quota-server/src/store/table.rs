//! The tables, each with its columns in the order in which rows are made and read.
//!
//! Parameters are written `$1`, `$2`, each for the first time in this order: so PostgreSQL and SQLite count them alike.

use super::schema::{self, column_type};
use std::sync::LazyLock;

/// A table with the columns that the writer makes.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The key's columns first.
    pub(super) columns: &'static [&'static str],
    /// How many columns the key has.
    pub(super) key: usize,
    /// Writes a row over the one with the same key, if there is one. Columns that are not named here stay.
    pub(super) upsert: LazyLock<String>,
    /// Reads the row with this key.
    pub(super) find: LazyLock<String>,
    /// The columns' types, in PostgreSQL's words.
    pub(super) kinds: LazyLock<Vec<&'static str>>,
    /// The same three for many rows at once: each parameter is an array, a column's values in the order of the rows.
    pub(super) upsert_all: LazyLock<String>,
    /// Appends rows.
    pub(super) insert_all: LazyLock<String>,
    /// Reads the rows with these keys.
    pub(super) find_all: LazyLock<String>,
}

macro_rules! table {
    ($ident:ident, $name:literal, $key:literal, $columns:expr) => {
        pub(super) static $ident: Table = Table {
            name: $name,
            columns: &$columns,
            key: $key,
            upsert: LazyLock::new(|| $ident.upsert_sql()),
            find: LazyLock::new(|| $ident.find_sql()),
            kinds: LazyLock::new(|| {
                $ident
                    .columns
                    .iter()
                    .map(|c| column_type($name, c))
                    .collect()
            }),
            upsert_all: LazyLock::new(|| {
                format!("{} {}", $ident.insert_all_sql(), $ident.on_conflict())
            }),
            insert_all: LazyLock::new(|| $ident.insert_all_sql()),
            find_all: LazyLock::new(|| $ident.find_all_sql()),
        };
    };
}

table!(
    TENANTS,
    "tenants",
    1,
    [
        "tenant",
        "name",
        "currency",
        "state",
        "posted",
        "held",
        "overage",
        "credit",
        "reseller",
        "share",
        "share_carry",
        "seq",
        "time",
        "head",
        "zone"
    ]
);
table!(HOUSE, "house", 1, ["tenant", "seq", "time", "head"]);
table!(
    MOVEMENTS,
    "movements",
    2,
    ["tenant", "movement", "seq", "content"]
);
table!(
    ADVANCES,
    "advances",
    3,
    ["tenant", "provider", "currency", "amount"]
);
table!(
    KEYS,
    "keys",
    2,
    ["tenant", "key", "label", "state", "issued_at", "expires_at"]
);
table!(
    TOP_UPS,
    "top_ups",
    3,
    [
        "tenant",
        "source",
        "external_reference",
        "amount",
        "seq",
        "time",
        "taken_back"
    ]
);
table!(
    TOP_UP_DIRECTORY,
    "top_up_directory",
    2,
    ["source", "external_reference", "tenant"]
);
table!(
    TRANSFERS,
    "transfers",
    2,
    [
        "tenant",
        "transfer",
        "direction",
        "other",
        "amount",
        "note",
        "seq",
        "time"
    ]
);
table!(
    CORRECTIONS,
    "corrections",
    2,
    ["tenant", "correction", "seq", "content"]
);
table!(
    GRANTS,
    "grants",
    2,
    ["tenant", "grant_id", "ends_at", "content"]
);
table!(LIMITS, "limits", 2, ["tenant", "limit_id", "content"]);
table!(
    COUNTERS,
    "counters",
    3,
    ["tenant", "number", "subject", "counted"]
);
table!(
    RESERVATIONS,
    "reservations",
    2,
    [
        "tenant",
        "reservation",
        "state",
        "lease_until",
        "in_flight_key",
        "in_flight_digest",
        "content"
    ]
);
table!(
    REFUSALS,
    "refusals",
    2,
    ["tenant", "reservation", "time", "seq", "content"]
);
table!(
    UNRESERVED_SETTLES,
    "unreserved_settles",
    2,
    ["principal", "hour", "count"]
);
table!(
    JOURNAL,
    "journal",
    2,
    [
        "tenant",
        "seq",
        "time",
        "kind",
        "content",
        "previous_hash",
        "hash",
        "occurred_at",
        "lines"
    ]
);
table!(
    KEY_DIRECTORY,
    "key_directory",
    1,
    ["digest", "pepper", "tenant", "key"]
);

/// A book's account, with what is no projection of its journal: why it is frozen.
pub(super) const ACCOUNT: &str = "SELECT tenant, name, currency, state, posted, held, overage, credit, \
     reseller, share, share_carry, seq, time, head, zone, frozen FROM tenants";

/// All limits of tenants: there are few, and every request is looked at by each.
pub(super) static LIMITS_OF: LazyLock<String> = LazyLock::new(|| LIMITS.of_tenant(""));
/// A limit that was taken away.
pub(super) static UNSET_LIMIT: LazyLock<String> = LazyLock::new(|| LIMITS.delete_sql(2));
/// What a limit had counted, of which nothing counts any more.
pub(super) static CLEAR_COUNTERS: LazyLock<String> = LazyLock::new(|| COUNTERS.delete_sql(2));
/// A counter that says nothing any more.
pub(super) static CLEAR_COUNTER: LazyLock<String> = LazyLock::new(|| COUNTERS.delete_sql(3));

/// Overdue leases. Their order is the journal's, so it leaves nothing to the database.
pub(super) const DUE_LEASES: &str = "SELECT tenant, reservation FROM reservations \
     WHERE lease_until <= $1 \
     AND tenant NOT IN (SELECT tenant FROM tenants WHERE frozen IS NOT NULL) \
     ORDER BY lease_until, tenant, reservation LIMIT $2";
/// Grants whose end is to be posted.
pub(super) const DUE_GRANTS: &str = "SELECT tenant, grant_id FROM grants \
     WHERE ends_at <= $1 \
     AND tenant NOT IN (SELECT tenant FROM tenants WHERE frozen IS NOT NULL) \
     ORDER BY ends_at, tenant, grant_id LIMIT $2";

/// A transfer that only one of its two books has, which is the giver's if the sum is above zero. Each side is counted by itself: Citus
/// joins no table to what lies with another tenant. CockroachDB's sum is a decimal.
pub(super) const TORN_TRANSFER: &str = "SELECT giver, transfer, taker, CAST(sum(side) AS BIGINT) FROM \
     (SELECT tenant AS giver, transfer, other AS taker, amount, 1 AS side FROM transfers WHERE direction = 'out' \
     UNION ALL SELECT other, transfer, tenant, amount, -1 FROM transfers WHERE direction = 'in') AS sides \
     GROUP BY giver, transfer, taker, amount HAVING sum(side) <> 0 ORDER BY giver, transfer, taker, amount LIMIT 1";

impl Table {
    /// Reads one tenant's rows, in the order of their keys; of some tables only a part, by another condition.
    pub(super) fn of_tenant(&self, part: &str) -> String {
        self.of_tenant_by(&self.columns.join(", "), part)
    }

    /// The same in a database of this version, with what stands for columns that came later; `None` if the table did.
    pub(super) fn of_tenant_at(&self, version: i64) -> Option<String> {
        let there = schema::columns_at(version, self.name);
        let column = |column: &&'static str| match there.contains(column) {
            true => Some(*column),
            false => schema::default_of(self.name, column),
        };
        let columns: Option<Vec<_>> = self.columns.iter().map(column).collect();
        Some(self.of_tenant_by(&columns?.join(", "), ""))
    }

    fn of_tenant_by(&self, columns: &str, part: &str) -> String {
        let (keys, _) = self.columns.split_at(self.key);
        format!(
            "SELECT {columns} FROM {} WHERE tenant = $1 {part} ORDER BY {}",
            self.name,
            keys.join(", ")
        )
    }

    /// Takes away the rows whose keys begin with so many of the key's columns.
    pub(super) fn delete_sql(&self, by: usize) -> String {
        let keys = (1..).zip(self.columns.iter().take(by));
        let by: Vec<_> = keys.map(|(at, key)| format!("{key} = ${at}")).collect();
        format!("DELETE FROM {} WHERE {}", self.name, by.join(" AND "))
    }

    /// Appends a row: one with the same key is an error.
    pub(super) fn insert(&self) -> String {
        let places: Vec<_> = (1..=self.columns.len())
            .map(|at| format!("${at}"))
            .collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({})",
            self.name,
            self.columns.join(", "),
            places.join(", ")
        )
    }

    fn upsert_sql(&self) -> String {
        format!("{} {}", self.insert(), self.on_conflict())
    }

    /// What an upsert says behind its values.
    fn on_conflict(&self) -> String {
        let (keys, rest) = self.columns.split_at(self.key);
        let set: Vec<_> = rest.iter().map(|c| format!("{c} = excluded.{c}")).collect();
        format!(
            "ON CONFLICT ({}) DO UPDATE SET {}",
            keys.join(", "),
            set.join(", ")
        )
    }

    fn find_sql(&self) -> String {
        let keys = self.columns.iter().take(self.key);
        let by: Vec<_> = (1..)
            .zip(keys)
            .map(|(at, key)| format!("{key} = ${at}"))
            .collect();
        format!(
            "SELECT {} FROM {} WHERE {}",
            self.columns.join(", "),
            self.name,
            by.join(" AND ")
        )
    }

    /// The arrays of these columns, side by side.
    fn unnest(&self, columns: &[&str]) -> String {
        let arrays: Vec<_> = (1..)
            .zip(columns)
            .map(|(at, column)| format!("${at}::{}[]", column_type(self.name, column)))
            .collect();
        format!("unnest({})", arrays.join(", "))
    }

    fn insert_all_sql(&self) -> String {
        let columns = self.columns.join(", ");
        let values = self.unnest(self.columns);
        format!(
            "INSERT INTO {} ({columns}) SELECT * FROM {values}",
            self.name
        )
    }

    fn find_all_sql(&self) -> String {
        let (keys, _) = self.columns.split_at(self.key);
        let columns: Vec<_> = self.columns.iter().map(|c| format!("t.{c}")).collect();
        let on: Vec<_> = keys
            .iter()
            .map(|key| format!("t.{key} = wanted.{key}"))
            .collect();
        format!(
            "SELECT {} FROM {} t JOIN {} AS wanted ({}) ON {}",
            columns.join(", "),
            self.name,
            self.unnest(keys),
            keys.join(", "),
            on.join(" AND ")
        )
    }
}
