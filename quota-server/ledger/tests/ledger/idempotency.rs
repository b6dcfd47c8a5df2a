//! Requests under one idempotency key: one at a time, and each is charged.

use crate::told::tell;
use crate::world::{World, facts, owner};
use ferry_ledger::{Command, IssueKey, Owner, Reserve};

const IN_USE: &str = "refused idempotency_key_in_use";

/// Rows of: money | calls | the last one's answer | held afterwards. `under` names the idempotency key, `request` the request.
fn check(rows: &str) {
    let rows = rows.lines().map(str::trim);
    for row in rows.filter(|row| !row.is_empty()) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [money, calls, answer, held] = cells[..] else {
            panic!("not a row: {row}");
        };
        let mut world = World::with(money.parse().expect("a number"));
        let told = world.play(calls);
        let now_held = world.book.held.units().to_string();
        assert_eq!((&*told, &*now_held), (answer, held), "{row}");
    }
}

#[test]
fn of_two_under_one_key_the_second_is_refused_until_the_first_has_ended() {
    check(
        "
        1000 | under 1, reserve, request 2, reserve             | refused idempotency_key_in_use | 100
        1000 | under 1, reserve, request 2, reserve by other    | refused idempotency_key_in_use | 100
        1000 | under 1, reserve, request 2, under 2, reserve    | granted 100 for 30 | 200
        1000 | reserve, request 2, reserve                      | granted 100 for 30 | 200
        1000 | under 1, reserve, renew 8, request 2, reserve    | refused idempotency_key_in_use | 100
        1000 | under 1, reserve, wait 61000, request 2, reserve | refused idempotency_key_in_use | 100
        1000 | under 1, reserve, settle, request 2, reserve     | granted 100 for 30 | 100
        1000 | under 1, reserve, settle, request 2, reserve, settle | settled 30 released 70 | 0
        1000 | under 1, reserve, release, request 2, reserve    | granted 100 for 30 | 100
        1000 | under 1, reserve, wait 61000, expire, request 2, reserve | granted 100 for 30 | 100
        1000 | under 1, reserve, renew 8, wait 61000, expire, request 2, reserve | granted 100 for 30 | 100
        1000 | under 1, settle, request 2, reserve              | granted 100 for 30 | 100
        1000 | under 1, release, request 2, reserve             | granted 100 for 30 | 100
        ",
    );
}

#[test]
fn the_same_request_again_is_no_second_one() {
    check(
        "
        1000 | under 1, reserve, reserve                        | granted 100 for 30 | 100
        1000 | under 1, reserve, settle, reserve                | ended settled | 0
        1000 | under 1, reserve, request 2, reserve, reserve    | refused idempotency_key_in_use | 100
        1000 | under 1, reserve, request 2, reserve, request 0, settle, request 2, reserve | refused idempotency_key_in_use | 0
        1000 | under 1, reserve, request 2, reserve, request 0, settle, request 3, reserve | granted 100 for 30 | 100
        ",
    );
}

#[test]
fn it_comes_after_what_is_wrong_with_the_request_and_before_money() {
    check(
        "
        1000 | under 1, reserve, request 2, tenant paused, reserve | refused tenant_paused | 100
        1000 | under 1, reserve, request 2, unpriced, reserve   | refused model_not_found | 100
        100  | under 1, reserve, request 2, reserve             | refused idempotency_key_in_use | 100
        100  | under 1, reserve, request 9, settle reported 500 0, request 2, reserve | refused idempotency_key_in_use | 100
        100  | under 1, reserve, request 2, under 2, reserve    | refused insufficient_funds | 100
        ",
    );
}

#[test]
fn shadow_mode_takes_no_key_and_minds_none() {
    check(
        "
        1000 | shadow, under 1, reserve, request 2, reserve     | granted 100 for 30 | 0
        1000 | shadow, under 1, reserve, enforce, request 2, reserve | granted 100 for 30 | 100
        1000 | under 1, reserve, shadow, request 2, reserve     | granted 100 for 30 | 100
        ",
    );
    let mut world = World::with(1_000);
    world.play("under 1, reserve, shadow, request 2, reserve");
    let row = &world.book.reservations[&world.id];
    assert_eq!(row.hold.as_ref().expect("granted").would_refuse, "");
}

#[test]
fn it_counts_within_the_key_of_the_customer() {
    let mut world = World::with(1_000);
    let key: ferry_types::KeyId = "key_00000001".parse().expect("a key id");
    world.run(&Command::IssueKey(IssueKey {
        key: key.clone(),
        label: "second".into(),
        expires_at: None,
        listed: [2; 32],
    }));
    world.play("under 1, reserve, request 2");
    let mut facts = facts();
    facts.idempotency_key_digest = Some([1; 32]);
    let mut call = Reserve {
        id: world.id,
        owner: Owner {
            key,
            ..owner("edge")
        },
        facts,
        offer: world.offer.clone(),
    };
    let granted = world.run(&Command::Reserve(Box::new(call.clone())));
    assert_eq!(tell(&granted), "granted 100 for 30");
    world.play("request 3");
    call.id = world.id;
    assert_eq!(tell(&world.run(&Command::Reserve(Box::new(call)))), IN_USE);
}
