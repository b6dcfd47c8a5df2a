//! One tenant's book, naively.

mod authority;
mod charge;
mod corrections;
mod ends;
mod flags;
mod grants;
mod keys;
mod limits;
mod places;
mod price;
mod requests;
mod reserve;
mod transfers;
mod windows;

pub use authority::{Authority, Judged};
pub use charge::Standing;
pub use grants::Grant;
pub use limits::{Limit, Who, end_of};
pub(crate) use price::{CONTEXT, MEDIAN, limit_of_settle};
pub use requests::{At, Row};

use crate::caller::Key;
use crate::limit::Zone;
use crate::order::{CorrectionOrder, GrantName, KeyOrder, Policy, TopUpOrder};
use crate::request::Request;
use crate::step::{Rules, Step};
use crate::told::Told;
use corrections::Paying;
use keys::Known;
use std::collections::{BTreeMap, BTreeSet};
use transfers::Moved;

/// How far a gateway's clock may be off.
const SKEW_MS_MAX: u64 = 300_000;

/// The book.
#[derive(Clone, Debug)]
pub struct Naive {
    /// What came in less what was charged.
    pub posted: i64,
    /// The server's time.
    pub now: u64,
    /// Entries of its journal.
    pub seq: u64,
    /// Requests that it knows, refused ones included.
    pub rows: BTreeMap<Request, Row>,
    /// Credit beside the balance.
    pub grants: BTreeMap<GrantName, Grant>,
    /// Limits, by their names.
    pub limits: BTreeMap<u8, Limit>,
    /// Of the requests, those that may go on.
    open: BTreeSet<Request>,
    /// When each entry was written, from the first.
    times: Vec<u64>,
    rules: Rules,
    policy: Policy,
    paused: bool,
    keys: BTreeMap<Key, Known>,
    reseller: Option<u16>,
    zone: Zone,
    top_ups: BTreeMap<u64, Paying>,
    corrections: BTreeMap<u64, (CorrectionOrder, u64)>,
    transfers: BTreeMap<u64, Moved>,
}

impl Naive {
    /// A book with one key and so many entries in its journal.
    #[must_use]
    pub fn new(rules: Rules, now: u64, seq: u64) -> Self {
        let first = KeyOrder {
            key: Key::FIRST,
            other: false,
            ends_ms: None,
        };
        let mut new = Self {
            posted: 0,
            now,
            seq,
            rows: BTreeMap::new(),
            grants: BTreeMap::new(),
            limits: BTreeMap::new(),
            open: BTreeSet::new(),
            times: Vec::new(),
            rules,
            policy: Policy::Debt,
            paused: false,
            keys: [(first.key, Known::new(first))].into(),
            reseller: None,
            zone: Zone::Utc,
            top_ups: BTreeMap::new(),
            corrections: BTreeMap::new(),
            transfers: BTreeMap::new(),
        };
        new.note_times();
        new
    }

    /// What open requests hold of the balance.
    #[must_use]
    pub fn held(&self) -> i64 {
        let open = self.open.iter().filter_map(|open| self.rows.get(open));
        open.map(Row::held_of_balance).sum()
    }

    /// How far below zero may be promised.
    #[must_use]
    pub const fn credit(&self) -> i64 {
        match self.policy {
            Policy::Credit(credit) => credit,
            Policy::Debt | Policy::Absorb => 0,
        }
    }

    /// What of the balance is neither spent nor held, with its credit.
    fn free(&self) -> i64 {
        self.posted + self.credit() - self.held()
    }

    /// Carries out what is asked, and answers.
    pub fn step(&mut self, step: Step) -> Told {
        let told = self.carry_out(step);
        self.note_times();
        told
    }

    fn carry_out(&mut self, step: Step) -> Told {
        match step {
            Step::Reserve {
                request,
                by,
                facts,
                offered,
            } => self.reserve(request, by, facts, offered),
            Step::Renew {
                request,
                by,
                output,
                target,
            } => self.renew(request, by, output, target),
            Step::Settle {
                request,
                by,
                evidence,
                offered,
                beyond_cap,
            } => self.settle(request, by, (evidence, offered), beyond_cap),
            Step::Release { request, by } => self.release(request, by),
            Step::Expire { request } => self.expire(request),
            Step::TopUp(order) => self.top_up(order, false),
            Step::Grant(order) => self.grant(order),
            Step::EndGrant { name } => self.end_grant(name),
            Step::Correct(order) => self.correct(order),
            // It takes two books.
            Step::Transfer(_) => Told::Unexpected,
            Step::Pause(paused) => {
                let was = std::mem::replace(&mut self.paused, paused);
                self.changed_if(was != paused)
            }
            Step::SetLimit(order) => self.set_limit(order),
            Step::RemoveLimit(name) => self.remove_limit(name),
            Step::Zone(zone) => {
                let was = std::mem::replace(&mut self.zone, zone);
                self.changed_if(was != zone)
            }
            Step::IssueKey(order) => self.issue_key(order),
            Step::SetKey(key, to) => self.set_key(key, to),
            Step::Overage(policy) => {
                let was = std::mem::replace(&mut self.policy, policy);
                self.changed_if(was != policy)
            }
            Step::Reseller(share) => {
                let was = std::mem::replace(&mut self.reseller, share);
                self.changed_if(was != share)
            }
        }
    }

    /// A month that is over is sealed: an entry that changes nothing.
    pub fn seal(&mut self) {
        self.seq += 1;
        self.note_times();
    }

    /// Whether a payment was credited to it.
    #[must_use]
    pub fn has_top_up(&self, number: u64) -> bool {
        self.top_ups.contains_key(&number)
    }

    /// Money comes in, unless the payment was credited elsewhere.
    pub fn top_up(&mut self, order: TopUpOrder, elsewhere: bool) -> Told {
        let TopUpOrder { number, units } = order;
        match self.top_ups.get(&number) {
            Some(known) if known.units != units => Told::Conflict,
            Some(known) => Told::Done {
                seq: known.seq,
                changed: false,
            },
            None if elsewhere => Told::CreditedElsewhere,
            None => {
                self.posted += units;
                let told = self.changed();
                let seq = self.seq;
                let paying = Paying {
                    units,
                    back: 0,
                    seq,
                };
                self.top_ups.insert(number, paying);
                self.note_times();
                told
            }
        }
    }

    const fn changed_if(&mut self, differs: bool) -> Told {
        if differs {
            self.changed()
        } else {
            self.unchanged()
        }
    }

    const fn changed(&mut self) -> Told {
        self.seq += 1;
        Told::Done {
            seq: self.seq,
            changed: true,
        }
    }

    const fn unchanged(&self) -> Told {
        Told::Done {
            seq: self.seq,
            changed: false,
        }
    }
}
