//! What an operator asks: tenants, keys, top-ups. Each is a no-op where it was done before.

use crate::answer::{AdminAnswer, Decision};
use crate::book::{Book, KeyState, TenantState};
use crate::command::{IssueKey, OpenTenant, SetKeyState, TopUp};
use crate::event::{Event, ToppedUp};
use ferry_types::Amount;

/// Opens a tenant's book, or finds it open. The event makes the book: see [`Book::open`].
#[must_use]
pub fn open(book: Option<&Book>, order: &OpenTenant) -> Decision<AdminAnswer> {
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
    let differs = [
        ("name", book.name != order.name),
        ("currency", book.currency != order.currency),
    ];
    unchanged_unless(&differs, 1)
}

pub(super) fn set_tenant_state(book: &Book, to: TenantState) -> Decision<AdminAnswer> {
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

fn changed(book: &Book, event: Event) -> Decision<AdminAnswer> {
    if book.frozen {
        return Decision::answer(AdminAnswer::Frozen);
    }
    let seq = book.head.next_seq();
    Decision::event(event, AdminAnswer::Done { seq, changed: true })
}

const fn unchanged(seq: u64) -> Decision<AdminAnswer> {
    Decision::answer(AdminAnswer::Done {
        seq,
        changed: false,
    })
}

fn unchanged_unless(differs: &[(&'static str, bool)], seq: u64) -> Decision<AdminAnswer> {
    match differs.iter().find(|(_, differs)| *differs) {
        Some((field, _)) => Decision::answer(AdminAnswer::Conflict { field }),
        None => unchanged(seq),
    }
}
