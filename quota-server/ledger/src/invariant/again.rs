//! I5: the same call again gets the same numbers, and moves nothing.

use super::{Broken, Invariant, holds, i10_acknowledged_is_written};
use crate::answer::{AdminAnswer, Answer, ReleaseAnswer, ReserveAnswer, SettleAnswer};
use crate::book::Book;
use crate::command::{Command, Release, Reserve, Settle};
use crate::decide::decide;
use crate::event::Event;
use crate::offer::Rules;
use crate::reservation::{First, Reservation, State};
use crate::time::UnixMs;
use ferry_types::{RequestFacts, Settlement};

/// A question that is asked again begins no lease anew, and is never too old.
const RULES: Rules = Rules {
    lease_ms: 0,
    margin_ms: 0,
    recovery_window_ms: u64::MAX,
};

/// I5: the same command again changes no money, and gets the same numbers. `answer` is what it got the first time, `book` the
/// book after that.
///
/// # Errors
/// [`Broken`] if something happens anew.
pub fn i5_again_is_the_same(
    book: &Book,
    command: &Command,
    answer: &Answer,
    rules: &Rules,
    now: UnixMs,
) -> Result<(), Broken> {
    let again = decide(book, command, rules, now);
    let moves = again.events.iter().any(|event| match event {
        Event::Renewed { .. } | Event::MonthSealed(_) => false,
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
        | Event::Settled(_)
        | Event::Adjusted(_)
        | Event::Released { .. }
        | Event::Expired(_)
        | Event::Corrected(_)
        | Event::Parked(_)
        | Event::Thawed(_) => true,
    });
    holds(Invariant::I5, !moves, "the same again moved money")?;
    let same = match (answer, &again.answer) {
        (Answer::Admin(first), Answer::Admin(second)) => match (first, second) {
            (AdminAnswer::Done { .. }, AdminAnswer::Done { changed, .. }) => !changed,
            (first, second) => first == second,
        },
        (Answer::Expire(_), Answer::Expire(_)) => true,
        (first, second) => first == second,
    };
    holds(Invariant::I5, same, "the same again got another answer")
}

/// I5 and I10, of a whole book: the call that made each reservation what it is gets, asked again, the numbers that its row keeps,
/// and they name an entry of the journal. Only for a book that has all of them in view.
///
/// # Errors
/// [`Broken`] if one is answered otherwise, or anew.
pub fn i5_rows_answer_again(book: &Book) -> Result<(), Broken> {
    let mut rows = book.reservations.values();
    rows.try_for_each(|row| answers_again(book, row))
}

fn answers_again(book: &Book, row: &Reservation) -> Result<(), Broken> {
    let now = book.head.time;
    let (command, answer) = match &row.state {
        State::Open => return stands(book, row),
        State::Settled(posting) => match &posting.settlement {
            Some(settlement) => (
                settle(row, settlement),
                Answer::Settle(SettleAnswer::Settled {
                    charged: posting.charge.charged,
                    released: posting.released,
                    seq: posting.seq,
                }),
            ),
            None => return Ok(()),
        },
        State::Parked(parked) => (
            settle(row, &parked.settlement),
            Answer::Settle(SettleAnswer::Parked),
        ),
        State::Released(_) => (
            Command::Release(Release {
                id: row.id,
                owner: row.owner.clone(),
                by: None,
            }),
            Answer::Release(ReleaseAnswer::Released),
        ),
        State::Expired(_) => match &row.facts {
            Some(facts) => (
                Command::Reserve(Box::new(reserve(row, facts))),
                Answer::Reserve(ReserveAnswer::Ended(row.state.name())),
            ),
            None => return Ok(()),
        },
    };
    i10_acknowledged_is_written(book, &answer)?;
    i5_again_is_the_same(book, &command, &answer, &RULES, now)
}

/// An open one is granted again, with what it was granted first.
fn stands(book: &Book, row: &Reservation) -> Result<(), Broken> {
    let (Some(facts), Some(hold)) = (&row.facts, &row.hold) else {
        return holds(Invariant::I5, false, "nothing says what is open");
    };
    let command = Command::Reserve(Box::new(reserve(row, facts)));
    let again = decide(book, &command, &RULES, book.head.time);
    let same = match &again.answer {
        Answer::Reserve(ReserveAnswer::Granted(granted)) => {
            let First {
                reserved,
                output_tokens_max,
            } = hold.first();
            granted.reserved == reserved
                && granted.output_tokens_max == output_tokens_max
                && granted.clamped == hold.clamped
                && Some(&granted.offer) == row.offer.as_ref()
        }
        Answer::Reserve(_)
        | Answer::Admin(_)
        | Answer::Renew(_)
        | Answer::Settle(_)
        | Answer::Release(_)
        | Answer::Expire(_) => false,
    };
    holds(
        Invariant::I5,
        same && again.events.is_empty(),
        "an open request is not granted again as it was",
    )
}

fn reserve(row: &Reservation, facts: &RequestFacts) -> Reserve {
    Reserve {
        id: row.id,
        owner: row.owner.clone(),
        facts: facts.clone(),
        offer: row.offer.clone(),
    }
}

fn settle(row: &Reservation, settlement: &Settlement) -> Command {
    Command::Settle(Box::new(Settle {
        id: row.id,
        owner: row.owner.clone(),
        settlement: settlement.clone(),
        offer: row.offer.clone(),
        by: None,
        beyond_cap: false,
    }))
}
