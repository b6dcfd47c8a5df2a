//! Short grants in the place of ended ones: what a grant had paid does not lapse when it is given back after the grant's end. Only
//! what the balance has paid in an ended grant's place goes to the balance.
//!
//! What was only held, and is not needed, lapses with its grant: see [`crate::grant`].

use crate::book::Book;
use crate::grant::{Grant, GrantKind, GrantSlice, of_grant};
use crate::reservation::Reservation;
use crate::time::UnixMs;
use ferry_types::{Amount, GrantId, Overflow};

/// How long a grant lives that is issued because the one that had paid has ended.
const REISSUED_MS: u64 = 30 * 86_400_000;

/// A grant in the place of one that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reissued {
    /// Its id.
    pub id: GrantId,
    /// As it begins; it says which one has ended.
    pub grant: Grant,
}

impl Grant {
    /// Whether nothing that comes back to it can be spent any more, posted or not.
    #[must_use]
    pub fn has_ended(&self, now: UnixMs) -> bool {
        self.expired || self.is_over(now)
    }

    /// A short one in its place. What was given stays given: it lapses as a promotion does.
    pub(crate) fn reissued(&self, id: &GrantId, amount: Amount, now: UnixMs) -> Self {
        Self {
            kind: match self.kind {
                GrantKind::Promotional => GrantKind::Promotional,
                GrantKind::Paid | GrantKind::Refund => GrantKind::Refund,
            },
            priority: self.priority,
            scope: self.scope.clone(),
            starts_at: now,
            expires_at: Some(now.plus_ms(REISSUED_MS)),
            amount,
            remaining: amount,
            held: Amount::ZERO,
            expired: false,
            seq: 0,
            at: UnixMs::ZERO,
            instead_of: Some(id.clone()),
            taken_back: Amount::ZERO,
            balance_paid: Amount::ZERO,
        }
    }
}

impl Book {
    /// The grants that are issued as a reservation's charge is given back and these slices are taken in its place.
    ///
    /// # Errors
    /// [`Overflow`] if it does not add up, or if a grant is not there.
    pub(crate) fn reissued(
        &self,
        row: Option<&Reservation>,
        taken: &[GrantSlice],
        now: UnixMs,
    ) -> Result<Vec<Reissued>, Overflow> {
        let Some(row) = row.filter(|row| !row.charged_to_grants().is_empty()) else {
            return Ok(Vec::new());
        };
        let mut names = self.names_after(row);
        let mut reissued = Vec::new();
        for paid in row.charged_to_grants() {
            let back = paid.amount.excess_over(of_grant(taken, &paid.grant)?);
            let was = self.grants.get(&paid.grant).ok_or(Overflow)?;
            let back = back.excess_over(was.balance_paid);
            if !back.is_zero() && was.has_ended(now) {
                reissued.push(Reissued {
                    id: names.next().ok_or(Overflow)?,
                    grant: was.reissued(&paid.grant, back, now),
                });
            }
        }
        Ok(reissued)
    }

    /// Names after a reservation that no grant has yet.
    fn names_after(&self, row: &Reservation) -> impl Iterator<Item = GrantId> {
        let id = row.id;
        let names = (1..u32::MAX).filter_map(move |number| format!("{id}-{number}").parse().ok());
        names.filter(|name| !self.grants.contains_key(name))
    }

    /// Takes new grants in, as of the next entry.
    pub(crate) fn issue(&mut self, reissued: &[Reissued], at: UnixMs) {
        let seq = self.head.next_seq();
        for new in reissued {
            let grant = new.grant.clone();
            self.grants
                .insert(new.id.clone(), Grant { seq, at, ..grant });
        }
    }
}

/// What of a grant's money goes to others in its place.
pub(crate) fn instead_of(reissued: &[Reissued], grant: &GrantId) -> Result<Amount, Overflow> {
    let own = reissued
        .iter()
        .filter(|new| new.grant.instead_of.as_ref() == Some(grant));
    own.map(|new| new.grant.amount)
        .try_fold(Amount::ZERO, Amount::plus)
}
