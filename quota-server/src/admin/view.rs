//! From what the store shows to the JSON of `/admin/v1`.

pub(super) mod house;
pub(super) mod limits;

use super::wire;
use crate::engine::BookView;
use crate::store::view::{
    AccountView, AttemptView, ClosedView, CorrectionView, GrantView, KeyView, ReservationView,
    TenantView, TransferView, UsageView,
};
use crate::timestamp::rfc3339;
use crate::verify::{Thawed, VerifyReport};
use ferry_ledger::{Correction, Month, Place, Position, Share, UnixMs};
use ferry_types::{Amount, Balance, Currency, Tags, TenantId, Usage};
use std::collections::BTreeSet;

fn time(at: UnixMs) -> String {
    rfc3339(at.0)
}

pub(super) fn tenant(view: TenantView) -> wire::Tenant {
    let TenantView {
        tenant,
        name,
        currency,
        state,
        zone,
        posted,
        held,
        available,
        open_reservations,
        seq,
        created_at,
        changed_at,
        frozen,
        closed,
        overage: _,
        reseller: _,
    } = view;
    wire::Tenant {
        id: tenant.to_string(),
        name,
        currency: currency.code().to_owned(),
        state: state.name().to_owned(),
        zone: zone.name().to_owned(),
        posted: posted.display(currency).to_string(),
        held: held.display(currency).to_string(),
        available: available.display(currency).to_string(),
        open_reservations,
        seq,
        created_at: time(created_at),
        changed_at: time(changed_at),
        frozen,
        closed: closed.map(self::closed),
    }
}

fn closed(view: ClosedView) -> wire::Closed {
    let ClosedView { at, seq, closing } = view;
    wire::Closed {
        at: time(at),
        reason: closing.reason.name().to_owned(),
        approver: closing.approver,
        note: closing.note,
        seq,
    }
}

/// Where an answer stands in a tenant's book.
pub(super) fn position(book: &BookView) -> wire::Position {
    let Position {
        place: Place { seq, time: at },
        available,
    } = book.position;
    wire::Position {
        seq,
        time: time(at),
        available: available.display(book.currency).to_string(),
        currency: book.currency.code().to_owned(),
    }
}

/// Basis points as a percentage.
fn percent(share: Share) -> String {
    let points = share.basis_points();
    format!("{}.{:02}", points / 100, points % 100)
}

pub(super) fn grant(found: &GrantView, currency: Currency) -> wire::Grant {
    let GrantView { id, grant } = found;
    let money = |amount: Amount| amount.display(currency).to_string();
    wire::Grant {
        id: id.to_string(),
        kind: grant.kind.name().to_owned(),
        priority: grant.priority,
        models: grant.scope.models.iter().cloned().collect(),
        providers: grant.scope.providers.iter().cloned().collect(),
        starts_at: time(grant.starts_at),
        expires_at: grant.expires_at.map(time),
        expired: grant.expired,
        currency: currency.code().to_owned(),
        amount: money(grant.amount),
        remaining: money(grant.remaining),
        held: money(grant.held),
        taken_back: money(grant.taken_back),
        seq: grant.seq,
    }
}

pub(super) fn correction(found: &CorrectionView, currency: Currency) -> wire::Correction {
    let CorrectionView { id, posted } = found;
    let Correction {
        remedy,
        amount,
        reason,
        approver,
        note,
    } = &posted.correction;
    let money = |amount: Amount| amount.display(currency).to_string();
    let request = remedy.request().map(|id| id.to_string());
    let top_up = remedy.top_up();
    let top_up = top_up.map(|of| format!("{}/{}", of.source, of.external_reference));
    let grant = remedy.grant().map(ToString::to_string);
    let entry = remedy.entry().map(|entry| entry.to_string());
    wire::Correction {
        id: id.to_string(),
        remedy: remedy.name().to_owned(),
        corrects: request.or(top_up).or(grant).or(entry).unwrap_or_default(),
        currency: currency.code().to_owned(),
        amount: money(*amount),
        absorbed: money(posted.absorbed),
        grants: posted.reissued.iter().map(ToString::to_string).collect(),
        reason: reason.name().to_owned(),
        approver: approver.clone(),
        note: note.clone(),
        posted_at: time(posted.at),
        seq: posted.seq,
    }
}

pub(super) fn transfer(found: &TransferView, currency: Currency) -> wire::Transfer {
    let TransferView { id, posted } = found;
    wire::Transfer {
        id: id.to_string(),
        direction: posted.direction.name().to_owned(),
        other: posted.other.to_string(),
        currency: currency.code().to_owned(),
        amount: posted.amount.display(currency).to_string(),
        note: posted.note.clone(),
        posted_at: time(posted.at),
        seq: posted.seq,
    }
}

pub(super) fn account(found: AccountView) -> wire::Account {
    let AccountView {
        account,
        currency,
        balance,
        of_house: _,
    } = found;
    wire::Account {
        account,
        currency: currency.code().to_owned(),
        balance: balance.display(currency).to_string(),
        tenants: None,
        house: None,
    }
}

/// An account over all books, with what stands in which.
pub(super) fn account_of_all(found: AccountView) -> wire::Account {
    let (currency, of_house) = (found.currency, found.of_house);
    let shown = |balance: Balance| balance.display(currency).to_string();
    let of_tenants = found.balance.units().checked_sub(of_house.units());
    wire::Account {
        tenants: of_tenants.map(Balance::from_units).map(shown),
        house: Some(shown(of_house)),
        ..account(found)
    }
}

pub(super) fn balance(view: TenantView, grants: &[GrantView]) -> wire::Balance {
    let currency_of = view.currency;
    let (overage, reseller) = (view.overage, view.reseller.clone());
    let wire::Tenant {
        id,
        name: _,
        currency,
        state: _,
        posted,
        held,
        available,
        open_reservations,
        seq,
        created_at: _,
        changed_at: _,
        frozen: _,
        closed: _,
        zone: _,
    } = tenant(view);
    wire::Balance {
        overage: overage.name().to_owned(),
        reseller: reseller.as_ref().map(|reseller| reseller.name.to_string()),
        reseller_percent: reseller.map(|reseller| percent(reseller.share)),
        credit: overage.credit().display(currency_of).to_string(),
        grants: grants
            .iter()
            .map(|found| grant(found, currency_of))
            .collect(),
        tenant: id,
        currency,
        posted,
        held,
        available,
        open_reservations,
        seq,
    }
}

pub(super) fn key(view: KeyView) -> wire::Key {
    let KeyView {
        tenant,
        key,
        label,
        state,
        created_at,
        expires_at,
        last_used_at,
    } = view;
    wire::Key {
        id: key.to_string(),
        tenant: tenant.to_string(),
        label,
        state: state.name().to_owned(),
        created_at: time(created_at),
        expires_at: expires_at.map(time),
        last_used_at: last_used_at.map(time),
    }
}

pub(super) fn reservation(view: ReservationView) -> wire::Reservation {
    let ReservationView {
        tenant,
        id,
        principal,
        key,
        state,
        parked,
        currency,
        reserved,
        charged,
        model,
        granted_at,
        lease_until,
    } = view;
    let money = |amount: Amount| amount.display(currency).to_string();
    wire::Reservation {
        id: id.to_string(),
        tenant: tenant.to_string(),
        key: key.to_string(),
        principal: principal.to_string(),
        state: state.name().to_owned(),
        parked,
        currency: currency.code().to_owned(),
        reserved: reserved.map(money),
        charged: charged.map(money),
        model,
        granted_at: granted_at.map(time),
        lease_until: lease_until.map(time),
    }
}

pub(super) fn usage(view: UsageView) -> wire::UsageRecord {
    let currency = view.currency;
    let money = |amount: Amount| amount.display(currency).to_string();
    let attempts = view.attempts.into_iter();
    wire::UsageRecord {
        request_id: view.id.to_string(),
        tenant: view.tenant.to_string(),
        key: view.key.to_string(),
        key_label: view.key_label,
        principal: view.principal.to_string(),
        state: view.state.name().to_owned(),
        created_at: time(view.created_at),
        posted_at: time(view.posted_at),
        seq: view.seq,
        endpoint: view.endpoint.name().to_owned(),
        route: view.route,
        mode: view.mode.name().to_owned(),
        stream: view.stream,
        tags: tags_of(view.tags),
        model_requested: view.model_requested,
        model_served: view.model_served,
        provider: view.provider,
        usage: usage_of(view.usage),
        source: view.source.map(|source| source.name().to_owned()),
        cause: view.cause.map(|cause| cause.name().to_owned()),
        status: view.status,
        latency_ms: view.latency_ms,
        currency: currency.code().to_owned(),
        reserved: view.reserved.map(money),
        charged: money(view.charged),
        released: money(view.released),
        suspended: money(view.suspended),
        cost: view.cost.display(view.cost_currency).to_string(),
        cost_currency: view.cost_currency.code().to_owned(),
        margin: (view.cost_currency == currency).then(|| {
            margin(view.charged, view.cost)
                .display(currency)
                .to_string()
        }),
        price_version: view.price_version,
        policy_version: view.policy_version,
        flags: view
            .flags
            .iter()
            .map(|flag| flag.name().to_owned())
            .collect(),
        attempts: attempts
            .map(|attempted| attempt(attempted, view.cost_currency))
            .collect(),
    }
}

/// What is left of a charge. Out of range only if a cost is close to nine billion dollars: then the charge alone is shown.
fn margin(charged: Amount, cost: Amount) -> Balance {
    let charged = charged.to_balance();
    charged.minus(cost).unwrap_or(charged)
}

fn attempt(view: AttemptView, currency: Currency) -> wire::Attempt {
    let AttemptView {
        provider,
        model,
        status,
        usage,
        source,
        provider_request_id,
        service_tier,
        latency_ms,
        first_byte_ms,
        cost,
    } = view;
    wire::Attempt {
        provider,
        model,
        status,
        usage: usage_of(usage),
        source: source.name().to_owned(),
        provider_request_id,
        service_tier,
        latency_ms,
        first_byte_ms,
        cost: cost.display(currency).to_string(),
    }
}

fn usage_of(usage: Usage) -> wire::Usage {
    let Usage {
        input_tokens,
        cached_input_tokens,
        cache_write_tokens,
        audio_input_tokens,
        output_tokens,
        reasoning_tokens,
        audio_output_tokens,
    } = usage;
    wire::Usage {
        input_tokens,
        cached_input_tokens,
        cache_write_tokens,
        audio_input_tokens,
        output_tokens,
        reasoning_tokens,
        audio_output_tokens,
    }
}

fn tags_of(tags: Tags) -> wire::Tags {
    let Tags {
        feature,
        environment,
        end_user,
        session,
        agent,
    } = tags;
    wire::Tags {
        feature,
        environment,
        end_user,
        session,
        agent,
    }
}

/// What a verification found.
pub(crate) fn verdict(report: &VerifyReport) -> wire::Verdict {
    let VerifyReport {
        clean,
        tenants,
        entries,
        difference,
        trusted,
        without,
        thawed,
        end: _,
    } = report;
    wire::Verdict {
        clean: *clean,
        books: *tenants,
        entries: *entries,
        difference: difference.as_ref().map(ToString::to_string),
        trusted: trusted.clone(),
        without: without.iter().map(sealed_without).collect(),
        thawed: thawed.iter().map(thaw_entry).collect(),
    }
}

fn sealed_without((month, books): &(Month, BTreeSet<TenantId>)) -> wire::SealedWithout {
    wire::SealedWithout {
        month: month.to_string(),
        books: books.iter().map(TenantId::to_string).collect(),
    }
}

fn thaw_entry(found: &Thawed) -> wire::ThawEntry {
    let Thawed {
        tenant,
        place,
        thaw,
    } = found;
    wire::ThawEntry {
        book: tenant.to_string(),
        at: time(place.time),
        seq: place.seq,
        frozen_for: thaw.frozen_for.clone(),
        reason: thaw.reason.name().to_owned(),
        approver: thaw.approver.clone(),
        note: thaw.note.clone(),
    }
}
