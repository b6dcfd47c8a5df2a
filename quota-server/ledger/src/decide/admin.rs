//! What an operator asks: tenants, keys, top-ups. Each is a no-op where it was done before.

use crate::answer::{AdminAnswer, Decision};
use crate::book::{Book, KeyState, TenantState};
use crate::closing::is_shut_out;
use crate::command::{IssueGrant, IssueKey, OpenTenant, SetKeyState, TopUp};
use crate::event::{Event, ToppedUp};
use crate::grant::Grant;
use crate::overage::Overage;
use crate::reseller::Share;
use crate::time::UnixMs;
use ferry_types::{Amount, GrantId, ResellerName, TenantId};

/// Opens this tenant's book, or finds it open. The event makes the book: see [`Book::open`].
#[must_use]
pub fn open(tenant: &TenantId, book: Option<&Book>, order: &OpenTenant) -> Decision<AdminAnswer> {
    if tenant.is_house() {
        return Decision::answer(AdminAnswer::Reserved);
    }
    let Some(book) = book else {
        let event = Event::TenantOpened {
            name: order.name.clone(),
            currency: order.currency,
        };
        return Decision::event(
            event,
            AdminAnswer::Done {
                seq: 1,
                changed: true,
            },
        );
    };
    if book.is_closed() {
        return Decision::answer(AdminAnswer::Closed);
    }
    let differs = [
        ("name", book.name != order.name),
        ("currency", book.currency != order.currency),
    ];
    unchanged_unless(&differs, book.head.seq)
}

pub(super) fn set_tenant_state(book: &Book, to: TenantState) -> Decision<AdminAnswer> {
    // A tenant is closed by a command of its own, which says why.
    if !TenantState::SETTABLE.contains(&to) {
        return Decision::answer(AdminAnswer::Conflict { field: "state" });
    }
    if book.state == to {
        return unchanged(book.head.seq);
    }
    changed(book, Event::TenantStateSet(to))
}

pub(super) fn issue_key(book: &Book, order: &IssueKey) -> Decision<AdminAnswer> {
    if let Some(key) = book.keys.get(&order.key) {
        let differs = [
            ("label", key.label != order.label),
            ("expires_at", key.expires_at != order.expires_at),
        ];
        return unchanged_unless(&differs, book.head.seq);
    }
    let event = Event::KeyIssued {
        key: order.key.clone(),
        label: order.label.clone(),
        expires_at: order.expires_at,
        listed: order.listed,
    };
    changed(book, event)
}

pub(super) fn set_key_state(book: &Book, order: &SetKeyState) -> Decision<AdminAnswer> {
    let Some(key) = book.keys.get(&order.key) else {
        return Decision::answer(AdminAnswer::UnknownKey);
    };
    if key.state == order.to {
        return unchanged(book.head.seq);
    }
    match key.state {
        KeyState::Revoked => Decision::answer(AdminAnswer::Revoked),
        KeyState::Active | KeyState::Paused => {
            let key = order.key.clone();
            changed(book, Event::KeyStateSet { key, to: order.to })
        }
    }
}

pub(super) fn top_up(book: &Book, order: &TopUp) -> Decision<AdminAnswer> {
    let reference = order.reference();
    if let Some(posted) = book.top_ups.get(&reference) {
        return unchanged_unless(&[("amount", posted.amount != order.amount)], posted.seq);
    }
    if let Some(tenant) = book.credited_elsewhere.get(&reference) {
        let tenant = tenant.clone();
        return Decision::answer(AdminAnswer::CreditedElsewhere { tenant });
    }
    if order.amount.is_zero() || book.posted_after(order.amount, Amount::ZERO).is_err() {
        return Decision::answer(AdminAnswer::AmountOutOfRange);
    }
    let event = Event::ToppedUp(ToppedUp {
        amount: order.amount,
        source: order.source.clone(),
        external_reference: order.external_reference.clone(),
        note: order.note.clone(),
    });
    changed(book, event)
}

pub(super) fn set_overage(book: &Book, to: Overage) -> Decision<AdminAnswer> {
    if book.overage == to {
        return unchanged(book.head.seq);
    }
    // A credit line is lowered whatever it does to what can be promised; it must only be countable.
    if book.countable(book.posted, to.credit()).is_err() {
        return Decision::answer(AdminAnswer::AmountOutOfRange);
    }
    changed(book, Event::OverageSet(to))
}

pub(super) fn set_reseller(
    book: &Book,
    to: Option<&(ResellerName, Share)>,
) -> Decision<AdminAnswer> {
    let present = book.reseller.as_ref();
    if present.map(|reseller| (&reseller.name, reseller.share)) == to.map(|to| (&to.0, to.1)) {
        return unchanged(book.head.seq);
    }
    changed(book, Event::ResellerSet(to.cloned()))
}

pub(super) fn issue_grant(book: &Book, order: &IssueGrant, now: UnixMs) -> Decision<AdminAnswer> {
    let IssueGrant {
        id,
        kind,
        priority,
        scope,
        starts_at,
        expires_at,
        amount,
        note,
    } = order;
    if let Some(grant) = book.grants.get(id) {
        let differs = [
            ("kind", grant.kind != *kind),
            ("priority", grant.priority != *priority),
            ("scope", grant.scope != *scope),
            (
                "starts_at",
                starts_at.is_some_and(|starts_at| grant.starts_at != starts_at),
            ),
            ("expires_at", grant.expires_at != *expires_at),
            ("amount", grant.amount != *amount),
        ];
        return unchanged_unless(&differs, grant.seq);
    }
    let starts_at = starts_at.unwrap_or(now);
    let ends_first = expires_at.is_some_and(|end| end <= starts_at.max(now));
    if ends_first {
        return Decision::answer(AdminAnswer::NeverValid);
    }
    if amount.is_zero() {
        return Decision::answer(AdminAnswer::AmountOutOfRange);
    }
    let grant = Box::new(Grant {
        kind: *kind,
        priority: *priority,
        scope: scope.clone(),
        starts_at,
        expires_at: *expires_at,
        amount: *amount,
        remaining: *amount,
        held: Amount::ZERO,
        expired: false,
        seq: book.head.next_seq(),
        at: UnixMs::ZERO,
        instead_of: None,
        taken_back: Amount::ZERO,
        balance_paid: Amount::ZERO,
    });
    let (id, note) = (id.clone(), note.clone());
    changed(book, Event::GrantIssued { id, grant, note })
}

pub(super) fn expire_grant(book: &Book, id: &GrantId, now: UnixMs) -> Decision<AdminAnswer> {
    let Some(grant) = book.grants.get(id) else {
        return Decision::answer(AdminAnswer::UnknownGrant);
    };
    if grant.expired || !grant.is_over(now) {
        return unchanged(book.head.seq);
    }
    let (id, lapsed) = (id.clone(), grant.free());
    changed(book, Event::GrantExpired { id, lapsed })
}

pub(crate) fn changed(book: &Book, event: Event) -> Decision<AdminAnswer> {
    if book.frozen {
        return Decision::answer(AdminAnswer::Frozen);
    }
    if book.is_closed() && is_shut_out(&event) {
        return Decision::answer(AdminAnswer::Closed);
    }
    let seq = book.head.next_seq();
    Decision::event(event, AdminAnswer::Done { seq, changed: true })
}

pub(crate) const fn unchanged(seq: u64) -> Decision<AdminAnswer> {
    Decision::answer(AdminAnswer::Done {
        seq,
        changed: false,
    })
}

pub(super) fn unchanged_unless(
    differs: &[(&'static str, bool)],
    seq: u64,
) -> Decision<AdminAnswer> {
    match differs.iter().find(|(_, differs)| *differs) {
        Some((field, _)) => Decision::answer(AdminAnswer::Conflict { field }),
        None => unchanged(seq),
    }
}
