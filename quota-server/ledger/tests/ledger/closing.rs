//! Closing a tenant: not with money that is left, for good, and what is in flight ends as it would have.

use crate::verify::{Table, rechain, replay, whole};
use crate::world::{World, amount, offer, owner};
use ferry_ledger::event::ToppedUp;
use ferry_ledger::*;
use ferry_types::{Currency, TenantId};

pub fn command() -> Command {
    Command::CloseTenant(Box::new(closing()))
}

fn closing() -> Closing {
    Closing {
        reason: Reason::Requested,
        approver: "anna".into(),
        note: "ticket 9".into(),
    }
}

/// The balance is 100. A request holds 100 and is settled at 30 unless it says otherwise. Steps, the last answer, and the funds after.
fn check(cases: &str) {
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [steps, answer, funds] = cells[..] else {
            panic!("three cells: {line}");
        };
        let mut world = World::with(100);
        assert_eq!(world.play(steps), answer, "{line}");
        assert_eq!(world.funds(), funds, "{line}");
        let replayed = replay(&world, &world.entries, &Table(offer())).expect("verifies");
        let book = replayed.book();
        assert_eq!(
            (book.state, &book.grants),
            (world.book.state, &world.book.grants)
        );
    }
}

#[test]
fn nobody_is_closed_with_money_that_is_left() {
    check(
        "
        close                                                     | Remains(Remainder { free: Amount(100), owed: Amount(0), grants: [] }) | 100/0
        correct a top-up-refund 99, close                         | Remains(Remainder { free: Amount(1), owed: Amount(0), grants: [] }) | 1/0
        correct a top-up-refund 100, close                        | done | 0/0
        correct a top-up-refund 100, settle, close                | Remains(Remainder { free: Amount(0), owed: Amount(30), grants: [] }) | -30/0
        correct a top-up-refund 100, settle, correct b write-off 30, close | done | 0/0
        correct a top-up-refund 100, settle, top-up 30 paid, close | done | 0/0
        top-up 5 other, reserve, close                            | Remains(Remainder { free: Amount(5), owed: Amount(0), grants: [] }) | 105/100
        correct a top-up-refund 100, grant g 50, close            | Remains(Remainder { free: Amount(0), owed: Amount(0), grants: [(GrantId(\"g\"), Amount(50))] }) | 0/0 g 50/0
        correct a top-up-refund 100, grant g 50 from 5000, close  | Remains(Remainder { free: Amount(0), owed: Amount(0), grants: [(GrantId(\"g\"), Amount(50))] }) | 0/0 g 50/0
        correct a top-up-refund 100, grant g 50, correct b grant-refund 50, close | done | 0/0 g 0/0
        correct a top-up-refund 100, overage credit-line 500, reserve, close | done | 0/100
        ",
    );
}

#[test]
fn credit_that_was_given_lapses_and_what_has_ended_ends() {
    check(
        "
        correct a top-up-refund 100, grant g 50 promotional, close            | done | 0/0 g 0/0
        correct a top-up-refund 100, grant g 50 promotional from 5000, close  | done | 0/0 g 0/0
        correct a top-up-refund 100, grant g 50 refund, close                 | done | 0/0 g 0/0
        correct a top-up-refund 100, grant g 160 promotional, reserve, close  | done | 0/0 g 100/100
        correct a top-up-refund 100, grant g 160 promotional, reserve, close, settle | settled 30 released 70 | 0/0 g 0/0
        correct a top-up-refund 100, grant g 50 until 5000, wait 5000, close  | done | 0/0 g 50/0
        correct a top-up-refund 100, grant g 50 until 5000, wait 5000, close, end g | done | 0/0 g 0/0
        ",
    );
}

#[test]
fn what_is_in_flight_ends_as_it_would_have() {
    check(
        "
        reserve, close                                   | done                   | 100/100
        reserve, close, close                            | unchanged              | 100/100
        reserve, close, reserve                          | granted 100 for 30     | 100/100
        reserve, close, renew 4                          | renewed                | 100/100
        reserve, close, settle                           | settled 30 released 70 | 70/0
        reserve, close, settle counted 4, settle         | settled 30 released 70 | 70/0
        reserve, close, release                          | released               | 100/0
        reserve, renew 8, close, wait 61000, expire      | expired 26             | 74/0
        reserve, renew 8, close, wait 61000, expire, settle | settled 30 released 70 | 70/0
        reserve, close, request 1, settle                | settled 30 released 0  | 70/100
        reserve, close, settle, correct a refund 30      | done                   | 100/0
        reserve, close, settle, correct a top-up-refund 70 | done                 | 0/0
        reserve, close, settle, correct a chargeback 100 | done                   | -30/0
        ",
    );
}

#[test]
fn nothing_new_is_taken_any_more() {
    check(
        "
        reserve, close, request 1, reserve               | refused tenant_closed  | 100/100
        reserve, close, request 1, reserve, reserve      | refused tenant_closed  | 100/100
        reserve, close, top-up 5 other                   | Closed                 | 100/100
        reserve, close, top-up 100 first                 | unchanged              | 100/100
        reserve, close, grant g 5                        | Closed                 | 100/100
        reserve, close, tenant active                    | Closed                 | 100/100
        reserve, tenant paused, close, tenant paused     | Closed                 | 100/100
        reserve, close, overage absorb                   | Closed                 | 100/100
        reserve, close, reseller 1000                    | Closed                 | 100/100
        reserve, key paused, close, key active           | Closed                 | 100/100
        reserve, close, key revoked                      | done                   | 100/100
        reserve, close, freeze, settle                   | frozen                 | 100/100
        reserve, freeze, close                           | Frozen                 | 100/100
        ",
    );
    let mut world = World::with(0);
    world.play("close");
    let another = Command::IssueKey(IssueKey {
        key: "key_00000002".parse().expect("a key's id"),
        label: "late".into(),
        expires_at: None,
        listed: [2; 32],
    });
    assert_eq!(world.run(&another), Answer::Admin(AdminAnswer::Closed));
    // What binds nobody is still recorded, with what it would have met.
    assert_eq!(world.play("shadow, reserve"), "granted 100 for 30");
    let row = world.book.reservations.values().next().expect("a row");
    let hold = row.hold.as_ref().expect("a hold");
    assert_eq!(hold.would_refuse, "tenant_closed");
}

#[test]
fn a_closed_tenants_id_is_never_given_again() {
    let mut world = World::with(0);
    let tenant = world.book.tenant.clone();
    for name in ["Acme", "Another"] {
        let order = OpenTenant {
            name: name.into(),
            currency: Currency::Usd,
        };
        world.play("close");
        let decision = open(&tenant, Some(&world.book), &order);
        assert_eq!(
            (decision.answer, decision.events),
            (AdminAnswer::Closed, vec![])
        );
    }
    let closed = Command::SetTenantState(TenantState::Closed);
    let mut open = World::with(0);
    let only_with_a_reason = AdminAnswer::Conflict { field: "state" };
    assert_eq!(open.run(&closed), Answer::Admin(only_with_a_reason));
}

#[test]
fn money_goes_from_a_closed_book_and_not_to_it() {
    let mut closed = World::with(100);
    closed.play("reserve, close, settle");
    let mut other = World::of("other".parse().expect("a name"), 100);
    let order = |to: &str, units| Transfer {
        id: format!("to-{to}").parse().expect("an id"),
        to: to.parse().expect("a name"),
        amount: amount(units),
        note: String::new(),
    };
    let there = closed.transfer(&mut other, &order("other", 70));
    assert!(matches!(there, Answer::Admin(AdminAnswer::Done { .. })));
    assert_eq!(
        (closed.funds().as_str(), other.funds().as_str()),
        ("0/0", "170/0")
    );
    let back = other.transfer(&mut closed, &order("acme", 1));
    assert_eq!(back, Answer::Admin(AdminAnswer::OtherClosed));
}

/// A journal whose entry `at` from the end was written anew, with the chain made to fit; and what is found of it.
fn forged(steps: &str, at: usize, event: &Event) -> String {
    let mut world = World::with(100);
    world.play(steps);
    let mut entries = world.entries.clone();
    let n = entries.len() - at;
    (entries[n].kind, entries[n].content) = (event.kind(), event.encode());
    rechain(&world, &mut entries);
    let found = replay(&world, &entries, &Table(offer()));
    whole(&found.expect_err("a forgery is found"))
}

#[test]
fn what_a_forger_does_with_a_closed_account_is_found() {
    let key = owner("edge").key;
    let closed = "correct a top-up-refund 100, close, key revoked";
    let other: TenantId = "other".parse().expect("a name");
    for event in [
        Event::ToppedUp(ToppedUp {
            amount: amount(5),
            source: "bank".into(),
            external_reference: "late".into(),
            note: String::new(),
        }),
        Event::TenantStateSet(TenantState::Active),
        Event::TenantClosed(Box::new(closing())),
        Event::OverageSet(Overage::Absorb),
        Event::ResellerSet(None),
        Event::KeyStateSet {
            key: key.clone(),
            to: KeyState::Active,
        },
        Event::KeyIssued {
            key: "key_00000002".parse().expect("a key's id"),
            label: String::new(),
            expires_at: None,
            listed: [2; 32],
        },
        Event::GrantIssued {
            id: "late".parse().expect("an id"),
            grant: Box::new(Grant {
                held: amount(0),
                remaining: amount(100),
                instead_of: None,
                expired: false,
                ..crate::samples::full_grant()
            }),
            note: String::new(),
        },
        Event::Transferred(Transferred {
            id: "t-1".parse().expect("an id"),
            direction: Direction::In,
            other,
            amount: amount(5),
            note: String::new(),
        }),
    ] {
        let found = forged(closed, 1, &event);
        assert!(found.contains("the tenant is closed"), "{event:?}: {found}");
    }
    let early = Event::TenantClosed(Box::new(closing()));
    let found = forged("key paused, correct a top-up-refund 100", 2, &early);
    assert!(found.contains("money that is left"), "{found}");
    let given = "correct a top-up-refund 100, grant g 5 promotional, key paused";
    let found = forged(given, 1, &early);
    assert!(found.contains("has not lapsed"), "{found}");
    let mut world = World::with(100);
    world.play("correct a top-up-refund 100, overage credit-line 500, reserve");
    let reserved = world.entries.last().expect("an entry").clone();
    let reserved = Event::decode(reserved.kind, &reserved.content).expect("reads");
    let lent = "correct a top-up-refund 100, overage credit-line 500, close, key revoked";
    let found = forged(lent, 1, &reserved);
    assert!(found.contains("the tenant is closed"), "{found}");
}
