//! A lease runs out and a grant ends at the same moment. Whichever of the two is posted first: what was held of the grant is
//! honoured, and all else of it lapses.

use crate::world::World;
use std::collections::BTreeMap;

/// Both ends at 61,000, in this order.
const ORDERS: [[&str; 2]; 2] = [["expire", "end a"], ["end a", "expire"]];

/// Plays steps one by one; tells what the lease's end was answered, and what all of them moved on our side, by account.
fn played(world: &mut World, steps: &[&str]) -> (String, String) {
    let mut answer = String::new();
    let mut moved: BTreeMap<String, i64> = BTreeMap::new();
    for step in steps {
        let told = world.play(step);
        if *step == "expire" {
            answer = told;
        }
        for line in &world.moved {
            *moved.entry(line.account.to_string()).or_default() += line.amount;
        }
    }
    let ours = ["revenue.usage", "revenue.breakage", "expense.promotion"];
    let ours = ours.map(|name| format!("{} {}", name, moved.get(name).unwrap_or(&0)));
    (answer, ours.join(", "))
}

/// A scene, what the lease's end charges, the funds after it, and what both ends come to. The balance is 100 and a request holds 100.
const CASES: &[(&str, &str, &str, [i64; 3])] = &[
    // It showed life: what it used is honoured, and the rest lapses, held or not.
    (
        "grant a 160 until 61000, reserve, renew 8",
        "expired 26",
        "100/0 a 0/0",
        [-26, -134, 0],
    ),
    // It never did: all of it lapses, or what is charged without evidence is honoured.
    (
        "grant a 160 until 61000, reserve",
        "expired 0",
        "100/0 a 0/0",
        [0, -160, 0],
    ),
    (
        "charging 7, grant a 160 until 61000, reserve",
        "expired 24",
        "100/0 a 0/0",
        [-24, -136, 0],
    ),
    // Promotional credit that lapses was no expense.
    (
        "grant a 160 promotional until 61000, reserve, renew 8",
        "expired 26",
        "100/0 a 0/0",
        [-26, 0, -134],
    ),
    // Beyond what was held an ended grant pays nothing: the balance does, or a grant that has not ended.
    (
        "grant a 160 until 61000, reserve, renew 60",
        "expired 130",
        "70/0 a 0/0",
        [-130, -60, 0],
    ),
    (
        "grant a 60 until 61000, grant b 90, reserve, renew 60",
        "expired 130",
        "100/0 a 0/0 b 20/0",
        [-130, 0, 0],
    ),
    // Only a part of the hold was the grant's.
    (
        "grant a 60 until 61000, reserve, renew 8",
        "expired 26",
        "100/0 a 0/0",
        [-26, -34, 0],
    ),
    (
        "grant a 60 until 61000, grant b 90, reserve, renew 18",
        "expired 46",
        "100/0 a 0/0 b 90/0",
        [-46, -14, 0],
    ),
    // Two requests hold it, and both leases run out.
    (
        "grant a 260 until 61000, request 1, reserve, renew 8, request 0, reserve, renew 8, wait 61000, request 1, expire, request 0",
        "expired 26",
        "100/0 a 0/0",
        [-26, -208, 0],
    ),
];

#[test]
fn what_is_honoured_and_what_lapses_does_not_depend_on_what_is_posted_first() {
    for (scene, charged, funds, [usage, breakage, promotion]) in CASES {
        let expected = format!(
            "revenue.usage {usage}, revenue.breakage {breakage}, expense.promotion {promotion}"
        );
        for order in ORDERS {
            let mut world = World::with(100);
            world.play(scene);
            if !scene.contains("wait") {
                world.play("wait 61000");
            }
            let (answer, moved) = played(&mut world, &order);
            assert_eq!(answer, *charged, "{scene}: {order:?}");
            assert_eq!(world.funds(), *funds, "{scene}: {order:?}");
            assert_eq!(moved, expected, "{scene}: {order:?}");
        }
    }
}

/// What comes late finds the same, too.
#[test]
fn what_comes_after_both_is_the_same_in_both_orders() {
    for (scene, late, answer, funds) in [
        (
            "grant a 160 until 61000, reserve, renew 8",
            "settle",
            "settled 30 released 70",
            "96/0 a 0/0",
        ),
        (
            "grant a 160 until 61000, reserve, renew 18",
            "settle",
            "settled 30 released 70",
            "100/0 back-1 16/0 a 0/0",
        ),
        (
            "charging 7, grant a 160 until 61000, reserve",
            "settle",
            "settled 30 released 70",
            "94/0 a 0/0",
        ),
        (
            "charging 7, grant a 160 until 61000, reserve",
            "release",
            "released",
            "100/0 back-1 24/0 a 0/0",
        ),
        (
            "grant a 160 until 61000, reserve",
            "settle",
            "settled 30 released 70",
            "70/0 a 0/0",
        ),
        (
            "grant a 160 until 61000, reserve",
            "request 1, reserve",
            "granted 100 for 30",
            "100/100 a 0/0",
        ),
    ] {
        for order in ORDERS {
            let mut world = World::with(100);
            world.play(scene);
            world.play("wait 61000");
            played(&mut world, &order);
            assert_eq!(world.play(late), answer, "{scene}: {order:?}, {late}");
            assert_eq!(world.funds(), funds, "{scene}: {order:?}, {late}");
        }
    }
}

/// A moment earlier the grant still pays what was not held, and a moment later the lease has not run out.
#[test]
fn the_moment_is_the_first_that_is_not_the_grants() {
    for (ends, funds) in [(61_000, "70/0 a 0/0"), (61_001, "100/0 a 30/0")] {
        let mut world = World::with(100);
        world.play(&format!("grant a 160 until {ends}, reserve, renew 60"));
        world.play("wait 61000, expire, end a");
        assert_eq!(world.funds(), funds, "{ends}");
    }
    let mut world = World::with(100);
    world.play("grant a 160 until 60999, reserve, renew 8, wait 60999");
    assert_eq!(world.play("expire"), "not due");
    assert_eq!(world.play("end a"), "done");
    assert_eq!(world.funds(), "100/0 a 100/100");
}
