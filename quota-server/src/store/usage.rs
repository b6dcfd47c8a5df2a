//! One request as reports show it, read from its reservation: nothing else is kept of it.

use super::StoreError;
use super::fields::corrupt;
use super::view::{AttemptView, UsageView};
use ferry_ledger::{Posting, Reservation, UnixMs};
use ferry_types::{Amount, Currency, TenantId};

/// The usage record of a request that was charged, of a tenant whose money is in this currency.
pub(super) fn record(
    tenant: TenantId,
    currency: Currency,
    key_label: String,
    row: &Reservation,
) -> Result<UsageView, StoreError> {
    let posting = row.posting();
    let posting = posting.ok_or_else(|| corrupt("a reservation that was charged nothing"))?;
    let facts = row.facts.as_ref();
    let facts = facts.ok_or_else(|| corrupt("a charge of nothing that was asked"))?;
    let settlement = posting.settlement.as_ref();
    let last = settlement.and_then(|settlement| settlement.attempts.last());
    let offer = row.offer.as_deref();
    let by = posting.by.as_ref().unwrap_or(&row.owner.principal);
    Ok(UsageView {
        tenant,
        id: row.id,
        principal: by.clone(),
        key: row.owner.key.clone(),
        key_label,
        state: row.state.name(),
        created_at: UnixMs(row.id.unix_ms()),
        posted_at: posting.at,
        seq: posting.seq,
        endpoint: facts.endpoint,
        route: facts.route.clone(),
        mode: facts.mode,
        stream: facts.stream,
        tags: facts.tags.clone(),
        model_requested: facts.model.clone(),
        model_served: last.map(|last| last.model.clone()).unwrap_or_default(),
        provider: last.map(|last| last.provider.clone()).unwrap_or_default(),
        usage: posting.charge.usage,
        source: last.map(|last| last.source),
        cause: settlement.map(|settlement| settlement.cause),
        status: settlement.map_or(0, |settlement| settlement.status),
        latency_ms: settlement.map_or(0, |settlement| settlement.latency_ms),
        currency,
        reserved: row.hold.as_ref().map(|hold| hold.reserved),
        priced: posting.charge.priced,
        suspended: posting.charge.suspended,
        charged: posting.charge.charged,
        released: posting.released,
        cost: posting.charge.cost(),
        cost_currency: offer.map_or(currency, |offer| offer.cost_currency()),
        price_version: offer.map(|o| o.price_version.clone()).unwrap_or_default(),
        policy_version: offer.map(|o| o.policy_version.clone()).unwrap_or_default(),
        flags: posting.flags.iter().collect(),
        attempts: attempts(posting),
    })
}

fn attempts(posting: &Posting) -> Vec<AttemptView> {
    let settlement = posting.settlement.as_ref();
    let attempts = settlement.map_or(&[][..], |settlement| &settlement.attempts);
    let costs = posting.charge.costs.iter().copied();
    // Without a price there is a cost of none of them.
    let costs = costs.chain(std::iter::repeat(Amount::ZERO));
    let attempt = |(attempt, cost): (&ferry_types::Attempt, Amount)| AttemptView {
        provider: attempt.provider.clone(),
        model: attempt.model.clone(),
        status: attempt.status,
        usage: attempt.usage,
        source: attempt.source,
        provider_request_id: attempt.provider_request_id.clone(),
        service_tier: attempt.service_tier.clone(),
        latency_ms: attempt.latency_ms,
        first_byte_ms: attempt.first_byte_ms,
        cost,
    };
    attempts.iter().zip(costs).map(attempt).collect()
}
