//! Stored rows beside the rows that should be there, in lockstep.

use super::super::load::Read;
use super::super::table::{Row, Table};
use ferry_types::{ReservationId, TenantId};
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// Compares a tenant's stored rows with those that should be there; both in the order of their keys.
pub(super) struct Compare<'a> {
    pub(super) connection: &'a Connection,
    pub(super) tenant: &'a TenantId,
}

impl Compare<'_> {
    /// The first row that is missing, unknown, or another.
    pub(super) fn rows<'r>(
        &self,
        table: &Table,
        expected: impl Iterator<Item = Row<'r>>,
    ) -> Read<Option<String>> {
        let mut statement = self.connection.prepare_cached(&table.select(""))?;
        first_difference(table, statement.query([self.tenant.as_str()])?, expected)
    }

    /// The same, of the rows that a condition on two numbers leaves.
    pub(super) fn part<'r>(
        &self,
        table: &Table,
        condition: &str,
        part: RangeInclusive<u64>,
        expected: impl Iterator<Item = Row<'r>>,
    ) -> Read<Option<String>> {
        let mut statement = self.connection.prepare_cached(&table.select(condition))?;
        let (first, last) = part.into_inner();
        let last = i64::try_from(last).unwrap_or(i64::MAX);
        let stored = statement.query((self.tenant.as_str(), first.cast_signed(), last))?;
        first_difference(table, stored, expected)
    }
}

fn first_difference<'r>(
    table: &Table,
    mut stored: rusqlite::Rows<'_>,
    mut expected: impl Iterator<Item = Row<'r>>,
) -> Read<Option<String>> {
    loop {
        let (stored, expected) = (stored.next()?, expected.next());
        let (stored, expected) = match (stored, expected) {
            (None, None) => return Ok(None),
            (None, Some(expected)) => return Ok(Some(missing(table, &expected))),
            (Some(stored), None) => return unknown(table, stored).map(Some),
            (Some(stored), Some(expected)) => (stored, expected),
        };
        for (at, expected_value) in expected.iter().enumerate() {
            let (found, expected_value) = (stored.get_ref(at)?, borrowed(expected_value));
            let order = compare(found, expected_value);
            if order.is_eq() {
                continue;
            }
            return match (at < table.key, order) {
                (true, Ordering::Less) => unknown(table, stored).map(Some),
                (true, _) => Ok(Some(missing(table, &expected))),
                (false, _) => Ok(Some(other_value(
                    table,
                    &expected,
                    at,
                    found,
                    expected_value,
                ))),
            };
        }
    }
}

fn missing(table: &Table, expected: &Row<'_>) -> String {
    let key = expected.iter().take(table.key).map(borrowed);
    format!("{}: the store does not have it", named(table, key))
}

fn unknown(table: &Table, stored: &rusqlite::Row<'_>) -> Read<String> {
    let key: Result<Vec<_>, _> = (0..table.key).map(|at| stored.get_ref(at)).collect();
    let name = named(table, key?.into_iter());
    Ok(format!("{name}: the journal does not know it"))
}

fn other_value(
    table: &Table,
    expected: &Row<'_>,
    at: usize,
    found: ValueRef<'_>,
    should: ValueRef<'_>,
) -> String {
    let key = expected.iter().take(table.key).map(borrowed);
    let column = table.columns.get(at).copied().unwrap_or_default();
    format!(
        "{}: {column} is {}, but the journal says {}",
        named(table, key),
        shown(found),
        shown(should)
    )
}

/// The table and the row's key, without the tenant.
fn named<'a>(table: &Table, key: impl Iterator<Item = ValueRef<'a>>) -> String {
    let parts: Vec<_> = key.skip(1).map(shown).collect();
    let name = format!("{} {}", table.name, parts.join(" "));
    name.trim_end().to_string()
}

fn borrowed<'a>(value: &'a ToSqlOutput<'_>) -> ValueRef<'a> {
    match value {
        ToSqlOutput::Borrowed(value) => *value,
        ToSqlOutput::Owned(value) => value.into(),
        _ => ValueRef::Null,
    }
}

/// SQLite's own order, within a kind.
fn compare(found: ValueRef<'_>, expected: ValueRef<'_>) -> Ordering {
    match (found, expected) {
        (ValueRef::Integer(found), ValueRef::Integer(expected)) => found.cmp(&expected),
        (ValueRef::Text(found), ValueRef::Text(expected))
        | (ValueRef::Blob(found), ValueRef::Blob(expected)) => found.cmp(expected),
        (ValueRef::Null, ValueRef::Null) => Ordering::Equal,
        (
            ValueRef::Null
            | ValueRef::Integer(_)
            | ValueRef::Real(_)
            | ValueRef::Text(_)
            | ValueRef::Blob(_),
            _,
        ) => Ordering::Greater,
    }
}

/// Bytes of an id or a hash are worth showing; an encoded row's are not.
const SHOWN_BYTES_MAX: usize = 32;

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "absent".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => match ReservationId::from_bytes(bytes) {
            Ok(id) => id.to_string(),
            Err(_) if bytes.len() <= SHOWN_BYTES_MAX => hex(bytes),
            Err(_) => format!("{} other bytes", bytes.len()),
        },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}
