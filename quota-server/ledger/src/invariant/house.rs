//! What must hold of the house's own book.

use super::{Broken, Invariant, holds, sum_of};
use crate::account::Account;
use crate::house::{
    Advanced, House, HouseAnswer, HouseCommand, Move, PostMovement, PostedMovement, decide,
};
use crate::transaction::Transaction;
use ferry_types::{Amount, MovementId};
use std::collections::BTreeMap;

/// I1, of the house's book: what each provider has in advance moves by exactly its lines.
///
/// # Errors
/// [`Broken`] if one moves by another amount.
pub fn i1_advances_move_by_their_lines(
    before: &BTreeMap<Advanced, Amount>,
    transaction: &Transaction,
    after: &House,
) -> Result<(), Broken> {
    let units = |advances: &BTreeMap<Advanced, Amount>, whose: &Advanced| {
        let advance = advances.get(whose).copied().unwrap_or(Amount::ZERO);
        i128::from(advance.units())
    };
    let moves_by_its_lines = |whose: &Advanced| {
        let account = Account::ProviderPrepaid(whose.provider.clone());
        let own = sum_of(transaction, |line| {
            line.account == account && line.currency == whose.currency
        });
        units(&after.advances, whose).checked_sub(units(before, whose)) == Some(own)
    };
    let lost = before
        .keys()
        .any(|whose| !after.advances.contains_key(whose));
    let is_advance = |account: &Account| matches!(account, Account::ProviderPrepaid(_));
    let all = sum_of(transaction, |line| is_advance(&line.account));
    let sum = |advances: &BTreeMap<Advanced, Amount>| {
        let units = advances.values().map(|advance| i128::from(advance.units()));
        units.fold(0i128, i128::saturating_add)
    };
    holds(
        Invariant::I1,
        !lost
            && after.advances.keys().all(moves_by_its_lines)
            && sum(&after.advances).checked_sub(sum(before)) == Some(all),
        "what was paid in advance moved by another amount than its lines",
    )
}

/// I5, of the house's whole book: each movement, asked for again, gets its entry and changes nothing.
///
/// # Errors
/// [`Broken`] if one gets another answer.
pub fn i5_movements_answer_again(house: &House) -> Result<(), Broken> {
    let answers_again = house.movements.iter().all(|(id, posted)| {
        let movement = posted.movement.clone();
        let again = HouseCommand::Post(PostMovement {
            id: id.clone(),
            what: movement.what,
            occurred_at: Some(movement.occurred_at),
            approver: movement.approver,
            note: movement.note,
        });
        let (seq, changed) = (posted.seq, false);
        decide(house, &again, house.head.time) == (HouseAnswer::Done { seq, changed }, None)
    });
    holds(
        Invariant::I5,
        answers_again,
        "a movement that is asked for again gets another answer",
    )
}

/// I3, of the house's whole book: what was taken back was so once, by a reversal of all that it had moved, and no reversal is.
///
/// # Errors
/// [`Broken`] if a movement and a reversal do not name each other.
pub fn i3_movements_are_reversed_once(house: &House) -> Result<(), Broken> {
    let names_back = |(id, posted): (&MovementId, &PostedMovement)| {
        let is_reversal = match &posted.movement.what {
            Move::Reverse {
                movement, undone, ..
            } => {
                let reversed = house.movements.get(movement);
                let holds = reversed.is_some_and(|reversed| {
                    reversed.reversed_by.as_ref() == Some(id) && reversed.movement.what == **undone
                });
                Some(holds)
            }
            Move::Pay { .. }
            | Move::Prepay { .. }
            | Move::SetOff { .. }
            | Move::PayReseller { .. }
            | Move::Variance { .. }
            | Move::Resolve { .. }
            | Move::Exchange { .. } => None,
        };
        let by = posted.reversed_by.as_ref().map(|by| {
            let by = house.movements.get(by);
            by.is_some_and(|by| by.movement.what.parts().reversed == Some(id))
        });
        match (is_reversal, by) {
            (Some(holds), None) => holds,
            (Some(_), Some(_)) => false,
            (None, by) => by.unwrap_or(true),
        }
    };
    holds(
        Invariant::I3,
        house.movements.iter().all(names_back),
        "a movement and what takes it back do not name each other",
    )
}

/// I4, of the house's whole book: what of each variance is resolved is the sum of what resolves it and was not taken back.
///
/// # Errors
/// [`Broken`] if it is another amount.
pub fn i4_resolved_is_the_sum(house: &House) -> Result<(), Broken> {
    let mut sums = BTreeMap::<&MovementId, i128>::new();
    for posted in house.movements.values() {
        if let Move::Resolve {
            variance, money, ..
        } = &posted.movement.what
            && posted.reversed_by.is_none()
        {
            let sum = sums.entry(variance).or_default();
            *sum = sum.saturating_add(money.amount.units().into());
        }
    }
    let agrees = |(id, posted): (&MovementId, &PostedMovement)| {
        sums.get(id).copied().unwrap_or(0) == i128::from(posted.resolved.units())
    };
    holds(
        Invariant::I4,
        house.movements.iter().all(agrees),
        "of a variance another amount is resolved than by what resolves it",
    )
}
