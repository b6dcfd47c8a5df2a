//! What must always hold. Each invariant has an id and one function, used by tests, by [`Book::apply`] before anything is
//! persisted, and by [`crate::verify`]. A broken one freezes that one book, never the server.
//!
//! I10 (acknowledged means durable) is the engine's; what is pure of it
//! is that an answer names an entry that is in the journal.

mod again;
mod before;
mod funds;
mod house;
mod limits;
mod priced;

pub use again::{i5_again_is_the_same, i5_rows_answer_again};
pub use before::Before;
use before::Stage;
pub use funds::{i4_held_is_the_sum, i4_held_moves_with_its_row, i8_grants_burn_in_order};
pub use house::{
    i1_advances_move_by_their_lines, i3_movements_are_reversed_once, i4_resolved_is_the_sum,
    i5_movements_answer_again,
};
pub use limits::{i2_counts_where_limits_apply, i2_limits_are_kept, i4_counters_are_the_sum};
pub use priced::{i9_amounts_are_priced, i9_paid_by_whom_it_must};

use crate::account::Account;
use crate::answer::{AdminAnswer, Answer, SettleAnswer};
use crate::book::{Book, Head};
use crate::correction::Remedy;
use crate::event::{Event, ParkedAfter};
use crate::journal::Entry;
use crate::totals::Totals;
use crate::transaction::{Line, Transaction};
use crate::transfer::Direction;
use ferry_types::{Amount, Balance, Currency, TenantId};

/// The id of an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Every transaction sums to zero: the balance moves by its lines, and by nothing else.
    I1,
    /// Money is promised only where it is there.
    I2,
    /// A reservation ends once; then it is only adjusted. A movement of the house's is taken back once.
    I3,
    /// What is held is the sum of the open reservations; what of a variance is resolved, of what resolves it.
    I4,
    /// The same again gets the same numbers.
    I5,
    /// The journal is one unbroken chain.
    I6,
    /// Numbers have no gaps, and time does not go back.
    I7,
    /// Grants burn in their order, and their liability is what remains of them.
    I8,
    /// Every amount is the price of its usage, under its version, and is paid by whom it must be.
    I9,
    /// What was acknowledged is in the journal.
    I10,
    /// What the usage records come to is what the lines say.
    I11,
}

/// An invariant does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant:?} is broken: {finding}")]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// What was found.
    pub finding: &'static str,
}

fn holds(invariant: Invariant, holds: bool, finding: &'static str) -> Result<(), Broken> {
    if holds {
        Ok(())
    } else {
        Err(Broken { invariant, finding })
    }
}

/// All that an event must keep.
///
/// # Errors
/// The first invariant that is [`Broken`].
pub fn check(
    before: &Before,
    event: &Event,
    transaction: &Transaction,
    after: &Book,
) -> Result<(), Broken> {
    i1_sums_to_zero(before, transaction, after)?;
    i1_gives_back_what_was_charged(before, event)?;
    i2_promises_are_covered(before, event, after)?;
    i2_counts_where_limits_apply(before, event)?;
    i2_limits_are_kept(before, event, after)?;
    i3_one_end(before, event)?;
    i4_held_moves_with_its_row(before, event, after)?;
    i8_grants_burn_in_order(before, event, transaction, after)?;
    i9_amounts_are_priced(before, event, after)?;
    i9_paid_by_whom_it_must(before, event)
}

/// I1: the lines of every transaction sum to zero in each currency.
///
/// # Errors
/// [`Broken`] if they do not.
pub fn i1_lines_sum_to_zero(transaction: &Transaction) -> Result<(), Broken> {
    let is_zero = |currency: &Currency| sum_of(transaction, |line| line.currency == *currency) == 0;
    holds(
        Invariant::I1,
        Currency::ALL.iter().all(is_zero),
        "the lines do not sum to zero",
    )
}

/// I1: the lines of every transaction sum to zero in each currency, and the balance moves by exactly its own lines.
///
/// # Errors
/// [`Broken`] if they do not, or if it moves by another amount.
pub fn i1_sums_to_zero(
    before: &Before,
    transaction: &Transaction,
    after: &Book,
) -> Result<(), Broken> {
    i1_lines_sum_to_zero(transaction)?;
    let is_own = |line: &Line| matches!(line.account, Account::Prepaid | Account::Receivable);
    let own = sum_of(transaction, is_own);
    let fell = i128::from(before.posted.units()).checked_sub(i128::from(after.posted.units()));
    holds(
        Invariant::I1,
        fell == Some(own),
        "the balance moved by another amount than its lines",
    )
}

fn sum_of(transaction: &Transaction, wanted: impl Fn(&Line) -> bool) -> i128 {
    let lines = transaction.lines.iter().filter(|line| wanted(line));
    lines.fold(0, |sum: i128, line| sum.saturating_add(line.amount.into()))
}

/// I1, of what replaces a charge: what is given back is what was charged.
///
/// # Errors
/// [`Broken`] if it is another amount.
pub fn i1_gives_back_what_was_charged(before: &Before, event: &Event) -> Result<(), Broken> {
    let given_back = match event {
        Event::Settled(settled) | Event::Adjusted(settled) => settled.charged_before,
        Event::Released { returned, .. } => *returned,
        Event::TenantOpened { .. }
        | Event::TenantStateSet(_)
        | Event::TenantClosed(_)
        | Event::KeyIssued { .. }
        | Event::KeyStateSet { .. }
        | Event::OverageSet(_)
        | Event::ResellerSet(_)
        | Event::ZoneSet(_)
        | Event::LimitSet { .. }
        | Event::LimitRemoved(_)
        | Event::GrantIssued { .. }
        | Event::GrantExpired { .. }
        | Event::ToppedUp(_)
        | Event::Transferred(_)
        | Event::Reserved(_)
        | Event::Renewed { .. }
        | Event::Expired(_)
        | Event::Parked(_)
        | Event::Corrected(_)
        | Event::MonthSealed(_)
        | Event::Thawed(_) => return Ok(()),
    };
    let charged = before.row.as_ref().map_or(Amount::ZERO, |row| row.charged);
    holds(
        Invariant::I1,
        given_back == charged,
        "what is given back is not what was charged",
    )
}

/// I2: after a promise, what is posted less what is held is not below the credit. It never stands in the way of recording.
///
/// # Errors
/// [`Broken`] if it is.
pub fn i2_promises_are_covered(before: &Before, event: &Event, after: &Book) -> Result<(), Broken> {
    let promises = match event {
        // What grants cover is their own matter: see I8.
        Event::Reserved(_) | Event::Renewed { .. } => !before.drew_all(event),
        // Money leaves for another book only as far as nothing of it is held, and never on credit.
        Event::Transferred(transferred) if transferred.direction == Direction::Out => {
            return holds(
                Invariant::I2,
                after.posted >= after.held.to_balance(),
                "more leaves for another book than is free",
            );
        }
        Event::TenantOpened { .. }
        | Event::TenantStateSet(_)
        | Event::TenantClosed(_)
        | Event::KeyIssued { .. }
        | Event::KeyStateSet { .. }
        | Event::OverageSet(_)
        | Event::ResellerSet(_)
        | Event::ZoneSet(_)
        | Event::LimitSet { .. }
        | Event::LimitRemoved(_)
        | Event::GrantIssued { .. }
        | Event::GrantExpired { .. }
        | Event::ToppedUp(_)
        | Event::Transferred(_)
        | Event::Settled(_)
        | Event::Adjusted(_)
        | Event::Released { .. }
        | Event::Expired(_)
        | Event::Parked(_)
        | Event::Corrected(_)
        | Event::MonthSealed(_)
        | Event::Thawed(_) => false,
    };
    holds(
        Invariant::I2,
        !promises || after.available_on_balance() >= Balance::ZERO,
        "more is promised than is available",
    )
}

/// I3: an open reservation ends once. What expired may be settled or released after all, what was released may be settled or
/// parked, what was settled may be adjusted: each replaces what was charged before.
///
/// # Errors
/// [`Broken`] if the event is none of these.
pub fn i3_one_end(before: &Before, event: &Event) -> Result<(), Broken> {
    let stage = before.row.as_ref().map(|row| row.state);
    let fits = match event {
        Event::Reserved(_) => stage.is_none(),
        Event::Parked(parked) => match parked.after {
            None => matches!(stage, None | Some(Stage::Released)),
            Some(ParkedAfter::Refusal) => stage.is_none(),
            Some(ParkedAfter::Release) => stage == Some(Stage::Released),
        },
        Event::Renewed { .. } | Event::Expired(_) => stage == Some(Stage::Open),
        Event::Settled(_) => !matches!(stage, Some(Stage::Settled | Stage::Parked)),
        Event::Adjusted(_) => stage == Some(Stage::Settled),
        Event::Released { .. } => {
            matches!(stage, None | Some(Stage::Open | Stage::Expired))
        }
        Event::Corrected(corrected) => match corrected.correction.remedy {
            Remedy::Refund(_)
            | Remedy::Charge(_)
            | Remedy::SuspenseCharge(_)
            | Remedy::SuspenseWaiver(_) => {
                matches!(stage, Some(Stage::Settled | Stage::Expired))
            }
            Remedy::ParkedAccepted(_) | Remedy::ParkedDiscarded(_) => stage == Some(Stage::Parked),
            Remedy::TopUpRefund(_)
            | Remedy::Chargeback(_)
            | Remedy::GrantRefund(_)
            | Remedy::GrantChargeback(_)
            | Remedy::WriteOff { .. } => true,
        },
        Event::TenantOpened { .. }
        | Event::TenantStateSet(_)
        | Event::TenantClosed(_)
        | Event::KeyIssued { .. }
        | Event::KeyStateSet { .. }
        | Event::OverageSet(_)
        | Event::ResellerSet(_)
        | Event::ZoneSet(_)
        | Event::LimitSet { .. }
        | Event::LimitRemoved(_)
        | Event::GrantIssued { .. }
        | Event::GrantExpired { .. }
        | Event::ToppedUp(_)
        | Event::Transferred(_)
        | Event::MonthSealed(_)
        | Event::Thawed(_) => true,
    };
    holds(Invariant::I3, fits, "a reservation ends a second time")
}

/// I6, without its hash: the entry follows this head.
///
/// # Errors
/// [`Broken`] if it does not.
pub fn i6_follows(head: &Head, entry: &Entry) -> Result<(), Broken> {
    holds(
        Invariant::I6,
        entry.previous_hash == head.hash,
        "the entry does not follow the one before",
    )
}

/// I6: the entry follows this head, and its hash is that of its own bytes.
///
/// # Errors
/// [`Broken`] if it does not.
pub fn i6_chain(head: &Head, entry: &Entry, book: &TenantId) -> Result<(), Broken> {
    i6_follows(head, entry)?;
    holds(
        Invariant::I6,
        entry.hash == entry.computed_hash(book),
        "the entry's hash is not that of its content",
    )
}

/// I7: numbers rise by one, and time never goes back. Entries of one batch share their time.
///
/// # Errors
/// [`Broken`] if they do not.
pub fn i7_order(head: &Head, entry: &Entry) -> Result<(), Broken> {
    holds(
        Invariant::I7,
        Some(entry.seq) == head.seq.checked_add(1),
        "the entry's number does not follow",
    )?;
    holds(
        Invariant::I7,
        entry.time >= head.time,
        "the entry is from before the one before",
    )
}

/// I10, as far as it is pure: an answer that names an entry names one that the book has, once the decision is applied.
///
/// # Errors
/// [`Broken`] if it names another.
pub fn i10_acknowledged_is_written(after: &Book, answer: &Answer) -> Result<(), Broken> {
    let seq = match answer {
        Answer::Admin(AdminAnswer::Done { seq, .. })
        | Answer::Settle(SettleAnswer::Settled { seq, .. }) => *seq,
        Answer::Admin(_)
        | Answer::Reserve(_)
        | Answer::Renew(_)
        | Answer::Settle(_)
        | Answer::Release(_)
        | Answer::Expire(_) => 0,
    };
    holds(
        Invariant::I10,
        seq <= after.head.seq,
        "an answer names an entry that is not in the journal",
    )
}

/// I11, of a whole book: its usage records come to what its lines come to. Only for a book that has all of them in view.
///
/// # Errors
/// [`Broken`] if they come to something else.
pub fn i11_records_are_the_lines(lines: &Totals, book: &Book) -> Result<(), Broken> {
    holds(
        Invariant::I11,
        *lines == Totals::of_records(book),
        "the usage records do not come to what the lines come to",
    )
}
