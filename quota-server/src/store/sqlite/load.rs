//! Reading what a batch touches, row by row through prepared statements.

use super::held::Held;
use super::source::{self, Stored, bind, unread};
use crate::key_directory::StoredDigest;
use crate::store::fields::{Fields, id, parsed};
use crate::store::table::{
    ACCOUNT, CORRECTIONS, COUNTERS, GRANTS, KEYS, LIMITS_OF, REFUSALS, RESERVATIONS,
    TOP_UP_DIRECTORY, TOP_UPS, TRANSFERS,
};
use crate::store::value::Value;
use crate::store::{CounterPlace, FoundCounter, StoreError, Touch, decode, row};
use ferry_ledger::{Book, Reservation, UnixMs};
use ferry_types::{KeyId, ReservationId, TenantId};
use rusqlite::Connection;
use std::sync::LazyLock;

/// All grants of a tenant: there are few, and whatever pays may need any of them.
static GRANTS_OF: LazyLock<String> = LazyLock::new(|| GRANTS.of_tenant(""));
static FIND_ACCOUNT: LazyLock<String> = LazyLock::new(|| format!("{ACCOUNT} WHERE tenant = $1"));

/// The one row that answers a question, if there is one.
pub(super) fn find<T>(
    held: &mut Held<'_>,
    action: &'static str,
    sql: &'static str,
    parameters: &[Value<'_>],
    read: impl FnOnce(&Stored<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let misread = |error| unread(action, error);
    let statement = held.of(sql).map_err(misread)?;
    bind(statement, parameters).map_err(misread)?;
    let mut rows = statement.raw_query();
    let row = rows.next().map_err(misread)?;
    row.map(|row| read(&Stored(row))).transpose()
}

pub(super) fn key_owner(
    held: &mut Held<'_>,
    digest: &StoredDigest,
) -> Result<Option<(TenantId, KeyId)>, StoreError> {
    let sql = "SELECT tenant, key FROM key_directory WHERE digest = $1";
    find(held, "find a key", sql, &[Value::bytes(&digest.0)], |row| {
        Ok((parsed(row, 0, "a tenant id")?, parsed(row, 1, "a key id")?))
    })
}

const LOAD: &str = "load a book";

pub(super) fn book(held: &mut Held<'_>, touch: &Touch) -> Result<Option<Book>, StoreError> {
    let tenant = Value::text(touch.tenant.as_str());
    let account = find(
        held,
        LOAD,
        &FIND_ACCOUNT,
        std::slice::from_ref(&tenant),
        |row| decode::book(row, &touch.tenant),
    )?;
    let Some(mut book) = account else {
        return Ok(None);
    };
    let read = parts(held, touch, &mut book)
        .and_then(|()| grants(held, &tenant, &mut book))
        .and_then(|()| limits(held, &tenant, &mut book));
    match read {
        // Nothing is decided in a frozen book: of it, what can be read is enough.
        Err(StoreError::Corrupt(_)) if book.frozen => {}
        read => read?,
    }
    Ok(Some(book))
}

/// What is touched beside the account and its grants.
pub(super) fn parts(held: &mut Held<'_>, touch: &Touch, book: &mut Book) -> Result<(), StoreError> {
    let tenant = Value::text(touch.tenant.as_str());
    for id in &touch.keys {
        let key = [tenant.clone(), Value::text(id.as_str())];
        if let Some(found) = find(held, LOAD, &KEYS.find, &key, |row| decode::key(row))? {
            book.keys.insert(id.clone(), found);
        }
    }
    for id in &touch.reservations {
        let key = [tenant.clone(), Value::bytes(id.as_bytes())];
        let found = find(held, LOAD, &RESERVATIONS.find, &key, |row| {
            decode::reservation(row)
        })?;
        if let Some(found) = found {
            book.reservations.insert(*id, found);
            continue;
        }
        let found = find(held, LOAD, &REFUSALS.find, &key, |row| decode::refused(row))?;
        if let Some(found) = found {
            book.refused.insert(*id, found);
        }
    }
    for (key, digest) in &touch.in_flight {
        if let Some(found) = in_flight(held, &touch.tenant, key, digest)? {
            book.reservations.insert(found.id, found);
        }
    }
    for reference in &touch.top_ups {
        let key = [
            tenant.clone(),
            Value::text(&reference.source),
            Value::text(&reference.external_reference),
        ];
        if let Some(found) = find(held, LOAD, &TOP_UPS.find, &key, |row| decode::top_up(row))? {
            book.top_ups.insert(reference.clone(), found);
        }
        let [_, payment @ ..] = &key;
        find(held, LOAD, &TOP_UP_DIRECTORY.find, payment, |row| {
            decode::credited(row, reference.clone(), book)
        })?;
    }
    for id in &touch.transfers {
        let key = [tenant.clone(), Value::text(id.as_str())];
        let found = find(held, LOAD, &TRANSFERS.find, &key, |row| {
            decode::transfer(row)
        })?;
        book.transfers.extend(found);
    }
    for id in &touch.corrections {
        let key = [tenant.clone(), Value::text(id.as_str())];
        let found = find(held, LOAD, &CORRECTIONS.find, &key, |row| {
            decode::correction(row)
        })?;
        book.corrections.extend(found);
    }
    Ok(())
}

fn grants(held: &mut Held<'_>, tenant: &Value<'_>, book: &mut Book) -> Result<(), StoreError> {
    let grants = held.of(&GRANTS_OF).map_err(|e| unread(LOAD, e))?;
    source::each_of(grants, LOAD, std::slice::from_ref(tenant), &mut |row| {
        let (id, grant) = decode::grant(row)?;
        book.grants.insert(id, grant);
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(())
}

fn limits(held: &mut Held<'_>, tenant: &Value<'_>, book: &mut Book) -> Result<(), StoreError> {
    let limits = held.of(&LIMITS_OF).map_err(|e| unread(LOAD, e))?;
    source::each_of(limits, LOAD, std::slice::from_ref(tenant), &mut |row| {
        let (id, limit) = decode::limit(row)?;
        book.limits.insert(id, limit);
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(())
}

pub(super) fn counters(
    held: &mut Held<'_>,
    wanted: &[CounterPlace<'_>],
) -> Result<Vec<FoundCounter>, StoreError> {
    let mut counters = Vec::new();
    for (tenant, place) in wanted {
        let key = row::counter_place(tenant, place);
        let found = find(held, "read counters", &COUNTERS.find, &key, |row| {
            decode::counter(row)
        })?;
        counters.extend(found.map(|(place, counter)| ((*tenant).clone(), place, counter)));
    }
    Ok(counters)
}

/// Whether a journal goes on behind this entry.
pub(super) fn goes_on(
    held: &mut Held<'_>,
    tenant: &TenantId,
    seq: u64,
) -> Result<bool, StoreError> {
    let of = [Value::text(tenant.as_str()), Value::count(seq)];
    let sql = "SELECT 1 FROM journal WHERE tenant = $1 AND seq > $2 LIMIT 1";
    let found = find(held, "look a journal's end up", sql, &of, |_| Ok(()))?;
    Ok(found.is_some())
}

/// The latest id of a tenant's requests, granted or refused.
pub(super) fn latest(
    held: &mut Held<'_>,
    tenant: &TenantId,
) -> Result<Option<ReservationId>, StoreError> {
    const OF: [&str; 2] = [
        "SELECT reservation FROM reservations WHERE tenant = $1 ORDER BY reservation DESC LIMIT 1",
        "SELECT reservation FROM refusals WHERE tenant = $1 ORDER BY reservation DESC LIMIT 1",
    ];
    let of = [Value::text(tenant.as_str())];
    OF.iter().try_fold(None, |latest, sql| {
        Ok(latest.max(find(held, LOAD, sql, &of, |row| id(row, 0))?))
    })
}

/// What is open under an idempotency key: one reservation at most, or none.
fn in_flight(
    held: &mut Held<'_>,
    tenant: &TenantId,
    key: &KeyId,
    digest: &[u8; 32],
) -> Result<Option<Reservation>, StoreError> {
    let sql = "SELECT content FROM reservations INDEXED BY reservations_in_flight \
               WHERE tenant = $1 AND in_flight_key = $2 AND in_flight_digest = $3 LIMIT 1";
    let parameters = [
        Value::text(tenant.as_str()),
        Value::text(key.as_str()),
        Value::bytes(digest),
    ];
    find(held, LOAD, sql, &parameters, |row| {
        crate::store::fields::reservation(row, 0)
    })
}

/// Overdue leases, or grants that ended. Those of frozen books stand: nothing is written there.
pub(super) fn due<T>(
    connection: &Connection,
    sql: &str,
    now: UnixMs,
    limit: usize,
    read: impl Fn(&dyn Fields) -> Result<T, StoreError>,
) -> Result<Vec<(TenantId, T)>, StoreError> {
    let parameters = [Value::count(now.0), Value::limit(limit)];
    let mut due = Vec::new();
    source::each(
        connection,
        "look for what is due",
        sql,
        &parameters,
        &mut |row| {
            due.push((parsed(row, 0, "a tenant id")?, read(row)?));
            Ok(std::ops::ControlFlow::Continue(()))
        },
    )?;
    Ok(due)
}
