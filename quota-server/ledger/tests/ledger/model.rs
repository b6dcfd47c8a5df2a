//! Random histories of two books against the naive model of `ferry-model`: after every step the answer, the balance, what is held,
//! every grant, every request and what people put right are what a few lines of integers say.
//!
//! A step is drawn from a number of its own, so that a history that fails shrinks to the steps that matter. Each is also asked
//! twice, and has every invariant checked: see [`World::run`] and [`World::transfer`]. A few histories that are always the same show
//! that nothing is left out of what is drawn.

use crate::world::{RULES, START, World};
use ferry_ledger::*;
use ferry_model::{
    At, Authority, Chance, Draw, Gateway, GrantName, Kind, Naive, Request, Row, Rules as Times,
    Spoken, Standing as Stands, Step, Tally, Told, Who,
};
use proptest::prelude::*;

const TIMES: Times = Times {
    lease_ms: RULES.lease_ms,
    margin_ms: RULES.margin_ms,
    window_ms: RULES.recovery_window_ms,
};
/// Waits go up to this: one in six outlasts a lease.
const WAIT_MS_MAX: u64 = 73_000;
/// Now and then it is this long: longer than any grant in the place of another lives.
const LONG_WAIT_MS: u64 = 31 * 86_400_000;
/// What gateways may settle in an hour that nothing is held for: some of it is beyond that.
const CAPS: [(Gateway, u64); 3] = [
    (Gateway::Usual, 30),
    (Gateway::Other, 4),
    (Gateway::Recovery, 3),
];
/// Few requests, so that each is asked about often.
const SPOKEN_OF: usize = 6;

/// The next step; `None` if time passes instead.
fn draw(drawn: &mut Draw, at: usize, naive: &Naive, chance: &mut Chance) -> Option<Step> {
    let now = naive.now;
    match chance.below(20) {
        0..2 => None,
        2..4 => Some(drawn.expiry(now, chance)),
        4..6 => Some(grant_end(naive, chance)),
        6 => Some(drawn.transfer(1 - at, chance)),
        _ => {
            let kind = Kind::any(chance);
            // One call in eight comes from the gateway that is less often used, and one in sixteen from recovery, which never reserves.
            let by = match chance.below(16) {
                0 | 1 => Gateway::Other,
                2 if kind != Kind::Reserve => Gateway::Recovery,
                _ => Gateway::Usual,
            };
            Some(drawn.step(kind, by, now, chance))
        }
    }
}

/// Mostly of a grant whose time is over; else of any, or of none.
fn grant_end(naive: &Naive, chance: &mut Chance) -> Step {
    let ended = naive.ended_grants().first().map(|(_, name)| *name);
    let at = chance.below(naive.grants.len() as u64 + 1) as usize;
    let any = naive.grants.keys().nth(at).copied();
    let name = ended.filter(|_| !chance.once_in(4)).or(any);
    Step::EndGrant {
        name: name.unwrap_or(GrantName::Ordered(u64::MAX)),
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

/// What a request was charged, what of it was written off, and what lies in suspense.
fn amounts(book: &Book, request: Request) -> (i64, i64, i64) {
    let row = book.reservations.get(&ferry_model::reservation_id(request));
    let posting = row.and_then(Reservation::posting);
    posting.map_or((0, 0, 0), |posting| {
        let charge = &posting.charge;
        let [charged, absorbed, suspended] = [charge.charged, charge.absorbed, charge.suspended];
        (charged.units(), absorbed.units(), suspended.units())
    })
}

/// Whether these are all that is to be known about a request's charge, and whether this is why it would have been refused in shadow mode.
fn is_told(book: &Book, request: Request, naive: &Row) -> bool {
    let row = book.reservations.get(&ferry_model::reservation_id(request));
    let flags = row.and_then(Reservation::posting);
    let flags = flags.map_or(Flags::NONE, |posting| posting.flags);
    let hold = row.and_then(|row| row.hold.as_ref());
    flags.iter().all(|flag| naive.flags.contains(flag.name()))
        && flags.iter().count() == naive.flags.len()
        && hold.map_or("", |hold| &hold.would_refuse) == naive.would_refuse()
}

/// What stands of a charge that was corrected: of the balance, of grants, and what was judged.
type Standings = (i64, Vec<(String, i64)>, i64);

fn standing(book: &Book, request: Request) -> Option<Standings> {
    let row = book.reservations.get(&ferry_model::reservation_id(request));
    let standing = row.and_then(Reservation::posting)?.standing.as_ref()?;
    let slices = standing.grants.iter();
    let slices = slices.map(|slice| (slice.grant.to_string(), slice.amount.units()));
    Some((
        standing.on_balance.units(),
        slices.collect(),
        standing.judged.units(),
    ))
}

fn stands(standing: &Stands) -> Standings {
    let slices = standing.slices.iter();
    let slices = slices.map(|(grant, units)| {
        (
            ferry_model::grant_id(*grant).expect("a name").to_string(),
            *units,
        )
    });
    (standing.on_balance, slices.collect(), standing.judged)
}

/// What each limit has counted in its window, for everybody that anything counts for.
fn limits_agree(book: &Book, naive: &Naive) -> Result<(), TestCaseError> {
    prop_assert_eq!(book.limits.len(), naive.limits.len());
    for (name, expected) in &naive.limits {
        let limit = &book.limits[&ferry_model::limit_id(*name).expect("a name")];
        prop_assert_eq!(limit.number, expected.number);
        let window = limit
            .window
            .map(|window| (window.start.0, window.end.map(|end| end.0)));
        let begun = expected.window.map(|of| (of.0, ferry_model::end_of(of)));
        prop_assert_eq!(window, begun, "{:?}", limit);
        let everybody = naive.everybody(expected);
        let named = everybody
            .iter()
            .filter(|who| !matches!(who, Who::All | Who::Rest));
        prop_assert_eq!(limit.subjects, named.count() as u64, "{:?}", limit);
        let counted = book
            .counters
            .iter()
            .filter(|((number, _), counter)| *number == limit.number && **counter != Counter::ZERO);
        prop_assert_eq!(counted.count(), everybody.len(), "{:?}", limit);
        for who in everybody {
            let subject = ferry_model::subject(who, 0).expect("names");
            let Counter { held, used } = book.counter(limit.number, &subject);
            let (holds, came_to) = naive.sum(expected, who);
            prop_assert_eq!(
                (held as i128, used as i128),
                (holds, came_to),
                "{:?}",
                limit
            );
        }
    }
    Ok(())
}

fn agree(book: &Book, naive: &Naive) -> Result<(), TestCaseError> {
    prop_assert_eq!(book.head.seq, naive.seq);
    prop_assert_eq!(book.posted.units(), naive.posted);
    prop_assert_eq!(book.held.units(), naive.held());
    prop_assert_eq!(book.available(UnixMs(naive.now)).units(), naive.available());
    prop_assert_eq!(book.grants.len(), naive.grants.len());
    limits_agree(book, naive)?;
    for (name, expected) in &naive.grants {
        let grant = &book.grants[&ferry_model::grant_id(*name).expect("a name")];
        prop_assert_eq!(grant.remaining.units(), expected.remaining, "{:?}", grant);
        prop_assert_eq!(grant.held.units(), expected.held, "{:?}", grant);
        prop_assert_eq!(grant.expired, expected.expired, "{:?}", grant);
        let order = &expected.order;
        prop_assert_eq!(grant.kind.name(), order.kind.name(), "{:?}", grant);
        prop_assert_eq!(grant.starts_at, UnixMs(expected.starts_ms), "{:?}", grant);
        prop_assert_eq!(grant.expires_at, order.ends_ms.map(UnixMs), "{:?}", grant);
        prop_assert_eq!(grant.amount.units(), order.units, "{:?}", grant);
    }
    for (request, row) in &naive.rows {
        prop_assert_eq!(at(book, *request), Some(row.at), "{:?}", request);
        let expected = (row.charged, row.absorbed, row.suspended);
        prop_assert_eq!(amounts(book, *request), expected, "{:?}", request);
        prop_assert!(is_told(book, *request, row), "{:?}: {:?}", request, row);
        let expected = row.standing.as_ref().map(stands);
        prop_assert_eq!(standing(book, *request), expected, "{:?}", request);
    }
    Ok(())
}

/// A book, the model's, what was drawn for it, and what came of that.
struct Pair {
    world: World,
    naive: Naive,
    drawn: Draw,
    tally: Tally,
}

impl Pair {
    fn of(at: usize) -> Self {
        let world = World::of(ferry_model::tenant(at).expect("a name"), 0);
        let naive = Naive::new(TIMES, START, world.book.head.seq);
        Self {
            world,
            naive,
            drawn: Draw::new(at, TIMES, SPOKEN_OF),
            tally: Tally::default(),
        }
    }

    fn pass(&mut self, ms: u64) {
        self.naive.now += ms;
        self.world.now = UnixMs(self.naive.now);
    }

    /// Puts a step to both, and compares the answers. A transfer is for the other pair too.
    fn put(&mut self, other: &mut Self, step: Step) -> Result<Told, TestCaseError> {
        // Whose keys they are counts only where keys are looked up: both worlds begin with the same one.
        let (answer, position) = match ferry_model::speak(step, 0).expect("names") {
            Spoken::Command(command) => {
                self.world.see(&other.world.book);
                let answer = self.world.run(&command);
                self.tally.command(&command);
                let position = self.world.position(&command.about(), &answer);
                (answer, position)
            }
            Spoken::Transfer(order) => {
                let answer = self.world.transfer(&mut other.world, &order);
                let about = About::Transfer(&order.id);
                let position = self.world.position(&about, &answer);
                (answer, position)
            }
        };
        self.tally.answer(&answer);
        let expected = if let Step::Transfer(order) = step {
            self.naive.transfer(&mut other.naive, order)
        } else if let Step::TopUp(order) = step {
            let elsewhere = other.naive.has_top_up(order.number);
            self.naive.top_up(order, elsewhere)
        } else {
            self.naive.step(step)
        };
        prop_assert_eq!(ferry_model::told(&answer), expected, "{:?}", answer);
        let Place { seq, time } = position.place;
        let place = self.naive.place(step, expected);
        prop_assert_eq!((seq, time.0), place, "{:?}", answer);
        agree(&self.world.book, &self.naive)?;
        agree(&other.world.book, &other.naive)?;
        if let (Some(request), Told::Parked) = (step.request(), expected) {
            self.drawn.note_parked(request);
        }
        Ok(expected)
    }
}

/// Plays a history, and tells what was drawn and what came of it.
fn play(numbers: impl IntoIterator<Item = u64>) -> Result<Tally, TestCaseError> {
    let [mut first, mut second] = [0, 1].map(Pair::of);
    let mut authority = Authority::new(&CAPS);
    for number in numbers {
        let mut chance = Chance::new(number);
        // Most of it happens in one of the two.
        let (at, pair, other) = match chance.below(8) {
            0 => (1, &mut second, &mut first),
            _ => (0, &mut first, &mut second),
        };
        let Some(step) = draw(&mut pair.drawn, at, &pair.naive, &mut chance) else {
            let ms = match chance.below(30) {
                0 => LONG_WAIT_MS,
                _ => chance.below(WAIT_MS_MAX),
            };
            first.pass(ms);
            second.pass(ms);
            continue;
        };
        let held = pair.naive.held();
        let judged = authority.judge(step, &pair.naive);
        let told = pair.put(other, judged.step);
        let told = told.map_err(|e| TestCaseError::fail(format!("{judged:?}: {e}")))?;
        authority.note(&judged, told);
        // Whatever else happens: more is only put aside where it is there.
        let naive = &pair.naive;
        prop_assert!(
            naive.held() <= held || naive.held() <= naive.posted + naive.credit(),
            "{:?}",
            step
        );
    }
    let mut tally = Tally::default();
    for Pair {
        world, tally: of, ..
    } in [first, second]
    {
        tally.add(&of);
        let events = world.entries.iter();
        let events = events.map(|entry| Event::decode(entry.kind, &entry.content));
        events.for_each(|event| tally.event(&event.expect("an event")));
    }
    Ok(tally)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_book_is_what_the_naive_model_says(numbers in proptest::collection::vec(any::<u64>(), 1..600)) {
        play(numbers)?;
    }
}

/// Histories that are always the same, and how long each is.
const SEEDS: u64 = 20;
const STEPS: usize = 1_000;
/// What the engine does, or says, by itself: see its own tests.
const NOT_HERE: [&str; 2] = ["event: month sealed", "refusal: gateway out of scope"];

#[test]
fn every_kind_of_command_and_of_outcome_is_drawn() {
    let mut all = Tally::default();
    for seed in 0..SEEDS {
        let mut chance = Chance::new(seed);
        let numbers = std::iter::repeat_with(|| chance.any()).take(STEPS);
        let tally = play(numbers).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        all.add(&tally);
    }
    assert_eq!(all.faults(&NOT_HERE), [""; 0], "{all:?}");
}
