//! Grants: credit beside the balance, that burns in a fixed order and may end.
//!
//! Money of a request comes from the grants that suit it, in their burn order, and then from the balance. A reservation keeps the
//! slices that it drew; they are unwound exactly. What was held when a grant ended is honoured; what of that is not needed lapses. What had
//! been charged and is given back goes to a short grant in its place: see [`crate::reissue`].
//!
//! A paid one's payment can be taken back when its money is held or spent: then the balance pays in its place, holds are honoured, and
//! whatever comes back to the grant later goes to the balance first.

use crate::offer::Offer;
use crate::time::UnixMs;
use core::cmp::Ordering;
use ferry_types::{Amount, GrantId, Overflow};
use std::collections::BTreeSet;

/// Where a grant's money comes from, and so what its end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantKind {
    /// It was paid for: what expires is breakage.
    Paid,
    /// It was given: what expires was no expense after all.
    Promotional,
    /// It stands for charges that are given back: what expires is breakage.
    Refund,
}

/// What a grant may pay for; an empty list stands for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantScope {
    /// Models, as customers name them.
    pub models: BTreeSet<String>,
    /// Providers: all that may serve the request must be among them.
    pub providers: BTreeSet<String>,
}

/// Credit beside the balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Where it comes from.
    pub kind: GrantKind,
    /// Lower burns first.
    pub priority: u8,
    /// What it may pay for.
    pub scope: GrantScope,
    /// From when on.
    pub starts_at: UnixMs,
    /// Until when, not included.
    pub expires_at: Option<UnixMs>,
    /// How much it was.
    pub amount: Amount,
    /// How much is left of it, what is held included.
    pub remaining: Amount,
    /// What open reservations hold of it.
    pub held: Amount,
    /// Its end was posted: what is not held has lapsed.
    pub expired: bool,
    /// Where in the journal.
    pub seq: u64,
    /// When that was posted; [`UnixMs::ZERO`] in an event, whose entry says it.
    pub at: UnixMs,
    /// The one that had ended, if this was issued in its place.
    pub instead_of: Option<GrantId>,
    /// What of its payment was paid back, or taken back by the customer's bank.
    pub taken_back: Amount,
    /// What of that the balance has paid in its place, and did not get back yet. As long as there is any, nothing of it is free.
    pub balance_paid: Amount,
}

/// A part of a hold or a charge that comes from a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantSlice {
    /// Which.
    pub grant: GrantId,
    /// How much.
    pub amount: Amount,
}

/// A grant after something moved, and what of it went to the balance or lapsed by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) id: GrantId,
    pub(crate) grant: Grant,
    pub(crate) to_balance: Amount,
    pub(crate) lapsed: Amount,
}

impl GrantKind {
    /// Every kind, in the order of their stored codes.
    pub const ALL: [Self; 3] = [Self::Paid, Self::Promotional, Self::Refund];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Promotional => "promotional",
            Self::Refund => "refund",
        }
    }
}

impl GrantScope {
    /// Whether it may pay for what is offered, whoever serves it.
    #[must_use]
    pub fn suits(&self, offer: &Offer) -> bool {
        let served_by =
            |candidate: &crate::offer::Candidate| self.providers.contains(&candidate.provider);
        (self.models.is_empty() || self.models.contains(&offer.model))
            && (self.providers.is_empty() || offer.candidates.iter().all(served_by))
    }

    /// Orders the narrower scope first: fewer models, then fewer providers; everything is the widest.
    fn cmp_width(&self, other: &Self) -> Ordering {
        let width = |list: &BTreeSet<String>| match list.len() {
            0 => usize::MAX,
            listed => listed,
        };
        let models = width(&self.models).cmp(&width(&other.models));
        models.then(width(&self.providers).cmp(&width(&other.providers)))
    }
}

impl Grant {
    /// Whether it may be drawn from at this time.
    #[must_use]
    pub fn is_live(&self, now: UnixMs) -> bool {
        !self.expired && self.starts_at <= now && !self.is_over(now)
    }

    /// Whether its time is over, posted or not.
    #[must_use]
    pub fn is_over(&self, now: UnixMs) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// What is neither spent nor held; nothing if more is held than there is, which cannot be.
    #[must_use]
    pub fn free(&self) -> Amount {
        self.remaining.excess_over(self.held)
    }

    /// The order in which grants burn: priority, promotional before paid, the narrowest scope, the earliest end, the earliest
    /// start, the id. No two grants are equal in it.
    #[must_use]
    pub fn burns_before(&self, id: &GrantId, other: &Self, other_id: &GrantId) -> Ordering {
        let paid = |grant: &Self| grant.kind != GrantKind::Promotional;
        let end = |grant: &Self| grant.expires_at.map_or(u64::MAX, |end| end.0);
        self.priority
            .cmp(&other.priority)
            .then(paid(self).cmp(&paid(other)))
            .then_with(|| self.scope.cmp_width(&other.scope))
            .then(end(self).cmp(&end(other)))
            .then(self.starts_at.cmp(&other.starts_at))
            .then_with(|| id.cmp(other_id))
    }

    /// What of its payment was not taken back yet.
    #[must_use]
    pub fn left_of_payment(&self) -> Amount {
        self.amount.excess_over(self.taken_back)
    }

    /// After `unheld` is held no more, `given` came back and `taken` was spent. What is free then goes to the balance, as far as that
    /// has paid in its place; of an expired one the rest lapses. What had been charged to it does not come back to an ended one.
    ///
    /// # Errors
    /// [`Overflow`] if it does not add up.
    pub(crate) fn moved(
        &self,
        id: GrantId,
        unheld: Amount,
        given: Amount,
        taken: Amount,
    ) -> Result<Moved, Overflow> {
        let held = self.held.minus(unheld).ok_or(Overflow)?;
        let remaining = self.remaining.plus(given)?.minus(taken).ok_or(Overflow)?;
        let free = remaining.minus(held).ok_or(Overflow)?;
        let to_balance = free.min(self.balance_paid);
        let free = free.excess_over(to_balance);
        let lapsed = if self.expired { free } else { Amount::ZERO };
        let gone = to_balance.plus(lapsed)?;
        let grant = Self {
            held,
            remaining: remaining.minus(gone).ok_or(Overflow)?,
            balance_paid: self.balance_paid.excess_over(to_balance),
            ..self.clone()
        };
        Ok(Moved {
            id,
            grant,
            to_balance,
            lapsed,
        })
    }

    /// After so much of its payment was taken back, and the balance paid this of it in its place.
    ///
    /// # Errors
    /// [`Overflow`] if that is more than the payment.
    pub(crate) fn payment_taken_back(
        &self,
        amount: Amount,
        by_balance: Amount,
    ) -> Result<Self, Overflow> {
        let taken_back = self.taken_back.plus(amount)?;
        if taken_back > self.amount {
            return Err(Overflow);
        }
        Ok(Self {
            taken_back,
            balance_paid: self.balance_paid.plus(by_balance)?,
            ..self.clone()
        })
    }
}

/// The sum of slices.
///
/// # Errors
/// [`Overflow`] if it cannot be stored.
pub fn total(slices: &[GrantSlice]) -> Result<Amount, Overflow> {
    slices
        .iter()
        .try_fold(Amount::ZERO, |sum, slice| sum.plus(slice.amount))
}

/// What these slices have of one grant.
pub(crate) fn of_grant(slices: &[GrantSlice], grant: &GrantId) -> Result<Amount, Overflow> {
    let own = slices.iter().filter(|slice| slice.grant == *grant);
    own.map(|slice| slice.amount)
        .try_fold(Amount::ZERO, Amount::plus)
}

/// Adds a slice to the one of the same grant, if there is one.
pub(crate) fn add(slices: &mut Vec<GrantSlice>, more: GrantSlice) -> Result<(), Overflow> {
    match slices.iter_mut().find(|slice| slice.grant == more.grant) {
        Some(slice) => slice.amount = slice.amount.plus(more.amount)?,
        None => slices.push(more),
    }
    Ok(())
}
