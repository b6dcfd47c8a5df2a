//! Where the money of a hold or a charge comes from: grants in their burn order, then the balance.
//!
//! Slices name grants only; what they leave of an amount is the balance's.

use crate::book::Book;
use crate::grant::{self, Grant, GrantSlice, Moved, of_grant};
use crate::offer::Offer;
use crate::overage::Overage;
use crate::reissue::{self, Reissued};
use crate::reservation::{Reservation, State};
use crate::time::UnixMs;
use ferry_types::{Amount, Balance, GrantId, Overflow};
use std::collections::BTreeSet;

/// What a charge is paid with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    /// By the tenant.
    pub(crate) charged: Amount,
    /// Of that, from grants.
    pub(crate) grants: Vec<GrantSlice>,
    /// By us: written off.
    pub(crate) absorbed: Amount,
}

impl Book {
    /// What can be promised to a request that is offered this: its grants, and the balance with its credit.
    #[must_use]
    pub fn available_for(&self, offer: &Offer, now: UnixMs) -> Balance {
        let suiting = self.suiting(offer, now);
        let free = suiting.iter().map(|(_, grant)| grant.free());
        available(self.available_on_balance(), free)
    }

    /// What can be promised of the tenant's money, for whatever it may pay for: the balance with its credit, less what is held of it, and
    /// what is free of the grants that are live at this time. A balance that is overdrawn takes nothing away from grants. This is what
    /// `available` means wherever a person or a program is told of it; what a request may draw is [`Book::available_for`].
    #[must_use]
    pub fn available(&self, now: UnixMs) -> Balance {
        let live = self.grants.values().filter(|grant| grant.is_live(now));
        available(self.available_on_balance(), live.map(Grant::free))
    }

    /// The grants that may pay for what is offered, in the order in which they burn.
    fn suiting(&self, offer: &Offer, now: UnixMs) -> Vec<(&GrantId, &Grant)> {
        let suits = |(_, grant): &(&GrantId, &Grant)| {
            grant.is_live(now) && grant.scope.suits(offer) && !grant.free().is_zero()
        };
        let mut suiting: Vec<_> = self.grants.iter().filter(suits).collect();
        suiting.sort_by(|(a, one), (b, other)| one.burns_before(a, other, b));
        suiting
    }

    /// The slices of a new hold; what they leave of it is the balance's.
    #[must_use]
    pub fn slices(&self, amount: Amount, offer: &Offer, now: UnixMs) -> Vec<GrantSlice> {
        if self.grants.is_empty() {
            return Vec::new();
        }
        let suiting = self.suiting(offer, now);
        let free = suiting.into_iter().map(|(id, grant)| (id, grant.free()));
        draw(amount, free).0
    }

    /// Pays a charge for a reservation, or for none: first with what was held or charged for it before, then with what is free.
    ///
    /// # Errors
    /// [`Overflow`] if it does not add up.
    pub(crate) fn pay(
        &self,
        row: Option<&Reservation>,
        due: Amount,
        offer: Option<&Offer>,
        now: UnixMs,
    ) -> Result<Payment, Overflow> {
        let own = Own::of(row)?;
        let own_grants = own.grants.iter();
        let own_grants = own_grants.map(|slice| (&slice.grant, slice.amount));
        let (mut grants, rest) = draw(due, own_grants);
        let beyond = rest.excess_over(own.balance);
        if let (false, false, Some(offer)) = (beyond.is_zero(), self.grants.is_empty(), offer) {
            let suiting = self.suiting(offer, now);
            let free = suiting.into_iter().map(|(id, grant)| (id, grant.free()));
            let (more, _) = draw(beyond, free);
            for slice in more {
                grant::add(&mut grants, slice)?;
            }
        }
        let from_balance = due.minus(grant::total(&grants)?).ok_or(Overflow)?;
        let absorbed = match self.overage {
            // What the balance pays without touching what others hold: the request's own hold, then what nobody holds.
            Overage::Absorb => match self.available_on_balance().to_amount() {
                Some(free) => from_balance.excess_over(own.balance).excess_over(free),
                None => from_balance.excess_over(own.balance),
            },
            Overage::Debt | Overage::CreditLine(_) => Amount::ZERO,
        };
        Ok(Payment {
            charged: due.minus(absorbed).ok_or(Overflow)?,
            grants,
            absorbed,
        })
    }

    /// The grants that a reservation's end touches, as they are after it; `unheld` is held no more, `given` comes back, what of it is
    /// not for others in their place, `taken` is spent.
    ///
    /// # Errors
    /// [`Overflow`] if it does not add up, or if a grant is not there.
    pub(crate) fn moved_grants(
        &self,
        unheld: &[GrantSlice],
        (given, reissued): (&[GrantSlice], &[Reissued]),
        taken: &[GrantSlice],
    ) -> Result<Vec<Moved>, Overflow> {
        let all = unheld.iter().chain(given).chain(taken);
        let touched: BTreeSet<&GrantId> = all.map(|slice| &slice.grant).collect();
        let moved = |id: &GrantId| {
            let grant = self.grants.get(id).ok_or(Overflow)?;
            let given = of_grant(given, id)?.minus(reissue::instead_of(reissued, id)?);
            let given = given.ok_or(Overflow)?;
            let (unheld, taken) = (of_grant(unheld, id)?, of_grant(taken, id)?);
            grant.moved(id.clone(), unheld, given, taken)
        };
        touched.into_iter().map(moved).collect()
    }
}

/// What can be promised of a balance and what is free of grants. A balance that is overdrawn takes nothing away from grants. Beyond the
/// range, its edge.
#[must_use]
pub fn available(balance: Balance, free: impl Iterator<Item = Amount>) -> Balance {
    let grants = free.fold(0i128, |sum, free| {
        sum.saturating_add(i128::from(free.units()))
    });
    if grants == 0 {
        return balance;
    }
    let all = grants.saturating_add(i128::from(balance.units().max(0)));
    Balance::from_units(i64::try_from(all).unwrap_or(i64::MAX))
}

/// What a reservation may draw from first: what it holds, or what was charged for it before.
struct Own<'a> {
    grants: &'a [GrantSlice],
    balance: Amount,
}

impl<'a> Own<'a> {
    fn of(row: Option<&'a Reservation>) -> Result<Self, Overflow> {
        let nothing = Self {
            grants: &[],
            balance: Amount::ZERO,
        };
        let Some(row) = row else {
            return Ok(nothing);
        };
        match (&row.state, &row.hold) {
            (State::Open, Some(hold)) => Ok(Self {
                grants: &hold.grants,
                balance: row.held_on_balance()?,
            }),
            (State::Settled(posting) | State::Expired(posting), _) => Ok(Self {
                grants: &posting.charge.grants,
                balance: posting.charge.on_balance()?,
            }),
            (State::Open | State::Released(_) | State::Parked(_), _) => Ok(nothing),
        }
    }
}

/// Draws an amount from sources in their order; gives the slices, and what is left to be found elsewhere.
fn draw<'a>(
    amount: Amount,
    sources: impl Iterator<Item = (&'a GrantId, Amount)>,
) -> (Vec<GrantSlice>, Amount) {
    let mut slices = Vec::new();
    let mut left = amount;
    for (grant, free) in sources {
        let take = left.min(free);
        if !take.is_zero() {
            slices.push(GrantSlice {
                grant: grant.clone(),
                amount: take,
            });
        }
        left = left.excess_over(take);
    }
    (slices, left)
}
