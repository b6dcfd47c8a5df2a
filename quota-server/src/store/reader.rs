//! Reading for reports: the questions, and how their answers become views. A database only executes them.

mod credit;
mod limits;
mod tenants;

use super::StoreError;
use super::audit::Snapshot;
use super::decode;
use super::fields::{self, Fields, absent_or, named, parsed, text, time};
use super::table::{ACCOUNT, GRANTS, KEYS};
use super::usage;
use super::value::Value;
use super::view::{KeyView, ReservationQuery, ReservationView, UsageQuery, UsageView};
use crate::key_directory::StoredDigest;
use ferry_ledger::{Book, KeyState, Reservation};
use ferry_types::{Currency, KeyId, TenantId};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Looks at a row, and says whether more are wanted.
pub type Look<'a> = dyn FnMut(&dyn Fields) -> Result<ControlFlow<()>, StoreError> + 'a;

/// What an SQL text must be said in, where databases differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

/// A connection that answers questions and cannot write.
pub trait Source: std::fmt::Debug {
    /// What it understands.
    fn dialect(&self) -> Dialect;

    /// Shows the rows that answer a question to `look`, in order, as long as it wants more.
    ///
    /// # Errors
    /// What `look` says, or [`StoreError`] if they cannot be read.
    fn each(
        &mut self,
        action: &'static str,
        sql: &str,
        parameters: &[Value<'_>],
        look: &mut Look<'_>,
    ) -> Result<(), StoreError>;

    /// From here on everything is read as of one moment.
    ///
    /// # Errors
    /// [`StoreError`] if there is no snapshot to be had.
    fn begin_snapshot(&mut self) -> Result<(), StoreError>;

    /// Lets go of that moment.
    ///
    /// # Errors
    /// [`StoreError`] if the database refused.
    fn end_snapshot(&mut self) -> Result<(), StoreError>;

    /// What the database finds wrong with its own files, if it can look.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn fault_of_file(&mut self) -> Result<Option<String>, StoreError>;
}

/// A connection that only reads.
#[derive(Debug)]
pub struct Reader {
    source: Box<dyn Source + Send>,
}

impl Reader {
    pub(super) fn new(source: Box<dyn Source + Send>) -> Self {
        Self { source }
    }

    pub(super) fn source_mut(&mut self) -> &mut dyn Source {
        self.source.as_mut()
    }

    /// A tenant's keys, by id.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn keys(&mut self, tenant: &TenantId) -> Result<Vec<KeyView>, StoreError> {
        let sql = "SELECT tenant, key, label, state, issued_at, expires_at, last_used_at \
                   FROM keys WHERE tenant = $1 ORDER BY key";
        let of = [Value::text(tenant.as_str())];
        all(self.source.as_mut(), "list keys", sql, &of, key)
    }

    /// Whose key this is, with as much of the book as says whether it may be used.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn book_of_key(
        &mut self,
        candidates: &[StoredDigest],
    ) -> Result<Option<(TenantId, KeyId, Book)>, StoreError> {
        let source = self.source.as_mut();
        for digest in candidates {
            let sql = "SELECT tenant, key FROM key_directory WHERE digest = $1";
            let digest = [Value::bytes(&digest.0)];
            if let Some((tenant, key)) = one(source, "find a key", sql, &digest, owner)? {
                let book = book_with_key(source, &tenant, &key)?;
                return Ok(book.map(|book| (tenant, key, book)));
            }
        }
        Ok(None)
    }

    /// Reservations, newest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn reservations(
        &mut self,
        query: &ReservationQuery,
    ) -> Result<Vec<ReservationView>, StoreError> {
        let source = self.source.as_mut();
        let Question { sql, parameters } = reservations_question(source.dialect(), query);
        all(source, "list reservations", &sql, &parameters, reservation)
    }

    /// Usage records, newest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn usage(&mut self, query: &UsageQuery) -> Result<Vec<UsageView>, StoreError> {
        let source = self.source.as_mut();
        let Question { sql, parameters } = usage_question(source.dialect(), query);
        let read = |row: &dyn Fields| {
            let tenant: TenantId = parsed(row, 0, "a tenant id")?;
            let currency = named(row, 1, Currency::ALL, Currency::code)?;
            Ok((tenant, currency, fields::reservation(row, 2)?))
        };
        let charged = all(source, "list usage", &sql, &parameters, read)?;
        let mut labels = Labels::default();
        let mut record = |(tenant, currency, row): (_, _, Reservation)| {
            let label = labels.of(source, &tenant, &row.owner.key)?;
            usage::record(tenant, currency, label, &row)
        };
        charged.into_iter().map(&mut record).collect()
    }

    /// Usage records, newest first: so many at most of each of so many tenants, the ones whose journals grew last. What that takes
    /// does not grow with the journals.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn newest_usage(
        &mut self,
        tenants: usize,
        each: usize,
    ) -> Result<Vec<UsageView>, StoreError> {
        let sql = "SELECT tenant FROM tenants ORDER BY time DESC, tenant LIMIT $1";
        let newest = [Value::limit(tenants)];
        let source = self.source.as_mut();
        let tenants: Vec<TenantId> = all(source, "list tenants", sql, &newest, |row| {
            parsed(row, 0, "a tenant id")
        })?;
        let mut records = Vec::new();
        for tenant in tenants {
            records.extend(self.usage(&UsageQuery {
                tenant: Some(tenant),
                request: None,
                limit: each,
            })?);
        }
        records.sort_by_key(|record| std::cmp::Reverse(record.id));
        Ok(records)
    }

    /// Everything as of now, for as long as `look` takes.
    ///
    /// # Errors
    /// What `look` says, or [`StoreError`] if there is no snapshot to be had.
    pub fn snapshot<T, E: From<StoreError>>(
        &mut self,
        look: impl FnOnce(&mut Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.source.begin_snapshot()?;
        let looked = look(&mut Snapshot::new(self.source.as_mut()));
        let ended = self.source.end_snapshot();
        let looked = looked?;
        ended?;
        Ok(looked)
    }
}

/// A question that grows by conditions.
struct Question<'a> {
    sql: String,
    parameters: Vec<Value<'a>>,
}

impl<'a> Question<'a> {
    fn new(sql: &str) -> Self {
        Self {
            sql: sql.into(),
            parameters: Vec::new(),
        }
    }

    /// Goes on with these words and a value.
    fn with(&mut self, words: &str, value: Value<'a>) {
        self.parameters.push(value);
        let place = format!("{words}${}", self.parameters.len());
        self.sql.push_str(&place);
    }
}

fn reservations_question(dialect: Dialect, query: &ReservationQuery) -> Question<'_> {
    let hint = if query.open_only {
        open_hint(dialect)
    } else {
        ""
    };
    let mut question = Question::new(&format!(
        "SELECT r.tenant, t.currency, r.content, r.state FROM reservations r{hint} \
         JOIN tenants t ON t.tenant = r.tenant WHERE 1 = 1"
    ));
    if let Some(tenant) = &query.tenant {
        question.with(" AND r.tenant = ", Value::text(tenant.as_str()));
    }
    if query.open_only {
        question.sql.push_str(" AND r.lease_until IS NOT NULL");
    }
    question.with(
        " ORDER BY r.reservation DESC LIMIT ",
        Value::limit(query.limit),
    );
    question
}

fn usage_question(dialect: Dialect, query: &UsageQuery) -> Question<'_> {
    // Each tenant's records lie in the order of their requests, so a single one is found by a look at each tenant's. SQLite
    // takes the tables in this order only if it is told so.
    let join = match dialect {
        Dialect::Sqlite => "CROSS JOIN",
        Dialect::Postgres => "JOIN",
    };
    let mut question = Question::new(&format!(
        "SELECT t.tenant, t.currency, r.content FROM tenants t \
         {join} reservations r ON r.tenant = t.tenant AND r.state IN ('settled', 'expired') WHERE 1 = 1"
    ));
    if let Some(tenant) = &query.tenant {
        question.with(" AND t.tenant = ", Value::text(tenant.as_str()));
    }
    if let Some(request) = &query.request {
        question.with(" AND r.reservation = ", Value::bytes(request.as_bytes()));
    }
    question.with(
        " ORDER BY r.reservation DESC LIMIT ",
        Value::limit(query.limit),
    );
    question
}

/// Every row that answers a question.
pub(super) fn all<T>(
    source: &mut dyn Source,
    action: &'static str,
    sql: &str,
    parameters: &[Value<'_>],
    read: impl Fn(&dyn Fields) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    source.each(action, sql, parameters, &mut |row| {
        all.push(read(row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}

/// The one row that answers a question, if there is one.
pub(super) fn one<T>(
    source: &mut dyn Source,
    action: &'static str,
    sql: &str,
    parameters: &[Value<'_>],
    read: impl Fn(&dyn Fields) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    all(source, action, sql, parameters, read).map(|mut found| found.pop())
}

fn owner(row: &dyn Fields) -> Result<(TenantId, KeyId), StoreError> {
    Ok((parsed(row, 0, "a tenant id")?, parsed(row, 1, "a key id")?))
}

/// As much of a book as says whether a key may be used.
fn book_with_key(
    source: &mut dyn Source,
    tenant: &TenantId,
    key: &KeyId,
) -> Result<Option<Book>, StoreError> {
    const ACTION: &str = "load a book";
    let sql = format!("{ACCOUNT} WHERE tenant = $1");
    let of = [Value::text(tenant.as_str()), Value::text(key.as_str())];
    let account = |row: &dyn Fields| decode::book(row, tenant);
    let Some(mut book) = one(
        source,
        ACTION,
        &sql,
        of.get(..1).unwrap_or_default(),
        account,
    )?
    else {
        return Ok(None);
    };
    let grants = GRANTS.of_tenant("");
    let tenant = of.get(..1).unwrap_or_default();
    book.grants
        .extend(all(source, ACTION, &grants, tenant, |row| {
            decode::grant(row)
        })?);
    if let Some(found) = one(source, ACTION, &KEYS.find, &of, |row| decode::key(row))? {
        book.keys.insert(key.clone(), found);
    }
    Ok(Some(book))
}

/// How to find what is open. SQLite would rather look through all reservations, in order, than find the few and sort them.
const fn open_hint(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => " INDEXED BY reservations_open",
        Dialect::Postgres => "",
    }
}

fn key(row: &dyn Fields) -> Result<KeyView, StoreError> {
    Ok(KeyView {
        tenant: parsed(row, 0, "a tenant id")?,
        key: parsed(row, 1, "a key id")?,
        label: text(row, 2)?,
        state: named(row, 3, KeyState::ALL, KeyState::name)?,
        created_at: time(row, 4)?,
        expires_at: absent_or(row, 5, time)?,
        last_used_at: absent_or(row, 6, time)?,
    })
}

fn reservation(row: &dyn Fields) -> Result<ReservationView, StoreError> {
    let content = fields::reservation(row, 2)?;
    let posting = content.posting();
    Ok(ReservationView {
        tenant: parsed(row, 0, "a tenant id")?,
        id: content.id,
        principal: content.owner.principal.clone(),
        key: content.owner.key.clone(),
        state: content.state.name(),
        parked: text(row, 3)? == "parked",
        currency: named(row, 1, Currency::ALL, Currency::code)?,
        reserved: content.hold.as_ref().map(|hold| hold.reserved),
        charged: posting.map(|posting| posting.charge.charged),
        model: content.facts.as_ref().map(|facts| facts.model.clone()),
        granted_at: content.hold.as_ref().map(|hold| hold.granted_at),
        lease_until: content.lease_until(),
    })
}

/// The labels of keys, each looked up once.
#[derive(Default)]
struct Labels(BTreeMap<(TenantId, KeyId), String>);

impl Labels {
    fn of(
        &mut self,
        source: &mut dyn Source,
        tenant: &TenantId,
        key: &KeyId,
    ) -> Result<String, StoreError> {
        let place = (tenant.clone(), key.clone());
        if let Some(known) = self.0.get(&place) {
            return Ok(known.clone());
        }
        let of = [Value::text(tenant.as_str()), Value::text(key.as_str())];
        let found = one(source, "find a key", &KEYS.find, &of, |row| {
            decode::key(row)
        })?;
        let label = found.map(|key| key.label).unwrap_or_default();
        self.0.insert(place, label.clone());
        Ok(label)
    }
}

#[cfg(test)]
mod tests;
