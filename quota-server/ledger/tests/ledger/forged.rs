//! What `verify` finds of somebody who writes other events and chains the journal anew: no hash tells, so the numbers must.

use crate::verify::{Table, compare, history, rechain, replay, whole};
use crate::world::{World, amount, offer, rates};
use ferry_ledger::event::{Parked, Reserved, Settled};
use ferry_ledger::*;

/// Changes the first event that `change` takes, chains everything anew, and tells what is found.
fn forged(change: impl Fn(Event) -> Option<Event>) -> String {
    forged_in(&history(), change)
}

pub fn forged_in(world: &World, change: impl Fn(Event) -> Option<Event>) -> String {
    let mut entries = world.entries.clone();
    let entry = entries.iter_mut().find_map(|entry| {
        let event = Event::decode(entry.kind, &entry.content).expect("reads");
        let changed = change(event)?;
        entry.content = changed.encode();
        Some(())
    });
    entry.expect("such an event is there");
    rechain(world, &mut entries);
    let found = replay(world, &entries, &Table(offer()))
        .and_then(|replayed| compare(replayed, &world.book));
    whole(&found.expect_err("a forgery is found"))
}

fn forged_settled(change: impl Fn(&mut Settled)) -> String {
    forged(|event| {
        let Event::Settled(mut settled) = event else {
            return None;
        };
        change(&mut settled);
        Some(Event::Settled(settled))
    })
}

fn forged_reserved(change: impl Fn(&mut Reserved)) -> String {
    forged(|event| {
        let Event::Reserved(mut reserved) = event else {
            return None;
        };
        change(&mut reserved);
        Some(Event::Reserved(reserved))
    })
}

#[test]
fn a_forger_who_chains_anew_is_found_by_the_numbers() {
    for (found, part) in [
        (
            forged_settled(|s| s.charge.charged = amount(17)),
            "I9 is broken",
        ),
        (
            forged_settled(|s| s.charge.priced = amount(17)),
            "I9 is broken",
        ),
        (
            forged_settled(|s| s.charge.costs[0] = amount(0)),
            "I9 is broken",
        ),
        (
            forged_settled(|s| s.charge.usage.output_tokens = 3),
            "I9 is broken",
        ),
        (forged_settled(|s| s.released = amount(1)), "I9 is broken"),
        (
            forged_settled(|s| s.charged_before = amount(1)),
            "does not fit",
        ),
        (forged_settled(|s| s.flags = Flags::NONE), "I9 is broken"),
        (
            forged_settled(|s| s.settlement.attempts[0].model = "o1-pro".into()),
            "I9 is broken",
        ),
        (forged_reserved(|r| r.reserved = amount(99)), "I9 is broken"),
        (
            forged_reserved(|r| r.output_tokens_max = 29),
            "I9 is broken",
        ),
        (
            forged_reserved(|r| {
                let mut cheap = offer();
                cheap.customer = rates(0, 0);
                r.offer = cheap.into();
                r.reserved = amount(0);
            }),
            "other prices than those of 'gpt-4o' in version 'prices-1'",
        ),
        (
            forged_reserved(|r| {
                let mut unknown = offer();
                unknown.price_version = "prices-0".into();
                r.offer = unknown.into();
            }),
            "price version 'prices-0' has no model 'gpt-4o'",
        ),
        (
            forged(|event| {
                let Event::ToppedUp(mut topped_up) = event else {
                    return None;
                };
                topped_up.amount = amount(2_000);
                Some(Event::ToppedUp(topped_up))
            }),
            "the balance is stored as",
        ),
    ] {
        assert!(found.contains(part), "{found}\nshould say: {part}");
    }
}

/// Plays steps on a balance of 100, changes the last charge, and tells what is found.
fn forged_charge(steps: &str, change: impl Fn(&mut Settled)) -> String {
    let mut world = World::with(100);
    world.play(steps);
    let last = world.book.head.seq;
    let charged_at = world.book.reservations.values().next_back();
    assert!(charged_at.is_some_and(|row| row.posting().is_some_and(|p| p.seq == last)));
    let seen = std::cell::Cell::new(0);
    forged_in(&world, |event| {
        seen.set(seen.get() + 1);
        if seen.get() < last {
            return None;
        }
        let adjusts = matches!(event, Event::Adjusted(_));
        let (Event::Settled(mut settled) | Event::Adjusted(mut settled)) = event else {
            return None;
        };
        change(&mut settled);
        Some(if adjusts {
            Event::Adjusted(settled)
        } else {
            Event::Settled(settled)
        })
    })
}

/// Plays steps on a balance of 100, changes the first correction, and tells what is found.
fn forged_correction(steps: &str, change: impl Fn(&mut Corrected)) -> String {
    let mut world = World::with(100);
    world.play(steps);
    forged_in(&world, |event| {
        let Event::Corrected(mut corrected) = event else {
            return None;
        };
        change(&mut corrected);
        Some(Event::Corrected(corrected))
    })
}

fn slices(slices: &[(&str, i64)]) -> Vec<GrantSlice> {
    let slice = |(grant, units): &(&str, i64)| GrantSlice {
        grant: grant.parse().expect("an id"),
        amount: amount(*units),
    };
    slices.iter().map(slice).collect()
}

/// The amounts are right, but others pay.
#[test]
fn a_forger_who_lets_others_pay_is_found() {
    const GRANTS: &str = "a charge is paid by other grants than it must be";
    const ABSORBED: &str = "another amount is written off than the overage policy says";
    let over = "reserve, settle reported 140 5";
    let two = "grant a 40, grant b 20 promotional, reserve, settle";
    let back = "grant a 90 until 9, reserve, settle counted 18, wait 9, settle";
    let instead = "what comes back after a grant's end does not go to one in its place";
    for (found, part) in [
        (
            forged_charge(over, |s| {
                s.charge.charged = amount(100);
                s.charge.absorbed = amount(50);
            }),
            ABSORBED,
        ),
        (
            forged_charge(&format!("overage absorb, {over}"), |s| {
                s.charge.charged = amount(150);
                s.charge.absorbed = amount(0);
            }),
            ABSORBED,
        ),
        (
            forged_charge("settle", |s| {
                s.charge.charged = amount(0);
                s.charge.absorbed = amount(30);
            }),
            ABSORBED,
        ),
        (forged_charge(two, |s| s.charge.grants.clear()), GRANTS),
        (
            forged_charge(two, |s| s.charge.grants = slices(&[("a", 30)])),
            GRANTS,
        ),
        (
            forged_charge(two, |s| s.charge.grants = slices(&[("b", 20)])),
            GRANTS,
        ),
        (
            forged_charge("grant a 40 for other, settle", |s| {
                s.charge.grants = slices(&[("a", 30)]);
            }),
            GRANTS,
        ),
        (forged_charge(back, |s| s.reissued.clear()), instead),
        (
            forged_charge(back, |s| s.reissued[0].grant.expires_at = None),
            instead,
        ),
    ] {
        assert!(found.contains(part), "{found}\nshould say: {part}");
    }
}

/// What a lease without a sign of life comes to was pinned by its Reserve, whatever its end says.
#[test]
fn a_forger_who_ends_a_lease_by_another_policy_is_found() {
    for (steps, pinned, charged) in [
        (
            "charging 7, reserve, wait 61000, expire",
            Lifeless::Release,
            0,
        ),
        (
            "charging 0, reserve, wait 61000, expire, request 1, reserve",
            Lifeless::Release,
            0,
        ),
        ("reserve, wait 61000, expire", Lifeless::Charge, 10),
    ] {
        let mut world = World::with(1_000);
        world.play(steps);
        let by_reserve = forged_in(&world, |event| {
            let Event::Reserved(mut reserved) = event else {
                return None;
            };
            let offer = Offer::clone(&reserved.offer);
            reserved.offer = Offer {
                lifeless: pinned,
                ..offer
            }
            .into();
            Some(Event::Reserved(reserved))
        });
        let by_expiry = forged_in(&world, |event| {
            let Event::Expired(mut expired) = event else {
                return None;
            };
            expired.charge.charged = amount(charged);
            expired.charge.priced = amount(charged);
            expired.released = amount(100 - charged);
            Some(Event::Expired(expired))
        });
        for found in [by_reserve, by_expiry] {
            let part = "what is charged is not the price of the usage";
            assert!(found.contains(part), "{steps}: {found}");
        }
    }
}

/// What a person can put right has bounds, and whoever forges the journal is no person.
#[test]
fn a_forger_who_puts_too_much_right_is_found() {
    const BEYOND: &str = "more is put right than there is, or what cannot be";
    const OTHERS: &str = "a correction is paid by others than it must be";
    let more = |units: i64| move |c: &mut Corrected| c.correction.amount = amount(units);
    for (steps, units, part) in [
        (
            "reserve, settle reported 140 5, correct w write-off 50",
            51,
            BEYOND,
        ),
        (
            "reserve, settle reported 140 5, correct w write-off 50",
            0,
            BEYOND,
        ),
        ("reserve, settle, correct c top-up-refund 7", 71, BEYOND),
        (
            "settle reported 9000 900, correct c suspense-charge 0, correct c charge 5",
            0,
            BEYOND,
        ),
        ("wait 86400001, settle, correct c discard", 1, BEYOND),
        // Where the book itself has no room for it, that is found first.
        (
            "settle, correct c refund 30",
            31,
            "an amount leaves the range",
        ),
        (
            "correct c chargeback 7",
            101,
            "more is taken back than came in",
        ),
        (
            "settle reported 9000 900, correct c suspense-waiver 5",
            100_000,
            "more is judged than is suspended",
        ),
    ] {
        let found = forged_correction(steps, more(units));
        assert!(found.contains(part), "{steps}: {found}\nshould say: {part}");
    }
    for (steps, change) in [
        (
            "settle, correct c charge 5",
            (|c| c.absorbed = amount(5)) as fn(&mut Corrected),
        ),
        ("grant g 20, settle, correct c refund 5", |c| {
            c.grants = slices(&[("g", 5)]);
        }),
        ("grant g 90, settle, correct c charge 30", |c| {
            c.grants.clear();
        }),
        (
            "grant g 20 until 5, settle, wait 5, correct c refund 30",
            |c| c.reissued[0].grant.expires_at = None,
        ),
    ] {
        let found = forged_correction(steps, change);
        assert!(found.contains(OTHERS), "{steps}: {found}");
    }
}

/// Held money stays, and credit is not for other books.
#[test]
fn money_that_is_not_free_leaves_for_no_other_book() {
    let out = |units: i64| {
        Event::Transferred(Transferred {
            id: "t-1".parse().expect("an id"),
            direction: Direction::Out,
            other: "partner".parse().expect("a name"),
            amount: amount(units),
            note: String::new(),
        })
    };
    let mut world = World::with(150);
    world.play("overage credit-line 500, reserve");
    let broken = world.book.clone().apply(&out(51), world.now);
    let broken = broken.expect_err("51 is not free");
    assert!(matches!(
        broken,
        Misfit::Broken(Broken {
            invariant: Invariant::I2,
            ..
        })
    ));
    assert!(world.book.apply(&out(50), world.now).is_ok());
}

/// What is found of somebody who lets a kept settle come after something else.
fn forged_parked(steps: &str, after: ParkedAfter) -> String {
    let mut world = World::with(1_000);
    world.play(steps);
    forged_in(&world, |event| {
        let Event::Parked(parked) = event else {
            return None;
        };
        let after = Some(after);
        Some(Event::Parked(Box::new(Parked { after, ..*parked })))
    })
}

#[test]
fn a_kept_settle_comes_after_what_there_was() {
    for (steps, after) in [
        ("settle beyond cap", ParkedAfter::Release),
        ("reserve, release, settle beyond cap", ParkedAfter::Refusal),
        (
            "tenant paused, reserve, settle beyond cap",
            ParkedAfter::Release,
        ),
    ] {
        let told = forged_parked(steps, after);
        assert!(told.contains("I3 is broken"), "{steps} {after:?}: {told}");
    }
}
