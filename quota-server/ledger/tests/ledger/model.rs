//! Random histories against a naive model: a few lines of integers that know nothing of books, events or codecs.
//!
//! Five ids, two gateways, a hundred steps; every step is also asked twice, so that each history is full of duplicates and of
//! calls that come late or in the wrong order.

use crate::world::{RULES, START, World, attempt, facts, id, owner, settlement, tell, usage};
use ferry_ledger::*;
use ferry_types::{RequestFacts, UsageSource};
use proptest::prelude::*;
use std::collections::BTreeMap;

const IDS: u64 = 5;
/// Waits go up to this: one in six outlasts a lease.
const WAIT_MS_MAX: u64 = 73_000;
const LEASE_MS: u64 = RULES.lease_ms + RULES.margin_ms;

#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve {
        n: u64,
        by: bool,
    },
    Renew {
        n: u64,
        by: bool,
        output: u64,
    },
    Settle {
        n: u64,
        by: bool,
        source: UsageSource,
        input: u64,
        output: u64,
    },
    Release {
        n: u64,
        by: bool,
    },
    Expire {
        n: u64,
    },
    TopUp {
        units: i64,
    },
    Wait {
        ms: u64,
    },
    Pause {
        paused: bool,
    },
    Overage(Policy),
}

/// How far below zero may be promised, and whether what nothing covers is written off.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Policy {
    credit: i64,
    absorbs: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // One call in eight comes from the gateway that is less often used.
    let by = || (0u8..8).prop_map(|n| n > 0);
    let source = prop::sample::select(UsageSource::ALL.to_vec());
    let step = prop_oneof![
        6 => (0..IDS, by()).prop_map(|(n, by)| Step::Reserve { n, by }),
        5 => (0..IDS, by(), 0..9u64).prop_map(|(n, by, output)| Step::Renew { n, by, output }),
        3 => (0..IDS, by(), source, 0..30u64, 0..40u64).prop_map(|(n, by, source, input, output)| {
            Step::Settle { n, by, source, input, output }
        }),
        2 => (0..IDS, by()).prop_map(|(n, by)| Step::Release { n, by }),
        4 => (0..IDS).prop_map(|n| Step::Expire { n }),
        1 => (1..300i64).prop_map(|units| Step::TopUp { units }),
        3 => (0..WAIT_MS_MAX).prop_map(|ms| Step::Wait { ms }),
        1 => any::<bool>().prop_map(|paused| Step::Pause { paused }),
        2 => prop_oneof![
            Just(Policy::default()),
            (1..400i64).prop_map(|credit| Policy { credit, absorbs: false }),
            Just(Policy { credit: 0, absorbs: true }),
        ]
        .prop_map(Step::Overage),
    ];
    proptest::collection::vec(step, 1..100)
}

/// What is asked for under each id: input bound, and limit if there is one.
const ASKED: [(u64, Option<u64>); IDS as usize] = [
    (40, Some(30)),
    (0, Some(1)),
    (40, None),
    (300, Some(200)),
    (15, None),
];

/// Under which idempotency key.
const UNDER: [Option<u8>; IDS as usize] = [Some(1), None, Some(1), None, None];

fn facts_of(n: u64) -> RequestFacts {
    let (input_tokens_max, output_tokens_max) = ASKED[n as usize];
    RequestFacts {
        input_tokens_max,
        output_tokens_max,
        idempotency_key_digest: UNDER[n as usize].map(|byte| [byte; 32]),
        ..facts()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Refused,
    Open,
    Settled,
    Released,
    Expired,
}

#[derive(Clone, Debug)]
struct Row {
    at: At,
    by: bool,
    /// What was granted: money and limit.
    granted: Option<(i64, i64)>,
    charged: i64,
    absorbed: i64,
    renewed: Option<i64>,
    until: u64,
    told: Option<(UsageSource, i64, i64)>,
}

#[derive(Default)]
struct Naive {
    posted: i64,
    now: u64,
    paused: bool,
    policy: Policy,
    rows: BTreeMap<u64, Row>,
}

impl Naive {
    fn held(&self) -> i64 {
        let open = self.rows.values().filter(|row| row.at == At::Open);
        open.filter_map(|row| row.granted)
            .map(|(money, _)| money)
            .sum()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Reserve { n, by } => self.reserve(n, by),
            Step::Renew { n, by, output } => {
                let until = self.now + LEASE_MS;
                if let Some(row) = self.rows.get_mut(&n)
                    && row.at == At::Open
                    && row.by == by
                {
                    row.renewed = Some(row.renewed.unwrap_or(0).max(output as i64));
                    row.until = row.until.max(until);
                }
            }
            Step::Settle {
                n,
                by,
                source,
                input,
                output,
            } => {
                self.settle(n, by, (source, input as i64, output as i64));
            }
            Step::Release { n, by } => {
                let row = self.rows.entry(n).or_insert(unseen(At::Released, by));
                if row.by == by && matches!(row.at, At::Open | At::Expired) {
                    row.at = At::Released;
                    self.posted += std::mem::take(&mut row.charged);
                }
            }
            Step::Expire { n } => {
                if let Some(row) = self.rows.get_mut(&n)
                    && row.at == At::Open
                    && row.until <= self.now
                {
                    let (_, limit) = row.granted.expect("open");
                    let used = row.renewed.map(|output| (UsageSource::Counted, 0, output));
                    let asked = used.map_or(0, |used| price(n, used, None, limit));
                    self.charge(n, asked, At::Expired);
                }
            }
            Step::TopUp { units } => self.posted += units,
            Step::Wait { ms } => self.now += ms,
            Step::Pause { paused } => self.paused = paused,
            Step::Overage(policy) => self.policy = policy,
        }
    }

    fn reserve(&mut self, n: u64, by: bool) {
        let until = self.now + LEASE_MS;
        if let Some(row) = self.rows.get_mut(&n) {
            let left = row.until.saturating_sub(self.now + RULES.margin_ms);
            if row.at == At::Open && row.by == by && left < RULES.lease_ms / 2 {
                row.until = row.until.max(until);
            }
            return;
        }
        let skew = self.now.abs_diff(START + n);
        if skew > 300_000 && !self.paused {
            return;
        }
        let (input, asked) = ASKED[n as usize];
        let input = input as i64;
        let available = self.posted + self.policy.credit - self.held();
        let limit = match asked {
            Some(limit) => limit as i64,
            // Anything under the floor of 10 is refused, below.
            None => ((available - input) / 2).min(50),
        };
        let (least, money) = (asked.map_or(10, |_| 0), input + 2 * limit);
        let mut open = self.rows.iter().filter(|(_, row)| row.at == At::Open);
        let in_use = open
            .any(|(m, _)| UNDER[n as usize].is_some() && UNDER[*m as usize] == UNDER[n as usize]);
        let refused = self.paused
            || in_use
            || self.posted + self.policy.credit < 0
            || limit < least
            || money > available;
        let row = Row {
            granted: (!refused).then_some((money, limit)),
            until,
            ..unseen(if refused { At::Refused } else { At::Open }, by)
        };
        self.rows.insert(n, row);
    }

    fn settle(&mut self, n: u64, by: bool, told: (UsageSource, i64, i64)) {
        let row = self.rows.entry(n).or_insert(unseen(At::Refused, by));
        if row.by != by {
            return;
        }
        if let (At::Settled, Some((source, ..))) = (row.at, row.told)
            && told.0 <= source
        {
            return;
        }
        let (hold, limit) = row.granted.map_or((None, 30), |(m, l)| (Some(m), l));
        row.told = Some(told);
        self.charge(n, price(n, told, hold, limit), At::Settled);
    }

    /// Whoever absorbs takes no more than the request's own money and what nobody else holds.
    fn charge(&mut self, n: u64, asked: i64, to: At) {
        let free = self.posted - self.held();
        let row = self.rows.get_mut(&n).expect("a row");
        let held = row.granted.filter(|_| row.at == At::Open);
        let own = held.map_or(row.charged, |(money, _)| money);
        let charged = match self.policy.absorbs {
            true => asked.min(own + free.max(0)),
            false => asked,
        };
        self.posted += row.charged - charged;
        row.charged = charged;
        row.absorbed = asked - charged;
        row.at = to;
    }
}

fn unseen(at: At, by: bool) -> Row {
    Row {
        at,
        by,
        granted: None,
        charged: 0,
        absorbed: 0,
        renewed: None,
        until: 0,
        told: None,
    }
}

/// One per input token, two per output token; an estimate of 10, but at most the bound, where the input is not known.
fn price(
    n: u64,
    (source, input, output): (UsageSource, i64, i64),
    hold: Option<i64>,
    limit: i64,
) -> i64 {
    let estimate = 10.min(ASKED[n as usize].0 as i64);
    let reported = source == UsageSource::Reported;
    let input = if input == 0 && !reported {
        estimate
    } else {
        input
    };
    let most = (1_000 + 2 * limit) * 102 / 100;
    match (source, hold) {
        (UsageSource::None, _) => 0,
        (UsageSource::Estimated, Some(hold)) => (input + 2 * output).min(hold),
        _ => (input + 2 * output).min(most),
    }
}

fn command(step: Step, reference: usize) -> Option<Command> {
    let gateway = |by: bool| owner(if by { "edge" } else { "other" });
    let reservation = |n: u64| id(START + n);
    Some(match step {
        Step::Reserve { n, by } => Command::Reserve(Box::new(Reserve {
            id: reservation(n),
            owner: gateway(by),
            facts: facts_of(n),
            offer: Some(crate::world::offer().into()),
        })),
        Step::Renew { n, by, output } => Command::Renew(Renew {
            id: reservation(n),
            owner: gateway(by),
            usage: usage(0, output),
        }),
        Step::Settle {
            n,
            by,
            source,
            input,
            output,
        } => {
            let attempts = vec![attempt(source, usage(input, output))];
            Command::Settle(Box::new(Settle {
                id: reservation(n),
                owner: gateway(by),
                settlement: settlement(facts_of(n), attempts),
                offer: Some(crate::world::offer().into()),
                by: None,
                beyond_cap: false,
            }))
        }
        Step::Release { n, by } => Command::Release(Release {
            id: reservation(n),
            owner: gateway(by),
            by: None,
        }),
        Step::Expire { n } => Command::Expire(Expire { id: reservation(n) }),
        Step::TopUp { units } => Command::TopUp(TopUp {
            amount: crate::world::amount(units),
            source: "bank".into(),
            external_reference: reference.to_string(),
            note: String::new(),
        }),
        Step::Pause { paused } => Command::SetTenantState(if paused {
            TenantState::Paused
        } else {
            TenantState::Active
        }),
        Step::Overage(policy) => Command::SetOverage(match policy {
            Policy { absorbs: true, .. } => Overage::Absorb,
            Policy { credit: 0, .. } => Overage::Debt,
            Policy { credit, .. } => Overage::CreditLine(crate::world::amount(credit)),
        }),
        Step::Wait { .. } => return None,
    })
}

fn state(book: &Book, n: u64) -> Option<At> {
    let id = id(START + n);
    let refused = book.refused.contains_key(&id).then_some(At::Refused);
    book.reservations.get(&id).map_or(refused, |row| {
        Some(match row.state {
            State::Open => At::Open,
            State::Settled(_) | State::Parked(_) => At::Settled,
            State::Released(_) => At::Released,
            State::Expired(_) => At::Expired,
        })
    })
}

/// What an ended reservation was charged, and what of it was written off.
fn amounts(book: &Book, n: u64) -> Option<(i64, i64)> {
    let charge = &book.reservations.get(&id(START + n))?.posting()?.charge;
    Some((charge.charged.units(), charge.absorbed.units()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_book_is_what_the_naive_model_says(money in prop::sample::select(vec![50, 150, 500]), steps in steps()) {
        let mut world = World::with(money);
        let mut naive = Naive { posted: money, now: START, ..Naive::default() };
        for (i, step) in steps.into_iter().enumerate() {
            let held = naive.held();
            naive.step(step);
            let told = match (step, command(step, i)) {
                (Step::Wait { ms }, _) => {
                    world.now = world.now.plus_ms(ms);
                    String::new()
                }
                (_, Some(command)) => tell(&world.run(&command)),
                (_, None) => String::new(),
            };
            prop_assert_eq!(world.book.posted.units(), naive.posted, "{:?}: {}", step, told);
            prop_assert_eq!(world.book.held.units(), naive.held(), "{:?}: {}", step, told);
            for n in 0..IDS {
                let expected = naive.rows.get(&n).map(|row| row.at);
                prop_assert_eq!(state(&world.book, n), expected, "id {} after {:?}: {}", n, step, told);
                let charged = naive.rows.get(&n).filter(|row| matches!(row.at, At::Settled | At::Expired));
                let charged = charged.map(|row| (row.charged, row.absorbed));
                prop_assert_eq!(amounts(&world.book, n), charged, "id {} after {:?}: {}", n, step, told);
            }
            // Whatever else happens: more is only put aside where it is there.
            prop_assert!(naive.held() <= held || naive.held() <= naive.posted + naive.policy.credit, "{:?}: {}", step, told);
        }
    }
}
