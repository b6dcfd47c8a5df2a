//! One of everything that is stored, with every field set: what the golden files hold.

use crate::world::{amount, attempt, id, offer, owner, rates, settlement, usage};
use ferry_ledger::event::{Expired, Parked, Raised, Reserved, Settled, ToppedUp};
use ferry_ledger::*;
use ferry_types::{
    Currency, Endpoint, Exchange, ExchangeRate, Mode, Price, Rates, RequestFacts, Settlement, Tags,
    TokenClass, Usage, UsageSource,
};
use std::collections::BTreeSet;
use std::sync::Arc;

mod refusals;
mod second;
pub use refusals::{refusals, refused};
pub use second::{limit_counter, limits, second_events, second_rows};

const DRAWN: u64 = 1_700_000_000_123;

fn full_facts() -> RequestFacts {
    RequestFacts {
        endpoint: Endpoint::ChatCompletions,
        model: "gpt-4o".into(),
        stream: true,
        input_tokens_max: 40,
        input_tokens_estimate: 300,
        input_unbounded: true,
        output_tokens_max: Some(0),
        choices: 3,
        output_audio: true,
        service_tier: "flex".into(),
        route: "openai".into(),
        mode: Mode::Shadow,
        tags: Tags {
            feature: "search".into(),
            environment: "prod".into(),
            end_user: "ümlaut".into(),
            session: "s-1".into(),
            agent: "a-1".into(),
        },
        idempotency_key_digest: Some([0xab; 32]),
        admitted_offline: true,
    }
}

fn full_usage() -> Usage {
    Usage::from_classes(|class| 1 << (9 * class as u64))
}

fn full_rates() -> Rates {
    let price = |units| Some(Price::per_million(amount(units)));
    Rates {
        cached_input: price(0),
        cache_write: price(1),
        audio_input: price(255),
        reasoning: price(256),
        audio_output: price(i64::MAX),
        per_request: amount(77),
        ..rates(1, 2)
    }
}

pub fn full_offer() -> Arc<Offer> {
    let mut full = offer();
    full.customer = full_rates();
    full.output_tokens_median = 450;
    full.currency = Currency::Vnd;
    full.exchange = Some(Exchange {
        from: Currency::Eur,
        rate: ExchangeRate::from_units(29_000_500_000_000).expect("a rate"),
    });
    full.candidates[0].aliases.clear();
    full.candidates.push(Candidate {
        provider: "azure".into(),
        model: "deployment-7".into(),
        aliases: BTreeSet::new(),
        output_limit_field: "max_tokens".into(),
        cost: full_rates(),
    });
    Arc::new(full)
}

/// With what was added since.
fn fuller_offer() -> Arc<Offer> {
    Arc::new(Offer {
        lifeless: Lifeless::Charge,
        ..Offer::clone(&full_offer())
    })
}

/// And with what was added after that.
fn fullest_offer() -> Arc<Offer> {
    let mut fullest = Offer::clone(&fuller_offer());
    fullest.candidates[1].aliases = ["gpt-4o-2024-08-06", "ümlaut"].map(str::to_owned).into();
    Arc::new(fullest)
}

pub fn full_settlement() -> Settlement {
    settlement(
        full_facts(),
        UsageSource::ALL
            .iter()
            .map(|source| attempt(*source, full_usage()))
            .collect(),
    )
}

fn full_charge() -> Charge {
    Charge {
        usage: full_usage(),
        priced: amount(120),
        suspended: amount(20),
        charged: amount(100),
        grants: full_slices(),
        absorbed: amount(3),
        costs: vec![amount(0), amount(61)],
    }
}

fn full_slices() -> Vec<GrantSlice> {
    [("spring", 40), ("summer", 7)]
        .map(|(grant, units)| GrantSlice {
            grant: grant.parse().expect("an id"),
            amount: amount(units),
        })
        .into()
}

pub fn full_grant() -> Grant {
    Grant {
        kind: GrantKind::Promotional,
        priority: 9,
        scope: GrantScope {
            models: ["gpt-4o".into(), "o3".into()].into(),
            providers: ["openai".into()].into(),
        },
        starts_at: UnixMs(DRAWN),
        expires_at: Some(UnixMs(DRAWN + 5)),
        amount: amount(100),
        remaining: amount(60),
        held: amount(40),
        expired: true,
        seq: 17,
        at: UnixMs::ZERO,
        instead_of: Some("winter".parse().expect("an id")),
        taken_back: amount(0),
        balance_paid: amount(0),
    }
}

/// One whose payment was taken back while it was held.
pub fn grant_taken_back() -> Grant {
    Grant {
        kind: GrantKind::Paid,
        taken_back: amount(90),
        balance_paid: amount(30),
        ..full_grant()
    }
}

/// With what was added since.
fn fullest_settled() -> Box<Settled> {
    Box::new(Settled {
        offer: Some(fullest_offer()),
        flags: all_flags(),
        ..*full_settled()
    })
}

pub fn full_settled() -> Box<Settled> {
    Box::new(Settled {
        id: id(DRAWN),
        owner: owner("edge"),
        settlement: full_settlement(),
        offer: Some(full_offer()),
        charge: full_charge(),
        charged_before: amount(5),
        released: amount(6),
        flags: first_flags(),
        by: owner("mesh").principal.into(),
        reissued: full_reissued(),
        counts: Counts::NONE,
    })
}

/// All that there were when the first samples were written.
fn first_flags() -> Flags {
    let first = Flag::ALL
        .into_iter()
        .take_while(|flag| *flag <= Flag::Discarded);
    first.fold(Flags::NONE, Flags::with)
}

fn all_flags() -> Flags {
    Flag::ALL.into_iter().fold(Flags::NONE, Flags::with)
}

pub fn events() -> Vec<Event> {
    let mut events = events_of_requests();
    events.extend(events_of_books());
    events
}

fn events_of_books() -> Vec<Event> {
    vec![
        Event::OverageSet(Overage::CreditLine(amount(500))),
        Event::GrantIssued {
            id: "spring".parse().expect("an id"),
            grant: Box::new(full_grant()),
            note: "welcome".into(),
        },
        Event::GrantExpired {
            id: "spring".parse().expect("an id"),
            lapsed: amount(20),
        },
        full_corrected(Remedy::Refund(id(DRAWN))),
        full_corrected(Remedy::Chargeback(TopUpRef {
            source: "bank".into(),
            external_reference: "r-1".into(),
        })),
        full_corrected(Remedy::WriteOff { entry: 300 }),
        full_corrected(Remedy::GrantRefund("spring".parse().expect("an id"))),
        full_corrected(Remedy::GrantChargeback("spring".parse().expect("an id"))),
        Event::ResellerSet(Some((
            "partner".parse().expect("a name"),
            Share::from_basis_points(1_250).expect("a share"),
        ))),
        Event::ResellerSet(None),
        Event::Transferred(Transferred {
            id: "t-1".parse().expect("an id"),
            direction: Direction::In,
            other: "partner".parse().expect("a name"),
            amount: amount(12),
            note: "for May".into(),
        }),
        Event::MonthSealed(MonthSealed {
            month: Month::new(2026, 10).expect("a month"),
            last_seq: 77,
            last_hash: [0xef; 32],
        }),
        Event::TenantClosed(Box::new(Closing {
            reason: Reason::Fraud,
            approver: "ümit".into(),
            note: "ticket 9".into(),
        })),
        Event::Thawed(Box::new(full_thaw())),
    ]
}

pub fn full_thaw() -> Thaw {
    Thaw {
        reason: Reason::Other,
        approver: "ümit".into(),
        note: "ticket 10".into(),
        frozen_for: "more is freed than is held".into(),
    }
}

pub fn full_correction(remedy: Remedy) -> Correction {
    Correction {
        remedy,
        amount: amount(70),
        reason: Reason::Other,
        approver: "ümit".into(),
        note: "ticket 7".into(),
    }
}

fn full_corrected(remedy: Remedy) -> Event {
    Event::Corrected(Box::new(Corrected {
        id: "c-1".parse().expect("an id"),
        correction: full_correction(remedy),
        grants: full_slices(),
        absorbed: amount(4),
        reissued: full_reissued(),
    }))
}

fn full_reissued() -> Vec<Reissued> {
    vec![Reissued {
        id: "c-1-1".parse().expect("an id"),
        grant: full_grant(),
    }]
}

pub fn full_reserved(offer: Arc<Offer>) -> Event {
    Event::Reserved(Box::new(Reserved {
        id: id(DRAWN),
        owner: owner("edge"),
        facts: full_facts(),
        offer,
        reserved: amount(100),
        output_tokens_max: 30,
        clamped: true,
        lease_until: UnixMs(DRAWN + 61_000),
        would_refuse: "insufficient_funds".into(),
        grants: full_slices(),
        counts: Counts::NONE,
    }))
}

fn events_of_requests() -> Vec<Event> {
    vec![
        Event::TenantOpened {
            name: "Acme".into(),
            currency: Currency::Vnd,
        },
        Event::TenantStateSet(TenantState::Paused),
        Event::KeyIssued {
            key: owner("edge").key,
            label: "backend".into(),
            expires_at: Some(UnixMs(DRAWN)),
            listed: [0xab; 32],
        },
        Event::KeyStateSet {
            key: owner("edge").key,
            to: KeyState::Revoked,
        },
        Event::ToppedUp(ToppedUp {
            amount: amount(i64::MAX),
            source: "bank".into(),
            external_reference: "r-1".into(),
            note: "thanks".into(),
        }),
        full_reserved(full_offer()),
        full_reserved(fuller_offer()),
        full_reserved(fullest_offer()),
        Event::Renewed {
            id: id(DRAWN),
            used: Some(full_usage()),
            lease_until: UnixMs(DRAWN + 99_000),
            raised: Some(Raised {
                reserved: amount(300),
                output_tokens_max: 130,
                grants: full_slices(),
            }),
        },
        Event::Settled(full_settled()),
        Event::Settled(fullest_settled()),
        Event::Adjusted(full_settled()),
        Event::Released {
            id: id(DRAWN),
            owner: owner("edge"),
            released: amount(100),
            returned: amount(26),
            by: owner("mesh").principal.into(),
            reissued: full_reissued(),
        },
        Event::Expired(Box::new(Expired {
            id: id(DRAWN),
            charge: full_charge(),
            released: amount(74),
            flags: first_flags(),
        })),
        Event::Parked(Box::new(Parked {
            id: id(DRAWN),
            owner: owner("edge"),
            settlement: full_settlement(),
            reason: ParkReason::BeyondCap,
            after: None,
        })),
    ]
}

pub fn rows() -> Vec<Reservation> {
    let posting = || {
        Box::new(Posting {
            settlement: Some(full_settlement()),
            charge: full_charge(),
            released: amount(9),
            flags: first_flags(),
            at: UnixMs(DRAWN),
            seq: 12,
            by: owner("mesh").principal.into(),
            standing: Some(Box::new(Standing {
                on_balance: amount(30),
                grants: full_slices(),
                judged: amount(8),
            })),
        })
    };
    let freed = Freed {
        released: amount(100),
        at: UnixMs(DRAWN),
        seq: 11,
    };
    let states = [
        State::Open,
        State::Settled(posting()),
        State::Released(freed),
        State::Expired(posting()),
        State::Parked(Box::new(ParkedSettlement {
            settlement: full_settlement(),
            at: UnixMs::ZERO,
            seq: 0,
            after: None,
        })),
    ];
    let mut rows: Vec<_> = states
        .into_iter()
        .map(|state| full_row(full_offer(), state))
        .collect();
    rows.push(full_row(fuller_offer(), State::Open));
    rows.push(full_row(fullest_offer(), State::Open));
    rows
}

pub fn full_row(offer: Arc<Offer>, state: State) -> Reservation {
    Reservation {
        id: id(DRAWN),
        owner: owner("edge"),
        facts: Some(full_facts()),
        offer: Some(offer),
        hold: Some(Hold {
            granted_at: UnixMs(DRAWN),
            seq: 0,
            reserved: amount(100),
            output_tokens_max: 30,
            clamped: true,
            lease_until: UnixMs(DRAWN + 61_000),
            used: Some(usage(0, 0)),
            would_refuse: "key_paused".into(),
            grants: full_slices(),
            first: Some(First {
                reserved: amount(90),
                output_tokens_max: 25,
            }),
        }),
        state,
        counted: Vec::new(),
    }
}

/// Rows that say where in the journal what made them stands, where the first ones did not.
pub fn placed_rows() -> Vec<Reservation> {
    let [open, _, _, _, parked, ..] = &mut rows()[..] else {
        panic!("an open one and a parked one");
    };
    if let Some(hold) = &mut open.hold {
        hold.seq = 10;
    }
    if let State::Parked(settle) = &mut parked.state {
        (settle.at, settle.seq) = (UnixMs(DRAWN), 13);
    }
    vec![open.clone(), parked.clone()]
}

/// The same of a refusal.
pub fn placed_refusal() -> Refused {
    Refused {
        seq: 14,
        ..refused().remove(0)
    }
}

/// The same of a grant.
pub fn placed_grant() -> Grant {
    Grant {
        at: UnixMs(DRAWN),
        ..full_grant()
    }
}

#[test]
fn the_samples_set_every_class() {
    assert!(
        TokenClass::ALL
            .iter()
            .all(|class| full_usage().of(*class) > 0)
    );
}
