//! Taking a mistaken movement back: the exact opposite of what it moved, once. The movement stays as it was posted.

use super::{Advanced, House, Money, Move, PostedMovement};
use crate::apply::Misfit;
use ferry_types::{Amount, MovementId};

/// Why a movement cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReversible {
    /// No movement was posted under this id.
    Unknown,
    /// What was posted under this id moved something else.
    Differs,
    /// It takes another one back itself.
    IsReversal,
    /// It was taken back before.
    Already {
        /// By this movement.
        by: MovementId,
    },
    /// It is a variance of which a part was resolved.
    Resolved,
}

impl NotReversible {
    const fn misfit(&self) -> Misfit {
        Misfit::WrongState(match self {
            Self::Unknown => "it takes a movement back that is not there",
            Self::Differs => "it takes back what the movement did not move",
            Self::IsReversal => "it takes a reversal back",
            Self::Already { .. } => "the movement was taken back before",
            Self::Resolved => "it takes a variance back of which a part was resolved",
        })
    }
}

impl House {
    /// A movement in view that moved this and can be taken back.
    pub(super) fn reversible(
        &self,
        id: &MovementId,
        undone: &Move,
    ) -> Result<&PostedMovement, NotReversible> {
        let posted = self.movements.get(id).ok_or(NotReversible::Unknown)?;
        let what = &posted.movement.what;
        if matches!(what, Move::Reverse { .. }) {
            Err(NotReversible::IsReversal)
        } else if let Some(by) = posted.reversed_by.clone() {
            Err(NotReversible::Already { by })
        } else if what != undone {
            Err(NotReversible::Differs)
        } else if !posted.resolved.is_zero() {
            Err(NotReversible::Resolved)
        } else {
            Ok(posted)
        }
    }

    /// Takes a movement back by another one.
    pub(super) fn reverse(
        &mut self,
        id: &MovementId,
        undone: &Move,
        by: &MovementId,
    ) -> Result<(), Misfit> {
        let found = self.reversible(id, undone);
        found.map_err(|why| why.misfit())?;
        match undone {
            Move::Prepay { provider, money } => {
                let whose = Advanced::new(provider, *money);
                let after = self.advance(&whose).minus(money.amount);
                let spent = Misfit::WrongState("what was paid in advance is set off");
                self.advances.insert(whose, after.ok_or(spent)?);
            }
            Move::SetOff { provider, money } => {
                let whose = Advanced::new(provider, *money);
                let after = self.advance(&whose).plus(money.amount)?;
                self.advances.insert(whose, after);
            }
            Move::Resolve {
                variance, money, ..
            } => self.unresolve(variance, *money)?,
            Move::Pay { .. }
            | Move::PayReseller { .. }
            | Move::Variance { .. }
            | Move::Exchange { .. }
            | Move::Reverse { .. } => {}
        }
        if let Some(posted) = self.movements.get_mut(id) {
            posted.reversed_by = Some(by.clone());
        }
        Ok(())
    }

    fn unresolve(&mut self, variance: &MovementId, money: Money) -> Result<(), Misfit> {
        let unknown = Misfit::WrongState("there is no such variance");
        let posted = self.movements.get_mut(variance).ok_or(unknown)?;
        let resolved: Option<Amount> = posted.resolved.minus(money.amount);
        let less = Misfit::WrongState("less of the variance was resolved");
        posted.resolved = resolved.ok_or(less)?;
        Ok(())
    }
}
