//! The tables that are projections, each with its columns in the order in which rows are made.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Result};
use std::sync::LazyLock;

/// Values in the order of their table's columns.
pub(super) type Row<'a> = Vec<ToSqlOutput<'a>>;

/// A table whose rows are derived.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The key's columns first.
    pub(super) columns: &'static [&'static str],
    /// How many columns the key has.
    pub(super) key: usize,
    upsert: LazyLock<String>,
}

macro_rules! table {
    ($ident:ident, $name:literal, $key:literal, $columns:expr) => {
        pub(super) static $ident: Table = Table {
            name: $name,
            columns: &$columns,
            key: $key,
            upsert: LazyLock::new(|| upsert($name, &$columns, $key)),
        };
    };
}

table!(
    TENANTS,
    "tenants",
    1,
    [
        "tenant", "name", "currency", "state", "posted", "held", "overage", "credit", "seq",
        "time", "head"
    ]
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
        "time"
    ]
);
table!(
    GRANTS,
    "grants",
    2,
    ["tenant", "grant_id", "ends_at", "content"]
);
table!(
    LINES,
    "lines",
    3,
    [
        "tenant",
        "seq",
        "line",
        "account",
        "currency",
        "amount",
        "occurred_at"
    ]
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
    USAGE_RECORDS,
    "usage_records",
    2,
    [
        "tenant",
        "reservation",
        "principal",
        "key",
        "state",
        "posted_at",
        "seq",
        "endpoint",
        "route",
        "mode",
        "stream",
        "feature",
        "environment",
        "end_user",
        "session",
        "agent",
        "model_requested",
        "model_served",
        "provider",
        "input_tokens",
        "cached_input_tokens",
        "cache_write_tokens",
        "audio_input_tokens",
        "output_tokens",
        "reasoning_tokens",
        "audio_output_tokens",
        "source",
        "cause",
        "status",
        "latency_ms",
        "reserved",
        "priced",
        "suspended",
        "charged",
        "released",
        "cost",
        "price_version",
        "policy_version",
        "flags"
    ]
);
table!(
    USAGE_ATTEMPTS,
    "usage_attempts",
    3,
    [
        "tenant",
        "reservation",
        "attempt",
        "provider",
        "model",
        "status",
        "input_tokens",
        "cached_input_tokens",
        "cache_write_tokens",
        "audio_input_tokens",
        "output_tokens",
        "reasoning_tokens",
        "audio_output_tokens",
        "source",
        "provider_request_id",
        "service_tier",
        "latency_ms",
        "first_byte_ms",
        "cost"
    ]
);

impl Table {
    /// Writes a row over the one with the same key, if there is one. Columns that are no projection stay.
    pub(super) fn put(&self, connection: &Connection, row: &Row<'_>) -> Result<()> {
        let mut statement = connection.prepare_cached(&self.upsert)?;
        for (at, value) in (1..).zip(row) {
            statement.raw_bind_parameter(at, value)?;
        }
        statement.raw_execute().map(|_| ())
    }

    /// Reads one tenant's rows, in the order of their keys; of some tables only a part, by another condition.
    pub(super) fn select(&self, part: &str) -> String {
        let (keys, _) = self.columns.split_at(self.key);
        format!(
            "SELECT {} FROM {} WHERE tenant = ?1 {part} ORDER BY {}",
            self.columns.join(", "),
            self.name,
            keys.join(", ")
        )
    }
}

fn upsert(name: &str, columns: &[&str], key: usize) -> String {
    let (keys, rest) = columns.split_at(key);
    let places: Vec<_> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
    let set: Vec<_> = rest.iter().map(|c| format!("{c} = excluded.{c}")).collect();
    format!(
        "INSERT INTO {name} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
        columns.join(", "),
        places.join(", "),
        keys.join(", "),
        set.join(", ")
    )
}
