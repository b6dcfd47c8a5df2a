//! What each call moves between accounts, to the unit.

use crate::world::{World, id};
use ferry_types::{Currency, UsageSource};

/// Plays steps, and tells what the last one moved: "account debit", credits below zero.
fn moved(world: &mut World, steps: &str) -> String {
    world.play(steps);
    let lines = world.moved.iter().map(|line| {
        assert_eq!(line.currency, Currency::Usd);
        format!("{} {}", line.account, line.amount)
    });
    lines.collect::<Vec<_>>().join(", ")
}

/// A scene, the call, and its lines. One input token costs 1 and one output token 2; the provider takes 1 for one of output.
const CASES: &[(&str, &str, &str)] = &[
    (
        "",
        "top-up 20 a",
        "asset.clearing 20, liability.prepaid -20",
    ),
    ("", "reserve", ""),
    ("reserve", "renew 8", ""),
    ("reserve", "release", ""),
    (
        "reserve",
        "settle",
        "revenue.usage -30, expense.provider_cost 5, liability.provider_payable:openai -5, liability.prepaid 30",
    ),
    ("reserve", "settle none", ""),
    (
        "reserve, settle counted 4",
        "settle",
        "revenue.usage 18, expense.provider_cost -4, liability.provider_payable:openai 4, \
         revenue.usage -30, expense.provider_cost 5, liability.provider_payable:openai -5, liability.prepaid 12",
    ),
    (
        "reserve, renew 8, wait 61000",
        "expire",
        "revenue.usage -26, expense.provider_cost 8, liability.provider_payable:openai -8, liability.prepaid 26",
    ),
    ("reserve, wait 61000", "expire", ""),
    (
        "charging 7, reserve, wait 61000",
        "expire",
        "revenue.usage -24, expense.provider_cost 7, liability.provider_payable:openai -7, liability.prepaid 24",
    ),
    (
        "charging 7, reserve, wait 61000, expire",
        "release",
        "revenue.usage 24, expense.provider_cost -7, liability.provider_payable:openai 7, liability.prepaid -24",
    ),
    (
        "reserve, renew 8, wait 61000, expire",
        "release",
        "revenue.usage 26, expense.provider_cost -8, liability.provider_payable:openai 8, liability.prepaid -26",
    ),
    // The balance was 1000: what goes beyond is owed, and paid first by the next top-up.
    (
        "reserve",
        "settle reported 1000 30",
        "revenue.usage -1060, expense.provider_cost 30, liability.provider_payable:openai -30, \
         liability.prepaid 1000, asset.receivable 60",
    ),
    (
        "reserve, settle reported 1000 30",
        "top-up 100 a",
        "asset.clearing 100, liability.prepaid -40, asset.receivable -60",
    ),
    // What no request like this could have cost waits for a person.
    (
        "reserve",
        "settle reported 9000 9000",
        "suspense.unpriced 25919, revenue.usage -27000, expense.provider_cost 9000, \
         liability.provider_payable:openai -9000, liability.prepaid 1000, asset.receivable 81",
    ),
    // In shadow mode the customer is charged nothing, and the provider takes its share all the same.
    (
        "shadow, reserve",
        "settle",
        "expense.provider_cost 5, liability.provider_payable:openai -5",
    ),
    // Grants: paid for, given, or in place of charges; they pay, get back, and lapse.
    ("", "grant a 60", "asset.clearing 60, liability.grant:a -60"),
    (
        "",
        "grant a 60 promotional",
        "expense.promotion 60, liability.grant:a -60",
    ),
    (
        "",
        "grant a 60 refund",
        "revenue.usage 60, liability.grant:a -60",
    ),
    (
        "grant a 20, reserve",
        "settle",
        "liability.grant:a 20, revenue.usage -30, expense.provider_cost 5, liability.provider_payable:openai -5, \
         liability.prepaid 10",
    ),
    (
        "grant a 60 until 5, wait 5",
        "end a",
        "liability.grant:a 60, revenue.breakage -60",
    ),
    (
        "grant a 60 promotional until 5, wait 5",
        "end a",
        "liability.grant:a 60, expense.promotion -60",
    ),
    (
        "grant a 160 until 5, reserve, wait 5, end a",
        "settle",
        "liability.grant:a 100, revenue.breakage -70, revenue.usage -30, expense.provider_cost 5, \
         liability.provider_payable:openai -5",
    ),
    (
        "overage absorb, reserve",
        "settle reported 1000 30",
        "expense.write_off 60, revenue.usage -1060, expense.provider_cost 30, liability.provider_payable:openai -30, \
         liability.prepaid 1000",
    ),
    ("unpriced", "settle", ""),
    ("wait 86400001", "settle", ""),
];

#[test]
fn every_call_moves_what_it_should_and_nothing_else() {
    for (scene, call, lines) in CASES {
        let mut world = World::with(1_000);
        world.play(scene);
        assert_eq!(moved(&mut world, call), *lines, "{scene} | {call}");
    }
}

#[test]
fn a_request_is_posted_as_of_its_own_time() {
    let mut world = World::with(1_000);
    world.play("reserve, wait 5000");
    world.id = id(crate::world::START + 7);
    let settled = ferry_ledger::Command::Settle(Box::new(ferry_ledger::Settle {
        id: world.id,
        owner: crate::world::owner("edge"),
        settlement: crate::world::settlement(
            crate::world::facts(),
            vec![crate::world::attempt(
                UsageSource::Reported,
                crate::world::usage(1, 1),
            )],
        ),
        offer: world.offer.clone(),
        by: None,
        beyond_cap: false,
    }));
    let decision = ferry_ledger::decide(&world.book, &settled, &crate::world::RULES, world.now);
    let recorded = world
        .book
        .apply(&decision.events[0], world.now)
        .expect("applies");
    assert_eq!(recorded.entry.time, world.now);
    assert_eq!(recorded.transaction.occurred_at.0, crate::world::START + 7);
}

/// Plays everything that moves money, and says what I11 finds once something was changed.
fn i11_after(change: impl Fn(&mut ferry_ledger::Charge)) -> Option<ferry_ledger::Invariant> {
    let mut world = World::with(1_000);
    world.play("reserve, settle, request 1, shadow, reserve, settle reported 9000 9000, enforce");
    world.play("request 2, reserve, renew 8, wait 61000, expire, release");
    world.play("overage absorb, request 3, settle reported 9000 9000");
    let row = world.book.reservations.get_mut(&world.id).expect("a row");
    let ferry_ledger::State::Settled(posting) = &mut row.state else {
        panic!("it is settled");
    };
    assert!(!posting.charge.absorbed.is_zero() && !posting.charge.suspended.is_zero());
    change(&mut posting.charge);
    let found = ferry_ledger::invariant::i11_records_are_the_lines(&world.totals, &world.book);
    found.err().map(|broken| broken.invariant)
}

#[test]
fn records_and_lines_come_to_the_same() {
    use ferry_ledger::{Charge, Invariant};
    let more = |sum: &mut ferry_types::Amount| {
        *sum = sum.plus(crate::world::amount(1)).expect("in range");
    };
    assert_eq!(i11_after(|_| {}), None);
    let changes: [&dyn Fn(&mut Charge); 5] = [
        &|charge| more(&mut charge.charged),
        &|charge| more(&mut charge.absorbed),
        &|charge| more(&mut charge.suspended),
        &|charge| more(&mut charge.costs[0]),
        // The same sum, but another part of it is written off.
        &|charge| std::mem::swap(&mut charge.charged, &mut charge.absorbed),
    ];
    for (n, change) in changes.iter().enumerate() {
        assert_eq!(i11_after(change), Some(Invariant::I11), "change {n}");
    }
}
