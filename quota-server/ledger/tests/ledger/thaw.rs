//! A frozen book goes on: only as it was verified, and by an entry that moves nothing.

use crate::house::{Played, pay};
use crate::verify::{Table, replay};
use crate::world::{World, offer};
use ferry_ledger::*;

fn order(verified: Head) -> ThawBook {
    ThawBook {
        reason: Reason::Mistake,
        approver: "anna".into(),
        note: "held was edited by hand".into(),
        verified,
    }
}

#[test]
fn only_a_frozen_book_goes_on_and_only_where_it_was_verified() {
    let mut world = World::with(100);
    let verified = world.book.head;
    assert_eq!(order(verified).fits(true, &verified), Ok(()));
    assert_eq!(
        order(verified).fits(false, &verified),
        Err(NotThawed::NotFrozen)
    );
    let other_hash = Head {
        hash: [7; 32],
        ..verified
    };
    let moved = Err(NotThawed::Moved);
    assert_eq!(order(verified).fits(true, &other_hash), moved);
    world.play("reserve");
    assert_eq!(order(verified).fits(true, &world.book.head), moved);
}

#[test]
fn a_book_that_goes_on_is_as_it_was_and_its_journal_says_why() {
    for (before, after, told) in [
        ("reserve", "settle", "settled 30 released 70"),
        ("correct a top-up-refund 100, close", "release", "released"),
    ] {
        let mut world = World::with(100);
        world.play(before);
        world.play("freeze");
        let frozen = world.book.clone();
        let thaw = order(frozen.head).thaw("more is freed than is held".into());
        let event = Event::Thawed(Box::new(thaw));
        let recorded = world.book.apply(&event, world.now).expect("applies");
        assert_eq!(recorded.transaction.lines, []);
        world.entries.push(recorded.entry);
        let thawed = Book {
            frozen: false,
            head: world.book.head,
            ..frozen.clone()
        };
        assert_eq!(world.book, thawed, "{before}");
        assert_eq!(world.book.head.seq, frozen.head.seq + 1);
        assert_eq!(world.play(after), told);
        let replayed = replay(&world, &world.entries, &Table(offer())).expect("verifies");
        assert_eq!(replayed.book().head, world.book.head);
    }
}

#[test]
fn the_houses_book_goes_on_too() {
    let mut played = Played::of(&[pay(3)]);
    played.house.frozen = true;
    let head = played.house.head;
    let thaw = order(head).thaw("a test".into());
    let event = HouseEvent::Thawed(Box::new(thaw));
    let mut thawed = played.house.clone();
    let recorded = thawed.apply(&event, UnixMs::ZERO).expect("applies");
    assert_eq!(recorded.transaction.lines, []);
    played.house.frozen = false;
    played.house.head = recorded.entry.end();
    assert_eq!(thawed, played.house);
    let mut verifier = HouseVerifier::begin();
    for entry in played.entries.iter().chain([&recorded.entry]) {
        verifier.entry(entry).expect("verifies");
    }
    let replayed = verifier.replayed().expect("verifies");
    assert_eq!(replayed.head, thawed.head);
}
