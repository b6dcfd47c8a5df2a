//! Writing what a batch changed, row by row through prepared statements, within the batch's transaction.

use super::row;
use super::table::{
    GRANTS, KEYS, LINES, RESERVATIONS, TENANTS, TOP_UPS, USAGE_ATTEMPTS, USAGE_RECORDS,
};
use crate::store::BookChange;
use ferry_ledger::{Recorded, Refused, Reservation};
use ferry_types::{ReservationId, TenantId};
use rusqlite::{Connection, Result};

pub(super) fn change(connection: &Connection, change: &BookChange<'_>) -> Result<()> {
    let BookChange {
        book,
        records,
        keys,
        directory,
        reservations,
        refused,
        top_ups,
        grants,
    } = change;
    let tenant = &book.tenant;
    if !records.is_empty() {
        TENANTS.put(connection, &row::tenant(book))?;
    }
    append(connection, tenant, records)?;
    for id in *keys {
        if let Some(key) = book.keys.get(id) {
            KEYS.put(connection, &row::key(tenant, id, key))?;
        }
    }
    for (digest, pepper, key) in *directory {
        let sql = "INSERT INTO key_directory (digest, pepper, tenant, key) VALUES (?1, ?2, ?3, ?4)";
        let listed = (digest.0, pepper.0, tenant.as_str(), key.as_str());
        connection.prepare_cached(sql)?.execute(listed)?;
    }
    for reference in *top_ups {
        if let Some(posted) = book.top_ups.get(reference) {
            TOP_UPS.put(connection, &row::top_up(tenant, reference, posted))?;
        }
    }
    for id in *grants {
        if let Some(grant) = book.grants.get(id) {
            GRANTS.put(connection, &row::grant(tenant, id, grant))?;
        }
    }
    for id in *reservations {
        if let Some(row) = book.reservations.get(id) {
            reservation(connection, tenant, row)?;
        }
    }
    for id in *refused {
        if let Some(row) = book.refused.get(id) {
            refusal(connection, tenant, *id, row)?;
        }
    }
    Ok(())
}

fn append(connection: &Connection, tenant: &TenantId, records: &[Recorded]) -> Result<()> {
    let sql = "INSERT INTO journal (tenant, seq, time, kind, content, previous_hash, hash) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut statement = connection.prepare_cached(sql)?;
    for Recorded { entry, transaction } in records {
        statement.execute((
            tenant.as_str(),
            entry.seq.cast_signed(),
            entry.time.0.cast_signed(),
            entry.kind,
            &entry.content,
            entry.previous_hash,
            entry.hash,
        ))?;
        for line in row::lines(tenant, entry.seq, transaction) {
            LINES.put(connection, &line)?;
        }
    }
    Ok(())
}

fn reservation(connection: &Connection, tenant: &TenantId, row: &Reservation) -> Result<()> {
    RESERVATIONS.put(connection, &row::reservation(tenant, row))?;
    match (row.posting(), row.hold.is_some()) {
        (Some(posting), _) => {
            let record = row::usage_record(tenant, row, posting);
            USAGE_RECORDS.put(connection, &record)?;
            for attempt in row::attempts(tenant, row, posting) {
                USAGE_ATTEMPTS.put(connection, &attempt)?;
            }
            Ok(())
        }
        // An expiry had charged it, perhaps, and the charge was given back.
        (None, true) if row.lease_until().is_none() => {
            let sql = "DELETE FROM usage_records WHERE tenant = ?1 AND reservation = ?2";
            let key = (tenant.as_str(), row.id.as_bytes());
            connection.prepare_cached(sql)?.execute(key).map(|_| ())
        }
        (None, _) => Ok(()),
    }
}

fn refusal(
    connection: &Connection,
    tenant: &TenantId,
    id: ReservationId,
    row: &Refused,
) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO refusals (tenant, reservation, time, content) VALUES (?1, ?2, ?3, ?4)";
    let values = (
        tenant.as_str(),
        id.as_bytes(),
        row.at.0.cast_signed(),
        row.encode(),
    );
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}
