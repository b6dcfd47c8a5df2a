//! A tenant's book: its balance, what is held of it, its keys, and the reservations in view.
//!
//! A book is a partial view. The store loads every key, reservation, refusal and top-up that a batch touches, and what is in
//! flight under the idempotency keys that come with it; what is not there does not exist.

use crate::correction::PostedCorrection;
use crate::grant::{Grant, Moved};
use crate::limit::Limit;
use crate::limit::counter::{Counter, Subject};
use crate::offer::Offer;
use crate::overage::Overage;
use crate::reseller::Reseller;
use crate::reservation::{Refused, Reservation};
use crate::time::UnixMs;
use crate::transfer::PostedTransfer;
use crate::zone::Zone;
use ferry_types::{
    Amount, Balance, CorrectionId, Currency, GrantId, KeyId, LimitId, Overflow, ReservationId,
    TenantId, TransferId,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A tenant's book, as far as a batch needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// Whose.
    pub tenant: TenantId,
    /// Shown to people.
    pub name: String,
    /// What its money is in.
    pub currency: Currency,
    /// Whether it may spend.
    pub state: TenantState,
    /// What came in less what was charged.
    pub posted: Balance,
    /// What the open reservations hold of it, the ones out of view included.
    pub held: Amount,
    /// What happens to charges beyond that.
    pub overage: Overage,
    /// Whoever gets a share of what it pays.
    pub reseller: Option<Reseller>,
    /// Where its days and months begin.
    pub zone: Zone,
    /// An invariant was broken: nothing is written any more.
    pub frozen: bool,
    /// The end of its journal.
    pub head: Head,
    /// Keys in view.
    pub keys: BTreeMap<KeyId, Key>,
    /// Reservations in view.
    pub reservations: BTreeMap<ReservationId, Reservation>,
    /// Refused reservations in view.
    pub refused: BTreeMap<ReservationId, Refused>,
    /// Top-ups in view.
    pub top_ups: BTreeMap<TopUpRef, PostedTopUp>,
    /// Of the payments in view, those that were credited to another tenant, and to whom. Not part of the journal.
    pub credited_elsewhere: BTreeMap<TopUpRef, TenantId>,
    /// All its grants.
    pub grants: BTreeMap<GrantId, Grant>,
    /// All its limits.
    pub limits: BTreeMap<LimitId, Limit>,
    /// Counters in view, in the present windows of their limits, by the limits' numbers.
    pub counters: BTreeMap<(u64, Subject), Counter>,
    /// Transfers in view.
    pub transfers: BTreeMap<TransferId, PostedTransfer>,
    /// Corrections in view.
    pub corrections: BTreeMap<CorrectionId, PostedCorrection>,
}

/// The end of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entries so far.
    pub seq: u64,
    /// Time of the last.
    pub time: UnixMs,
    /// Hash of the last.
    pub hash: [u8; 32],
}

/// Whether a tenant may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantState {
    /// It may.
    Active,
    /// It may not, for now.
    Paused,
    /// It was closed: never again. See [`crate::Closing`].
    Closed,
}

/// A customer's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Shown to people.
    pub label: String,
    /// Whether it may be used.
    pub state: KeyState,
    /// When it was issued.
    pub issued_at: UnixMs,
    /// When it ends by itself.
    pub expires_at: Option<UnixMs>,
}

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It may.
    Active,
    /// It may not, for now.
    Paused,
    /// Never again.
    Revoked,
}

/// What makes a top-up the same top-up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopUpRef {
    /// Where the money came from.
    pub source: String,
    /// The payment's reference there.
    pub external_reference: String,
}

/// A top-up that was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedTopUp {
    /// How much.
    pub amount: Amount,
    /// What of it was paid back, or taken back by the customer's bank.
    pub taken_back: Amount,
    /// When.
    pub at: UnixMs,
    /// Where in the journal.
    pub seq: u64,
}

impl Head {
    /// The head of an empty journal.
    pub const START: Self = Self {
        seq: 0,
        time: UnixMs::ZERO,
        hash: [0; 32],
    };

    /// The number of the next entry.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.seq.saturating_add(1)
    }
}

impl Book {
    /// What can be promised of the balance: posted and credit, less what is held of it. Negative in debt; beyond the range, its
    /// edge.
    #[must_use]
    pub fn available_on_balance(&self) -> Balance {
        let exact = i128::from(self.posted.units())
            .saturating_add(i128::from(self.overage.credit().units()))
            .saturating_sub(i128::from(self.held.units()));
        let most = i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX });
        Balance::from_units(most)
    }

    /// What was charged beyond the balance and its credit; `None` if that is nothing.
    #[must_use]
    pub fn owed(&self) -> Option<Amount> {
        let (_, owed) = self.posted.plus(self.overage.credit()).ok()?.sides();
        Some(owed).filter(|owed| !owed.is_zero())
    }

    /// The balance after this was given and this was taken.
    ///
    /// # Errors
    /// [`Overflow`] if it, what can be promised of it, or what can come to it from grants, leaves the range of what can be stored.
    pub fn posted_after(&self, given: Amount, taken: Amount) -> Result<Balance, Overflow> {
        let posted = self.posted.moved(given, taken)?;
        self.countable(posted, self.overage.credit())?;
        Ok(posted)
    }

    /// Whether there is room for a balance with this credit, and with all that it has paid in the place of grants.
    pub(crate) fn countable(&self, posted: Balance, credit: Amount) -> Result<(), Overflow> {
        let paid = self.grants.values().map(|grant| grant.balance_paid);
        { paid }
            .try_fold(posted.plus(credit)?, Balance::plus)
            .map(|_| ())
    }

    /// The balance after this was given and taken, and grants have moved so.
    pub(crate) fn posted_with(
        &self,
        (given, taken): (Amount, Amount),
        grants: &[Moved],
    ) -> Result<Balance, Overflow> {
        let posted = self.posted_after(given, taken)?;
        let back = grants.iter().map(|moved| moved.to_balance);
        let back = { back }.try_fold(Amount::ZERO, Amount::plus)?;
        posted.moved(back, Amount::ZERO)
    }

    /// An offer, if it is in the book's currency: nothing is priced in another.
    pub(crate) fn offered<'a>(&self, offer: Option<&'a Arc<Offer>>) -> Option<&'a Arc<Offer>> {
        offer.filter(|offer| offer.currency == self.currency)
    }

    /// The time of the next entry: the server's, but never before the last entry's.
    #[must_use]
    pub fn time_at(&self, now: UnixMs) -> UnixMs {
        now.max(self.head.time)
    }
}

impl TenantState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::Closed];

    /// Those that can be set and left again, in the order of their stored codes.
    pub const SETTABLE: [Self; 2] = [Self::Active, Self::Paused];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Closed => "closed",
        }
    }
}

impl KeyState {
    /// Every state, in the order of their stored codes.
    pub const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::Revoked];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Revoked => "revoked",
        }
    }
}
