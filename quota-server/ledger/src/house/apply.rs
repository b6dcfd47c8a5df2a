//! Carrying out what was decided: the one place where the house's book changes.
//!
//! Everything is computed before anything is changed, and the invariants are checked before anybody persists anything.

use super::{Advanced, House, HouseEvent, Money, Move, Moved, PostedMovement};
use crate::apply::{Misfit, Recorded};
use crate::invariant;
use crate::journal::Entry;
use crate::time::UnixMs;
use ferry_types::{Amount, MovementId, TenantId};

impl Advanced {
    pub(super) fn new(provider: &str, money: Money) -> Self {
        Self {
            provider: provider.to_owned(),
            currency: money.currency,
        }
    }
}

impl House {
    /// The time of the next entry: the server's, but never before the last entry's.
    #[must_use]
    pub fn time_at(&self, now: UnixMs) -> UnixMs {
        now.max(self.head.time)
    }

    /// Carries an event out, chains it to the journal, and says what it moves. The entry's time is `at`, but never before the last
    /// entry's.
    ///
    /// # Errors
    /// [`Misfit`] if it cannot be carried out. Of [`Misfit::Broken`] nothing may be kept; any other leaves the book as it was.
    pub fn apply(&mut self, event: &HouseEvent, at: UnixMs) -> Result<Recorded, Misfit> {
        let at = self.time_at(at);
        let transaction = event.transaction(self, at)?;
        let before = self.advances.clone();
        self.fold(event, at)?;
        invariant::i1_lines_sum_to_zero(&transaction)?;
        invariant::i1_advances_move_by_their_lines(&before, &transaction, self)?;
        let book = TenantId::house();
        let entry = Entry::after(&self.head, &book, at, event.kind(), event.encode());
        invariant::i7_order(&self.head, &entry)?;
        invariant::i6_follows(&self.head, &entry)?;
        self.head = entry.end();
        Ok(Recorded { entry, transaction })
    }

    /// The state after an event, without the chain.
    fn fold(&mut self, event: &HouseEvent, at: UnixMs) -> Result<(), Misfit> {
        match event {
            HouseEvent::Moved(moved) => self.post(moved, at),
            HouseEvent::Thawed(_) => {
                self.frozen = false;
                Ok(())
            }
            HouseEvent::MonthSealed(sealed) => match sealed.misfit(&self.head, at) {
                None => Ok(()),
                Some(why) => Err(Misfit::WrongState(why)),
            },
        }
    }

    fn post(&mut self, moved: &Moved, at: UnixMs) -> Result<(), Misfit> {
        if self.movements.contains_key(&moved.id) {
            return Err(Misfit::WrongState("the movement is there already"));
        }
        match &moved.movement.what {
            Move::Pay { .. }
            | Move::PayReseller { .. }
            | Move::Variance { .. }
            | Move::Exchange { .. } => {}
            Move::Prepay { provider, money } => {
                let whose = Advanced::new(provider, *money);
                let after = self.advance(&whose).plus(money.amount)?;
                self.advances.insert(whose, after);
            }
            Move::SetOff { provider, money } => {
                let whose = Advanced::new(provider, *money);
                let after = self.advance(&whose).minus(money.amount);
                let beyond = Misfit::WrongState("more is set off than was paid in advance");
                self.advances.insert(whose, after.ok_or(beyond)?);
            }
            Move::Resolve {
                variance, money, ..
            } => self.resolve(variance, *money)?,
            Move::Reverse {
                movement, undone, ..
            } => self.reverse(movement, undone, &moved.id)?,
        }
        let posted = PostedMovement {
            movement: moved.movement.clone(),
            resolved: Amount::ZERO,
            reversed_by: None,
            at,
            seq: self.head.next_seq(),
        };
        self.movements.insert(moved.id.clone(), posted);
        Ok(())
    }

    fn resolve(&mut self, variance: &MovementId, money: Money) -> Result<(), Misfit> {
        let unknown = Misfit::WrongState("there is no such variance");
        let posted = self.movements.get_mut(variance).ok_or(unknown)?;
        if posted.reversed_by.is_some() {
            return Err(Misfit::WrongState("the variance was taken back"));
        }
        let whole = posted.movement.what.parts().money;
        let resolved = posted.resolved.plus(money.amount)?;
        if money.currency != whole.currency || resolved > whole.amount {
            return Err(Misfit::WrongState("more is resolved than the variance is"));
        }
        posted.resolved = resolved;
        Ok(())
    }
}
