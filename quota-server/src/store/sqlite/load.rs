//! Reading what a batch touches.

use crate::key_directory::StoredDigest;
use crate::store::{StoreError, Touch};
use ferry_ledger::{
    Book, Grant, Head, Key, KeyState, Overage, PostedTopUp, Refused, Reservation, TenantState,
    TopUpRef, UnixMs,
};
use ferry_types::{Amount, Balance, Currency, GrantId, KeyId, ReservationId, TenantId};
use rusqlite::{Connection, OptionalExtension as _, Row};
use std::collections::BTreeMap;

/// What a row says that no Ferry wrote.
pub(super) fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(what.into())
}

/// A row's reading can fail in SQLite, or in what it says.
pub(super) enum ReadError {
    Sqlite(rusqlite::Error),
    Says(StoreError),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Says(error)
    }
}

impl ReadError {
    pub(super) fn during(self, action: &'static str) -> StoreError {
        match self {
            Self::Sqlite(source) if is_misread(&source) => {
                StoreError::Corrupt(format!("a value of another kind ({source})"))
            }
            Self::Sqlite(source) => StoreError::Database { action, source },
            Self::Says(error) => error,
        }
    }
}

/// Whether the database could be read, and what it said could not.
fn is_misread(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
    };
    let kind = matches!(
        error,
        FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | Utf8Error(..)
    );
    kind || error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt)
}

pub(super) type Read<T> = Result<T, ReadError>;

/// Reads a name that was checked before it was written.
pub(super) fn parsed<T: std::str::FromStr>(row: &Row<'_>, at: usize, what: &str) -> Read<T> {
    let text = row
        .get_ref(at)?
        .as_str()
        .ok()
        .and_then(|text| text.parse().ok());
    Ok(text.ok_or_else(|| corrupt(what))?)
}

/// Reads an unsigned number.
pub(super) fn count(row: &Row<'_>, at: usize) -> Read<u64> {
    Ok(row.get::<_, i64>(at)?.cast_unsigned())
}

/// Reads a time that may be absent.
pub(super) fn some_time(row: &Row<'_>, at: usize) -> Read<Option<UnixMs>> {
    let time: Option<i64> = row.get(at)?;
    Ok(time.map(|time| UnixMs(time.cast_unsigned())))
}

pub(super) fn amount(row: &Row<'_>, at: usize) -> Read<Amount> {
    Ok(Amount::from_units(row.get(at)?).ok_or_else(|| corrupt("an amount below zero"))?)
}

/// Finds the value with this name among all there are.
pub(super) fn named<T: Copy, const N: usize>(
    row: &Row<'_>,
    at: usize,
    all: [T; N],
    name: impl Fn(T) -> &'static str,
) -> Read<T> {
    let text = row.get_ref(at)?;
    let text = text
        .as_str()
        .map_err(|_| corrupt("a name that is no text"))?;
    let found = all.into_iter().find(|value| name(*value) == text);
    Ok(found.ok_or_else(|| corrupt(&format!("the unknown name '{text}'")))?)
}

pub(super) fn key_owner(
    connection: &Connection,
    digest: &StoredDigest,
) -> Result<Option<(TenantId, KeyId)>, StoreError> {
    let read = || -> Read<_> {
        let mut statement =
            connection.prepare_cached("SELECT tenant, key FROM key_directory WHERE digest = ?1")?;
        let mut rows = statement.query([digest.0])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        Ok(Some((
            parsed(row, 0, "a tenant id")?,
            parsed(row, 1, "a key id")?,
        )))
    };
    read().map_err(|e| e.during("find a key"))
}

pub(super) fn book(connection: &Connection, touch: &Touch) -> Result<Option<Book>, StoreError> {
    let read = || -> Read<_> {
        let Some(mut book) = account(connection, &touch.tenant)? else {
            return Ok(None);
        };
        for id in &touch.keys {
            if let Some(found) = key(connection, &touch.tenant, id)? {
                book.keys.insert(id.clone(), found);
            }
        }
        for id in &touch.reservations {
            if let Some(found) = reservation(connection, &touch.tenant, *id)? {
                book.reservations.insert(*id, found);
            } else if let Some(found) = refused(connection, &touch.tenant, *id)? {
                book.refused.insert(*id, found);
            }
        }
        for (key, digest) in &touch.in_flight {
            if let Some(found) = in_flight(connection, &touch.tenant, key, digest)? {
                book.reservations.insert(found.id, found);
            }
        }
        for reference in &touch.top_ups {
            if let Some(found) = top_up(connection, &touch.tenant, reference)? {
                book.top_ups.insert(reference.clone(), found);
            }
        }
        grants(connection, &mut book)?;
        Ok(Some(book))
    };
    read().map_err(|e| e.during("load a book"))
}

fn account(connection: &Connection, tenant: &TenantId) -> Read<Option<Book>> {
    let sql = "SELECT name, currency, state, posted, held, seq, time, head, frozen IS NOT NULL, overage, credit \
               FROM tenants WHERE tenant = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([tenant.as_str()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Book {
        tenant: tenant.clone(),
        name: row.get(0)?,
        currency: named(row, 1, Currency::ALL, Currency::code)?,
        state: named(row, 2, TenantState::ALL, TenantState::name)?,
        posted: Balance::from_units(row.get(3)?),
        held: amount(row, 4)?,
        overage: overage(row, 9)?,
        frozen: row.get(8)?,
        head: Head {
            seq: count(row, 5)?,
            time: UnixMs(count(row, 6)?),
            hash: row.get(7)?,
        },
        keys: BTreeMap::new(),
        reservations: BTreeMap::new(),
        refused: BTreeMap::new(),
        top_ups: BTreeMap::new(),
        grants: BTreeMap::new(),
    }))
}

/// Reads a policy's name, and its credit in the next column.
pub(super) fn overage(row: &Row<'_>, at: usize) -> Read<Overage> {
    let name = row.get_ref(at)?;
    let credit = amount(row, at.saturating_add(1))?;
    let policy = name
        .as_str()
        .ok()
        .and_then(|name| Overage::from_parts(name, credit));
    Ok(policy.ok_or_else(|| corrupt("an overage policy"))?)
}

/// All grants of a tenant: there are few, and whatever pays may need any of them.
fn grants(connection: &Connection, book: &mut Book) -> Read<()> {
    let sql = "SELECT grant_id, content FROM grants WHERE tenant = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([book.tenant.as_str()])?;
    while let Some(row) = rows.next()? {
        let content = row.get_ref(1)?;
        let content = content
            .as_blob()
            .map_err(|_| corrupt("a grant that is no bytes"))?;
        let grant = Grant::decode(content)
            .map_err(|e| corrupt(&format!("a grant that cannot be read ({e})")))?;
        book.grants.insert(parsed(row, 0, "a grant id")?, grant);
    }
    Ok(())
}

/// Grants whose end is to be posted. Those of frozen books stand: nothing is written there.
pub(super) fn due_grants(
    connection: &Connection,
    now: UnixMs,
    limit: usize,
) -> Result<Vec<(TenantId, GrantId)>, StoreError> {
    let read = || -> Read<_> {
        let sql = "SELECT tenant, grant_id FROM grants \
                   WHERE ends_at <= ?1 \
                   AND tenant NOT IN (SELECT tenant FROM tenants WHERE frozen IS NOT NULL) \
                   ORDER BY ends_at LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query((now.0.cast_signed(), limit))?;
        let mut due = Vec::new();
        while let Some(row) = rows.next()? {
            due.push((
                parsed(row, 0, "a tenant id")?,
                parsed(row, 1, "a grant id")?,
            ));
        }
        Ok(due)
    };
    read().map_err(|e| e.during("look for grants that ended"))
}

fn key(connection: &Connection, tenant: &TenantId, id: &KeyId) -> Read<Option<Key>> {
    let sql = "SELECT label, state, issued_at, expires_at FROM keys WHERE tenant = ?1 AND key = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((tenant.as_str(), id.as_str()))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Key {
        label: row.get(0)?,
        state: named(row, 1, KeyState::ALL, KeyState::name)?,
        issued_at: UnixMs(count(row, 2)?),
        expires_at: some_time(row, 3)?,
    }))
}

fn reservation(
    connection: &Connection,
    tenant: &TenantId,
    id: ReservationId,
) -> Read<Option<Reservation>> {
    let sql = "SELECT content FROM reservations WHERE tenant = ?1 AND reservation = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((tenant.as_str(), id.as_bytes()))?;
    match rows.next()? {
        Some(row) => Ok(Some(decoded(row, 0)?)),
        None => Ok(None),
    }
}

/// What is open under an idempotency key: one reservation at most, or none.
fn in_flight(
    connection: &Connection,
    tenant: &TenantId,
    key: &KeyId,
    digest: &[u8; 32],
) -> Read<Option<Reservation>> {
    let sql = "SELECT content FROM reservations INDEXED BY reservations_in_flight \
               WHERE tenant = ?1 AND in_flight_key = ?2 AND in_flight_digest = ?3 LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((tenant.as_str(), key.as_str(), digest))?;
    match rows.next()? {
        Some(row) => Ok(Some(decoded(row, 0)?)),
        None => Ok(None),
    }
}

pub(super) fn decoded(row: &Row<'_>, at: usize) -> Read<Reservation> {
    let content = row.get_ref(at)?;
    let content = content
        .as_blob()
        .map_err(|_| corrupt("a reservation that is no bytes"))?;
    let decoded = Reservation::decode(content);
    Ok(decoded.map_err(|e| corrupt(&format!("a reservation that cannot be read ({e})")))?)
}

fn refused(connection: &Connection, tenant: &TenantId, id: ReservationId) -> Read<Option<Refused>> {
    let sql = "SELECT content FROM refusals WHERE tenant = ?1 AND reservation = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let content: Option<Vec<u8>> = statement
        .query_row((tenant.as_str(), id.as_bytes()), |row| row.get(0))
        .optional()?;
    let decoded = content.map(|content| Refused::decode(&content)).transpose();
    Ok(decoded.map_err(|e| corrupt(&format!("a refusal that cannot be read ({e})")))?)
}

fn top_up(
    connection: &Connection,
    tenant: &TenantId,
    reference: &TopUpRef,
) -> Read<Option<PostedTopUp>> {
    let sql = "SELECT amount, time, seq FROM top_ups \
               WHERE tenant = ?1 AND source = ?2 AND external_reference = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let key = (
        tenant.as_str(),
        &reference.source,
        &reference.external_reference,
    );
    let mut rows = statement.query(key)?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(PostedTopUp {
        amount: amount(row, 0)?,
        at: UnixMs(count(row, 1)?),
        seq: count(row, 2)?,
    }))
}

/// Overdue leases. Those of frozen books stand: nothing is written there.
pub(super) fn due(
    connection: &Connection,
    now: UnixMs,
    limit: usize,
) -> Result<Vec<(TenantId, ReservationId)>, StoreError> {
    let read = || -> Read<_> {
        let sql = "SELECT tenant, reservation FROM reservations \
                   WHERE lease_until <= ?1 \
                   AND tenant NOT IN (SELECT tenant FROM tenants WHERE frozen IS NOT NULL) \
                   ORDER BY lease_until LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query((now.0.cast_signed(), limit))?;
        let mut due = Vec::new();
        while let Some(row) = rows.next()? {
            due.push((parsed(row, 0, "a tenant id")?, id(row, 1)?));
        }
        Ok(due)
    };
    read().map_err(|e| e.during("look for overdue leases"))
}

pub(super) fn id(row: &Row<'_>, at: usize) -> Read<ReservationId> {
    let bytes = row.get_ref(at)?;
    let id = bytes.as_blob().ok().map(ReservationId::from_bytes);
    match id {
        Some(Ok(id)) => Ok(id),
        Some(Err(_)) | None => Err(corrupt("a reservation id").into()),
    }
}
