//! Stored rows beside the rows that should be there, in lockstep.

use crate::store::StoreError;
use crate::store::fields::Fields;
use crate::store::reader::Source;
use crate::store::table::Table;
use crate::store::value::{Row, Value};
use ferry_types::{ReservationId, TenantId};
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// Compares a tenant's stored rows with those that should be there; both in the order of their keys.
pub(super) struct Compare<'a> {
    pub(super) source: &'a mut dyn Source,
    pub(super) tenant: &'a TenantId,
    /// Of the database's schema.
    pub(super) version: i64,
}

impl Compare<'_> {
    /// The first row that is missing, unknown, or another.
    pub(super) fn rows<'r>(
        &mut self,
        table: &Table,
        mut expected: impl Iterator<Item = Row<'r>>,
    ) -> Result<Option<String>, StoreError> {
        let of = [Value::text(self.tenant.as_str())];
        let Some(sql) = table.of_tenant_at(self.version) else {
            // What came later than this database is in none of its journals.
            return Ok(expected.next().map(|expected| missing(table, &expected)));
        };
        let mut difference = None;
        self.source
            .each("compare a book", &sql, &of, &mut |stored| {
                difference = match expected.next() {
                    None => Some(unknown(table, stored)?),
                    Some(expected) => difference_of(table, stored, &expected)?,
                };
                Ok(match difference {
                    None => ControlFlow::Continue(()),
                    Some(_) => ControlFlow::Break(()),
                })
            })?;
        Ok(difference.or_else(|| expected.next().map(|expected| missing(table, &expected))))
    }
}

/// What is different between a stored row and the one that should be there.
fn difference_of(
    table: &Table,
    stored: &dyn Fields,
    expected: &Row<'_>,
) -> Result<Option<String>, StoreError> {
    for (at, should) in expected.iter().enumerate() {
        let found = stored.get(at)?;
        let order = compare(&found, should);
        if order.is_eq() {
            continue;
        }
        return match (at < table.key, order) {
            (true, Ordering::Less) => unknown(table, stored).map(Some),
            (true, _) => Ok(Some(missing(table, expected))),
            (false, _) => Ok(Some(other_value(table, expected, at, &found, should))),
        };
    }
    Ok(None)
}

fn missing(table: &Table, expected: &Row<'_>) -> String {
    let key = expected.iter().take(table.key);
    format!("{}: the store does not have it", named(table, key))
}

fn unknown(table: &Table, stored: &dyn Fields) -> Result<String, StoreError> {
    let key: Result<Vec<_>, _> = (0..table.key).map(|at| stored.get(at)).collect();
    let name = named(table, key?.iter());
    Ok(format!("{name}: the journal does not know it"))
}

fn other_value(
    table: &Table,
    expected: &Row<'_>,
    at: usize,
    found: &Value<'_>,
    should: &Value<'_>,
) -> String {
    let key = expected.iter().take(table.key);
    let column = table.columns.get(at).copied().unwrap_or_default();
    let name = named(table, key);
    format!("{name}: {column} is {}", told(found, should))
}

/// What was found, and what should be there.
pub(super) fn told(found: &Value<'_>, should: &Value<'_>) -> String {
    format!("{}, but the journal says {}", shown(found), shown(should))
}

/// The table and the row's key, without the tenant.
fn named<'a>(table: &Table, key: impl Iterator<Item = &'a Value<'a>>) -> String {
    let key = table.columns.iter().zip(key);
    let key = key.filter(|(column, _)| **column != "tenant");
    let parts: Vec<_> = key.map(|(_, value)| shown(value)).collect();
    let name = format!("{} {}", table.name, parts.join(" "));
    name.trim_end().to_string()
}

/// The databases' own order, within a kind.
fn compare(found: &Value<'_>, expected: &Value<'_>) -> Ordering {
    match (found, expected) {
        (Value::Integer(found), Value::Integer(expected)) => found.cmp(expected),
        (Value::Text(found), Value::Text(expected)) => found.cmp(expected),
        (Value::Bytes(found), Value::Bytes(expected)) => found.cmp(expected),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null | Value::Integer(_) | Value::Text(_) | Value::Bytes(_), _) => {
            Ordering::Greater
        }
    }
}

/// Bytes of an id or a hash are worth showing; an encoded row's are not.
const SHOWN_BYTES_MAX: usize = 32;

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "absent".into(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Bytes(bytes) => match ReservationId::from_bytes(bytes) {
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
