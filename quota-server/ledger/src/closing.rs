//! Closing a tenant's account, for good. Its book stays under its id, which is never given again: it is read, sealed, verified and
//! put right as any other, and what is in flight ends as it would have.
//!
//! Nobody is closed with money that is theirs, or that they owe: it is paid back, moved or written off first. What is held for requests
//! in flight does not stand in the way; what they leave of it is paid back afterwards, by a correction. Credit that was given and not
//! paid for lapses.

use crate::answer::{AdminAnswer, Decision};
use crate::book::{Book, KeyState, TenantState};
use crate::correction::Reason;
use crate::event::Event;
use crate::grant::{Grant, GrantKind};
use crate::journal::codec::message::{code, coded};
use crate::journal::codec::{InvalidEncoding, Message, Reader, Writer};
use crate::sizing::binds;
use crate::time::UnixMs;
use crate::transfer::Direction;
use ferry_types::{Amount, GrantId};

/// That an account is closed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Why.
    pub reason: Reason,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
}

/// Money that keeps an account from being closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remainder {
    /// What of the balance is not held.
    pub free: Amount,
    /// How far the balance is below zero.
    pub owed: Amount,
    /// What is free of each grant that was paid for.
    pub grants: Vec<(GrantId, Amount)>,
}

impl Book {
    /// Whether the account was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == TenantState::Closed
    }

    /// What must be paid back or written off before the account can be closed; `None` if nothing.
    #[must_use]
    pub fn remainder(&self, now: UnixMs) -> Option<Remainder> {
        let (above, owed) = self.posted.sides();
        let free = above.excess_over(self.held);
        let paid = self.grants.iter().filter(|(_, grant)| {
            grant.kind == GrantKind::Paid && !grant.expired && !grant.is_over(now)
        });
        let paid = paid.map(|(id, grant)| (id.clone(), grant.free()));
        let grants: Vec<_> = paid.filter(|(_, free)| !free.is_zero()).collect();
        let is_nothing = free.is_zero() && owed.is_zero() && grants.is_empty();
        (!is_nothing).then_some(Remainder { free, owed, grants })
    }

    /// Credit that was given and not paid for, and has not ended.
    fn given(&self) -> impl Iterator<Item = (&GrantId, &Grant)> {
        let grants = self.grants.iter();
        grants.filter(|(_, grant)| grant.kind != GrantKind::Paid && !grant.expired)
    }

    /// Why it cannot be closed just now; `None` if it can.
    pub(crate) fn stays_open(&self, at: UnixMs) -> Option<&'static str> {
        if self.remainder(at).is_some() {
            Some("the tenant is closed with money that is left")
        } else if self.given().next().is_some() {
            Some("the tenant is closed with credit that has not lapsed")
        } else {
            None
        }
    }
}

/// Whether a closed account does not take this any more.
pub(crate) fn is_shut_out(event: &Event) -> bool {
    match event {
        // What binds nobody is recorded, as for a paused tenant.
        Event::Reserved(reserved) => binds(&reserved.facts),
        Event::KeyStateSet { to, .. } => *to == KeyState::Active,
        Event::Transferred(transferred) => transferred.direction == Direction::In,
        Event::TenantStateSet(_)
        | Event::TenantClosed(_)
        | Event::KeyIssued { .. }
        | Event::OverageSet(_)
        | Event::ResellerSet(_)
        | Event::ZoneSet(_)
        | Event::LimitSet { .. }
        | Event::LimitRemoved(_)
        | Event::GrantIssued { .. }
        | Event::ToppedUp(_) => true,
        Event::TenantOpened { .. }
        | Event::GrantExpired { .. }
        | Event::Renewed { .. }
        | Event::Settled(_)
        | Event::Adjusted(_)
        | Event::Released { .. }
        | Event::Expired(_)
        | Event::Parked(_)
        | Event::Corrected(_)
        | Event::MonthSealed(_)
        | Event::Thawed(_) => false,
    }
}

/// Closes the account, or finds it closed. The credit that was given lapses by entries before.
pub(crate) fn close(book: &Book, closing: &Closing, now: UnixMs) -> Decision<AdminAnswer> {
    if book.is_closed() {
        return Decision::answer(AdminAnswer::Done {
            seq: book.head.seq,
            changed: false,
        });
    }
    if book.frozen {
        return Decision::answer(AdminAnswer::Frozen);
    }
    if let Some(remainder) = book.remainder(now) {
        return Decision::answer(AdminAnswer::Remains(Box::new(remainder)));
    }
    let lapses = book.given().map(|(id, grant)| Event::GrantExpired {
        id: id.clone(),
        lapsed: grant.free(),
    });
    let closed = Event::TenantClosed(Box::new(closing.clone()));
    let events: Vec<_> = lapses.chain([closed]).collect();
    let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
    Decision {
        answer: AdminAnswer::Done {
            seq: book.head.seq.saturating_add(count),
            changed: true,
        },
        events,
        refused: None,
    }
}

impl Message for Closing {
    fn write(&self, to: &mut Writer) {
        to.number(1, code(&Reason::ALL, &self.reason));
        to.text(2, &self.approver);
        to.text(3, &self.note);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            reason: coded(&Reason::ALL, from, 1)?,
            approver: from.text(2)?,
            note: from.text(3)?,
        })
    }
}
