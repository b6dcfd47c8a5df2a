//! The house's book in its tables: what is written and asked, said once for every database.
//!
//! It is loaded and written in a transaction of its own. The row with its head is locked first, so that two servers never append
//! the same entry; before there is one, the journal's key lets only the first of them through, and the other is run again.

use super::fields::{Fields, absent_or, amount, corrupt, count, digest, named, parsed, text, time};
use super::reader::{Reader, all, one};
use super::table::{ADVANCES, HOUSE, JOURNAL, MOVEMENTS};
use super::value::{Row, Value};
use super::view::MovementView;
use super::{StoreError, row};
use ferry_ledger::house::{Advanced, PostedMovement};
use ferry_ledger::{Head, House, Recorded};
use ferry_types::{Amount, Currency, MovementId, TenantId};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The book's own row; on PostgreSQL with its lock.
pub(super) const ACCOUNT: &str = "SELECT seq, time, head, frozen FROM house WHERE tenant = $1";
/// Marks the book as frozen.
pub(super) const FREEZE: &str = "UPDATE house SET frozen = $1 WHERE tenant = $2";
/// What all providers have in advance: there are few.
pub(super) static ADVANCES_OF: LazyLock<String> = LazyLock::new(|| ADVANCES.of_tenant(""));
static APPEND: LazyLock<String> = LazyLock::new(|| JOURNAL.insert());

/// The writer's side of the house's book, within a transaction of [`super::Store`]'s.
pub trait HouseStore {
    /// The book, with these movements in view; as at its start, if nothing was ever posted.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn load_house(&mut self, movements: &BTreeSet<MovementId>) -> Result<House, StoreError>;

    /// Writes what changed.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn persist_house(&mut self, change: &HouseChange<'_>) -> Result<(), StoreError>;

    /// Marks the book as frozen. Nothing else of it is written in the same transaction.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn freeze_house(&mut self, reason: &str) -> Result<(), StoreError>;
}

/// What changed in the house's book.
#[derive(Debug)]
pub struct HouseChange<'a> {
    /// After the change.
    pub house: &'a House,
    /// To be appended to the journal, with what it moves.
    pub recorded: &'a Recorded,
    /// Movements that are new or changed.
    pub movements: BTreeSet<MovementId>,
}

impl HouseChange<'_> {
    /// The rows to be written, each with its statement, in their order.
    pub(super) fn rows<'a>(&'a self, tenant: &'a TenantId) -> Vec<(&'static str, Row<'a>)> {
        let Self {
            house,
            recorded,
            movements,
        } = self;
        let mut rows: Vec<(&'static str, Row<'a>)> = vec![
            (&HOUSE.upsert, account(tenant, &house.head)),
            (&APPEND, row::entry(tenant, recorded)),
        ];
        let changed = movements.iter();
        let changed = changed.filter_map(|id| Some((id, house.movements.get(id)?)));
        rows.extend(changed.map(|(id, posted)| {
            let row = movement(tenant, id, posted);
            (&**MOVEMENTS.upsert, row)
        }));
        let advances = house.advances.iter();
        rows.extend(advances.map(|(whose, amount)| {
            let row = advance(tenant, whose, *amount);
            (&**ADVANCES.upsert, row)
        }));
        rows
    }
}

pub(super) fn account<'a>(tenant: &'a TenantId, head: &'a Head) -> Row<'a> {
    vec![
        Value::text(tenant.as_str()),
        Value::count(head.seq),
        Value::count(head.time.0),
        Value::bytes(&head.hash),
    ]
}

pub(super) fn movement<'a>(
    tenant: &'a TenantId,
    id: &'a MovementId,
    posted: &PostedMovement,
) -> Row<'a> {
    vec![
        Value::text(tenant.as_str()),
        Value::text(id.as_str()),
        Value::count(posted.seq),
        Value::Bytes(Cow::Owned(posted.encode())),
    ]
}

pub(super) fn advance<'a>(tenant: &'a TenantId, whose: &'a Advanced, amount: Amount) -> Row<'a> {
    vec![
        Value::text(tenant.as_str()),
        Value::text(&whose.provider),
        Value::text(whose.currency.code()),
        Value::Integer(amount.units()),
    ]
}

/// The book of which nothing but its own row is in view.
pub(super) fn read_account(row: &(impl Fields + ?Sized)) -> Result<House, StoreError> {
    Ok(House {
        head: Head {
            seq: count(row, 0)?,
            time: time(row, 1)?,
            hash: digest(row, 2)?,
        },
        frozen: absent_or(row, 3, text)?.is_some(),
        ..House::START
    })
}

pub(super) fn read_movement(
    row: &(impl Fields + ?Sized),
) -> Result<(MovementId, PostedMovement), StoreError> {
    let Value::Bytes(content) = row.get(3)? else {
        return Err(corrupt("a movement that is no bytes"));
    };
    let posted = PostedMovement::decode(&content)
        .map_err(|e| corrupt(&format!("a movement that cannot be read ({e})")))?;
    Ok((parsed(row, 1, "a movement id")?, posted))
}

pub(super) fn read_advance(row: &(impl Fields + ?Sized)) -> Result<(Advanced, Amount), StoreError> {
    let whose = Advanced {
        provider: text(row, 1)?,
        currency: named(row, 2, Currency::ALL, Currency::code)?,
    };
    Ok((whose, amount(row, 3)?))
}

impl Reader {
    /// What happened in the house's book, newest first.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn movements(&mut self) -> Result<Vec<MovementView>, StoreError> {
        let (sql, house) = (MOVEMENTS.of_tenant(""), TenantId::house());
        let of = [Value::text(house.as_str())];
        let mut found = all(self.source_mut(), "list movements", &sql, &of, |row| {
            let (id, posted) = read_movement(row)?;
            Ok(MovementView { id, posted })
        })?;
        found.sort_by_key(|view| std::cmp::Reverse(view.posted.seq));
        Ok(found)
    }

    /// A movement of the house's book.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn movement(&mut self, id: &MovementId) -> Result<Option<MovementView>, StoreError> {
        let house = TenantId::house();
        let key = [Value::text(house.as_str()), Value::text(id.as_str())];
        let (source, sql) = (self.source_mut(), &MOVEMENTS.find);
        one(source, "find a movement", sql, &key, |row| {
            let (id, posted) = read_movement(row)?;
            Ok(MovementView { id, posted })
        })
    }
}
