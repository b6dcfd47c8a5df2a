//! I4 and I8: what is held is what open reservations hold, of the balance and of each grant; and grants burn in their order.

use super::before::Before;
use super::{Broken, Invariant, holds};
use crate::account::Account;
use crate::book::Book;
use crate::event::Event;
use crate::grant::{Grant, of_grant};
use crate::reservation::Reservation;
use crate::transaction::{Line, Transaction};
use ferry_types::{Amount, GrantId};

/// I4, by one event: what is held moves by what the reservation in question holds.
///
/// # Errors
/// [`Broken`] if it moves by another amount.
pub fn i4_held_moves_with_its_row(
    before: &Before,
    event: &Event,
    after: &Book,
) -> Result<(), Broken> {
    let row_before = before
        .row
        .as_ref()
        .map_or(Some(Amount::ZERO), |row| row.held);
    let row = event
        .reservation()
        .and_then(|id| after.reservations.get(&id));
    let row_after = row.map_or(Ok(Amount::ZERO), Reservation::held_on_balance);
    let moved = row_before
        .and_then(|held| before.held.minus(held))
        .and_then(|held| held.plus(row_after.ok()?).ok());
    holds(
        Invariant::I4,
        moved == Some(after.held),
        "what is held moved by another amount than the reservation's",
    )?;
    let slices_before = before
        .row
        .as_ref()
        .map_or(&[][..], |row| &row.held_of_grants);
    let slices_after = row.map_or(&[][..], Reservation::held_of_grants);
    let moves_with_it = |(id, grant): (&GrantId, &Grant)| {
        let was = before.grants.get(id).copied().unwrap_or_default();
        let of = |slices| of_grant(slices, id).map(|amount| i128::from(amount.units()));
        let (Ok(freed), Ok(taken)) = (of(slices_before), of(slices_after)) else {
            return false;
        };
        let expected = i128::from(was.held)
            .saturating_sub(freed)
            .saturating_add(taken);
        expected == i128::from(grant.held.units())
    };
    holds(
        Invariant::I4,
        after.grants.iter().all(moves_with_it),
        "what is held of a grant moved by another amount than the reservation's",
    )
}

/// I4, of a whole book: what is held is the sum of the open reservations. Only for a book that has all of them in view.
///
/// # Errors
/// [`Broken`] if it is another amount.
pub fn i4_held_is_the_sum(book: &Book) -> Result<(), Broken> {
    let rows = || book.reservations.values();
    let sum = rows().try_fold(Amount::ZERO, |sum, row| sum.plus(row.held_on_balance()?));
    holds(
        Invariant::I4,
        sum == Ok(book.held),
        "what is held is not the sum of the open reservations",
    )?;
    let is_the_sum = |(id, grant): (&GrantId, &Grant)| {
        let sum = rows().try_fold(Amount::ZERO, |sum, row| {
            sum.plus(of_grant(row.held_of_grants(), id)?)
        });
        sum == Ok(grant.held)
    };
    holds(
        Invariant::I4,
        book.grants.iter().all(is_the_sum),
        "what is held of a grant is not the sum of the open reservations",
    )
}

/// I8: a new hold draws what the burn order gives, nothing is drawn that is not there, what remains of each grant moves by exactly
/// its lines, and what is free of a grant has gone to the balance that paid in its place.
///
/// # Errors
/// [`Broken`] if one of these does not hold.
pub fn i8_grants_burn_in_order(
    before: &Before,
    event: &Event,
    transaction: &Transaction,
    after: &Book,
) -> Result<(), Broken> {
    let promised = before.promised.as_ref();
    holds(
        Invariant::I8,
        event.draws() == promised.map_or(&[][..], |promised| &promised.slices),
        "a hold draws on other grants than the burn order gives",
    )?;
    let moves_by_its_lines = |(id, grant): (&GrantId, &Grant)| {
        let was = before.grants.get(id).copied().unwrap_or_default();
        let is_own = |line: &&Line| matches!(&line.account, Account::Grant(of) if of == id);
        let own = transaction.lines.iter().filter(is_own);
        let fell = own.fold(0i128, |sum, line| {
            sum.saturating_add(i128::from(line.amount))
        });
        let expected = i128::from(was.remaining).saturating_sub(fell);
        expected == i128::from(grant.remaining.units()) && grant.held <= grant.remaining
    };
    holds(
        Invariant::I8,
        after.grants.iter().all(moves_by_its_lines),
        "what remains of a grant moved by another amount than its lines",
    )?;
    let is_even = |grant: &Grant| {
        let owes = !grant.balance_paid.is_zero();
        grant.balance_paid <= grant.taken_back
            && grant.taken_back <= grant.amount
            && (!owes || grant.free().is_zero())
    };
    holds(
        Invariant::I8,
        after.grants.values().all(is_even),
        "a grant keeps what the balance has paid in its place",
    )
}
