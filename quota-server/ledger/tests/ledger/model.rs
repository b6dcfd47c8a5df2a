//! Random histories of one book against the naive model of `ferry-model`: after every step the answer, the balance, what is held,
//! every grant and every request are what a few lines of integers say.
//!
//! A step is drawn from a number of its own, so that a history that fails shrinks to the steps that matter. Each is also asked
//! twice, and has every invariant checked: see [`World::run`].

use crate::world::{RULES, START, World, owner};
use ferry_ledger::*;
use ferry_model::{At, Chance, Draw, Gateway, Kind, Naive, Request, Rules as Times, Step};
use proptest::prelude::*;

const TIMES: Times = Times {
    lease_ms: RULES.lease_ms,
    margin_ms: RULES.margin_ms,
    window_ms: RULES.recovery_window_ms,
};
/// Waits go up to this: one in six outlasts a lease.
const WAIT_MS_MAX: u64 = 73_000;
/// Few requests, so that each is asked about often.
const SPOKEN_OF: usize = 6;

/// The next step; `None` if time passes instead.
fn draw(drawn: &mut Draw, now: u64, chance: &mut Chance) -> Option<Step> {
    match chance.below(10) {
        0 => None,
        1 => Some(drawn.expiry(now, chance)),
        2 if chance.once_in(2) => drawn.grant_end(chance),
        _ => {
            // One call in eight comes from the gateway that is less often used.
            let by = if chance.once_in(8) {
                Gateway::Other
            } else {
                Gateway::Usual
            };
            Some(drawn.step(Kind::any(chance), by, now, chance))
        }
    }
}

fn at(book: &Book, request: Request) -> Option<At> {
    let id = ferry_model::reservation_id(request);
    let refused = book.refused.get(&id);
    let refused = refused.map(|refused| At::Refused(refused.refusal.name()));
    book.reservations.get(&id).map_or(refused, |row| {
        Some(match row.state {
            State::Open => At::Open,
            State::Settled(_) => At::Settled,
            State::Parked(_) => At::Parked,
            State::Released(_) => At::Released,
            State::Expired(_) => At::Expired,
        })
    })
}

/// What an ended reservation was charged, and what of it was written off.
fn amounts(book: &Book, request: Request) -> (i64, i64) {
    let row = book.reservations.get(&ferry_model::reservation_id(request));
    let posting = row.and_then(Reservation::posting);
    posting.map_or((0, 0), |posting| {
        let charge = &posting.charge;
        (charge.charged.units(), charge.absorbed.units())
    })
}

fn agree(book: &Book, naive: &Naive) -> Result<(), TestCaseError> {
    prop_assert_eq!(book.head.seq, naive.seq);
    prop_assert_eq!(book.posted.units(), naive.posted);
    prop_assert_eq!(book.held.units(), naive.held());
    prop_assert_eq!(book.spendable(UnixMs(naive.now)).units(), naive.spendable());
    prop_assert_eq!(book.grants.len(), naive.grants.len());
    for (number, expected) in &naive.grants {
        let grant = &book.grants[&ferry_model::grant_id(*number).expect("a name")];
        prop_assert_eq!(grant.remaining.units(), expected.remaining, "{:?}", grant);
        prop_assert_eq!(grant.held.units(), expected.held, "{:?}", grant);
        prop_assert_eq!(grant.expired, expected.expired, "{:?}", grant);
    }
    for (request, row) in &naive.rows {
        prop_assert_eq!(at(book, *request), Some(row.at), "{:?}", request);
        let expected = (row.charged, row.absorbed);
        prop_assert_eq!(amounts(book, *request), expected, "{:?}", request);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_book_is_what_the_naive_model_says(numbers in proptest::collection::vec(any::<u64>(), 1..150)) {
        let mut world = World::with(0);
        let mut naive = Naive::new(TIMES, START, world.book.head.seq);
        let mut drawn = Draw::new(TIMES, SPOKEN_OF);
        let key = owner("edge").key;
        for number in numbers {
            let mut chance = Chance::new(number);
            let Some(step) = draw(&mut drawn, naive.now, &mut chance) else {
                naive.now += chance.below(WAIT_MS_MAX);
                world.now = UnixMs(naive.now);
                continue;
            };
            let held = naive.held();
            let answer = world.run(&ferry_model::command(step, &key).expect("names"));
            let expected = naive.step(step);
            prop_assert_eq!(ferry_model::told(&answer), expected, "{:?}: {:?}", step, answer);
            agree(&world.book, &naive).map_err(|e| TestCaseError::fail(format!("after {step:?}: {e}")))?;
            // Whatever else happens: more is only put aside where it is there.
            prop_assert!(naive.held() <= held || naive.held() <= naive.posted + naive.credit(), "{:?}", step);
        }
    }
}
