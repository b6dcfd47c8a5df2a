//! What must hold of the house's own book.

use super::{Broken, Invariant, holds, sum_of};
use crate::account::Account;
use crate::house::{Advanced, House, HouseAnswer, HouseCommand, PostMovement, decide};
use crate::transaction::Transaction;
use ferry_types::Amount;
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
