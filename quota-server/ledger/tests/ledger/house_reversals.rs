//! Taking mistaken movements back: the exact opposite, once, and not what others stand on. Whatever is forged of it is found.

use crate::house::{NOW, Played, exchange, money, order, pay, prepay, resolve, set_off, variance};
use crate::verify::whole;
use crate::world::amount;
use ferry_ledger::house::{Cause, Deviation, Moved, NotReversible};
use ferry_ledger::*;
use ferry_types::{Currency, MovementId, TenantId};

fn id(text: &str) -> MovementId {
    text.parse().expect("an id")
}

fn reverse(movement: &str, undone: Move) -> Move {
    Move::Reverse {
        movement: id(movement),
        undone: Box::new(undone),
        reason: Reason::Mistake,
    }
}

fn pay_reseller(units: i64) -> Move {
    Move::PayReseller {
        reseller: "partner".parse().expect("a name"),
        money: money(units, Currency::Eur),
    }
}

fn sell(units: i64) -> Move {
    exchange(
        money(units, Currency::Usd),
        money(26 * units, Currency::Vnd),
    )
}

/// Each kind of movement, with what must have been posted before it as `m-1`.
fn of_every_kind() -> Vec<(Vec<Move>, Move)> {
    use Deviation::{Below, Beyond};
    vec![
        (vec![], pay(5)),
        (vec![], prepay(9)),
        (vec![prepay(9)], set_off(4)),
        (vec![], pay_reseller(7)),
        (vec![], variance(4, Beyond)),
        (vec![], variance(4, Below)),
        (
            vec![variance(4, Beyond)],
            resolve("m-1", 3, Cause::ProviderCost),
        ),
        (vec![variance(4, Below)], resolve("m-1", 4, Cause::Rounding)),
        (vec![], sell(100)),
    ]
}

#[test]
fn a_reversal_moves_the_exact_opposite_and_the_book_is_as_before() {
    for (mut moves, what) in of_every_kind() {
        let before = Played::of(&moves);
        let n = moves.len() + 1;
        moves.push(what.clone());
        let mut played = Played::of(&moves);
        let at = played.lines.len() - before.lines.len();
        let lines = played.lines.clone();
        let moved = &lines[lines.len() - at..];
        played.lines.clear();
        let answer = played.post(order("back", reverse(&format!("m-{n}"), what.clone())));
        assert!(matches!(answer, HouseAnswer::Done { changed: true, .. }));
        let opposite: Vec<_> = moved
            .iter()
            .map(|line| Line {
                amount: -line.amount,
                ..line.clone()
            })
            .collect();
        assert_eq!(played.lines, opposite, "{what:?}");
        let left = |played: &Played| -> Vec<_> {
            let left = played.house.advances.values();
            left.copied().filter(|amount| !amount.is_zero()).collect()
        };
        assert_eq!(left(&played), left(&before), "{what:?}");
        for (id, posted) in &before.house.movements {
            let after = &played.house.movements[id];
            assert_eq!(after.resolved, posted.resolved, "{what:?}");
        }
        let reversed = &played.house.movements[&id(&format!("m-{n}"))];
        assert_eq!(reversed.reversed_by, Some(id("back")), "{what:?}");
        assert_eq!(reversed.movement.what, what, "it stays as it was posted");
        assert_eq!(replayed(&played.entries), Ok(played.house));
    }
}

fn not(why: NotReversible) -> HouseAnswer {
    HouseAnswer::NotReversible(why)
}

/// Posts `what` after these, and looks that it is refused like that and changes nothing.
fn check_refused(cases: impl IntoIterator<Item = (Vec<Move>, Move, HouseAnswer)>) {
    for (before, what, answer) in cases {
        let mut played = Played::of(&before);
        let unchanged = played.house.clone();
        let told = played.post(order("last", what.clone()));
        assert_eq!(told, answer, "{before:?} | {what:?}");
        assert_eq!(played.house, unchanged);
    }
}

#[test]
fn what_cannot_be_taken_back_is_refused() {
    let back = || reverse("m-1", pay(5));
    let nested = || reverse("m-2", back());
    let already = NotReversible::Already { by: id("m-2") };
    check_refused([
        (vec![], reverse("m-1", pay(5)), not(NotReversible::Unknown)),
        (
            vec![pay(5)],
            reverse("m-1", pay(6)),
            not(NotReversible::Differs),
        ),
        (
            vec![pay(5)],
            reverse("m-1", prepay(5)),
            not(NotReversible::Differs),
        ),
        (vec![pay(5), back()], back(), not(already)),
        (
            vec![pay(5), back()],
            nested(),
            not(NotReversible::IsReversal),
        ),
        (
            vec![pay(5), back()],
            reverse("m-2", pay(5)),
            not(NotReversible::IsReversal),
        ),
    ]);
    let mut played = Played::of(&[pay(5)]);
    played.house.frozen = true;
    assert_eq!(played.post(order("last", back())), HouseAnswer::Frozen);
}

#[test]
fn what_others_stand_on_stays_and_on_what_is_gone_nothing_is_put() {
    use Deviation::Beyond;
    let most = |units| HouseAnswer::Exceeds {
        most: money(units, Currency::Usd),
    };
    check_refused([
        // What stands on it goes first.
        (
            vec![prepay(9), set_off(2)],
            reverse("m-1", prepay(9)),
            most(7),
        ),
        (
            vec![variance(4, Beyond), resolve("m-1", 1, Cause::Rounding)],
            reverse("m-1", variance(4, Beyond)),
            not(NotReversible::Resolved),
        ),
        // And nothing is put on it any more.
        (
            vec![variance(4, Beyond), reverse("m-1", variance(4, Beyond))],
            resolve("m-1", 1, Cause::Rounding),
            HouseAnswer::VarianceReversed { by: id("m-2") },
        ),
        (
            vec![prepay(9), reverse("m-1", prepay(9))],
            set_off(1),
            most(0),
        ),
        // A reversal of a variance is none, though it has a direction.
        (
            vec![variance(4, Beyond), reverse("m-1", variance(4, Beyond))],
            resolve("m-2", 1, Cause::Rounding),
            HouseAnswer::UnknownVariance,
        ),
        // A set-off is only taken back if the advance has room for it.
        (
            vec![prepay(9), set_off(9), prepay(i64::MAX - 8)],
            reverse("m-2", set_off(9)),
            HouseAnswer::OutOfRange,
        ),
    ]);
}

#[test]
fn what_stood_in_the_way_is_taken_back_first() {
    let of_variance = variance(4, Deviation::Beyond);
    let resolves = resolve("m-3", 1, Cause::Rounding);
    let played = Played::of(&[
        prepay(9),
        set_off(2),
        of_variance.clone(),
        resolves.clone(),
        reverse("m-2", set_off(2)),
        reverse("m-1", prepay(9)),
        reverse("m-4", resolves),
        reverse("m-3", of_variance),
    ]);
    let mut balances = std::collections::BTreeMap::<_, i64>::new();
    for line in &played.lines {
        *balances.entry(line.account.to_string()).or_default() += line.amount;
    }
    assert!(balances.values().all(|units| *units == 0), "{balances:?}");
    assert_eq!(replayed(&played.entries), Ok(played.house));
}

#[test]
fn the_same_reversal_again_changes_nothing_and_another_is_a_conflict() {
    let of_variance = || variance(4, Deviation::Beyond);
    let mut played = Played::of(&[pay(5), of_variance(), reverse("m-1", pay(5))]);
    let unchanged = played.house.clone();
    let again = HouseAnswer::Done {
        seq: 3,
        changed: false,
    };
    assert_eq!(played.post(order("m-3", reverse("m-1", pay(5)))), again);
    // What was taken back is still known by its id.
    let first = HouseAnswer::Done {
        seq: 1,
        changed: false,
    };
    assert_eq!(played.post(order("m-1", pay(5))), first);
    let of_another = Move::Reverse {
        movement: id("m-1"),
        undone: Box::new(pay(5)),
        reason: Reason::Duplicate,
    };
    for (what, field) in [
        (pay(5), "kind"),
        (reverse("m-2", of_variance()), "movement"),
        (reverse("m-1", prepay(5)), "undone"),
        (reverse("m-1", pay(6)), "amount"),
        (of_another, "reason"),
    ] {
        let told = played.post(order("m-3", what));
        assert_eq!(told, HouseAnswer::Conflict { field });
    }
    assert_eq!(played.house, unchanged);
}

fn replayed(entries: &[Entry]) -> Result<House, Difference> {
    let mut verifier = HouseVerifier::begin();
    for entry in entries {
        verifier.entry(entry)?;
    }
    verifier.replayed()
}

/// The journal of these movements, with an entry written anew and the chain made to fit; and what is found of it.
fn forged(moves: &[Move], n: usize, what: Move) -> String {
    let mut entries = Played::of(moves).entries;
    let movement = Movement {
        what,
        occurred_at: NOW,
        approver: "mallory".into(),
        note: String::new(),
    };
    let moved = Moved {
        id: id(&format!("m-{}", n + 1)),
        movement,
    };
    entries[n].content = HouseEvent::Moved(moved).encode();
    let mut before = [0; 32];
    for entry in &mut entries {
        entry.previous_hash = before;
        entry.hash = entry.computed_hash(&TenantId::house());
        before = entry.hash;
    }
    whole(&replayed(&entries).expect_err("a forgery is found"))
}

#[test]
fn a_forged_reversal_is_found_though_the_chain_was_made_anew() {
    let of_variance = || variance(4, Deviation::Beyond);
    let moves = [
        pay(5),
        pay(6),
        reverse("m-1", pay(5)),
        prepay(9),
        set_off(2),
        of_variance(),
        resolve("m-6", 1, Cause::Rounding),
        pay(7),
    ];
    for (what, found) in [
        (reverse("m-2", pay(4)), "did not move"),
        (reverse("m-2", prepay(6)), "did not move"),
        (reverse("m-9", pay(5)), "not there"),
        // Of itself, before it is there.
        (reverse("m-8", pay(7)), "not there"),
        (reverse("m-1", pay(5)), "taken back before"),
        (reverse("m-3", pay(5)), "a reversal back"),
        (reverse("m-4", prepay(9)), "is set off"),
        (reverse("m-6", of_variance()), "was resolved"),
    ] {
        let told = forged(&moves, 7, what.clone());
        assert!(told.contains(found), "{what:?}: {told}");
    }
    // A movement that is put in the place of what was taken back later.
    let told = forged(&moves, 0, pay(500));
    assert!(told.contains("did not move"), "{told}");
    // What resolves a variance that was taken back.
    let moves = [of_variance(), reverse("m-1", of_variance()), pay(1)];
    let told = forged(&moves, 2, resolve("m-1", 1, Cause::Rounding));
    assert!(told.contains("was taken back"), "{told}");
    // No reversal is read that takes a reversal back in its own words.
    let moves = [pay(1), reverse("m-1", pay(1)), pay(1)];
    let told = forged(&moves, 2, reverse("m-2", reverse("m-1", pay(1))));
    assert!(told.contains("cannot be read"), "{told}");
}

#[test]
fn a_book_that_does_not_agree_with_its_reversals_breaks_an_invariant() {
    use invariant::{i3_movements_are_reversed_once, i4_resolved_is_the_sum};
    let of_variance = || variance(4, Deviation::Beyond);
    let played = Played::of(&[
        pay(5),
        reverse("m-1", pay(5)),
        of_variance(),
        resolve("m-3", 1, Cause::Rounding),
        resolve("m-3", 1, Cause::Rounding),
        reverse("m-5", resolve("m-3", 1, Cause::Rounding)),
    ]);
    let with = |change: &dyn Fn(&mut House)| {
        let mut house = played.house.clone();
        change(&mut house);
        house
    };
    let at = |house: &mut House, at: &str, change: &dyn Fn(&mut house::PostedMovement)| {
        change(house.movements.get_mut(&id(at)).expect("a movement"));
    };
    use ferry_ledger::house;
    assert_eq!(i3_movements_are_reversed_once(&played.house), Ok(()));
    assert_eq!(i4_resolved_is_the_sum(&played.house), Ok(()));
    let twice = reverse("m-1", pay(5));
    let broken: [&dyn Fn(&mut House); 6] = [
        &|house| at(house, "m-1", &|posted| posted.reversed_by = None),
        &|house| at(house, "m-1", &|posted| posted.reversed_by = Some(id("m-3"))),
        &|house| at(house, "m-1", &|posted| posted.reversed_by = Some(id("m-9"))),
        &|house| at(house, "m-1", &|posted| posted.movement.what = pay(6)),
        &|house| at(house, "m-4", &|posted| posted.movement.what = twice.clone()),
        &|house| at(house, "m-2", &|posted| posted.reversed_by = Some(id("m-1"))),
    ];
    for (n, change) in broken.iter().enumerate() {
        let found = i3_movements_are_reversed_once(&with(change));
        assert!(found.is_err(), "change {n}");
    }
    let broken: [&dyn Fn(&mut House); 3] = [
        &|house| at(house, "m-3", &|posted| posted.resolved = amount(2)),
        &|house| at(house, "m-5", &|posted| posted.reversed_by = None),
        &|house| at(house, "m-4", &|posted| posted.movement.what = pay(1)),
    ];
    for (n, change) in broken.iter().enumerate() {
        assert!(i4_resolved_is_the_sum(&with(change)).is_err(), "change {n}");
    }
}
