//! Writing what a batch changed, row by row through prepared statements, within the batch's transaction.

use super::held::Held;
use super::source::bind;
use crate::store::row;
use crate::store::table::{
    CLEAR_COUNTER, CLEAR_COUNTERS, CORRECTIONS, COUNTERS, GRANTS, JOURNAL, KEY_DIRECTORY, KEYS,
    LIMITS, REFUSALS, RESERVATIONS, TENANTS, TOP_UP_DIRECTORY, TOP_UPS, TRANSFERS, UNSET_LIMIT,
};
use crate::store::value::{Row, Value};
use crate::store::{BookChange, LimitChanges};
use ferry_ledger::{Book, Counter};
use rusqlite::Result;
use std::sync::LazyLock;

static APPEND: LazyLock<String> = LazyLock::new(|| JOURNAL.insert());
static CREDIT: LazyLock<String> = LazyLock::new(|| TOP_UP_DIRECTORY.insert());
static LIST: LazyLock<String> = LazyLock::new(|| KEY_DIRECTORY.insert());

pub(super) fn change(held: &mut Held<'_>, change: &BookChange<'_>) -> Result<()> {
    let BookChange {
        book,
        records,
        keys,
        directory,
        reservations,
        refused,
        top_ups,
        credited,
        transfers,
        corrections,
        grants,
        limits,
    } = change;
    let tenant = &book.tenant;
    if !records.is_empty() {
        write(held, &TENANTS.upsert, &row::tenant(book))?;
    }
    for recorded in *records {
        write(held, &APPEND, &row::entry(tenant, recorded))?;
    }
    for id in *keys {
        if let Some(key) = book.keys.get(id) {
            write(held, &KEYS.upsert, &row::key(tenant, id, key))?;
        }
    }
    for listed in *directory {
        write(held, &LIST, &row::listed(tenant, listed))?;
    }
    for reference in *top_ups {
        if let Some(posted) = book.top_ups.get(reference) {
            let row = row::top_up(tenant, reference, posted);
            write(held, &TOP_UPS.upsert, &row)?;
        }
    }
    for reference in *credited {
        write(held, &CREDIT, &row::credited(tenant, reference))?;
    }
    for id in *transfers {
        if let Some(posted) = book.transfers.get(id) {
            let row = row::transfer(tenant, id, posted);
            write(held, &TRANSFERS.upsert, &row)?;
        }
    }
    for id in *corrections {
        if let Some(posted) = book.corrections.get(id) {
            let row = row::correction(tenant, id, posted);
            write(held, &CORRECTIONS.upsert, &row)?;
        }
    }
    for id in *grants {
        if let Some(grant) = book.grants.get(id) {
            write(held, &GRANTS.upsert, &row::grant(tenant, id, grant))?;
        }
    }
    for id in *reservations {
        if let Some(row) = book.reservations.get(id) {
            write(held, &RESERVATIONS.upsert, &row::reservation(tenant, row))?;
        }
    }
    write_limits(held, book, limits)?;
    for id in *refused {
        if let Some(refused) = book.refused.get(id) {
            let row = row::refusal(tenant, id, refused);
            write(held, &REFUSALS.upsert, &row)?;
        }
    }
    Ok(())
}

/// What a limit had counted goes before what it counts anew.
fn write_limits(held: &mut Held<'_>, book: &Book, changes: &LimitChanges) -> Result<()> {
    let tenant = &book.tenant;
    for number in &changes.begun_anew {
        let of = vec![Value::text(tenant.as_str()), Value::count(*number)];
        write(held, &CLEAR_COUNTERS, &of)?;
    }
    for id in &changes.limits {
        match book.limits.get(id) {
            Some(limit) => write(held, &LIMITS.upsert, &row::limit(tenant, id, limit))?,
            None => write(held, &UNSET_LIMIT, &row::limit_place(tenant, id))?,
        }
    }
    for place in &changes.counters {
        match book.counters.get(place) {
            Some(counter) if *counter != Counter::ZERO => {
                write(
                    held,
                    &COUNTERS.upsert,
                    &row::counter(tenant, place, counter),
                )?;
            }
            Some(_) | None => write(held, &CLEAR_COUNTER, &row::counter_place(tenant, place))?,
        }
    }
    Ok(())
}

pub(super) fn write(held: &mut Held<'_>, sql: &'static str, row: &Row<'_>) -> Result<()> {
    let statement = held.of(sql)?;
    bind(statement, row)?;
    statement.raw_execute().map(|_| ())
}
