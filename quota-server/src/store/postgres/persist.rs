//! Writing what a batch changed, durably: one statement a table, and the commit, all sent before the first is answered. A
//! statement that fails makes a rollback of the commit behind it.

use super::columns::{Parameter, columns, parameters};
use super::link::Link;
use crate::store::row;
use crate::store::table::{
    CLEAR_COUNTER, CLEAR_COUNTERS, CORRECTIONS, COUNTERS, GRANTS, JOURNAL, KEY_DIRECTORY, KEYS,
    LIMITS, REFUSALS, RESERVATIONS, TENANTS, TOP_UP_DIRECTORY, TOP_UPS, TRANSFERS, Table,
    UNSET_LIMIT,
};
use crate::store::value::{Row, Value};
use crate::store::{BookChange, LimitChanges};
use ferry_ledger::{Book, Counter};
use futures_util::future::try_join_all;
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

/// The rows of a batch, by table.
#[derive(Default)]
struct Rows<'a> {
    tenants: Vec<Row<'a>>,
    journal: Vec<Row<'a>>,
    keys: Vec<Row<'a>>,
    directory: Vec<Row<'a>>,
    top_ups: Vec<Row<'a>>,
    credited: Vec<Row<'a>>,
    transfers: Vec<Row<'a>>,
    corrections: Vec<Row<'a>>,
    grants: Vec<Row<'a>>,
    limits: Vec<Row<'a>>,
    counters: Vec<Row<'a>>,
    /// What goes before anything is written.
    gone: Vec<(&'static str, Row<'a>)>,
    reservations: Vec<Row<'a>>,
    refusals: Vec<Row<'a>>,
}

pub(super) async fn write_and_commit(link: &Link, changes: &[BookChange<'_>]) -> Result<(), Error> {
    let mut rows = Rows::default();
    changes.iter().for_each(|change| rows.add(change));
    rows.credited = credited(changes);
    let upsert = |table: &'static Table| (&**table.upsert_all, &**table.kinds);
    let insert = |table: &'static Table| (&**table.insert_all, &**table.kinds);
    let statements = [
        (insert(&JOURNAL), &rows.journal),
        (upsert(&TENANTS), &rows.tenants),
        (upsert(&KEYS), &rows.keys),
        (insert(&KEY_DIRECTORY), &rows.directory),
        (upsert(&TOP_UPS), &rows.top_ups),
        (insert(&TOP_UP_DIRECTORY), &rows.credited),
        (upsert(&TRANSFERS), &rows.transfers),
        (upsert(&CORRECTIONS), &rows.corrections),
        (upsert(&GRANTS), &rows.grants),
        (upsert(&LIMITS), &rows.limits),
        (upsert(&COUNTERS), &rows.counters),
        (upsert(&RESERVATIONS), &rows.reservations),
        (upsert(&REFUSALS), &rows.refusals),
    ];
    let statements = statements.into_iter().filter(|(_, rows)| !rows.is_empty());
    let mut prepared = Vec::new();
    for ((sql, kinds), rows) in statements {
        // Here, since whatever waits for its statement to be prepared would be sent behind the commit.
        prepared.push((link.statement(sql).await?, columns(rows, kinds)));
    }
    let mut gone = Vec::new();
    for (sql, of) in &rows.gone {
        let of: Vec<_> = of.iter().map(Parameter).collect();
        gone.push((link.statement(sql).await?, of));
    }
    let taken_away = gone.iter().map(async |(statement, of)| {
        let of: Vec<&(dyn ToSql + Sync)> = of.iter().map(|of| of as _).collect();
        link.execute_prepared(statement, &of).await
    });
    let sent = prepared.iter().map(async |(statement, columns)| {
        link.execute_prepared(statement, &parameters(columns)).await
    });
    tokio::try_join!(
        biased;
        try_join_all(taken_away),
        try_join_all(sent),
        link.batch("COMMIT"),
    )
    .map(|_| ())
}

/// Whom payments are credited to, in one order by all servers: so no two batches wait for each other.
fn credited<'a>(changes: &[BookChange<'a>]) -> Vec<Row<'a>> {
    let of_book = |change: &BookChange<'a>| {
        let tenant = &change.book.tenant;
        change.credited.iter().map(move |of| (of, tenant))
    };
    let mut payments: Vec<_> = changes.iter().flat_map(of_book).collect();
    payments.sort_unstable();
    let rows = payments.into_iter();
    rows.map(|(of, tenant)| row::credited(tenant, of)).collect()
}

impl<'a> Rows<'a> {
    fn add(&mut self, change: &BookChange<'a>) {
        let BookChange {
            book,
            records,
            keys,
            directory,
            reservations,
            refused,
            top_ups,
            credited: _,
            transfers,
            corrections,
            grants,
            limits,
        } = *change;
        let tenant = &book.tenant;
        if !records.is_empty() {
            self.tenants.push(row::tenant(book));
        }
        let entries = records.iter();
        self.journal
            .extend(entries.map(|recorded| row::entry(tenant, recorded)));
        let changed = keys.iter().filter_map(|id| Some((id, book.keys.get(id)?)));
        self.keys
            .extend(changed.map(|(id, key)| row::key(tenant, id, key)));
        self.directory
            .extend(directory.iter().map(|listed| row::listed(tenant, listed)));
        let posted = top_ups
            .iter()
            .filter_map(|of| Some((of, book.top_ups.get(of)?)));
        self.top_ups
            .extend(posted.map(|(of, posted)| row::top_up(tenant, of, posted)));
        let transferred = transfers
            .iter()
            .filter_map(|id| Some((id, book.transfers.get(id)?)));
        self.transfers
            .extend(transferred.map(|(id, posted)| row::transfer(tenant, id, posted)));
        let corrected = corrections
            .iter()
            .filter_map(|id| Some((id, book.corrections.get(id)?)));
        self.corrections
            .extend(corrected.map(|(id, posted)| row::correction(tenant, id, posted)));
        let granted = grants
            .iter()
            .filter_map(|id| Some((id, book.grants.get(id)?)));
        self.grants
            .extend(granted.map(|(id, grant)| row::grant(tenant, id, grant)));
        self.add_limits(book, limits);
        let changed = reservations.iter();
        let changed = changed.filter_map(|id| book.reservations.get(id));
        self.reservations
            .extend(changed.map(|row| row::reservation(tenant, row)));
        let refused = refused
            .iter()
            .filter_map(|id| Some((id, book.refused.get(id)?)));
        self.refusals
            .extend(refused.map(|(id, row)| row::refusal(tenant, id, row)));
    }

    fn add_limits(&mut self, book: &'a Book, changes: &'a LimitChanges) {
        let tenant = &book.tenant;
        let begun = changes.begun_anew.iter();
        let begun = begun.map(|number| vec![Value::text(tenant.as_str()), Value::count(*number)]);
        self.gone
            .extend(begun.map(|of| (CLEAR_COUNTERS.as_str(), of)));
        for id in &changes.limits {
            match book.limits.get(id) {
                Some(limit) => self.limits.push(row::limit(tenant, id, limit)),
                None => self.gone.push((&UNSET_LIMIT, row::limit_place(tenant, id))),
            }
        }
        for place in &changes.counters {
            match book.counters.get(place) {
                Some(counter) if *counter != Counter::ZERO => {
                    self.counters.push(row::counter(tenant, place, counter));
                }
                Some(_) | None => {
                    self.gone
                        .push((&CLEAR_COUNTER, row::counter_place(tenant, place)));
                }
            }
        }
    }
}
