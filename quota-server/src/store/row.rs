//! How the ledger's values become rows. The writer writes these rows and `verify` expects them: there is one function a table.

use super::lines;
use super::value::{Row, Value};
use crate::key_directory::{PepperId, StoredDigest};
use ferry_ledger::{
    Book, Counter, Grant, Key, Limit, PostedCorrection, PostedTopUp, PostedTransfer, Recorded,
    Refused, Reservation, State, Subject, TopUpRef, Transaction,
};
use ferry_types::{
    Amount, CorrectionId, GrantId, KeyId, LimitId, ReservationId, TenantId, TransferId,
};
use std::borrow::Cow;

const fn text(text: &str) -> Value<'_> {
    Value::text(text)
}

const fn bytes(bytes: &[u8]) -> Value<'_> {
    Value::bytes(bytes)
}

const fn number(number: i64) -> Value<'static> {
    Value::Integer(number)
}

const fn count(count: u64) -> Value<'static> {
    Value::count(count)
}

const fn amount(amount: Amount) -> Value<'static> {
    number(amount.units())
}

fn some(value: Option<Value<'_>>) -> Value<'_> {
    Value::some(value)
}

pub(super) fn tenant(book: &Book) -> Row<'_> {
    let reseller = book.reseller.as_ref();
    vec![
        text(book.tenant.as_str()),
        text(&book.name),
        text(book.currency.code()),
        text(book.state.name()),
        number(book.posted.units()),
        amount(book.held),
        text(book.overage.name()),
        amount(book.overage.credit()),
        some(reseller.map(|reseller| text(reseller.name.as_str()))),
        number(reseller.map_or(0, |reseller| reseller.share.basis_points().into())),
        number(reseller.map_or(0, |reseller| reseller.carry.into())),
        count(book.head.seq),
        count(book.head.time.0),
        bytes(&book.head.hash),
        text(book.zone.name()),
    ]
}

pub(super) fn key<'a>(tenant: &'a TenantId, id: &'a KeyId, key: &'a Key) -> Row<'a> {
    vec![
        text(tenant.as_str()),
        text(id.as_str()),
        text(&key.label),
        text(key.state.name()),
        count(key.issued_at.0),
        some(key.expires_at.map(|at| count(at.0))),
    ]
}

pub(super) fn top_up<'a>(
    tenant: &'a TenantId,
    reference: &'a TopUpRef,
    posted: &PostedTopUp,
) -> Row<'a> {
    vec![
        text(tenant.as_str()),
        text(&reference.source),
        text(&reference.external_reference),
        amount(posted.amount),
        count(posted.seq),
        count(posted.at.0),
        amount(posted.taken_back),
    ]
}

/// Whom a payment was credited to.
pub(super) fn credited<'a>(tenant: &'a TenantId, reference: &'a TopUpRef) -> Row<'a> {
    vec![
        text(&reference.source),
        text(&reference.external_reference),
        text(tenant.as_str()),
    ]
}

pub(super) fn transfer<'a>(
    tenant: &'a TenantId,
    id: &'a TransferId,
    posted: &'a PostedTransfer,
) -> Row<'a> {
    vec![
        text(tenant.as_str()),
        text(id.as_str()),
        text(posted.direction.name()),
        text(posted.other.as_str()),
        amount(posted.amount),
        text(&posted.note),
        count(posted.seq),
        count(posted.at.0),
    ]
}

pub(super) fn correction<'a>(
    tenant: &'a TenantId,
    id: &'a CorrectionId,
    posted: &PostedCorrection,
) -> Row<'a> {
    vec![
        text(tenant.as_str()),
        text(id.as_str()),
        count(posted.seq),
        Value::Bytes(Cow::Owned(posted.encode())),
    ]
}

pub(super) fn grant<'a>(tenant: &'a TenantId, id: &'a GrantId, grant: &Grant) -> Row<'a> {
    let ends_at = grant.expires_at.filter(|_| !grant.expired);
    vec![
        text(tenant.as_str()),
        text(id.as_str()),
        some(ends_at.map(|at| count(at.0))),
        Value::Bytes(Cow::Owned(grant.encode())),
    ]
}

pub(super) fn limit<'a>(tenant: &'a TenantId, id: &'a LimitId, limit: &Limit) -> Row<'a> {
    vec![
        text(tenant.as_str()),
        text(id.as_str()),
        Value::Bytes(Cow::Owned(limit.encode())),
    ]
}

/// Where a limit lies.
pub(super) fn limit_place<'a>(tenant: &'a TenantId, id: &'a LimitId) -> Row<'a> {
    vec![text(tenant.as_str()), text(id.as_str())]
}

/// Where a counter lies.
pub(super) fn counter_place<'a>(
    tenant: &'a TenantId,
    (limit, subject): &(u64, Subject),
) -> Row<'a> {
    vec![
        text(tenant.as_str()),
        count(*limit),
        Value::Text(Cow::Owned(subject.text())),
    ]
}

pub(super) fn counter<'a>(
    tenant: &'a TenantId,
    place: &(u64, Subject),
    counter: &Counter,
) -> Row<'a> {
    let mut row = counter_place(tenant, place);
    row.push(Value::Bytes(Cow::Owned(counter.encode())));
    row
}

/// What a reservation's `state` column says.
pub(super) const fn state(state: &State) -> &'static str {
    match state {
        State::Parked(_) => "parked",
        State::Open | State::Settled(_) | State::Released(_) | State::Expired(_) => {
            state.name().name()
        }
    }
}

pub(super) fn reservation<'a>(tenant: &'a TenantId, row: &'a Reservation) -> Row<'a> {
    let in_flight = row.idempotency_key();
    vec![
        text(tenant.as_str()),
        bytes(row.id.as_bytes()),
        text(state(&row.state)),
        some(row.lease_until().map(|until| count(until.0))),
        some(in_flight.map(|taken| text(taken.key.as_str()))),
        some(in_flight.map(|taken| bytes(taken.digest))),
        Value::Bytes(Cow::Owned(row.encode())),
    ]
}

/// One line a refusal that is remembered.
pub(super) fn refusal<'a>(tenant: &'a TenantId, id: &'a ReservationId, row: &Refused) -> Row<'a> {
    vec![
        text(tenant.as_str()),
        bytes(id.as_bytes()),
        count(row.at.0),
        count(row.seq),
        Value::Bytes(Cow::Owned(row.encode())),
    ]
}

/// One line an entry of the journal, with what it moves.
pub(super) fn entry<'a>(tenant: &'a TenantId, recorded: &'a Recorded) -> Row<'a> {
    let Recorded { entry, transaction } = recorded;
    let (occurred_at, lines) = moves(transaction);
    vec![
        text(tenant.as_str()),
        count(entry.seq),
        count(entry.time.0),
        number(i64::from(entry.kind)),
        bytes(&entry.content),
        bytes(&entry.previous_hash),
        bytes(&entry.hash),
        occurred_at,
        lines,
    ]
}

/// What an entry moves, and when that took place; nothing if it moves nothing.
pub(super) fn moves(transaction: &Transaction) -> (Value<'static>, Value<'static>) {
    match lines::encode(transaction) {
        Some(lines) => (
            count(transaction.occurred_at.0),
            Value::Text(Cow::Owned(lines)),
        ),
        None => (Value::Null, Value::Null),
    }
}

/// What a key is found by.
pub(super) fn listed<'a>(
    tenant: &'a TenantId,
    (digest, pepper, key): &'a (StoredDigest, PepperId, KeyId),
) -> Row<'a> {
    vec![
        bytes(&digest.0),
        number(i64::from(pepper.0)),
        text(tenant.as_str()),
        text(key.as_str()),
    ]
}
