//! How the ledger's values become rows. The writer writes these rows and `verify` expects them: there is one function a table.

use super::value::{Row, Value};
use crate::key_directory::{PepperId, StoredDigest};
use ferry_ledger::{
    Book, Entry, Grant, Key, PostedCorrection, PostedTopUp, PostedTransfer, Posting, Refused,
    Reservation, State, TopUpRef, Transaction,
};
use ferry_types::{
    Amount, CorrectionId, Currency, GrantId, KeyId, ReservationId, Tags, TenantId, TokenClass,
    TransferId, Usage,
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

/// The lines of one entry.
pub(super) fn lines<'a>(
    tenant: &'a TenantId,
    seq: u64,
    transaction: &'a Transaction,
) -> impl Iterator<Item = Row<'a>> {
    let occurred_at = transaction.occurred_at.0;
    (0..).zip(&transaction.lines).map(move |(at, line)| {
        vec![
            text(tenant.as_str()),
            count(seq),
            number(at),
            Value::Text(Cow::Owned(line.account.to_string())),
            text(line.currency.code()),
            number(line.amount),
            count(occurred_at),
        ]
    })
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

/// One line a request that was charged, of a tenant whose money is in this currency.
pub(super) fn usage_record<'a>(
    tenant: &'a TenantId,
    row: &'a Reservation,
    posting: &'a Posting,
    currency: Currency,
) -> Row<'a> {
    let mut values = Vec::with_capacity(super::table::USAGE_RECORDS.columns.len());
    values.extend([
        text(tenant.as_str()),
        bytes(row.id.as_bytes()),
        text(posting.by.as_ref().unwrap_or(&row.owner.principal).as_str()),
        text(row.owner.key.as_str()),
        text(state(&row.state)),
        count(posting.at.0),
        count(posting.seq),
    ]);
    facts(row, &mut values);
    let settlement = posting.settlement.as_ref();
    let last = settlement.and_then(|settlement| settlement.attempts.last());
    values.extend([
        text(last.map_or("", |attempt| &attempt.model)),
        text(last.map_or("", |attempt| &attempt.provider)),
    ]);
    usage(&posting.charge.usage, &mut values);
    values.extend([
        last.map_or(Value::Null, |a| text(a.source.name())),
        settlement.map_or(Value::Null, |s| text(s.cause.name())),
        number(settlement.map_or(0, |s| i64::from(s.status))),
        count(settlement.map_or(0, |s| s.latency_ms)),
        some(row.hold.as_ref().map(|hold| amount(hold.reserved))),
        amount(posting.charge.priced),
        amount(posting.charge.suspended),
        amount(posting.charge.charged),
        amount(posting.released),
        number(posting.charge.cost().units()),
        text(row.offer.as_ref().map_or("", |o| &o.price_version)),
        text(row.offer.as_ref().map_or("", |o| &o.policy_version)),
        number(i64::from(posting.flags.bits())),
        row.offer
            .as_ref()
            .map_or_else(|| text(currency.code()), |o| text(o.cost_currency().code())),
    ]);
    values
}

fn facts<'a>(row: &'a Reservation, values: &mut Row<'a>) {
    let Some(facts) = &row.facts else {
        // Cannot be: a charge has its Reserve's facts or its Settle's.
        return values.extend(
            std::iter::repeat_n(text(""), 3)
                .chain([number(0)])
                .chain(std::iter::repeat_n(text(""), 6)),
        );
    };
    let Tags {
        feature,
        environment,
        end_user,
        session,
        agent,
    } = &facts.tags;
    values.extend([
        text(facts.endpoint.name()),
        text(&facts.route),
        text(facts.mode.name()),
        number(i64::from(facts.stream)),
        text(feature),
        text(environment),
        text(end_user),
        text(session),
        text(agent),
        text(&facts.model),
    ]);
}

fn usage(usage: &Usage, values: &mut Row<'_>) {
    values.extend(TokenClass::ALL.map(|class| count(usage.of(class))));
}

/// One line an attempt.
pub(super) fn attempts<'a>(
    tenant: &'a TenantId,
    row: &'a Reservation,
    posting: &'a Posting,
) -> impl Iterator<Item = Row<'a>> {
    let settlement = posting.settlement.as_ref();
    let attempts = settlement.map_or(&[][..], |settlement| &settlement.attempts);
    let costs = posting.charge.costs.iter().copied();
    let costs = costs.chain(std::iter::repeat(Amount::ZERO));
    (0..).zip(attempts).zip(costs).map(|((at, attempt), cost)| {
        let mut values = Vec::with_capacity(super::table::USAGE_ATTEMPTS.columns.len());
        values.extend([
            text(tenant.as_str()),
            bytes(row.id.as_bytes()),
            number(at),
            text(&attempt.provider),
            text(&attempt.model),
            number(i64::from(attempt.status)),
        ]);
        usage(&attempt.usage, &mut values);
        values.extend([
            text(attempt.source.name()),
            text(&attempt.provider_request_id),
            text(&attempt.service_tier),
            count(attempt.latency_ms),
            some(attempt.first_byte_ms.map(count)),
            amount(cost),
        ]);
        values
    })
}

/// One line a refusal that is remembered.
pub(super) fn refusal<'a>(tenant: &'a TenantId, id: &'a ReservationId, row: &Refused) -> Row<'a> {
    vec![
        text(tenant.as_str()),
        bytes(id.as_bytes()),
        count(row.at.0),
        Value::Bytes(Cow::Owned(row.encode())),
    ]
}

/// One line an entry of the journal.
pub(super) fn entry<'a>(tenant: &'a TenantId, entry: &'a Entry) -> Row<'a> {
    vec![
        text(tenant.as_str()),
        count(entry.seq),
        count(entry.time.0),
        number(i64::from(entry.kind)),
        bytes(&entry.content),
        bytes(&entry.previous_hash),
        bytes(&entry.hash),
    ]
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

/// Whether an expiry may have charged it, and the charge was given back: it has no usage record then.
pub(super) fn gave_back(row: &Reservation) -> bool {
    row.posting().is_none() && row.hold.is_some() && row.lease_until().is_none()
}
