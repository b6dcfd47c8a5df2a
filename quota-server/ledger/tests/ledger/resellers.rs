//! Resellers: what they get a share of, to the ten-thousandth of a unit.

use crate::world::World;
use ferry_ledger::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// "BASIS-POINTS", or "nobody".
pub fn command(words: &[&str]) -> Command {
    let points = match words {
        ["nobody"] => return Command::SetReseller(None),
        [points] => points.parse().expect("a number"),
        _ => panic!("no such reseller: {words:?}"),
    };
    let share = Share::from_basis_points(points).expect("a share");
    Command::SetReseller(Some(("partner".parse().expect("a name"), share)))
}

/// What accounts come to after these steps.
fn sums(world: &mut World, steps: &str) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for step in steps.split(',').map(str::trim) {
        world.moved.clear();
        world.play(step);
        for line in &world.moved {
            *sums.entry(line.account.to_string()).or_insert(0) += line.amount;
        }
    }
    sums
}

/// The balance is 100, and the share is a half. A request is charged 30 unless it says otherwise. What is owed to the reseller after
/// these steps.
#[test]
fn a_share_accrues_on_what_was_paid_and_used() {
    let cases = [
        ("top-up 50 a", 0),
        ("reserve", 0),
        ("settle", 15),
        ("settle, correct a refund 10", 10),
        ("settle, correct a refund 30", 0),
        ("shadow, settle", 0),
        // Of a grant: if somebody paid for it.
        ("grant g 60", 0),
        ("grant g 60, settle", 15),
        ("grant g 60 promotional, settle", 0),
        ("grant g 20 promotional, settle", 5),
        ("grant g 60 until 5, wait 5, end g", 0),
        ("grant g 60 promotional until 5, wait 5, end g", 0),
        // In place of charges: what was given back takes its share along, and earns it again when it is used.
        ("settle, grant g 30 refund", 0),
        ("settle, grant g 30 refund, request 1, settle", 15),
        ("settle, grant g 30 refund until 5, wait 5, end g", 0),
        (
            "grant g 20 until 5, reserve, settle, wait 5, correct a refund 25",
            2,
        ),
        (
            "grant g 20 promotional until 5, reserve, settle, wait 5, correct a refund 25",
            0,
        ),
        // Debt earns once it is paid, and not if it is written off.
        ("settle reported 130 5", 50),
        ("settle reported 130 5, top-up 15 a", 57),
        ("settle reported 130 5, top-up 90 a", 70),
        ("settle reported 130 5, correct a write-off 40", 50),
        ("overage absorb, settle reported 130 5", 50),
        // A bank takes a payment back: what was used of it was not paid after all.
        ("settle, correct a chargeback 100", 0),
        ("settle, correct a chargeback 100, top-up 30 a", 15),
        ("settle, correct a top-up-refund 70", 15),
        // What lies in suspense earns when it is charged, if that is paid.
        (
            "settle reported 9000 9000, correct a suspense-waiver 1000",
            50,
        ),
        (
            "settle reported 9000 9000, top-up 981 a, correct a suspense-charge 100, top-up 100 b",
            590,
        ),
    ];
    for (steps, owed) in cases {
        let mut world = World::with(100);
        let steps = format!("reseller 5000, {steps}");
        let sums = sums(&mut world, &steps);
        let of = |account: &str| sums.get(account).copied().unwrap_or(0);
        assert_eq!(of("liability.reseller_payable:partner"), -owed, "{steps}");
        assert_eq!(of("expense.reseller_share"), owed, "{steps}");
    }
}

#[test]
fn a_share_begins_and_ends_when_it_is_set() {
    let mut world = World::with(100);
    let sums = sums(
        &mut world,
        "settle, reseller 5000, request 1, settle, reseller nobody, request 2, settle, reseller 0, request 3, settle counted 0",
    );
    assert_eq!(sums["liability.reseller_payable:partner"], -15);
    assert_eq!(world.play("reseller 0"), "unchanged");
    assert_eq!(world.play("reseller 1"), "done");
    assert_eq!(Share::from_basis_points(10_001), None);
}

const STEPS: [&str; 20] = [
    "reserve",
    "reserve, settle",
    "settle counted 8",
    "settle estimated",
    "settle",
    "settle reported 90 9",
    "reserve, renew 9, wait 62000, expire",
    "release",
    "end g",
    "end h",
    "wait 40000",
    "top-up 37 ID",
    "overage absorb",
    "overage debt",
    "overage credit-line 50",
    "correct ID refund N",
    "correct ID charge N",
    "correct ID chargeback N",
    "correct ID write-off N",
    "correct ID top-up-refund N",
];

proptest! {
    /// The sum of all shares is the share of the sum, rounded down once: of the money that came in, what is neither left nor lapsed.
    #[test]
    fn shares_add_up(points in 0..=10_000u16, steps in prop::collection::vec((0..STEPS.len(), 0..4u64, 1..60u32), 1..60)) {
        let mut world = World::with(0);
        let mut steps: Vec<String> = steps.iter().enumerate().map(|(at, (step, request, units))| {
            let step = STEPS[*step].replace("ID", &format!("c{at}")).replace('N', &units.to_string());
            format!("request {request}, {step}")
        }).collect();
        steps.insert(0, format!(
            "reseller {points}, top-up 100 first, grant g 50 until 90000, grant h 30 promotional until 80000, grant i 20 refund"
        ));
        let sums = sums(&mut world, &steps.join(", "));
        let of = |account: &str| sums.get(account).copied().unwrap_or(0);
        let paid = of("asset.clearing") + of("liability.prepaid") + of("revenue.breakage");
        let grants = world.book.grants.iter().filter(|(_, grant)| grant.kind != GrantKind::Promotional);
        let paid = grants.fold(paid, |sum, (_, grant)| sum - grant.remaining.units());
        prop_assert_eq!(of("expense.reseller_share"), (paid * i64::from(points)).div_euclid(10_000));
        prop_assert_eq!(of("expense.reseller_share"), -of("liability.reseller_payable:partner"));
        prop_assert_eq!(sums.values().sum::<i64>(), 0);
    }
}
