//! Steps at random: mostly what gateways really ask, with everything that goes wrong on the way mixed in.

mod orders;

use crate::caller::{Caller, Gateway, Key};
use crate::chance::Chance;
use crate::evidence::{Evidence, Served, Source};
use crate::request::{Facts, Request};
use crate::step::{Offered, Rules, Step};
use orders::{About, Orders};
use std::collections::VecDeque;

/// Requests that a person has to judge, of either kind, that are spoken of at a time.
const WAITING_MAX: usize = 3;
/// More tokens than a request can use.
const TOKENS_BEYOND: i64 = 5_000;

/// What kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// May a request go on?
    Reserve,
    /// It goes on.
    Renew,
    /// It is over.
    Settle,
    /// Nothing was sent.
    Release,
    /// What operators do.
    Operator,
    /// An operator adds a key.
    Key,
    /// What a person puts right.
    Correction,
}

impl Kind {
    /// One of them, as often as they really come.
    pub const fn any(chance: &mut Chance) -> Self {
        match chance.below(45) {
            0..14 => Self::Reserve,
            14..22 => Self::Renew,
            22..32 => Self::Settle,
            32..36 => Self::Release,
            36..40 => Self::Operator,
            40 => Self::Key,
            _ => Self::Correction,
        }
    }
}

/// What was spoken of so far.
#[derive(Clone, Debug)]
pub struct Draw {
    rules: Rules,
    /// So many at most: older ones are left alone.
    spoken_of: usize,
    requests: VecDeque<(Request, Key)>,
    /// Of these, those that were too old to be judged when they were first spoken of.
    old: VecDeque<Request>,
    /// Those that were kept for a person.
    parked: VecDeque<Request>,
    /// Those that were settled, as far as it was theirs to be.
    settled: VecDeque<Request>,
    /// And of these those that were said to have used more than they can.
    beyond: VecDeque<Request>,
    /// Requests drawn.
    drawn: u64,
    orders: Orders,
}

impl Draw {
    /// Nothing yet, of this book; later so many requests at a time.
    #[must_use]
    pub fn new(book: usize, rules: Rules, spoken_of: usize) -> Self {
        Self {
            rules,
            spoken_of,
            requests: VecDeque::new(),
            old: VecDeque::new(),
            parked: VecDeque::new(),
            settled: VecDeque::new(),
            beyond: VecDeque::new(),
            drawn: 0,
            orders: Orders::of(book),
        }
    }

    /// Requests that were spoken of lately.
    pub fn requests(&self) -> impl Iterator<Item = Request> + '_ {
        self.requests.iter().map(|(request, _)| *request)
    }

    /// A step of a kind, at a time, by a gateway if gateways ask it.
    pub fn step(&mut self, kind: Kind, by: Gateway, now: u64, chance: &mut Chance) -> Step {
        match kind {
            Kind::Reserve => {
                let (request, by) = self.call(by, now, (2, 40), chance);
                Step::Reserve {
                    request,
                    by,
                    facts: Facts::any(chance),
                    offered: Offered::any(chance),
                }
            }
            Kind::Renew => {
                let (request, by) = self.call(by, now, (30, 40), chance);
                Step::Renew {
                    request,
                    by,
                    output: chance.below(9).cast_signed(),
                    target: if chance.once_in(2) {
                        chance.below(260).cast_signed()
                    } else {
                        0
                    },
                }
            }
            Kind::Settle => {
                let (request, by) = self.call(by, now, (12, 5), chance);
                let evidence = Evidence::any(chance);
                keep(&mut self.settled, request, self.spoken_of);
                if evidence.output >= TOKENS_BEYOND {
                    keep(&mut self.beyond, request, WAITING_MAX);
                }
                Step::Settle {
                    request,
                    by,
                    evidence,
                    offered: Offered::any(chance),
                    beyond_cap: false,
                }
            }
            Kind::Release => {
                let (request, by) = self.call(by, now, (12, 40), chance);
                Step::Release { request, by }
            }
            Kind::Operator => self.orders.any(now, chance),
            Kind::Key => Step::IssueKey(self.orders.key(now, chance)),
            Kind::Correction => {
                let (request, _) = self.request(now, (u64::MAX, 40), chance);
                let any = |of: &VecDeque<Request>, chance: &mut Chance| {
                    let at = chance.below(of.len() as u64) as usize;
                    let found = of.get(at).filter(|_| !chance.once_in(6));
                    found.copied().unwrap_or(request)
                };
                let about = About {
                    request: any(&self.settled, chance),
                    old: any(&self.old, chance),
                    parked: any(&self.parked, chance),
                    beyond: any(&self.beyond, chance),
                };
                Step::Correct(self.orders.correction(about, chance))
            }
        }
    }

    /// A settlement was kept for a person.
    pub fn note_parked(&mut self, request: Request) {
        if !self.parked.contains(&request) {
            keep(&mut self.parked, request, WAITING_MAX);
        }
    }

    /// A lease that may have run out, of a request that was spoken of.
    pub fn expiry(&mut self, now: u64, chance: &mut Chance) -> Step {
        let (request, _) = self.request(now, (u64::MAX, 40), chance);
        Step::Expire { request }
    }

    /// Money for another book.
    pub fn transfer(&mut self, to: usize, chance: &mut Chance) -> Step {
        Step::Transfer(self.orders.transfer(to, chance))
    }

    /// What a gateway's call is about, and with which key: now and then another than the request's.
    fn call(
        &mut self,
        gateway: Gateway,
        now: u64,
        new: (u64, u64),
        chance: &mut Chance,
    ) -> (Request, Caller) {
        let (request, own) = self.request(now, new, chance);
        let key = match chance.below(40) {
            0 => self.orders.known_key(chance),
            1 => self.orders.next_key(),
            _ => own,
        };
        let by = Caller {
            gateway,
            key,
            recovered: false,
        };
        (request, by)
    }

    /// One that was spoken of, or once in so many times a new one; of these, once in so many times one that is older than anything
    /// is remembered.
    fn request(
        &mut self,
        now: u64,
        (new_in, old_in): (u64, u64),
        chance: &mut Chance,
    ) -> (Request, Key) {
        if self.requests.is_empty() || chance.once_in(new_in) {
            let is_old = chance.once_in(old_in);
            let age = if is_old {
                self.rules.window_ms + 3_600_000
            } else {
                0
            };
            let request = Request {
                drawn_ms: now.saturating_sub(age),
                number: self.drawn,
            };
            self.drawn += 1;
            let key = self.orders.recent_key(chance);
            keep(&mut self.requests, (request, key), self.spoken_of);
            if is_old {
                keep(&mut self.old, request, WAITING_MAX);
            }
            return (request, key);
        }
        let at = chance.below(self.requests.len() as u64);
        let known = self.requests.get(at as usize).copied();
        let first = Request {
            drawn_ms: now,
            number: 0,
        };
        known.unwrap_or((first, Key::FIRST))
    }
}

/// One more; the oldest goes, if these are too many.
fn keep<T>(requests: &mut VecDeque<T>, request: T, most: usize) {
    requests.push_back(request);
    if requests.len() > most {
        requests.pop_front();
    }
}

impl Offered {
    const fn any(chance: &mut Chance) -> Self {
        match chance.below(25) {
            0 => Self::Nothing,
            1..13 => Self::Releasing,
            _ => Self::Charging,
        }
    }
}

impl Facts {
    /// Mostly the usual ones, so that the same comes again.
    const fn any(chance: &mut Chance) -> Self {
        match chance.below(60) {
            0 => Self::Elsewhere,
            1 => Self::Switched,
            2 => Self::Offline,
            _ => Self::Usual,
        }
    }
}

impl Served {
    const fn any(chance: &mut Chance) -> Self {
        match chance.below(24) {
            0 => Self::OtherModel,
            1 => Self::OtherTier,
            2 => Self::OtherProvider,
            _ => Self::AsSent,
        }
    }
}

impl Evidence {
    /// What a settle may say, mostly one of a few things, so that the same comes again; now and then more than the request could
    /// have cost.
    pub fn any(chance: &mut Chance) -> Self {
        let source = Source::ALL.get(chance.below(5) as usize);
        Self {
            source: source.copied().unwrap_or(Source::Reported),
            input: (chance.below(3) * 10).cast_signed(),
            output: match chance.below(30) {
                0 if chance.once_in(3) => i64::MAX,
                0..2 => TOKENS_BEYOND,
                n => (n % 4 * 12).cast_signed(),
            },
            facts: Facts::any(chance),
            served: Served::any(chance),
        }
    }
}
