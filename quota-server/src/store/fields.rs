//! Reading a stored row: what each column must be, and what is said when it is not.

use super::StoreError;
use super::value::Value;
use ferry_ledger::{Reservation, UnixMs};
use ferry_types::{Amount, ReservationId};

/// A row as a database gives it, column by column.
pub trait Fields {
    /// The value of the column in this place, counted from 0.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is of no kind that Ferry writes.
    fn get(&self, at: usize) -> Result<Value<'_>, StoreError>;
}

/// What a row says that no Ferry wrote.
pub(super) fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(what.into())
}

fn of_another_kind(value: &Value<'_>) -> StoreError {
    let kind = match value {
        Value::Null => "nothing",
        Value::Integer(_) => "a number",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "bytes",
    };
    corrupt(&format!("a value of another kind ({kind})"))
}

/// Reads a signed number.
pub(super) fn number(row: &(impl Fields + ?Sized), at: usize) -> Result<i64, StoreError> {
    match row.get(at)? {
        Value::Integer(number) => Ok(number),
        other @ (Value::Null | Value::Text(_) | Value::Bytes(_)) => Err(of_another_kind(&other)),
    }
}

/// Reads an unsigned number.
pub(super) fn count(row: &(impl Fields + ?Sized), at: usize) -> Result<u64, StoreError> {
    Ok(number(row, at)?.cast_unsigned())
}

/// Reads a number that is small.
pub(super) fn small<T: TryFrom<i64>>(
    row: &(impl Fields + ?Sized),
    at: usize,
) -> Result<T, StoreError> {
    T::try_from(number(row, at)?).map_err(|_| corrupt("a number out of range"))
}

/// Reads a yes or a no.
pub(super) fn yes(row: &(impl Fields + ?Sized), at: usize) -> Result<bool, StoreError> {
    Ok(number(row, at)? != 0)
}

/// Reads a time.
pub(super) fn time(row: &(impl Fields + ?Sized), at: usize) -> Result<UnixMs, StoreError> {
    count(row, at).map(UnixMs)
}

/// Reads an amount.
pub(super) fn amount(row: &(impl Fields + ?Sized), at: usize) -> Result<Amount, StoreError> {
    Amount::from_units(number(row, at)?).ok_or_else(|| corrupt("an amount below zero"))
}

/// Reads words.
pub(super) fn text(row: &(impl Fields + ?Sized), at: usize) -> Result<String, StoreError> {
    match row.get(at)? {
        Value::Text(text) => Ok(text.into_owned()),
        other @ (Value::Null | Value::Integer(_) | Value::Bytes(_)) => Err(of_another_kind(&other)),
    }
}

/// Reads bytes.
pub(super) fn bytes(row: &(impl Fields + ?Sized), at: usize) -> Result<Vec<u8>, StoreError> {
    with_bytes(row, at, |bytes| Ok(bytes.to_vec()))
}

/// Reads a hash or a digest.
pub(super) fn digest(row: &(impl Fields + ?Sized), at: usize) -> Result<[u8; 32], StoreError> {
    with_bytes(row, at, |bytes| {
        bytes
            .try_into()
            .map_err(|_| corrupt("a hash that is not 32 bytes long"))
    })
}

fn with_bytes<T>(
    row: &(impl Fields + ?Sized),
    at: usize,
    read: impl FnOnce(&[u8]) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match row.get(at)? {
        Value::Bytes(bytes) => read(&bytes),
        other @ (Value::Null | Value::Integer(_) | Value::Text(_)) => Err(of_another_kind(&other)),
    }
}

/// Reads a name that was checked before it was written.
pub(super) fn parsed<T: std::str::FromStr>(
    row: &(impl Fields + ?Sized),
    at: usize,
    what: &str,
) -> Result<T, StoreError> {
    let parsed = match row.get(at)? {
        Value::Text(text) => text.parse().ok(),
        Value::Null | Value::Integer(_) | Value::Bytes(_) => None,
    };
    parsed.ok_or_else(|| corrupt(what))
}

/// Finds the value with this name among all there are.
pub(super) fn named<T: Copy, const N: usize>(
    row: &(impl Fields + ?Sized),
    at: usize,
    all: [T; N],
    name: impl Fn(T) -> &'static str,
) -> Result<T, StoreError> {
    let Value::Text(text) = row.get(at)? else {
        return Err(corrupt("a name that is no text"));
    };
    let found = all.into_iter().find(|value| name(*value) == &*text);
    found.ok_or_else(|| corrupt(&format!("the unknown name '{text}'")))
}

/// Reads what may be absent.
pub(super) fn absent_or<R: Fields + ?Sized, T>(
    row: &R,
    at: usize,
    read: impl FnOnce(&R, usize) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    match row.get(at)? {
        Value::Null => Ok(None),
        Value::Integer(_) | Value::Text(_) | Value::Bytes(_) => read(row, at).map(Some),
    }
}

/// Reads a request's id.
pub(super) fn id(row: &(impl Fields + ?Sized), at: usize) -> Result<ReservationId, StoreError> {
    let Value::Bytes(bytes) = row.get(at)? else {
        return Err(corrupt("a reservation id"));
    };
    ReservationId::from_bytes(&bytes).map_err(|_| corrupt("a reservation id"))
}

/// Reads what the ledger encoded of a reservation.
pub(super) fn reservation(
    row: &(impl Fields + ?Sized),
    at: usize,
) -> Result<Reservation, StoreError> {
    let Value::Bytes(content) = row.get(at)? else {
        return Err(corrupt("a reservation that is no bytes"));
    };
    Reservation::decode(&content)
        .map_err(|e| corrupt(&format!("a reservation that cannot be read ({e})")))
}
