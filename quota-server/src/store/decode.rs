//! How rows become the ledger's values again: one function a table, over the columns that [`super::table`] names.

use super::StoreError;
use super::fields::{
    Fields, absent_or, amount, bytes, corrupt, count, digest, named, number, parsed, small, text,
    time,
};
use super::value::Value;
use crate::key_directory::PepperId;
use ferry_ledger::{
    Book, Counter, Direction, Entry, Grant, Head, Key, KeyState, Limit, Overage, PostedCorrection,
    PostedTopUp, PostedTransfer, Refused, Reseller, Reservation, Share, Subject, TenantState,
    TopUpRef,
};
use ferry_types::{Balance, CorrectionId, Currency, GrantId, LimitId, TenantId, TransferId};
use std::collections::BTreeMap;

/// A book of which nothing but the account is in view.
pub(super) fn book(row: &(impl Fields + ?Sized), tenant: &TenantId) -> Result<Book, StoreError> {
    Ok(Book {
        tenant: tenant.clone(),
        name: text(row, 1)?,
        currency: named(row, 2, Currency::ALL, Currency::code)?,
        state: named(row, 3, TenantState::ALL, TenantState::name)?,
        posted: Balance::from_units(number(row, 4)?),
        held: amount(row, 5)?,
        overage: overage(row, 6)?,
        reseller: reseller(row, 8)?,
        head: Head {
            seq: count(row, 11)?,
            time: time(row, 12)?,
            hash: digest(row, 13)?,
        },
        frozen: row.get(15)? != Value::Null,
        keys: BTreeMap::new(),
        reservations: BTreeMap::new(),
        refused: BTreeMap::new(),
        top_ups: BTreeMap::new(),
        credited_elsewhere: BTreeMap::new(),
        zone: parsed(row, 14, "a time zone")?,
        grants: BTreeMap::new(),
        limits: BTreeMap::new(),
        counters: BTreeMap::new(),
        transfers: BTreeMap::new(),
        corrections: BTreeMap::new(),
    })
}

/// Reads a policy's name, and its credit in the next column.
pub(super) fn overage(row: &(impl Fields + ?Sized), at: usize) -> Result<Overage, StoreError> {
    let credit = amount(row, at.saturating_add(1))?;
    let policy = match row.get(at)? {
        Value::Text(name) => Overage::from_parts(&name, credit),
        Value::Null | Value::Integer(_) | Value::Bytes(_) => None,
    };
    policy.ok_or_else(|| corrupt("an overage policy"))
}

/// Reads a reseller's name, and its share and carry in the next columns.
pub(super) fn reseller(
    row: &(impl Fields + ?Sized),
    at: usize,
) -> Result<Option<Reseller>, StoreError> {
    if row.get(at)? == Value::Null {
        return Ok(None);
    }
    let points = small(row, at.saturating_add(1))?;
    Ok(Some(Reseller {
        name: parsed(row, at, "a reseller's name")?,
        share: Share::from_basis_points(points).ok_or_else(|| corrupt("a reseller's share"))?,
        carry: small(row, at.saturating_add(2))?,
    }))
}

pub(super) fn grant(row: &(impl Fields + ?Sized)) -> Result<(GrantId, Grant), StoreError> {
    let Value::Bytes(content) = row.get(3)? else {
        return Err(corrupt("a grant that is no bytes"));
    };
    let grant = Grant::decode(&content)
        .map_err(|e| corrupt(&format!("a grant that cannot be read ({e})")))?;
    Ok((parsed(row, 1, "a grant id")?, grant))
}

pub(super) fn limit(row: &(impl Fields + ?Sized)) -> Result<(LimitId, Limit), StoreError> {
    let Value::Bytes(content) = row.get(2)? else {
        return Err(corrupt("a limit that is no bytes"));
    };
    let limit = Limit::decode(&content)
        .map_err(|e| corrupt(&format!("a limit that cannot be read ({e})")))?;
    Ok((parsed(row, 1, "a limit id")?, limit))
}

pub(super) fn counter(
    row: &(impl Fields + ?Sized),
) -> Result<((u64, Subject), Counter), StoreError> {
    let subject = Subject::from_text(&text(row, 2)?);
    let subject = subject.ok_or_else(|| corrupt("a counter of no subject"))?;
    let Value::Bytes(counted) = row.get(3)? else {
        return Err(corrupt("a counter that is no bytes"));
    };
    let counter = Counter::decode(&counted)
        .map_err(|e| corrupt(&format!("a counter that cannot be read ({e})")))?;
    Ok(((count(row, 1)?, subject), counter))
}

pub(super) fn key(row: &(impl Fields + ?Sized)) -> Result<Key, StoreError> {
    Ok(Key {
        label: text(row, 2)?,
        state: named(row, 3, KeyState::ALL, KeyState::name)?,
        issued_at: time(row, 4)?,
        expires_at: absent_or(row, 5, time)?,
    })
}

pub(super) fn top_up(row: &(impl Fields + ?Sized)) -> Result<PostedTopUp, StoreError> {
    Ok(PostedTopUp {
        amount: amount(row, 3)?,
        seq: count(row, 4)?,
        at: time(row, 5)?,
        taken_back: amount(row, 6)?,
    })
}

/// Takes in whom a payment was credited to. What leads to a tenant must be there: its own top-ups are in view already.
pub(super) fn credited(
    row: &(impl Fields + ?Sized),
    reference: TopUpRef,
    book: &mut Book,
) -> Result<(), StoreError> {
    let tenant: TenantId = parsed(row, 2, "a tenant id")?;
    if tenant != book.tenant {
        book.credited_elsewhere.insert(reference, tenant);
    } else if !book.top_ups.contains_key(&reference) {
        return Err(corrupt(
            "a payment that leads to a top-up that is not there",
        ));
    }
    Ok(())
}

pub(super) fn transfer(
    row: &(impl Fields + ?Sized),
) -> Result<(TransferId, PostedTransfer), StoreError> {
    let posted = PostedTransfer {
        direction: named(row, 2, Direction::ALL, Direction::name)?,
        other: parsed(row, 3, "a tenant id")?,
        amount: amount(row, 4)?,
        note: text(row, 5)?,
        seq: count(row, 6)?,
        at: time(row, 7)?,
    };
    Ok((parsed(row, 1, "a transfer id")?, posted))
}

pub(super) fn correction(
    row: &(impl Fields + ?Sized),
) -> Result<(CorrectionId, PostedCorrection), StoreError> {
    let Value::Bytes(content) = row.get(3)? else {
        return Err(corrupt("a correction that is no bytes"));
    };
    let posted = PostedCorrection::decode(&content)
        .map_err(|e| corrupt(&format!("a correction that cannot be read ({e})")))?;
    Ok((parsed(row, 1, "a correction id")?, posted))
}

pub(super) fn reservation(row: &(impl Fields + ?Sized)) -> Result<Reservation, StoreError> {
    super::fields::reservation(row, 6)
}

pub(super) fn refused(row: &(impl Fields + ?Sized)) -> Result<Refused, StoreError> {
    let Value::Bytes(content) = row.get(4)? else {
        return Err(corrupt("a refusal that is no bytes"));
    };
    Refused::decode(&content).map_err(|e| corrupt(&format!("a refusal that cannot be read ({e})")))
}

pub(super) fn entry(row: &(impl Fields + ?Sized)) -> Result<Entry, StoreError> {
    Ok(Entry {
        seq: count(row, 1)?,
        time: time(row, 2)?,
        kind: small(row, 3)?,
        content: bytes(row, 4)?,
        previous_hash: digest(row, 5)?,
        hash: digest(row, 6)?,
    })
}

/// A pepper with its fingerprint.
pub(super) fn pepper(row: &(impl Fields + ?Sized)) -> Result<(PepperId, [u8; 32]), StoreError> {
    Ok((PepperId(small(row, 0)?), digest(row, 1)?))
}
