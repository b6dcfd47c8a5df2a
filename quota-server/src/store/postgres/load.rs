//! Reading what a batch touches: every table is asked once, all at the same time, for all books of the batch.

use super::columns::{Stored, columns, parameters};
use super::link::Link;
use crate::store::fields::{Fields, parsed, text};
use crate::store::table::{
    ACCOUNT, CORRECTIONS, COUNTERS, GRANTS, KEYS, LIMITS, REFUSALS, RESERVATIONS, TOP_UP_DIRECTORY,
    TOP_UPS, TRANSFERS, Table,
};
use crate::store::value::{Row, Value};
use crate::store::{CounterPlace, FoundCounter, StoreError, Touch, decode, row};
use ferry_ledger::{Book, TopUpRef};
use ferry_types::TenantId;
use futures_util::future::try_join_all;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

/// The books are locked, always in the order of their tenants, until the batch ends: so no two batches wait for each other.
pub(super) static LOCK: LazyLock<String> = LazyLock::new(|| {
    format!("{ACCOUNT} WHERE tenant = ANY($1::TEXT[]) ORDER BY tenant FOR UPDATE")
});
/// The same of one book.
pub(super) static LOCK_ONE: LazyLock<String> =
    LazyLock::new(|| format!("{ACCOUNT} WHERE tenant = $1 FOR UPDATE"));
/// Whether the database is distributed by Citus.
const CITUS: &str = "SELECT 1 FROM pg_extension WHERE extname = 'citus'";

/// All grants of the tenants: there are few, and whatever pays may need any of them.
static GRANTS_OF: LazyLock<String> = LazyLock::new(|| {
    let columns = GRANTS.columns.join(", ");
    format!("SELECT {columns} FROM grants WHERE tenant = ANY($1::TEXT[])")
});

/// The same of their limits.
static LIMITS_OF: LazyLock<String> = LazyLock::new(|| {
    let columns = LIMITS.columns.join(", ");
    format!("SELECT {columns} FROM limits WHERE tenant = ANY($1::TEXT[])")
});

const IN_FLIGHT: &str = "SELECT r.tenant, r.content FROM reservations r \
     JOIN unnest($1::TEXT[], $2::TEXT[], $3::BYTEA[]) AS wanted (tenant, key, digest) \
     ON r.tenant = wanted.tenant AND r.in_flight_key = wanted.key \
     AND r.in_flight_digest = wanted.digest AND r.in_flight_digest IS NOT NULL";

/// How a batch locks its books.
#[derive(Clone, Copy, Debug)]
pub(super) enum Locks {
    /// By one statement.
    Together,
    /// By a statement each, sent together in the order of their tenants: Citus locks rows of one shard at a time only.
    OneByOne,
}

impl Locks {
    /// What this database takes.
    pub(super) fn of(link: &Link) -> Result<Self, StoreError> {
        let citus = link.run("look for Citus", async |link| link.query(CITUS, &[]).await)?;
        Ok(match citus.first() {
            Some(_) => Self::OneByOne,
            None => Self::Together,
        })
    }

    async fn take(self, link: &Link, tenants: &[&str]) -> Result<Vec<tokio_postgres::Row>, Error> {
        match self {
            Self::Together => link.query(&LOCK, &[&tenants]).await,
            Self::OneByOne => {
                let one = link.statement(&LOCK_ONE).await?;
                let locked = tenants
                    .iter()
                    .map(async |tenant| link.query_prepared(&one, &[tenant]).await);
                Ok(try_join_all(locked).await?.into_iter().flatten().collect())
            }
        }
    }
}

/// What the tables answered.
pub(super) struct Found {
    accounts: Vec<tokio_postgres::Row>,
    keys: Vec<tokio_postgres::Row>,
    reservations: Vec<tokio_postgres::Row>,
    refusals: Vec<tokio_postgres::Row>,
    in_flight: Vec<tokio_postgres::Row>,
    top_ups: Vec<tokio_postgres::Row>,
    credited: Vec<tokio_postgres::Row>,
    transfers: Vec<tokio_postgres::Row>,
    corrections: Vec<tokio_postgres::Row>,
    grants: Vec<tokio_postgres::Row>,
    limits: Vec<tokio_postgres::Row>,
}

/// The keys of what is looked for, by table.
#[derive(Default)]
struct Wanted<'a> {
    tenants: Vec<&'a str>,
    keys: Vec<Row<'a>>,
    reservations: Vec<Row<'a>>,
    in_flight: Vec<Row<'a>>,
    top_ups: Vec<Row<'a>>,
    payments: Vec<Row<'a>>,
    transfers: Vec<Row<'a>>,
    corrections: Vec<Row<'a>>,
}

impl<'a> Wanted<'a> {
    fn add(&mut self, touch: &'a Touch) {
        self.tenants.push(touch.tenant.as_str());
        let tenant = || Value::text(touch.tenant.as_str());
        self.keys.extend(
            touch
                .keys
                .iter()
                .map(|key| vec![tenant(), Value::text(key.as_str())]),
        );
        let ids = touch.reservations.iter();
        self.reservations
            .extend(ids.map(|id| vec![tenant(), Value::bytes(id.as_bytes())]));
        self.in_flight.extend(
            touch.in_flight.iter().map(|(key, digest)| {
                vec![tenant(), Value::text(key.as_str()), Value::bytes(digest)]
            }),
        );
        self.top_ups.extend(touch.top_ups.iter().map(|reference| {
            let TopUpRef {
                source,
                external_reference,
            } = reference;
            vec![
                tenant(),
                Value::text(source),
                Value::text(external_reference),
            ]
        }));
        let payments = touch.top_ups.iter();
        self.payments.extend(
            payments.map(|of| vec![Value::text(&of.source), Value::text(&of.external_reference)]),
        );
        let ids = touch.transfers.iter();
        self.transfers
            .extend(ids.map(|id| vec![tenant(), Value::text(id.as_str())]));
        let ids = touch.corrections.iter();
        self.corrections
            .extend(ids.map(|id| vec![tenant(), Value::text(id.as_str())]));
    }
}

/// Locks the accounts first; what is read after that is read as it is once they are locked.
pub(super) async fn find(link: &Link, locks: Locks, touches: &[Touch]) -> Result<Found, Error> {
    let mut wanted = Wanted::default();
    touches.iter().for_each(|touch| wanted.add(touch));
    let tenants: [&(dyn ToSql + Sync); 1] = [&wanted.tenants];
    let (
        accounts,
        keys,
        reservations,
        refusals,
        in_flight,
        top_ups,
        credited,
        transfers,
        corrections,
        grants,
        limits,
    ) = tokio::try_join!(
        biased;
        locks.take(link, &wanted.tenants),
        of_table(link, &KEYS, &wanted.keys),
        of_table(link, &RESERVATIONS, &wanted.reservations),
        of_table(link, &REFUSALS, &wanted.reservations),
        unless_empty(link, IN_FLIGHT, &wanted.in_flight, &["TEXT", "TEXT", "BYTEA"]),
        of_table(link, &TOP_UPS, &wanted.top_ups),
        of_table(link, &TOP_UP_DIRECTORY, &wanted.payments),
        of_table(link, &TRANSFERS, &wanted.transfers),
        of_table(link, &CORRECTIONS, &wanted.corrections),
        link.query(&GRANTS_OF, &tenants),
        link.query(&LIMITS_OF, &tenants),
    )?;
    Ok(Found {
        accounts,
        keys,
        reservations,
        refusals,
        in_flight,
        top_ups,
        credited,
        transfers,
        corrections,
        grants,
        limits,
    })
}

/// The counters that lie here.
pub(super) async fn counters(
    link: &Link,
    wanted: &[CounterPlace<'_>],
) -> Result<Vec<tokio_postgres::Row>, Error> {
    let keys = wanted.iter();
    let keys: Vec<_> = keys
        .map(|(tenant, place)| row::counter_place(tenant, place))
        .collect();
    of_table(link, &COUNTERS, &keys).await
}

pub(super) fn read_counters(rows: &[tokio_postgres::Row]) -> Result<Vec<FoundCounter>, StoreError> {
    let read = |row: Stored<'_>| {
        let (place, counter) = decode::counter(&row)?;
        Ok((parsed(&row, 0, "a tenant id")?, place, counter))
    };
    rows.iter().map(Stored).map(read).collect()
}

async fn of_table(
    link: &Link,
    table: &Table,
    keys: &[Row<'_>],
) -> Result<Vec<tokio_postgres::Row>, Error> {
    let (kinds, _) = table.kinds.split_at(table.key);
    unless_empty(link, &table.find_all, keys, kinds).await
}

async fn unless_empty(
    link: &Link,
    sql: &str,
    wanted: &[Row<'_>],
    kinds: &[&str],
) -> Result<Vec<tokio_postgres::Row>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let columns = columns(wanted, kinds);
    link.query(sql, &parameters(&columns)).await
}

impl Found {
    /// Puts the rows together to books, in the order of the touches.
    pub(super) fn books(&self, touches: &[Touch]) -> Result<Vec<Option<Book>>, StoreError> {
        let mut books: BTreeMap<TenantId, Book> = BTreeMap::new();
        for row in self.accounts.iter().map(Stored) {
            let tenant: TenantId = parsed(&row, 0, "a tenant id")?;
            books.insert(tenant.clone(), decode::book(&row, &tenant)?);
        }
        into_books(&self.keys, &mut books, |row, book| {
            book.keys
                .insert(parsed(row, 1, "a key id")?, decode::key(row)?);
            Ok(())
        })?;
        into_books(&self.reservations, &mut books, |row, book| {
            let found = decode::reservation(row)?;
            book.reservations.insert(found.id, found);
            Ok(())
        })?;
        into_books(&self.refusals, &mut books, |row, book| {
            let id = crate::store::fields::id(row, 1)?;
            if !book.reservations.contains_key(&id) {
                book.refused.insert(id, decode::refused(row)?);
            }
            Ok(())
        })?;
        into_books(&self.in_flight, &mut books, |row, book| {
            let found = crate::store::fields::reservation(row, 1)?;
            book.reservations.insert(found.id, found);
            Ok(())
        })?;
        into_books(&self.top_ups, &mut books, |row, book| {
            let reference = TopUpRef {
                source: text(row, 1)?,
                external_reference: text(row, 2)?,
            };
            book.top_ups.insert(reference, decode::top_up(row)?);
            Ok(())
        })?;
        self.credited_into(touches, &mut books)?;
        into_books(&self.transfers, &mut books, |row, book| {
            let (id, posted) = decode::transfer(row)?;
            book.transfers.insert(id, posted);
            Ok(())
        })?;
        into_books(&self.corrections, &mut books, |row, book| {
            let (id, posted) = decode::correction(row)?;
            book.corrections.insert(id, posted);
            Ok(())
        })?;
        into_books(&self.grants, &mut books, |row, book| {
            let (id, grant) = decode::grant(row)?;
            book.grants.insert(id, grant);
            Ok(())
        })?;
        into_books(&self.limits, &mut books, |row, book| {
            let (id, limit) = decode::limit(row)?;
            book.limits.insert(id, limit);
            Ok(())
        })?;
        Ok(touches
            .iter()
            .map(|touch| books.remove(&touch.tenant))
            .collect())
    }
}

impl Found {
    /// Whom payments were credited to, for every book that is asked about them.
    fn credited_into(
        &self,
        touches: &[Touch],
        books: &mut BTreeMap<TenantId, Book>,
    ) -> Result<(), StoreError> {
        for row in self.credited.iter().map(Stored) {
            let payment = TopUpRef {
                source: text(&row, 0)?,
                external_reference: text(&row, 1)?,
            };
            let asked = touches.iter();
            for touch in asked.filter(|touch| touch.top_ups.contains(&payment)) {
                let Some(book) = books.get_mut(&touch.tenant) else {
                    continue;
                };
                match decode::credited(&row, payment.clone(), book) {
                    Err(StoreError::Corrupt(_)) if book.frozen => {}
                    credited => credited?,
                }
            }
        }
        Ok(())
    }
}

fn into_books(
    rows: &[tokio_postgres::Row],
    books: &mut BTreeMap<TenantId, Book>,
    put: impl Fn(&dyn Fields, &mut Book) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for row in rows.iter().map(Stored) {
        let tenant: TenantId = parsed(&row, 0, "a tenant id")?;
        let Some(book) = books.get_mut(&tenant) else {
            continue;
        };
        match put(&row, book) {
            // Nothing is decided in a frozen book: of it, what can be read is enough.
            Err(StoreError::Corrupt(_)) if book.frozen => {}
            put => put?,
        }
    }
    Ok(())
}
