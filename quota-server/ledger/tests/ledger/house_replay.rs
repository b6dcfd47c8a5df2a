//! The house's journal makes its book again, and with the tenants' books it comes out even.

use crate::house::{Played, money, order, prepay, resolve, set_off, variance};
use crate::world::World;
use ferry_ledger::house::{Cause, Deviation};
use ferry_ledger::*;
use ferry_types::{Currency, MovementId, TenantId};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn replayed(entries: &[Entry]) -> Result<House, Difference> {
    let mut verifier = HouseVerifier::begin();
    for entry in entries {
        verifier.entry(entry)?;
    }
    verifier.replayed()
}

#[test]
fn the_journal_makes_the_book_and_whatever_is_changed_in_it_is_found() {
    let mut played = Played::of(&[
        prepay(9),
        set_off(2),
        variance(4, Deviation::Beyond),
        resolve("m-3", 3, Cause::Rounding),
    ]);
    let sealed = MonthSealed {
        month: "2026-12".parse().expect("a month"),
        last_seq: 4,
        last_hash: played.house.head.hash,
    };
    let answer = played.run(&HouseCommand::SealMonth(sealed));
    let done = HouseAnswer::Done {
        seq: 5,
        changed: true,
    };
    assert_eq!(answer, done);
    let not_over = MonthSealed {
        month: "2027-02".parse().expect("a month"),
        ..sealed
    };
    let early = played.run(&HouseCommand::SealMonth(not_over));
    assert_eq!(early, HouseAnswer::MonthNotOver);
    // All entries are of the same day, after the month that the last one seals: it cannot have ended with the fourth.
    let difference = replayed(&played.entries).expect_err("a false seal");
    assert!(matches!(difference, Difference::Sealed { seq: 5, .. }));
    let entries = &played.entries[..4];
    let house = replayed(entries).expect("agrees");
    assert_eq!(house.movements, played.house.movements);
    assert_eq!(house.advances, played.house.advances);
    assert_eq!(replayed(&[]), Err(Difference::Empty));
    for n in 0..4 {
        let changed = |change: &dyn Fn(&mut Entry)| {
            let mut entries = entries.to_vec();
            change(&mut entries[n]);
            replayed(&entries)
        };
        let changes: [&dyn Fn(&mut Entry); 5] = [
            &|entry| entry.seq += 1,
            &|entry| entry.time.0 -= 1,
            &|entry| entry.kind = 5,
            &|entry| entry.content[4] ^= 1,
            &|entry| entry.previous_hash[0] ^= 1,
        ];
        for (what, change) in changes.iter().enumerate() {
            assert!(changed(change).is_err(), "entry {n}, change {what}");
        }
        // Even where the chain was made anew.
        let forged = changed(&|entry| {
            entry.kind = 5;
            entry.hash = entry.computed_hash(&TenantId::house());
        });
        let unreadable = matches!(forged, Err(Difference::Unreadable { .. }));
        assert!(unreadable, "{forged:?}");
    }
}

fn moves() -> impl Strategy<Value = Move> {
    let currency = prop::sample::select(Currency::ALL.to_vec());
    let money = (0..40i64, currency).prop_map(|(units, currency)| money(units, currency));
    let provider = prop::sample::select(vec!["openai".to_owned(), "azure".to_owned()]);
    let id = (1..60u8).prop_map(|n| format!("m-{n}").parse().expect("an id"));
    let cause = prop::sample::select(Cause::ALL.to_vec());
    let deviation = prop::sample::select(Deviation::ALL.to_vec());
    let of_provider = (provider, money.clone());
    prop_oneof![
        of_provider
            .clone()
            .prop_map(|(provider, money)| Move::Pay { provider, money }),
        of_provider
            .clone()
            .prop_map(|(provider, money)| Move::Prepay { provider, money }),
        of_provider
            .clone()
            .prop_map(|(provider, money)| Move::SetOff { provider, money }),
        money.clone().prop_map(|money| Move::PayReseller {
            reseller: "partner".parse().expect("a name"),
            money,
        }),
        (of_provider, deviation).prop_map(|((provider, money), deviation)| Move::Variance {
            provider,
            money,
            deviation,
        }),
        (id, money.clone(), cause).prop_map(|(variance, money, cause)| Move::Resolve {
            variance,
            money,
            cause,
        }),
        (money.clone(), money).prop_map(|(sold, bought)| Move::Exchange { sold, bought }),
    ]
}

/// A movement; or one that is taken back, if it is there.
#[derive(Clone, Debug)]
enum Step {
    Post(Move),
    Reverse(MovementId),
}

fn steps() -> impl Strategy<Value = Step> {
    let id = (1..60u8).prop_map(|n| format!("m-{n}").parse().expect("an id"));
    prop_oneof![3 => moves().prop_map(Step::Post), 1 => id.prop_map(Step::Reverse)]
}

impl Step {
    fn what(self, house: &House) -> Option<Move> {
        match self {
            Self::Post(what) => Some(what),
            Self::Reverse(movement) => Some(Move::Reverse {
                undone: Box::new(house.movements.get(&movement)?.movement.what.clone()),
                movement,
                reason: Reason::Duplicate,
            }),
        }
    }
}

/// The balances of accounts, in each currency.
fn balances(lines: &[Line]) -> BTreeMap<(String, Currency), i64> {
    let mut balances = BTreeMap::new();
    for line in lines {
        let key = (line.account.to_string(), line.currency);
        *balances.entry(key).or_default() += line.amount;
    }
    balances
}

proptest! {
    /// Whatever is posted: each currency sums to zero; what is owed to a provider over all books is what accrued, more or less
    /// what invoices said, less what was paid; what it has in advance is what the lines say, and the journal makes the book again.
    #[test]
    fn with_the_tenants_books_it_comes_out_even(
        moves in proptest::collection::vec((steps(), 1..60u8), 0..60),
        settled in 0..4u8,
    ) {
        let mut world = World::with(1_000);
        let mut lines = Vec::new();
        for n in 0..settled {
            world.play(&format!("request {n}, reserve, settle"));
            lines.extend(world.moved.clone());
        }
        let accrued = 5 * i64::from(settled);
        let mut played = Played::of(&[]);
        let (mut paid, mut said) = (0, 0);
        for (step, n) in moves {
            let Some(what) = step.what(&played.house) else {
                continue;
            };
            let answer = played.post(order(&format!("m-{n}"), what.clone()));
            if !matches!(answer, HouseAnswer::Done { changed: true, .. }) {
                continue;
            }
            let parts = what.parts();
            let (what, sign) = if let Move::Reverse { undone, .. } = &what {
                (&**undone, -1)
            } else {
                (&what, 1)
            };
            let of_openai = parts.provider == Some("openai") && parts.money.currency == Currency::Usd;
            let units = if of_openai { sign * parts.money.amount.units() } else { 0 };
            match what {
                Move::Pay { .. } | Move::SetOff { .. } => paid += units,
                Move::Variance { deviation: Deviation::Beyond, .. } => said += units,
                Move::Variance { deviation: Deviation::Below, .. } => said -= units,
                Move::Prepay { .. }
                | Move::PayReseller { .. }
                | Move::Resolve { .. }
                | Move::Exchange { .. }
                | Move::Reverse { .. } => {}
            }
        }
        lines.extend(played.lines.clone());
        let balances = balances(&lines);
        for currency in Currency::ALL {
            let of_it = balances.iter().filter(|((_, of), _)| *of == currency);
            prop_assert_eq!(of_it.map(|(_, units)| units).sum::<i64>(), 0);
        }
        let of = |account: &str| balances.get(&(account.into(), Currency::Usd)).copied().unwrap_or(0);
        prop_assert_eq!(-of("liability.provider_payable:openai"), accrued + said - paid);
        for (whose, advance) in &played.house.advances {
            let account = (format!("asset.provider_prepaid:{}", whose.provider), whose.currency);
            prop_assert_eq!(balances.get(&account).copied().unwrap_or(0), advance.units());
        }
        let unresolved = played.house.movements.values().filter_map(|posted| {
            let parts = posted.movement.what.parts();
            let left = parts.money.amount.minus(posted.resolved).expect("not more than it is").units();
            let left = if posted.movement.what.deviation()? == Deviation::Beyond { left } else { -left };
            (posted.reversed_by.is_none() && parts.money.currency == Currency::Usd).then_some(left)
        });
        prop_assert_eq!(of("suspense.variance"), unresolved.sum::<i64>());
        match replayed(&played.entries) {
            Ok(house) => prop_assert_eq!(house, played.house),
            Err(difference) => prop_assert!(played.entries.is_empty(), "{:?}", difference),
        }
    }
}
