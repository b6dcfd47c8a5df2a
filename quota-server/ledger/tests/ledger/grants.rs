//! Grants and overage policies: which money burns, what is held of it, what comes back, and what lapses.

use crate::world::{START, World, amount};
use ferry_ledger::{Command, Grant, GrantKind, GrantScope, IssueGrant, UnixMs};
use ferry_types::{Amount, GrantId};
use proptest::prelude::*;
use std::cmp::Ordering;

/// "NAME UNITS [promotional|refund] [first] [until MS] [from MS] [for MODEL]".
pub fn command(words: &[&str]) -> Command {
    let [name, units, rest @ ..] = words else {
        panic!("no such grant: {words:?}");
    };
    let at = |ms: &str| UnixMs(START + ms.parse::<u64>().expect("a number"));
    let mut order = IssueGrant {
        id: name.parse().expect("an id"),
        kind: GrantKind::Paid,
        priority: 5,
        scope: GrantScope::default(),
        starts_at: None,
        expires_at: None,
        amount: amount(units.parse().expect("a number")),
        note: String::new(),
    };
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        let mut next = || *rest.next().expect("a word");
        match *word {
            "promotional" => order.kind = GrantKind::Promotional,
            "refund" => order.kind = GrantKind::Refund,
            "first" => order.priority = 0,
            "until" => order.expires_at = Some(at(next())),
            "from" => order.starts_at = Some(at(next())),
            "for" => order.scope.models = [next().to_owned()].into(),
            "by" => order.scope.providers = [next().to_owned()].into(),
            other => panic!("no such grant: {other}"),
        }
    }
    Command::IssueGrant(Box::new(order))
}

/// The balance is 100. A request holds 100 and is settled at 30, of 20 in and 5 out, unless it says otherwise. Funds are told as
/// "balance/held", then "grant remaining/held" of each.
fn check(cases: &str) {
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [steps, answer, funds] = cells[..] else {
            panic!("three cells: {line}");
        };
        let mut world = World::with(100);
        assert_eq!(world.play(steps), answer, "{line}");
        assert_eq!(world.funds(), funds, "{line}");
    }
}

#[test]
fn grants_burn_first_and_the_balance_covers_the_rest() {
    check(
        "
        grant a 60, reserve                    | granted 100 for 30     | 100/40 a 60/60
        grant a 60, reserve, settle            | settled 30 released 70 | 100/0 a 30/0
        grant a 20, reserve, settle            | settled 30 released 70 | 90/0 a 0/0
        grant a 60, reserve, release           | released               | 100/0 a 60/0
        grant a 300, reserve, request 1, reserve, request 2, reserve | granted 100 for 30 | 100/0 a 300/300
        grant a 50, reserve unlimited          | granted 140 for 50 clamped | 100/90 a 50/50
        grant a 60 for other, reserve          | granted 100 for 30     | 100/100 a 60/0
        grant a 60 for gpt-4o, reserve         | granted 100 for 30     | 100/40 a 60/60
        grant a 60 by azure, reserve           | granted 100 for 30     | 100/100 a 60/0
        grant a 60 from 5000, reserve          | granted 100 for 30     | 100/100 a 60/0
        grant a 60 until 5000, wait 5000, reserve | granted 100 for 30  | 100/100 a 60/0
        shadow, grant a 60, reserve            | granted 100 for 30     | 100/0 a 60/0
        shadow, grant a 60, reserve, settle    | settled 0 released 0   | 100/0 a 60/0
        ",
    );
}

#[test]
fn the_order_is_priority_promotional_narrow_ending_starting_name() {
    check(
        "
        grant a 100, grant b 100 first, reserve                    | granted 100 for 30 | 100/0 a 100/0 b 100/100
        grant a 100, grant b 100 promotional, reserve              | granted 100 for 30 | 100/0 a 100/0 b 100/100
        grant a 100, grant b 100 for gpt-4o, reserve               | granted 100 for 30 | 100/0 a 100/0 b 100/100
        grant a 100 until 90000, grant b 100 until 80000, reserve  | granted 100 for 30 | 100/0 a 100/0 b 100/100
        grant a 100, grant b 100 until 80000, reserve              | granted 100 for 30 | 100/0 a 100/0 b 100/100
        wait 5, grant a 100 from 3, grant b 100 from 2, reserve    | granted 100 for 30 | 100/0 a 100/0 b 100/100
        grant b 100, grant a 100, reserve                          | granted 100 for 30 | 100/0 a 100/100 b 100/0
        grant a 40 first, grant b 30 promotional, grant c 90, reserve | granted 100 for 30 | 100/0 a 40/40 b 30/30 c 90/30
        ",
    );
}

#[test]
fn what_is_unwound_goes_back_where_it_came_from() {
    check(
        "
        grant a 20, reserve, settle counted 4, settle             | settled 30 released 70  | 90/0 a 0/0
        grant a 25, reserve, settle, settle                       | settled 30 released 70  | 95/0 a 0/0
        grant a 25, reserve, settle estimated, settle none        | settled 0 released 100  | 100/0 a 25/0
        grant a 25, reserve, renew 8, wait 61000, expire          | expired 26              | 99/0 a 0/0
        grant a 25, reserve, renew 8, wait 61000, expire, settle  | settled 30 released 70  | 95/0 a 0/0
        grant a 25, reserve, renew 8, wait 61000, expire, release | released                | 100/0 a 25/0
        grant a 120, reserve, settle reported 100 5               | settled 110 released 0  | 100/0 a 10/0
        grant a 110, reserve, settle reported 110 5               | settled 120 released 0  | 90/0 a 0/0
        grant a 20, settle                                        | settled 30 released 0   | 90/0 a 0/0
        ",
    );
}

#[test]
fn what_was_held_at_the_end_is_honoured_and_what_comes_back_lapses() {
    check(
        "
        grant a 60 until 5000, wait 5000, end a                            | done                   | 100/0 a 0/0
        grant a 60 until 5000, wait 4999, end a                            | unchanged              | 100/0 a 60/0
        grant a 60 until 5000, wait 5000, end a, end a                     | unchanged              | 100/0 a 0/0
        grant a 160 until 5000, reserve, wait 5000, end a                  | done                   | 100/0 a 100/100
        grant a 160 until 5000, reserve, wait 5000, end a, settle          | settled 30 released 70 | 100/0 a 0/0
        grant a 160 until 5000, reserve, wait 5000, settle, end a          | done                   | 100/0 a 0/0
        grant a 160 until 5000, reserve, wait 5000, end a, release         | released               | 100/0 a 0/0
        grant a 160 until 5000, reserve, wait 5000, end a, request 1, reserve | granted 100 for 30  | 100/100 a 100/100
        grant a 160 until 5000, reserve, settle, wait 5000, end a, settle none | conflict attempts[0].usage | 100/0 a 0/0
        ",
    );
}

/// Posted or not, the end is the end; what is named after the request is "back".
#[test]
fn what_was_charged_and_comes_back_after_the_end_goes_to_a_short_grant() {
    check(
        "
        grant a 90 until 9, reserve, renew 8, wait 61000, expire, end a, release | released | 100/0 back-1 26/0 a 0/0
        grant a 90 until 9, reserve, renew 8, wait 61000, expire, release | released | 100/0 back-1 26/0 a 64/0
        grant a 90 until 9, reserve, renew 8, wait 61000, expire, release, end a | done | 100/0 back-1 26/0 a 0/0
        grant a 90 until 9, reserve, renew 18, wait 61000, expire, end a, settle | settled 30 released 70 | 100/0 back-1 16/0 a 0/0
        grant a 90 until 9, reserve, renew 8, wait 61000, expire, end a, settle | settled 30 released 70 | 96/0 a 0/0
        grant a 90 until 9, reserve, settle counted 18, wait 9, end a, settle | settled 30 released 70 | 100/0 back-1 16/0 a 0/0
        grant a 90 until 9, reserve, settle counted 18, wait 9, end a, settle none | settled 0 released 100 | 100/0 back-1 46/0 a 0/0
        grant a 90 until 9, reserve, settle estimated, wait 9, end a, settle counted 0, settle none | settled 0 released 100 | 100/0 back-1 10/0 a 0/0
        grant a 20 until 9, grant b 12 until 8, reserve, settle counted 18, wait 9, settle reported 5 0 | settled 5 released 95 | 100/0 back-1 7/0 back-2 20/0 a 0/0 b 0/0
        grant a 20 until 9, grant b 12, reserve, settle counted 18, wait 9, settle reported 5 0 | settled 5 released 95 | 100/0 back-1 15/0 a 0/0 b 12/0
        grant a 90 promotional until 9, reserve, settle counted 18, wait 9, settle, wait 2592000000, end a | done | 100/0 back-1 16/0 a 0/0
        grant a 90 until 9, reserve, settle counted 18, wait 9, settle, request 9, reserve | granted 100 for 30 | 100/84 01a3185c-5000-7707-8707-070707070707-1 16/16 a 44/0
        ",
    );
}

#[test]
fn a_grant_is_issued_once_and_must_be_able_to_burn() {
    check(
        "
        grant a 60, grant a 60                      | unchanged           | 100/0 a 60/0
        grant a 60, grant a 61                      | conflict amount     | 100/0 a 60/0
        grant a 60, grant a 60 promotional          | conflict kind       | 100/0 a 60/0
        grant a 60, grant a 60 first                | conflict priority   | 100/0 a 60/0
        grant a 60, grant a 60 for gpt-4o           | conflict scope      | 100/0 a 60/0
        grant a 60, grant a 60 until 9              | conflict expires_at | 100/0 a 60/0
        grant a 60 from 3, grant a 60 from 4        | conflict starts_at  | 100/0 a 60/0
        grant a 60 from 9 until 9                   | NeverValid          | 100/0
        wait 9, grant a 60 until 9                  | NeverValid          | 100/0
        grant a 0                                   | AmountOutOfRange    | 100/0
        end a                                       | UnknownGrant        | 100/0
        ",
    );
}

#[test]
fn debt_is_owed_credit_is_lent_and_what_is_absorbed_is_written_off() {
    check(
        "
        reserve, settle reported 140 5                          | settled 150 released 0     | -50/0
        reserve, settle reported 140 5, request 1, reserve      | refused tenant_in_debt     | -50/0
        grant a 500, reserve, request 1, settle reported 590 5, request 2, reserve | refused tenant_in_debt | -100/0 a 100/100
        overage absorb, reserve, settle reported 140 5          | settled 100 released 0     | 0/0
        overage absorb, reserve, settle reported 140 5, top-up 100 x, request 1, reserve | granted 100 for 30 | 100/100
        overage absorb, settle reported 140 5                   | settled 100 released 0     | 0/0
        overage absorb, reserve, request 1, settle reported 20 5 | settled 0 released 0      | 100/100
        overage absorb, reserve, settle reported 140 5, settle reported 140 5 | settled 100 released 0 | 0/0
        overage credit-line 200, reserve, request 1, reserve, request 2, reserve | granted 100 for 30 | 100/300
        overage credit-line 200, reserve, settle reported 240 5, request 1, reserve | refused insufficient_funds | -150/0
        overage credit-line 200, reserve, settle reported 340 5, request 1, reserve | refused tenant_in_debt | -250/0
        overage credit-line 100, reserve, request 1, reserve, overage absorb, settle reported 150 5 | settled 100 released 0 | 0/100
        overage credit-line 200, reserve, request 1, reserve, overage debt, request 2, reserve | refused insufficient_funds | 100/200
        overage debt                                            | unchanged                  | 100/0
        overage credit-line 9223372036854775807                 | AmountOutOfRange           | 100/0
        ",
    );
}

fn grants() -> impl Strategy<Value = (GrantId, Grant)> {
    let few = |all: &'static [&'static str]| prop::sample::subsequence(all, 0..=all.len());
    let names = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
    let scope =
        (few(&["m", "n"]), few(&["p", "q"])).prop_map(move |(models, providers)| GrantScope {
            models: names(models),
            providers: names(providers),
        });
    let end = prop::option::of(1..3u64);
    let kind = prop::sample::select(GrantKind::ALL.to_vec());
    (0..3u8, kind, scope, end, 0..2u64, 0..4u8).prop_map(
        |(priority, kind, scope, end, start, name)| {
            let grant = Grant {
                kind,
                priority,
                scope,
                starts_at: UnixMs(start),
                expires_at: end.map(|end| UnixMs(START + end)),
                amount: Amount::ZERO,
                remaining: Amount::ZERO,
                held: Amount::ZERO,
                expired: false,
                seq: 0,
                at: UnixMs::ZERO,
                instead_of: None,
                taken_back: Amount::ZERO,
                balance_paid: Amount::ZERO,
            };
            (format!("g{name}").parse().expect("an id"), grant)
        },
    )
}

proptest! {
    /// A total order: any two are ordered, in one way, and what burns before what burns before burns before.
    #[test]
    fn the_order_is_total(a in grants(), b in grants(), c in grants()) {
        let order = |(id, one): &(GrantId, Grant), (other_id, other): &(GrantId, Grant)| {
            one.burns_before(id, other, other_id)
        };
        prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
        prop_assert_eq!(order(&a, &a), Ordering::Equal);
        if order(&a, &b).is_le() && order(&b, &c).is_le() {
            prop_assert!(order(&a, &c).is_le());
        }
    }

    /// Whatever happens, no money is made or lost: what came in is what is left, what was earned, and what lapsed.
    #[test]
    fn money_is_conserved(
        steps in prop::collection::vec(0..21usize, 1..60),
        ids in prop::collection::vec((0..6u64, 0..99u32), 60),
    ) {
        const STEPS: [&str; 21] = [
            "reserve", "reserve unlimited", "reserve", "settle", "settle counted 8", "settle reported 90 9", "settle none",
            "release", "expire", "renew 9 for 44", "wait 700", "wait 62000", "end a", "end b", "top-up 9 x", "overage absorb",
            "overage credit-line 50", "correct ID grant-chargeback N a", "correct ID grant-chargeback N c", "correct ID grant-refund N a",
            "correct ID refund N",
        ];
        let mut world = World::with(100);
        world.play("grant a 150 until 90000, grant b 70 promotional until 200000, grant c 40 first for gpt-4o");
        let mut sums = std::collections::BTreeMap::new();
        for (at, (step, (id, units))) in steps.iter().zip(&ids).enumerate() {
            world.play(&format!("request {id}"));
            world.moved.clear();
            world.play(&STEPS[*step].replace("ID", &format!("x{at}")).replace('N', &units.to_string()));
            for line in &world.moved {
                *sums.entry(line.account.to_string()).or_insert(0) += line.amount;
            }
        }
        prop_assert_eq!(sums.values().sum::<i64>(), 0);
        let of = |account: &str| sums.get(account).copied().unwrap_or(0);
        let book = &world.book;
        let moved = of("liability.prepaid") + of("asset.receivable");
        prop_assert_eq!(100 - moved, book.posted.units());
        for (id, first) in [("a", 150), ("b", 70), ("c", 40)] {
            let grant = &book.grants[&id.parse::<GrantId>().expect("an id")];
            prop_assert_eq!(first - of(&format!("liability.grant:{id}")), grant.remaining.units());
        }
        let rows = book.reservations.values();
        let earned: i64 = rows.filter_map(|row| row.posting()).map(|posting| posting.charge.due().units()).sum();
        let corrected = |kinds: &[&str]| -> i64 {
            let posted = book.corrections.values();
            let posted = posted.filter(|posted| kinds.contains(&posted.correction.remedy.name()));
            posted.map(|posted| posted.correction.amount.units()).sum()
        };
        prop_assert_eq!(-of("revenue.usage"), earned + of("suspense.unpriced") - corrected(&["refund"]));
        // What a bank took back left: of what is free of the grants, and for the rest of the balance.
        let topped_up: i64 = book.top_ups.values().map(|posted| posted.amount.units()).sum();
        prop_assert_eq!(of("asset.clearing"), topped_up - 100 - corrected(&["grant_chargeback", "grant_refund"]));
        for grant in book.grants.values() {
            prop_assert!(grant.balance_paid.is_zero() || grant.free().is_zero(), "{:?}", grant);
        }
    }
}
