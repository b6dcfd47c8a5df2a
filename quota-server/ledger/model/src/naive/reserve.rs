//! A request asks to go on, and goes on: what is held for it.

use super::grants::{Slices, add, draw};
use super::keys::UNKNOWN_KEY;
use super::price::{CONTEXT, LIMIT_MAX};
use super::requests::{At, Held, Row};
use super::{Naive, SKEW_MS_MAX};
use crate::caller::{Caller, Key};
use crate::request::{Asks, Facts, Request};
use crate::step::Offered;
use crate::told::Told;

/// Most tokens of output where the client set no limit.
const CLAMP: i64 = 50;

impl Naive {
    pub(super) fn reserve(
        &mut self,
        request: Request,
        by: Caller,
        facts: Facts,
        offered: Offered,
    ) -> Told {
        if !self.has_key(by.key) {
            return Told::Refused(UNKNOWN_KEY);
        }
        if let Some(row) = self.rows.get(&request) {
            let same = row.facts.is_none_or(|known| known == facts);
            return match row.at {
                _ if !row.by.is(by) => Told::Denied,
                _ if !same => Told::Conflict,
                At::Refused(reason) => Told::Refused(reason),
                At::Open => self.granted_again(request),
                At::Settled | At::Released | At::Expired | At::Parked => row.ended(),
            };
        }
        let (held, reason) = match self.decide((request, facts), by.key, offered) {
            Ok(held) => (Some(held), ""),
            Err(reason) => (None, reason),
        };
        if reason == SKEW {
            return Told::Refused(reason);
        }
        let Some(held) = held else {
            let refused = Row {
                seq: self.seq,
                refused_ms: self.now,
                ..Row::new(At::Refused(reason), by, Some(facts))
            };
            self.rows.insert(request, refused);
            return Told::Refused(reason);
        };
        let Held {
            units,
            limit,
            clamped,
            slices,
            first: _,
            shadow,
        } = &held;
        let told = Told::Granted {
            units: *units,
            limit: *limit,
            clamped: *clamped,
            lease_ms: self.rules.lease_ms,
            shadow: shadow.is_some(),
        };
        self.hold_grants(slices);
        let counts = match shadow {
            Some(_) => Vec::new(),
            None => self.counts(request, by.key),
        };
        let until = self.lease();
        self.seq += 1;
        let row = Row {
            held: Some(held),
            until,
            charging: offered == Offered::Charging,
            priced: true,
            seq: self.seq,
            ..Row::new(At::Open, by, Some(facts))
        };
        self.rows.insert(request, row);
        self.open.insert(request);
        self.count(request, counts);
        told
    }

    /// Why a request that nobody spoke of yet would be refused now, if it came with this key.
    #[must_use]
    pub fn refusal(&self, request: Request, key: Key) -> Option<&'static str> {
        self.decide((request, Facts::Usual), key, Offered::Releasing)
            .err()
    }

    /// It was refused for this reason after this entry, and that is kept.
    pub fn refuse(&mut self, request: Request, by: Caller, reason: &'static str, after: u64) {
        let refused = Row {
            seq: after,
            refused_ms: self.now,
            ..Row::new(At::Refused(reason), by, Some(Facts::Usual))
        };
        self.rows.insert(request, refused);
    }

    /// What is held for a request, or why nothing is. In shadow mode nothing is held, and it is let through whatever is found; only
    /// without a price, or by a clock that is off, it is refused all the same.
    fn decide(
        &self,
        (request, facts): (Request, Facts),
        key: Key,
        offered: Offered,
    ) -> Result<Held, &'static str> {
        let shadow = request.is_shadow(facts);
        match self.judge((request, shadow), key, offered) {
            Ok(held) if shadow => Ok(Held {
                slices: Slices::new(),
                shadow: Some(""),
                ..held
            }),
            Err(reason) if shadow && reason != SKEW && offered != Offered::Nothing => {
                Ok(Held::unlimited(request, reason))
            }
            judged => judged,
        }
    }

    fn judge(
        &self,
        (request, shadow): (Request, bool),
        key: Key,
        offered: Offered,
    ) -> Result<Held, &'static str> {
        if let Some(reason) = self.key_refusal(key) {
            return Err(reason);
        }
        if self.paused {
            return Err("tenant_paused");
        }
        if self.now.abs_diff(request.drawn_ms) > SKEW_MS_MAX {
            return Err(SKEW);
        }
        if offered == Offered::Nothing {
            return Err("model_not_found");
        }
        let asks = request.asks();
        if let Some(reason) = asks.unsupported {
            return Err(reason);
        }
        if !shadow && self.is_in_flight(request, key) {
            return Err("idempotency_key_in_use");
        }
        if self.posted + self.credit() < 0 {
            return Err("tenant_in_debt");
        }
        let counts = match shadow {
            true => Vec::new(),
            false => self.counts(request, key),
        };
        let room = self.room(&counts, request)?;
        let suiting = self.suiting();
        let available = self.with_balance(suiting.iter().map(|(_, free)| free).sum());
        let (limit, least) = match asks.limit {
            Some(limit) => (limit, 0),
            // Anything under the floor of 10 is of no use.
            None => {
                let affordable = (available - asks.input) / 2 / asks.choices;
                (affordable.min(CLAMP).min(room), 10)
            }
        };
        let units = asks.bound(limit);
        if limit < least || units > available {
            return Err("insufficient_funds");
        }
        Ok(Held {
            units,
            limit,
            clamped: asks.limit.is_none(),
            slices: draw(units, suiting),
            first: (units, limit),
            shadow: None,
        })
    }

    /// Whether another request goes on under the same idempotency key, which counts within the customer's key.
    fn is_in_flight(&self, request: Request, key: Key) -> bool {
        let with_key = |open: &Request| {
            let row = self.rows.get(open);
            row.is_some_and(|row| row.by.key == key && !row.is_shadow(*open))
        };
        let mut open = self.open.iter().filter(|open| with_key(open));
        request.under().is_some() && open.any(|open| open.under() == request.under())
    }

    fn granted_again(&mut self, request: Request) -> Told {
        let (now, rules, until) = (self.now, self.rules, self.lease());
        let Some(row) = self.rows.get_mut(&request) else {
            return Told::Unexpected;
        };
        let left = row.until.saturating_sub(now + rules.margin_ms);
        let anew = left < rules.lease_ms / 2;
        if anew {
            row.until = row.until.max(until);
            self.seq += 1;
        }
        row.held
            .as_ref()
            .map_or(Told::Unexpected, |held| Told::Granted {
                units: held.first.0,
                limit: held.first.1,
                clamped: held.clamped,
                lease_ms: if anew { rules.lease_ms } else { left },
                shadow: held.shadow.is_some(),
            })
    }

    pub(super) fn renew(&mut self, request: Request, by: Caller, output: i64, target: i64) -> Told {
        let until = self.lease();
        let open = |row: &Row| row.by.is(by) && row.at == At::Open;
        if self.rows.get(&request).is_some_and(open) {
            self.raise(request, by.key, target);
        }
        match self.rows.get_mut(&request) {
            None => Told::NotFound,
            Some(row) if matches!(row.at, At::Refused(_)) => Told::NotFound,
            Some(row) if !row.by.is(by) => Told::Denied,
            Some(row) if row.at != At::Open => row.ended(),
            Some(row) => {
                row.used = Some(row.used.unwrap_or(0).max(output));
                row.until = row.until.max(until);
                self.seq += 1;
                Told::Renewed {
                    lease_ms: self.rules.lease_ms,
                    limit: row.held.as_ref().map_or(0, |held| held.limit),
                }
            }
        }
    }

    /// Holds more for an open request, if that is more and there is enough; of one in shadow mode that is only noted.
    fn raise(&mut self, request: Request, key: Key, target: i64) {
        let limit = target.min(LIMIT_MAX);
        let held = self.rows.get(&request).and_then(|row| row.held.as_ref());
        let Some(held) = held.filter(|held| limit > held.limit) else {
            return;
        };
        let shadow = held.shadow.is_some();
        let more = request.asks().bound(limit) - held.units;
        let suiting = self.suiting();
        let available = self.with_balance(suiting.iter().map(|(_, free)| free).sum());
        let blocked = self.key_refusal(key).is_some()
            || self.paused
            || self.posted + self.credit() < 0
            || more > available
            || !self.may_raise(request, request.asks().bound(limit), limit);
        if blocked && !shadow {
            return;
        }
        let slices = if shadow {
            Slices::new()
        } else {
            draw(more, suiting)
        };
        self.hold_grants(&slices);
        let row = self.rows.get_mut(&request);
        if let Some(held) = row.and_then(|row| row.held.as_mut()) {
            held.units += more;
            held.limit = limit;
            add(&mut held.slices, slices);
        }
    }

    /// Open requests whose lease has run out, the longest overdue first.
    #[must_use]
    pub fn overdue(&self) -> Vec<(u64, Request)> {
        let open = self
            .open
            .iter()
            .filter_map(|open| Some((self.rows.get(open)?.until, *open)));
        let mut overdue: Vec<_> = open.filter(|(until, _)| *until <= self.now).collect();
        overdue.sort_unstable();
        overdue
    }

    const fn lease(&self) -> u64 {
        self.now + self.rules.lease_ms + self.rules.margin_ms
    }
}

impl Held {
    /// What would be held if money were no object.
    fn unlimited(request: Request, refused: &'static str) -> Self {
        let asks = request.asks();
        let limit = asks.limit.unwrap_or(CLAMP);
        let units = asks.bound(limit);
        Self {
            units,
            limit,
            clamped: asks.limit.is_none(),
            slices: Slices::new(),
            first: (units, limit),
            shadow: Some(refused),
        }
    }
}

impl Asks {
    /// The most that it can cost with this limit.
    fn bound(self, limit: i64) -> i64 {
        self.input.min(CONTEXT) + 2 * limit * self.choices
    }
}

/// The one reason that is not kept: the next call may come from a gateway whose clock was set.
const SKEW: &str = "gateway_clock_skew";
