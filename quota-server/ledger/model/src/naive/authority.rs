//! What gateways may do, over all books: what is judged before a book is asked.

use super::Naive;
use super::requests::At;
use crate::caller::{Caller, Gateway};
use crate::request::Request;
use crate::step::Step;
use crate::told::Told;
use std::collections::BTreeMap;

const HOUR_MS: u64 = 3_600_000;

/// How many settlements of which nothing is held each gateway has posted in the present clock hour, and how many it may.
#[derive(Clone, Debug)]
pub struct Authority {
    caps: BTreeMap<Gateway, u64>,
    posted: BTreeMap<(Gateway, u64), u64>,
}

/// A step as it is put to its book.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// What is put.
    pub step: Step,
    /// Whose cap it counts for if it is posted, and in which hour.
    counts: Option<(Gateway, u64)>,
}

impl Authority {
    /// Of gateways that may settle so much in an hour.
    #[must_use]
    pub fn new(caps: &[(Gateway, u64)]) -> Self {
        Self {
            caps: caps.iter().copied().collect(),
            posted: BTreeMap::new(),
        }
    }

    /// Puts recovery in the place of whoever made the request, and says what is beyond a cap.
    #[must_use]
    pub fn judge(&self, step: Step, book: &Naive) -> Judged {
        let (Some(request), Some(by)) = (step.request(), step.by()) else {
            return Judged { step, counts: None };
        };
        let counts = (by.gateway, book.now / HOUR_MS);
        let mut step = step.asked_by(book.for_maker(request, by));
        let Step::Settle { beyond_cap, .. } = &mut step else {
            return Judged { step, counts: None };
        };
        if !book.holds_nothing(request) {
            return Judged { step, counts: None };
        }
        let posted = self.posted.get(&counts).copied().unwrap_or(0);
        let cap = self.caps.get(&by.gateway).copied();
        *beyond_cap = cap.is_some_and(|cap| posted >= cap);
        let counts = Some(counts);
        Judged { step, counts }
    }

    /// Counts what was posted.
    pub fn note(&mut self, judged: &Judged, told: Told) {
        if let (Some(counts), Told::Settled { .. }) = (judged.counts, told) {
            *self.posted.entry(counts).or_default() += 1;
        }
    }
}

impl Naive {
    /// Recovery speaks for the gateway that made a request.
    fn for_maker(&self, request: Request, by: Caller) -> Caller {
        let maker = self.rows.get(&request).map(|row| row.by.gateway);
        match (by.gateway, maker) {
            (Gateway::Recovery, Some(gateway)) if gateway != Gateway::Recovery => Caller {
                gateway,
                recovered: true,
                ..by
            },
            _ => by,
        }
    }

    /// Whether nothing is held for a request, nor was charged.
    fn holds_nothing(&self, request: Request) -> bool {
        let row = self.rows.get(&request);
        row.is_none_or(|row| matches!(row.at, At::Refused(_) | At::Released))
    }
}
