//! Everything that is stored as version 2, with every field set; and the limits that it came with.

use super::{DRAWN, full_offer, full_reserved, full_row, full_settled, full_settlement};
use crate::world::owner;
use ferry_ledger::event::{Parked, ParkedAfter, Settled};
use ferry_ledger::*;
use ferry_types::Currency;

fn window() -> Window {
    Window {
        start: UnixMs(DRAWN - 1_000),
        end: Some(UnixMs(DRAWN + 1_000)),
    }
}

fn terms() -> LimitTerms {
    LimitTerms {
        measure: Measure::Money,
        span: Span::Day,
        scope: LimitScope {
            key: Some(owner("edge").key),
            model: Some("gpt-4o".into()),
            feature: Some("search".into()),
            environment: Some("prod".into()),
            end_user: Some("ümlaut".into()),
        },
        each: Some(Each::EndUser),
        bound: 5_000_000_000,
        subjects_max: 1_000,
    }
}

fn bare_terms() -> LimitTerms {
    LimitTerms {
        measure: Measure::Requests,
        span: Span::AtOnce,
        scope: LimitScope::default(),
        each: None,
        bound: 0,
        subjects_max: 0,
    }
}

fn counts() -> Counts {
    let counted = |limit, subject, window| Counted {
        limit,
        subject,
        window,
    };
    Counts {
        counted: vec![
            counted(3, Subject::Whole, Window::ALWAYS),
            counted(4, Subject::Unset, window()),
            counted(500, Subject::Named("ümlaut".into()), window()),
        ],
        zones_version: "2025b".into(),
    }
}

pub fn reached() -> LimitReached {
    LimitReached {
        limit: "daily".parse().expect("an id"),
        measure: Measure::Money,
        span: Span::Day,
        of_tenant: true,
        each: Some(Each::EndUser),
        subject: Subject::Named("ümlaut".into()),
        bound: 5_000_000_000,
        counted: 4_900_000_000,
        held: 900_000_000,
        requested: 200_000_000,
        resets_at: Some(UnixMs(DRAWN)),
        resets_in_ms: Some(3_600_000),
        currency: Currency::Usd,
    }
}

pub fn second_events() -> Vec<Event> {
    let id = "daily".parse::<ferry_types::LimitId>().expect("an id");
    let mut reserved = full_reserved(full_offer());
    if let Event::Reserved(reserved) = &mut reserved {
        reserved.counts = counts();
    }
    let settled = || {
        Box::new(Settled {
            counts: counts(),
            ..*full_settled()
        })
    };
    vec![
        reserved,
        Event::Settled(settled()),
        Event::Adjusted(settled()),
        Event::ZoneSet("Europe/Berlin".parse().expect("a zone")),
        Event::LimitSet {
            id: id.clone(),
            terms: Box::new(terms()),
        },
        Event::LimitSet {
            id: id.clone(),
            terms: Box::new(bare_terms()),
        },
        Event::LimitRemoved(id),
        Event::Parked(Box::new(Parked {
            id: crate::world::id(DRAWN),
            owner: owner("edge"),
            settlement: full_settlement(),
            reason: ParkReason::TooOld,
            after: Some(ParkedAfter::Release),
        })),
    ]
}

pub fn limits() -> Vec<Limit> {
    let limit = |terms, window, subjects| Limit {
        terms,
        number: 300,
        window,
        subjects,
    };
    vec![
        limit(terms(), Some(window()), 7),
        limit(bare_terms(), None, 0),
    ]
}

/// One that counts, and one that was refused before its settle was kept.
pub fn second_rows() -> Vec<Reservation> {
    let kept = ParkedSettlement {
        settlement: full_settlement(),
        at: UnixMs(DRAWN),
        seq: 13,
        after: Some(ParkedAfter::Refusal),
    };
    vec![
        Reservation {
            counted: counts().counted,
            ..full_row(full_offer(), State::Open)
        },
        full_row(full_offer(), State::Parked(Box::new(kept))),
    ]
}

pub fn limit_counter() -> Counter {
    Counter {
        held: 300,
        used: u128::from(u64::MAX) + 1,
    }
}
