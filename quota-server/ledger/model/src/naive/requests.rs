//! What is known of a request.

use super::charge::Standing;
use super::flags::Flags;
use super::grants::{Slices, total};
use super::limits::Counted;
use crate::caller::Caller;
use crate::evidence::Evidence;
use crate::request::{Facts, Request};
use crate::told::Told;

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// It was refused.
    Refused(&'static str),
    /// It may go on.
    Open,
    /// It was charged.
    Settled,
    /// Nothing was sent.
    Released,
    /// Its lease ran out.
    Expired,
    /// A person is to judge it.
    Parked,
}

/// All that is known of a request.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it is.
    pub at: At,
    /// What it was charged.
    pub charged: i64,
    /// What was written off.
    pub absorbed: i64,
    /// What is asked beyond what it could have cost.
    pub suspended: i64,
    /// What stands of its charge since a person corrected it.
    pub standing: Option<Standing>,
    /// What is to be known about its charge.
    pub flags: Flags,
    /// When its lease runs out.
    pub until: u64,
    pub(super) by: Caller,
    /// What was said of it, as far as anything was.
    pub(super) facts: Option<Facts>,
    pub(super) held: Option<Held>,
    pub(super) used: Option<i64>,
    /// It is charged if it never shows life.
    pub(super) charging: bool,
    /// Its model's price is known.
    pub(super) priced: bool,
    pub(super) told: Option<Evidence>,
    /// Of one that a person is to judge: what had become of it before.
    pub(super) before: &'static str,
    /// What of its charge came from grants.
    pub(super) slices: Slices,
    pub(super) released: i64,
    /// The entry that brought it where it is; of a refused one, the last before that.
    pub(super) seq: u64,
    /// When it was refused.
    pub(super) refused_ms: u64,
    /// Where it counts.
    pub(super) counted: Vec<Counted>,
    /// Tokens of input and of output that are billed.
    pub(super) tokens: (i128, i128),
}

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) units: i64,
    pub(super) limit: i64,
    pub(super) clamped: bool,
    pub(super) slices: Slices,
    /// What was granted before it was raised, and the limit then.
    pub(super) first: (i64, i64),
    /// It is in shadow mode, and would have been refused for this reason, or for none. Nothing is really held.
    pub(super) shadow: Option<&'static str>,
}

impl Row {
    pub(super) const fn new(at: At, by: Caller, facts: Option<Facts>) -> Self {
        Self {
            at,
            by,
            facts,
            held: None,
            charged: 0,
            absorbed: 0,
            suspended: 0,
            standing: None,
            slices: Slices::new(),
            used: None,
            charging: false,
            priced: false,
            flags: Flags::new(),
            until: 0,
            told: None,
            before: "unreserved",
            released: 0,
            seq: 0,
            refused_ms: 0,
            counted: Vec::new(),
            tokens: (0, 0),
        }
    }

    /// What it holds now of the balance.
    pub(super) fn held_of_balance(&self) -> i64 {
        match (&self.held, self.at) {
            (Some(held), At::Open) if held.shadow.is_none() => held.units - total(&held.slices),
            _ => 0,
        }
    }

    /// Whether it is in shadow mode, as far as anything was said of it.
    pub(super) fn is_shadow(&self, request: Request) -> bool {
        self.facts.is_some_and(|facts| request.is_shadow(facts))
    }

    /// What was really held for it while it was open.
    pub(super) fn granted(&self) -> i64 {
        let held = self.held.as_ref().filter(|held| held.shadow.is_none());
        held.map_or(0, |held| held.units)
    }

    /// In shadow mode: why it would have been refused, if it would have been.
    #[must_use]
    pub fn would_refuse(&self) -> &'static str {
        let held = self.held.as_ref();
        held.and_then(|held| held.shadow).unwrap_or("")
    }

    pub(super) const fn ended(&self) -> Told {
        Told::Ended(match self.at {
            At::Refused(_) => "refused",
            At::Open => "open",
            At::Settled | At::Parked => "settled",
            At::Released => "released",
            At::Expired => "expired",
        })
    }
}
