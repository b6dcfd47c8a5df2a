//! Steps at random: mostly what gateways really ask, with everything that goes wrong on the way mixed in.

use crate::chance::Chance;
use crate::step::{
    Evidence, Gateway, GrantKind, GrantOrder, Policy, Request, Rules, Source, Step, TopUpOrder,
};
use std::collections::VecDeque;

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
}

impl Kind {
    /// One of them, as often as they really come.
    pub const fn any(chance: &mut Chance) -> Self {
        match chance.below(20) {
            0..7 => Self::Reserve,
            7..11 => Self::Renew,
            11..16 => Self::Settle,
            16..18 => Self::Release,
            _ => Self::Operator,
        }
    }
}

/// What was spoken of so far.
#[derive(Clone, Debug)]
pub struct Draw {
    rules: Rules,
    /// So many at most: older ones are left alone.
    spoken_of: usize,
    requests: VecDeque<Request>,
    /// Requests drawn.
    drawn: u64,
    top_ups: u64,
    grants: u64,
    last_grant: Option<GrantOrder>,
}

impl Draw {
    /// Nothing yet; later so many requests at a time.
    #[must_use]
    pub const fn new(rules: Rules, spoken_of: usize) -> Self {
        Self {
            rules,
            spoken_of,
            requests: VecDeque::new(),
            drawn: 0,
            top_ups: 0,
            grants: 0,
            last_grant: None,
        }
    }

    /// Requests that were spoken of lately.
    pub fn requests(&self) -> impl Iterator<Item = Request> + '_ {
        self.requests.iter().copied()
    }

    /// A step of a kind, at a time, by a gateway if gateways ask it.
    pub fn step(&mut self, kind: Kind, by: Gateway, now: u64, chance: &mut Chance) -> Step {
        match kind {
            Kind::Reserve => Step::Reserve {
                request: self.request(now, 2, chance),
                by,
                other: chance.once_in(20),
                priced: !chance.once_in(25),
            },
            Kind::Renew => Step::Renew {
                request: self.request(now, 30, chance),
                by,
                output: chance.below(9).cast_signed(),
                target: if chance.once_in(2) {
                    chance.below(260).cast_signed()
                } else {
                    0
                },
            },
            Kind::Settle => Step::Settle {
                request: self.request(now, 12, chance),
                by,
                evidence: Evidence::any(chance),
            },
            Kind::Release => Step::Release {
                request: self.request(now, 12, chance),
                by,
            },
            Kind::Operator => self.order(now, chance),
        }
    }

    /// A lease that may have run out, of a request that was spoken of.
    pub fn expiry(&mut self, now: u64, chance: &mut Chance) -> Step {
        let request = self.request(now, u64::MAX, chance);
        Step::Expire { request }
    }

    /// A grant that may have ended; the first one, if there is none.
    pub fn grant_end(&self, chance: &mut Chance) -> Option<Step> {
        (self.grants > 0).then(|| Step::EndGrant {
            number: chance.below(self.grants),
        })
    }

    /// One that was spoken of, or once in so many times a new one; now and then one that is older than anything is remembered.
    fn request(&mut self, now: u64, new_in: u64, chance: &mut Chance) -> Request {
        if self.requests.is_empty() || chance.once_in(new_in) {
            let age = if chance.once_in(40) {
                self.rules.window_ms + 3_600_000
            } else {
                0
            };
            let request = Request {
                drawn_ms: now.saturating_sub(age),
                number: self.drawn,
            };
            self.drawn += 1;
            if self.requests.len() >= self.spoken_of {
                self.requests.pop_front();
            }
            self.requests.push_back(request);
            return request;
        }
        let at = chance.below(self.requests.len() as u64);
        let known = self.requests.get(at as usize).copied();
        known.unwrap_or(Request {
            drawn_ms: now,
            number: 0,
        })
    }

    fn order(&mut self, now: u64, chance: &mut Chance) -> Step {
        match chance.below(12) {
            0..5 => Step::TopUp(self.top_up(chance)),
            5..7 => Step::Grant(self.grant(now, chance)),
            // It is resumed more often than it is paused.
            7 => Step::Pause(chance.once_in(12)),
            8 => Step::PauseKey(chance.once_in(12)),
            9 => Step::Reseller((!chance.once_in(4)).then(|| (chance.below(3) * 1_234) as u16)),
            _ => Step::Overage(match chance.below(3) {
                0 => Policy::Debt,
                1 => Policy::Credit(chance.below(400).cast_signed() + 1),
                _ => Policy::Absorb,
            }),
        }
    }

    /// One in five is a payment that is told of again, one of these with another amount.
    fn top_up(&mut self, chance: &mut Chance) -> TopUpOrder {
        let again = self.top_ups > 0 && chance.once_in(5);
        let number = if again {
            chance.below(self.top_ups)
        } else {
            self.top_ups += 1;
            self.top_ups - 1
        };
        let off = i64::from(again && chance.once_in(3));
        TopUpOrder {
            number,
            units: (number % 7).cast_signed() * 150 + 50 + off,
        }
    }

    fn grant(&mut self, now: u64, chance: &mut Chance) -> GrantOrder {
        if let Some(last) = self.last_grant.filter(|_| chance.once_in(4)) {
            let priority = last.priority + u8::from(chance.once_in(3));
            return GrantOrder { priority, ..last };
        }
        let kinds = [GrantKind::Paid, GrantKind::Promotional, GrantKind::Refund];
        let kind = kinds.get(chance.below(3) as usize);
        let starts_ms = chance.once_in(3).then(|| now + chance.below(120_000));
        let lasts_ms = chance.below(400_000) * (chance.below(4));
        let order = GrantOrder {
            number: self.grants,
            kind: kind.copied().unwrap_or(GrantKind::Paid),
            priority: chance.below(3) as u8,
            models: chance.below(3) as u8,
            providers: chance.below(3) as u8,
            elsewhere: chance.once_in(6),
            starts_ms,
            ends_ms: (!chance.once_in(4)).then(|| starts_ms.unwrap_or(now) + lasts_ms),
            units: chance.below(300).cast_signed() + 1,
        };
        self.grants += 1;
        self.last_grant = Some(order);
        order
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
                0 => 5_000,
                n => (n % 4 * 12).cast_signed(),
            },
            other: chance.once_in(20),
        }
    }
}
