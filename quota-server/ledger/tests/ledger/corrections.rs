//! Corrections: what a person can put right, how much of it, what it moves, and what becomes of what comes after.

use crate::samples::full_correction;
use crate::world::{World, amount};
use ferry_ledger::*;
use ferry_types::ReservationId;
use proptest::prelude::*;

/// "ID KIND [UNITS [REFERENCE]]", of the request that the steps are about.
pub fn command(world: &World, words: &[&str]) -> Command {
    let [id, kind, rest @ ..] = words else {
        panic!("no such correction: {words:?}");
    };
    let units = rest
        .first()
        .map_or(0, |units| units.parse().expect("a number"));
    let request = world.id;
    let top_up = || TopUpRef {
        source: "bank".into(),
        external_reference: (*rest.get(1).unwrap_or(&"first")).into(),
    };
    let grant = || rest.get(1).unwrap_or(&"g").parse().expect("an id");
    let remedy = match *kind {
        "refund" => Remedy::Refund(request),
        "top-up-refund" => Remedy::TopUpRefund(top_up()),
        "chargeback" => Remedy::Chargeback(top_up()),
        "grant-refund" => Remedy::GrantRefund(grant()),
        "grant-chargeback" => Remedy::GrantChargeback(grant()),
        "write-off" => Remedy::WriteOff {
            entry: rest
                .get(1)
                .map_or(1, |entry| entry.parse().expect("a number")),
        },
        "charge" => Remedy::Charge(request),
        "suspense-charge" => Remedy::SuspenseCharge(request),
        "suspense-waiver" => Remedy::SuspenseWaiver(request),
        "accept" => Remedy::ParkedAccepted(request),
        "discard" => Remedy::ParkedDiscarded(request),
        other => panic!("no such correction: {other}"),
    };
    Command::Correct(Box::new(Correct {
        id: id.parse().expect("an id"),
        correction: Correction {
            amount: amount(units),
            ..full_correction(remedy)
        },
        offer: world.offer.clone(),
    }))
}

/// The balance is 100. A request is settled at 30 unless it says otherwise. Steps, the last answer, what the last step moved, and
/// the funds after it.
fn check(cases: &str) {
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [steps, answer, lines, funds] = cells[..] else {
            panic!("four cells: {line}");
        };
        let mut world = World::with(100);
        assert_eq!(world.play(steps), answer, "{line}");
        let moved = world.moved.iter();
        let moved = moved.map(|line| format!("{} {}", line.account, line.amount));
        assert_eq!(moved.collect::<Vec<_>>().join(", "), lines, "{line}");
        assert_eq!(world.funds(), funds, "{line}");
    }
}

#[test]
fn a_refund_goes_back_the_way_the_money_came_and_never_beyond_it() {
    check(
        "
        reserve, settle, correct a refund 10        | done | revenue.usage 10, liability.prepaid -10 | 80/0
        settle, correct a refund 30                 | done | revenue.usage 30, liability.prepaid -30 | 100/0
        settle, correct a refund 31                 | Exceeds { most: Amount(30) } | | 70/0
        settle, correct a refund 20, correct b refund 11 | Exceeds { most: Amount(10) } | | 90/0
        settle, correct a refund 0                  | AmountOutOfRange | | 70/0
        settle, correct a refund 10, correct a refund 10 | unchanged | | 80/0
        settle, correct a refund 10, correct a refund 9 | conflict amount | | 80/0
        correct a refund 1                          | UnknownRequest | | 100/0
        reserve, correct a refund 1                 | UnknownRequest | | 100/100
        reserve, release, correct a refund 1        | UnknownRequest | | 100/0
        reserve, renew 8, wait 61000, expire, correct a refund 26 | done | revenue.usage 26, liability.prepaid -26 | 100/0
        grant g 20, reserve, settle, correct a refund 15 | done | liability.grant:g -5, revenue.usage 15, liability.prepaid -10 | 100/0 g 5/0
        grant g 20, reserve, settle, correct a refund 15, correct b refund 15 | done | liability.grant:g -15, revenue.usage 15 | 100/0 g 20/0
        grant g 12, grant h 9, reserve, settle, correct a refund 20 | done | liability.grant:h -9, liability.grant:g -2, revenue.usage 20, liability.prepaid -9 | 100/0 g 2/0 h 9/0
        settle reported 130 5, correct a refund 60  | done | revenue.usage 60, liability.prepaid -20, asset.receivable -40 | 20/0
        shadow, settle, correct a refund 1          | Exceeds { most: Amount(0) } | | 100/0
        settle, freeze, correct a refund 1          | Frozen | | 70/0
        ",
    );
}

#[test]
fn a_refund_into_a_grant_that_has_ended_issues_a_short_one() {
    check(
        "
        grant g 20 until 5, reserve, settle, wait 5, correct a refund 25 | done | liability.grant:a-1 -15, revenue.usage 25, liability.prepaid -10 | 100/0 a-1 15/0 g 0/0
        grant g 20 until 5, reserve, settle, wait 5, end g, correct a refund 25 | done | liability.grant:a-1 -15, revenue.usage 25, liability.prepaid -10 | 100/0 a-1 15/0 g 0/0
        grant g 20 until 5, reserve, settle, wait 5, correct a refund 25, wait 2592000000, end a-1 | done | liability.grant:a-1 15, revenue.breakage -15 | 100/0 a-1 0/0 g 0/0
        grant g 20 promotional until 5, reserve, settle, wait 5, correct a refund 30, wait 2592000000, end a-1 | done | liability.grant:a-1 20, expense.promotion -20 | 100/0 a-1 0/0 g 0/0
        grant g 20 until 5, reserve, settle, wait 5, correct a refund 25, wait 2591999999, request 2591999999, reserve | granted 100 for 30 | | 100/85 a-1 15/15 g 0/0
        grant g 20 until 5, grant a-1 7, reserve, settle, wait 5, correct a refund 25 | conflict id | | 97/0 a-1 0/0 g 0/0
        ",
    );
}

#[test]
fn a_payment_goes_back_as_far_as_it_is_free_and_a_bank_takes_what_it_wants() {
    check(
        "
        correct a top-up-refund 40                  | done | asset.clearing -40, liability.prepaid 40 | 60/0
        correct a top-up-refund 101                 | Exceeds { most: Amount(100) } | | 100/0
        settle, correct a top-up-refund 71          | Exceeds { most: Amount(70) } | | 70/0
        reserve, correct a top-up-refund 1          | Exceeds { most: Amount(0) } | | 100/100
        top-up 50 more, correct a top-up-refund 60 more | Exceeds { most: Amount(50) } | | 150/0
        correct a top-up-refund 40, correct b top-up-refund 61 | Exceeds { most: Amount(60) } | | 60/0
        correct a top-up-refund 40 other            | UnknownTopUp | | 100/0
        correct a chargeback 100                    | done | asset.clearing -100, liability.prepaid 100 | 0/0
        settle, correct a chargeback 100            | done | asset.clearing -100, liability.prepaid 70, asset.receivable 30 | -30/0
        reserve, correct a chargeback 100           | done | asset.clearing -100, liability.prepaid 100 | 0/100
        reserve, correct a chargeback 100, settle   | settled 30 released 70 | revenue.usage -30, expense.provider_cost 5, liability.provider_payable:openai -5, asset.receivable 30 | -30/0
        settle, correct a chargeback 100, request 1, reserve | refused tenant_in_debt | | -30/0
        correct a chargeback 60, correct b chargeback 41 | Exceeds { most: Amount(40) } | | 40/0
        correct a top-up-refund 60, correct b chargeback 41 | Exceeds { most: Amount(40) } | | 40/0
        correct a chargeback 100, top-up 100 first  | unchanged | | 0/0
        correct a chargeback 7 other                | UnknownTopUp | | 100/0
        ",
    );
}

/// The grant is 60 beside a balance of 100; a request holds 100 and is settled at 30.
#[test]
fn the_payment_for_a_grant_goes_back_as_far_as_nothing_of_it_is_used() {
    check(
        "
        grant g 60, correct a grant-refund 40       | done | liability.grant:g 40, asset.clearing -40 | 100/0 g 20/0
        grant g 60, correct a grant-refund 61       | Exceeds { most: Amount(60) } | | 100/0 g 60/0
        grant g 60, settle, correct a grant-refund 31 | Exceeds { most: Amount(30) } | | 100/0 g 30/0
        grant g 60, reserve, correct a grant-refund 1 | Exceeds { most: Amount(0) } | | 100/40 g 60/60
        grant g 60, correct a grant-refund 40, correct b grant-refund 21 | Exceeds { most: Amount(20) } | | 100/0 g 20/0
        grant g 60, correct a grant-refund 40, correct a grant-refund 40 | unchanged | | 100/0 g 20/0
        grant g 60, settle, correct a grant-refund 30, correct b refund 30, correct c grant-refund 31 | Exceeds { most: Amount(30) } | | 100/0 g 30/0
        grant g 60 until 5, wait 5, correct a grant-refund 1 | Exceeds { most: Amount(0) } | | 100/0 g 60/0
        grant g 60 promotional, correct a grant-refund 1 | NotPaidFor | | 100/0 g 60/0
        grant g 60 refund, correct a grant-chargeback 1 | NotPaidFor | | 100/0 g 60/0
        correct a grant-refund 1                    | UnknownGrant | | 100/0
        grant g 60, correct a grant-refund 0        | AmountOutOfRange | | 100/0 g 60/0
        ",
    );
}

#[test]
fn a_bank_takes_a_grant_and_the_balance_pays_what_is_not_free() {
    check(
        "
        grant g 60, correct a grant-chargeback 60   | done | liability.grant:g 60, asset.clearing -60 | 100/0 g 0/0
        grant g 60, settle, correct a grant-chargeback 60 | done | liability.grant:g 30, asset.clearing -60, liability.prepaid 30 | 70/0 g 0/0
        grant g 60, reserve, correct a grant-chargeback 60 | done | asset.clearing -60, liability.prepaid 60 | 40/40 g 60/60
        grant g 160, reserve, correct a grant-chargeback 160 | done | liability.grant:g 60, asset.clearing -160, liability.prepaid 100 | 0/0 g 100/100
        grant g 260, request 1, reserve, request 2, reserve, correct a grant-chargeback 260 | done | liability.grant:g 60, asset.clearing -260, liability.prepaid 100, asset.receivable 100 | -100/0 g 200/200
        grant g 60, correct a grant-chargeback 40, correct b grant-chargeback 21 | Exceeds { most: Amount(20) } | | 100/0 g 20/0
        grant g 60, correct a grant-refund 40, correct b grant-chargeback 21 | Exceeds { most: Amount(20) } | | 100/0 g 20/0
        grant g 60 until 5, wait 5, end g, correct a grant-chargeback 60 | done | asset.clearing -60, liability.prepaid 60 | 40/0 g 0/0
        grant g 60 until 5, wait 5, correct a grant-chargeback 60 | done | liability.grant:g 60, asset.clearing -60 | 100/0 g 0/0
        grant g 60, freeze, correct a grant-chargeback 60 | Frozen | | 100/0 g 60/0
        ",
    );
}

/// What was held is honoured; what of it is not needed goes to the balance that has paid, and so does what comes back later, however
/// it comes, the grant's end included.
#[test]
fn what_comes_back_to_a_grant_that_was_taken_goes_to_the_balance_that_paid() {
    check(
        "
        grant g 160, reserve, correct a grant-chargeback 160, settle | settled 30 released 70 | liability.grant:g 100, revenue.usage -30, expense.provider_cost 5, liability.provider_payable:openai -5, liability.prepaid -70 | 70/0 g 0/0
        grant g 160, reserve, correct a grant-chargeback 160, release | released | liability.grant:g 100, liability.prepaid -100 | 100/0 g 0/0
        grant g 160, reserve, correct a grant-chargeback 80, release | released | liability.grant:g 20, liability.prepaid -20 | 100/0 g 80/0
        grant g 160, reserve, correct a grant-chargeback 160, wait 61000, expire | expired 0 | liability.grant:g 100, liability.prepaid -100 | 100/0 g 0/0
        grant g 160, reserve, renew 8, correct a grant-chargeback 160, wait 61000, expire, release | released | revenue.usage 26, expense.provider_cost -8, liability.provider_payable:openai 8, liability.prepaid -26 | 100/0 g 0/0
        grant g 60, settle, correct a grant-chargeback 60, correct b refund 30 | done | liability.grant:g -30, liability.grant:g 30, revenue.usage 30, liability.prepaid -30 | 100/0 g 0/0
        grant g 60, settle counted 18, correct a grant-chargeback 60, settle | settled 30 released 0 | revenue.usage 46, expense.provider_cost -18, liability.provider_payable:openai 18, revenue.usage -30, expense.provider_cost 5, liability.provider_payable:openai -5, liability.prepaid -16 | 70/0 g 0/0
        grant g 160 until 5, reserve, correct a grant-chargeback 160, wait 5, end g, settle | settled 30 released 70 | liability.grant:g 100, revenue.usage -30, expense.provider_cost 5, liability.provider_payable:openai -5, liability.prepaid -70 | 70/0 g 0/0
        grant g 160 until 5, reserve, correct a grant-chargeback 90, wait 5, end g, settle | settled 30 released 70 | liability.grant:g 100, revenue.breakage -40, revenue.usage -30, expense.provider_cost 5, liability.provider_payable:openai -5, liability.prepaid -30 | 100/0 g 0/0
        grant g 60 until 5, settle, wait 5, end g, correct a grant-chargeback 60, correct b refund 30 | done | liability.grant:g -30, liability.grant:g 30, revenue.usage 30, liability.prepaid -30 | 70/0 g 0/0
        grant g 60 until 5, settle, correct a grant-chargeback 50, wait 5, end g, correct b refund 30 | done | liability.grant:g -20, liability.grant:g 20, liability.grant:b-1 -10, revenue.usage 30, liability.prepaid -20 | 100/0 b-1 10/0 g 0/0
        grant g 90 until 9, reserve, renew 8, wait 5, correct a grant-chargeback 90, wait 61000, expire, end g, settle none | settled 0 released 100 | revenue.usage 26, expense.provider_cost -8, liability.provider_payable:openai 8, liability.prepaid -26 | 100/0 g 0/0
        grant g 60, reserve, correct a grant-chargeback 60, top-up 9223372036854775708 x | AmountOutOfRange | | 40/40 g 60/60
        ",
    );
}

#[test]
fn debt_is_written_off_and_nothing_else_is() {
    check(
        "
        settle reported 130 5, correct a write-off 40 | done | expense.write_off 40, asset.receivable -40 | 0/0
        settle reported 130 5, correct a write-off 15 | done | expense.write_off 15, asset.receivable -15 | -25/0
        settle reported 130 5, correct a write-off 41 | Exceeds { most: Amount(40) } | | -40/0
        correct a write-off 1                       | Exceeds { most: Amount(0) } | | 100/0
        settle reported 130 5, correct a write-off 40 99 | UnknownEntry | | -40/0
        settle reported 130 5, correct a write-off 40 0 | UnknownEntry | | -40/0
        ",
    );
}

#[test]
fn a_charge_by_a_person_is_paid_like_any_other() {
    check(
        "
        settle, correct a charge 20                 | done | revenue.usage -20, liability.prepaid 20 | 50/0
        settle, grant g 15, correct a charge 20     | done | liability.grant:g 15, revenue.usage -20, liability.prepaid 5 | 65/0 g 0/0
        settle, correct a charge 90                 | done | revenue.usage -90, liability.prepaid 70, asset.receivable 20 | -20/0
        overage absorb, settle, correct a charge 90 | done | expense.write_off 20, revenue.usage -90, liability.prepaid 70 | 0/0
        settle, correct a charge 20, correct b refund 50 | done | revenue.usage 50, liability.prepaid -50 | 100/0
        settle, correct a charge 20, correct b refund 51 | Exceeds { most: Amount(50) } | | 50/0
        correct a charge 20                         | UnknownRequest | | 100/0
        shadow, settle, correct a charge 20         | UnknownRequest | | 100/0
        unpriced, settle, correct a charge 20       | done | revenue.usage -20, liability.prepaid 20 | 80/0
        settle, correct a charge 9223372036854775807 | AmountOutOfRange | | 70/0
        settle, correct a charge 9223372036854775777 | done | revenue.usage -9223372036854775777, liability.prepaid 70, asset.receivable 9223372036854775707 | -9223372036854775707/0
        settle, correct a charge 9223372036854775777, correct b charge 1 | AmountOutOfRange | | -9223372036854775707/0
        ",
    );
}

/// What no request like this could have cost lies in suspense: 26,919 of 27,000 with a balance of 100 and 1,081 charged.
#[test]
fn what_is_suspended_is_judged_once() {
    check(
        "
        settle reported 9000 9000, correct a suspense-charge 1000 | done | suspense.unpriced -1000, asset.receivable 1000 | -1981/0
        settle reported 9000 9000, correct a suspense-waiver 1000 | done | expense.write_off 1000, suspense.unpriced -1000 | -981/0
        settle reported 9000 9000, correct a suspense-charge 25920 | Exceeds { most: Amount(25919) } | | -981/0
        settle reported 9000 9000, correct a suspense-charge 919, correct b suspense-waiver 25000 | done | expense.write_off 25000, suspense.unpriced -25000 | -1900/0
        settle reported 9000 9000, correct a suspense-charge 919, correct b suspense-waiver 25001 | Exceeds { most: Amount(25000) } | | -1900/0
        settle reported 9000 9000, correct a suspense-charge 919, correct b refund 2001 | Exceeds { most: Amount(2000) } | | -1900/0
        settle, correct a suspense-charge 1         | Exceeds { most: Amount(0) } | | 70/0
        shadow, settle reported 9000 9000, correct a suspense-waiver 1 | Exceeds { most: Amount(0) } | | 100/0
        ",
    );
}

#[test]
fn a_parked_settle_is_accepted_or_discarded_once() {
    check(
        "
        wait 86400001, settle, correct a accept     | done | revenue.usage -30, expense.provider_cost 5, liability.provider_payable:openai -5, liability.prepaid 30 | 70/0
        wait 86400001, settle, correct a accept, settle | settled 30 released 0 | | 70/0
        wait 86400001, settle, correct a accept, correct b accept | NotParked | | 70/0
        wait 86400001, settle, correct a accept, correct b refund 30 | done | revenue.usage 30, liability.prepaid -30 | 100/0
        wait 86400001, settle, correct a discard    | done | | 100/0
        wait 86400001, settle, correct a discard, settle | settled 0 released 0 | | 100/0
        wait 86400001, settle, correct a discard, settle reported 9 9 | conflict corrected | | 100/0
        wait 86400001, settle estimated, correct a discard, settle | conflict corrected | | 100/0
        wait 86400001, settle, correct a discard, correct b accept | NotParked | | 100/0
        wait 86400001, settle, correct a accept 5   | Exceeds { most: Amount(0) } | | 100/0
        wait 86400001, settle, correct a refund 5   | UnknownRequest | | 100/0
        reserve, release, settle beyond cap, correct a accept | done | revenue.usage -30, expense.provider_cost 5, liability.provider_payable:openai -5, liability.prepaid 30 | 70/0
        settle, correct a accept                    | NotParked | | 70/0
        ",
    );
}

/// A person has judged: no evidence, however good, and no release replaces that. The first evidence after an expiry is kept all the
/// same, with what the provider takes: 5 by the report in the place of 8 by the last renewal.
#[test]
fn what_a_person_corrected_is_final() {
    check(
        "
        reserve, settle estimated, correct a refund 5, settle | conflict corrected | | 95/0
        reserve, settle estimated, correct a refund 5, settle estimated | settled 10 released 90 | | 95/0
        reserve, renew 8, wait 61000, expire, correct a refund 5, settle | settled 26 released 74 | revenue.usage 26, expense.provider_cost -8, liability.provider_payable:openai 8, revenue.usage -26, expense.provider_cost 5, liability.provider_payable:openai -5 | 79/0
        reserve, renew 8, wait 61000, expire, correct a refund 5, settle, settle | settled 26 released 74 | | 79/0
        reserve, renew 8, wait 61000, expire, correct a refund 5, settle, settle reported 9 9 | conflict corrected | | 79/0
        reserve, renew 8, wait 61000, expire, correct a refund 5, settle, release | conflict | | 79/0
        reserve, renew 8, wait 61000, expire, correct a refund 5, settle, correct b refund 21 | done | revenue.usage 21, liability.prepaid -21 | 100/0
        reserve, renew 8, wait 61000, expire, correct a refund 5, settle, correct b refund 22 | Exceeds { most: Amount(21) } | | 79/0
        grant g 50 until 9, reserve, renew 8, wait 61000, expire, end g, correct a refund 5, settle | settled 26 released 74 | revenue.usage 26, expense.provider_cost -8, liability.provider_payable:openai 8, revenue.usage -26, expense.provider_cost 5, liability.provider_payable:openai -5 | 100/0 a-1 5/0 g 0/0
        reserve, renew 8, wait 61000, expire, correct a refund 5, release | conflict | | 79/0
        ",
    );
}

proptest! {
    /// Whatever a person puts right in whatever order: every invariant holds after each step, lines and records agree (I11),
    /// nobody gets back more than was paid, and a trial balance is zero.
    #[test]
    fn corrections_conserve_money(steps in prop::collection::vec((0..STEPS.len(), 0..4u64, 0..60u32), 1..60)) {
        let mut world = World::with(100);
        world.play("grant g 50 until 90000, grant h 30 promotional until 200000");
        let mut sum = 0;
        for (at, (step, request, units)) in steps.iter().enumerate() {
            world.play(&format!("request {request}"));
            world.moved.clear();
            world.play(&STEPS[*step].replace("ID", &format!("c{at}")).replace('N', &units.to_string()));
            sum += world.moved.iter().map(|line| line.amount).sum::<i64>();
        }
        prop_assert_eq!(sum, 0);
        for (id, row) in &world.book.reservations {
            prop_assert!(refunded(&world.book, *id) <= paid(&world.book, row), "{id}");
        }
    }
}

const STEPS: [&str; 20] = [
    "reserve",
    "reserve, settle",
    "settle",
    "settle counted 8",
    "settle reported 9000 900",
    "reserve, renew 9, wait 62000, expire",
    "release",
    "wait 40000",
    "end g",
    "wait 86400001, settle",
    "correct ID refund N",
    "correct ID charge N",
    "correct ID suspense-charge N",
    "correct ID suspense-waiver N",
    "correct ID chargeback N",
    "correct ID grant-refund N",
    "correct ID grant-chargeback N",
    "correct ID write-off N",
    "correct ID accept",
    "correct ID discard",
];

fn sum_of(book: &Book, id: ReservationId, kinds: &[&str]) -> i64 {
    let corrections = book.corrections.values();
    let own = corrections.filter(|posted| {
        let remedy = &posted.correction.remedy;
        remedy.request() == Some(id) && kinds.contains(&remedy.name())
    });
    own.map(|posted| posted.correction.amount.units() - posted.absorbed.units())
        .sum()
}

fn refunded(book: &Book, id: ReservationId) -> i64 {
    sum_of(book, id, &["refund"])
}

fn paid(book: &Book, row: &Reservation) -> i64 {
    row.charged().units() + sum_of(book, row.id, &["charge", "suspense_charge"])
}
