//! Reading for reports: a connection of its own that cannot write.

use super::load::{self, Read, amount, corrupt, count, decoded, id, named, parsed, some_time};
use super::open;
use crate::key_directory::StoredDigest;
use crate::store::view::{
    AccountView, AttemptView, GrantView, KeyView, ReservationQuery, ReservationView, TenantView,
    UsageQuery, UsageView,
};
use crate::store::{OpenError, StoreError, Touch};
use ferry_ledger::{Book, Flags, KeyState, StateName, TenantState, UnixMs};
use ferry_types::{
    Balance, Currency, EndCause, Endpoint, KeyId, Mode, Tags, TenantId, TokenClass, Usage,
    UsageSource,
};
use rusqlite::{Connection, Row, params};
use std::path::Path;

/// A connection that only reads.
#[derive(Debug)]
pub struct SqliteReader {
    pub(super) connection: Connection,
}

impl SqliteReader {
    /// Opens a database, whether a server has it open or not.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        open::for_reading(path).map(|connection| Self { connection })
    }

    /// Every tenant, by id.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn tenants(&mut self) -> Result<Vec<TenantView>, StoreError> {
        let sql = format!("{TENANTS} ORDER BY tenant");
        self.all(&sql, (), tenant)
            .map_err(|e| e.during("list tenants"))
    }

    /// One tenant.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn tenant(&mut self, id: &TenantId) -> Result<Option<TenantView>, StoreError> {
        let sql = format!("{TENANTS} WHERE tenant = ?1");
        let found = self.all(&sql, [id.as_str()], tenant);
        found
            .map(|mut found| found.pop())
            .map_err(|e| e.during("find a tenant"))
    }

    /// A tenant's grants, by id.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn grants(&mut self, id: &TenantId) -> Result<Vec<GrantView>, StoreError> {
        let book = load::book(&self.connection, &Touch::new(id.clone()))?;
        let grants = book.map(|book| book.grants).unwrap_or_default();
        let view = |(id, grant)| GrantView { id, grant };
        Ok(grants.into_iter().map(view).collect())
    }

    /// Every account with the sum of its lines, of one tenant or of all.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn accounts(&mut self, tenant: Option<&TenantId>) -> Result<Vec<AccountView>, StoreError> {
        let sql = "SELECT account, currency, sum(amount) FROM lines \
                   WHERE ?1 IS NULL OR tenant = ?1 GROUP BY account, currency ORDER BY account, currency";
        let account = |row: &Row<'_>| -> Read<AccountView> {
            Ok(AccountView {
                account: row.get(0)?,
                currency: named(row, 1, Currency::ALL, Currency::code)?,
                balance: Balance::from_units(row.get(2)?),
            })
        };
        self.all(sql, [tenant.map(TenantId::as_str)], account)
            .map_err(|e| e.during("sum the accounts"))
    }

    /// A tenant's keys, by id.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn keys(&mut self, tenant: &TenantId) -> Result<Vec<KeyView>, StoreError> {
        let sql = "SELECT tenant, key, label, state, issued_at, expires_at, last_used_at \
                   FROM keys WHERE tenant = ?1 ORDER BY key";
        self.all(sql, [tenant.as_str()], key)
            .map_err(|e| e.during("list keys"))
    }

    /// Whose key this is, with as much of the book as says whether it may be used.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn book_of_key(
        &mut self,
        candidates: &[StoredDigest],
    ) -> Result<Option<(TenantId, KeyId, Book)>, StoreError> {
        for digest in candidates {
            if let Some((tenant, key)) = load::key_owner(&self.connection, digest)? {
                let mut touch = Touch::new(tenant.clone());
                touch.keys.insert(key.clone());
                let book = load::book(&self.connection, &touch)?;
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
        let sql = "SELECT r.tenant, t.currency, r.content, r.state FROM reservations r \
                   JOIN tenants t ON t.tenant = r.tenant \
                   WHERE (?1 IS NULL OR r.tenant = ?1) AND (?2 = 0 OR r.lease_until IS NOT NULL) \
                   ORDER BY r.reservation DESC LIMIT ?3";
        let tenant = query.tenant.as_ref().map(TenantId::as_str);
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        self.all(sql, params![tenant, query.open_only, limit], reservation)
            .map_err(|e| e.during("list reservations"))
    }

    /// Usage records, newest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn usage(&mut self, query: &UsageQuery) -> Result<Vec<UsageView>, StoreError> {
        let tenant = query.tenant.as_ref().map(TenantId::as_str);
        let request = query.request.as_ref().map(|id| id.as_bytes().as_slice());
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        // Each tenant's records lie in the order of their requests, so a single one is found by a look at each tenant's.
        let sql = "SELECT u.*, t.currency, k.label FROM tenants t \
                   CROSS JOIN usage_records u ON u.tenant = t.tenant \
                   LEFT JOIN keys k ON k.tenant = u.tenant AND k.key = u.key \
                   WHERE (?1 IS NULL OR t.tenant = ?1) AND (?2 IS NULL OR u.reservation = ?2) \
                   ORDER BY u.reservation DESC LIMIT ?3";
        let read = || -> Read<_> {
            let mut records = self.all(sql, params![tenant, request, limit], usage_record)?;
            for record in &mut records {
                let sql = "SELECT * FROM usage_attempts WHERE tenant = ?1 AND reservation = ?2 \
                           ORDER BY attempt";
                let key = params![record.tenant.as_str(), record.id.as_bytes()];
                record.attempts = self.all(sql, key, attempt)?;
            }
            Ok(records)
        };
        read().map_err(|e| e.during("list usage"))
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl Fn(&Row<'_>) -> Read<T>,
    ) -> Read<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(row)?);
        }
        Ok(all)
    }
}

const TENANTS: &str = "SELECT tenant, name, currency, state, posted, held, seq, time, frozen, \
     (SELECT count(*) FROM reservations r WHERE r.lease_until IS NOT NULL AND r.tenant = tenants.tenant), \
     (SELECT time FROM journal j WHERE j.tenant = tenants.tenant AND j.seq = 1), overage, credit \
     FROM tenants";

fn tenant(row: &Row<'_>) -> Read<TenantView> {
    let (posted, held) = (Balance::from_units(row.get(4)?), amount(row, 5)?);
    let overage = load::overage(row, 11)?;
    let available = posted
        .moved(overage.credit(), held)
        .map_err(|_| corrupt("a balance out of range"))?;
    Ok(TenantView {
        overage,
        tenant: parsed(row, 0, "a tenant id")?,
        name: row.get(1)?,
        currency: named(row, 2, Currency::ALL, Currency::code)?,
        state: named(row, 3, TenantState::ALL, TenantState::name)?,
        posted,
        held,
        available,
        seq: count(row, 6)?,
        changed_at: UnixMs(count(row, 7)?),
        frozen: row.get(8)?,
        open_reservations: count(row, 9)?,
        created_at: UnixMs(count(row, 10)?),
    })
}

fn key(row: &Row<'_>) -> Read<KeyView> {
    Ok(KeyView {
        tenant: parsed(row, 0, "a tenant id")?,
        key: parsed(row, 1, "a key id")?,
        label: row.get(2)?,
        state: named(row, 3, KeyState::ALL, KeyState::name)?,
        created_at: UnixMs(count(row, 4)?),
        expires_at: some_time(row, 5)?,
        last_used_at: some_time(row, 6)?,
    })
}

fn reservation(row: &Row<'_>) -> Read<ReservationView> {
    let content = decoded(row, 2)?;
    let posting = content.posting();
    Ok(ReservationView {
        tenant: parsed(row, 0, "a tenant id")?,
        id: content.id,
        principal: content.owner.principal.clone(),
        key: content.owner.key.clone(),
        state: content.state.name(),
        parked: row.get_ref(3)?.as_str() == Ok("parked"),
        currency: named(row, 1, Currency::ALL, Currency::code)?,
        reserved: content.hold.as_ref().map(|hold| hold.reserved),
        charged: posting.map(|posting| posting.charge.charged),
        model: content.facts.as_ref().map(|facts| facts.model.clone()),
        granted_at: content.hold.as_ref().map(|hold| hold.granted_at),
        lease_until: content.lease_until(),
    })
}

/// The states of what was charged.
const CHARGED: [StateName; 2] = [StateName::Settled, StateName::Expired];

fn usage_record(row: &Row<'_>) -> Read<UsageView> {
    let id = id(row, 1)?;
    let flags: u32 = row.get(38)?;
    let flags = Flags::from_bits(flags).ok_or_else(|| corrupt("an unknown flag"))?;
    Ok(UsageView {
        tenant: parsed(row, 0, "a tenant id")?,
        id,
        principal: parsed(row, 2, "a principal's name")?,
        key: parsed(row, 3, "a key id")?,
        key_label: row.get::<_, Option<String>>(40)?.unwrap_or_default(),
        state: named(row, 4, CHARGED, StateName::name)?,
        created_at: UnixMs(id.unix_ms()),
        posted_at: UnixMs(count(row, 5)?),
        seq: count(row, 6)?,
        endpoint: named(row, 7, [Endpoint::ChatCompletions], Endpoint::name)?,
        route: row.get(8)?,
        mode: named(row, 9, [Mode::Enforce, Mode::Shadow], Mode::name)?,
        stream: row.get(10)?,
        tags: Tags {
            feature: row.get(11)?,
            environment: row.get(12)?,
            end_user: row.get(13)?,
            session: row.get(14)?,
            agent: row.get(15)?,
        },
        model_requested: row.get(16)?,
        model_served: row.get(17)?,
        provider: row.get(18)?,
        usage: usage(row, 19)?,
        source: absent_or(row, 26, |at| {
            named(row, at, UsageSource::ALL, UsageSource::name)
        })?,
        cause: absent_or(row, 27, |at| named(row, at, EndCause::ALL, EndCause::name))?,
        status: row.get(28)?,
        latency_ms: count(row, 29)?,
        reserved: absent_or(row, 30, |at| amount(row, at))?,
        priced: amount(row, 31)?,
        suspended: amount(row, 32)?,
        charged: amount(row, 33)?,
        released: amount(row, 34)?,
        cost: amount(row, 35)?,
        price_version: row.get(36)?,
        policy_version: row.get(37)?,
        flags: flags.iter().collect(),
        currency: named(row, 39, Currency::ALL, Currency::code)?,
        attempts: Vec::new(),
    })
}

fn attempt(row: &Row<'_>) -> Read<AttemptView> {
    Ok(AttemptView {
        provider: row.get(3)?,
        model: row.get(4)?,
        status: row.get(5)?,
        usage: usage(row, 6)?,
        source: named(row, 13, UsageSource::ALL, UsageSource::name)?,
        provider_request_id: row.get(14)?,
        service_tier: row.get(15)?,
        latency_ms: count(row, 16)?,
        first_byte_ms: absent_or(row, 17, |at| count(row, at))?,
        cost: amount(row, 18)?,
    })
}

/// Seven columns from `first` on.
fn usage(row: &Row<'_>, first: usize) -> Read<Usage> {
    let mut counts = [0; TokenClass::ALL.len()];
    for (place, tokens) in counts.iter_mut().enumerate() {
        *tokens = count(row, first + place)?;
    }
    Ok(Usage::from_classes(|class| {
        let place = TokenClass::ALL.iter().position(|of| *of == class);
        place
            .and_then(|place| counts.get(place))
            .copied()
            .unwrap_or(0)
    }))
}

fn absent_or<T>(row: &Row<'_>, at: usize, read: impl Fn(usize) -> Read<T>) -> Read<Option<T>> {
    match row.get_ref(at)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        rusqlite::types::ValueRef::Integer(_)
        | rusqlite::types::ValueRef::Real(_)
        | rusqlite::types::ValueRef::Text(_)
        | rusqlite::types::ValueRef::Blob(_) => read(at).map(Some),
    }
}
