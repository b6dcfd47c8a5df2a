//! A request's life: reserved, renewed, ended in one of four ways.

use super::charge::Standing;
use super::grants::{Slices, add, draw, total};
use super::keys::UNKNOWN_KEY;
use super::price::{Price, limit_of_settle, price};
use super::{Naive, SKEW_MS_MAX};
use crate::step::{Caller, Evidence, Key, Offered, Request, Source};
use crate::told::Told;

/// Most tokens of output of the model's one model.
const LIMIT_MAX: i64 = 200;

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
    /// When its lease runs out.
    pub until: u64,
    pub(super) by: Caller,
    /// Whether its facts are the other ones, as far as it has any.
    other: Option<bool>,
    pub(super) held: Option<Held>,
    used: Option<i64>,
    /// It is charged if it never shows life.
    charging: bool,
    pub(super) told: Option<Evidence>,
    /// What of its charge came from grants.
    pub(super) slices: Slices,
    pub(super) released: i64,
    /// The entry that brought it where it is; of a refused one, the last before that.
    pub(super) seq: u64,
    /// When it was refused.
    pub(super) refused_ms: u64,
    /// A person decided that it is not charged.
    pub(super) discarded: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) units: i64,
    limit: i64,
    clamped: bool,
    pub(super) slices: Slices,
    /// What was granted before it was raised, and the limit then.
    first: (i64, i64),
}

impl Row {
    pub(super) const fn new(at: At, by: Caller, other: Option<bool>) -> Self {
        Self {
            at,
            by,
            other,
            held: None,
            charged: 0,
            absorbed: 0,
            suspended: 0,
            standing: None,
            slices: Slices::new(),
            used: None,
            charging: false,
            until: 0,
            told: None,
            released: 0,
            seq: 0,
            refused_ms: 0,
            discarded: false,
        }
    }

    /// What it holds now of the balance.
    pub(super) fn held_of_balance(&self) -> i64 {
        match (&self.held, self.at) {
            (Some(held), At::Open) => held.units - total(&held.slices),
            _ => 0,
        }
    }

    const fn ended(&self) -> Told {
        Told::Ended(match self.at {
            At::Refused(_) => "refused",
            At::Open => "open",
            At::Settled | At::Parked => "settled",
            At::Released => "released",
            At::Expired => "expired",
        })
    }
}

impl Naive {
    pub(super) fn reserve(
        &mut self,
        request: Request,
        by: Caller,
        other: bool,
        offered: Offered,
    ) -> Told {
        if !self.has_key(by.key) {
            return Told::Refused(UNKNOWN_KEY);
        }
        if let Some(row) = self.rows.get(&request) {
            let same = row.other.is_none_or(|known| known == other);
            return match row.at {
                _ if row.by != by => Told::Denied,
                _ if !same => Told::Conflict,
                At::Refused(reason) => Told::Refused(reason),
                At::Open => self.granted_again(request),
                At::Settled | At::Released | At::Expired | At::Parked => row.ended(),
            };
        }
        let (held, reason) = match self.judge(request, by.key, offered) {
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
                ..Row::new(At::Refused(reason), by, Some(other))
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
        } = &held;
        let told = Told::Granted {
            units: *units,
            limit: *limit,
            clamped: *clamped,
            lease_ms: self.rules.lease_ms,
        };
        self.hold_grants(slices);
        let until = self.lease();
        self.seq += 1;
        let row = Row {
            held: Some(held),
            until,
            charging: offered == Offered::Charging,
            seq: self.seq,
            ..Row::new(At::Open, by, Some(other))
        };
        self.rows.insert(request, row);
        self.open.insert(request);
        told
    }

    /// Why a request that nobody spoke of yet would be refused now, if it came with this key.
    #[must_use]
    pub fn refusal(&self, request: Request, key: Key) -> Option<&'static str> {
        self.judge(request, key, Offered::Releasing).err()
    }

    /// It was refused for this reason after this entry, and that is kept.
    pub fn refuse(&mut self, request: Request, by: Caller, reason: &'static str, after: u64) {
        let refused = Row {
            seq: after,
            refused_ms: self.now,
            ..Row::new(At::Refused(reason), by, Some(false))
        };
        self.rows.insert(request, refused);
    }

    fn judge(&self, request: Request, key: Key, offered: Offered) -> Result<Held, &'static str> {
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
        if self.is_in_flight(request, key) {
            return Err("idempotency_key_in_use");
        }
        if self.posted + self.credit() < 0 {
            return Err("tenant_in_debt");
        }
        let (input, asked) = request.asks();
        let suiting = self.suiting();
        let available = self.with_balance(suiting.iter().map(|(_, free)| free).sum());
        let (limit, least) = match asked {
            Some(limit) => (limit, 0),
            // Anything under the floor of 10 is of no use.
            None => (((available - input) / 2).min(50), 10),
        };
        let units = input + 2 * limit;
        if limit < least || units > available {
            return Err("insufficient_funds");
        }
        let slices = draw(units, suiting);
        Ok(Held {
            units,
            limit,
            clamped: asked.is_none(),
            slices,
            first: (units, limit),
        })
    }

    /// Whether another request goes on under the same idempotency key, which counts within the customer's key.
    fn is_in_flight(&self, request: Request, key: Key) -> bool {
        let with_key = |open: &Request| self.rows.get(open).is_some_and(|row| row.by.key == key);
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
            })
    }

    pub(super) fn renew(&mut self, request: Request, by: Caller, output: i64, target: i64) -> Told {
        let until = self.lease();
        let open = |row: &Row| row.by == by && row.at == At::Open;
        if self.rows.get(&request).is_some_and(open) {
            self.raise(request, by.key, target);
        }
        match self.rows.get_mut(&request) {
            None => Told::NotFound,
            Some(row) if matches!(row.at, At::Refused(_)) => Told::NotFound,
            Some(row) if row.by != by => Told::Denied,
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

    /// Holds more for an open request, if that is more and there is enough.
    fn raise(&mut self, request: Request, key: Key, target: i64) {
        let limit = target.min(LIMIT_MAX);
        let (input, _) = request.asks();
        let held = self.rows.get(&request).and_then(|row| row.held.as_ref());
        let Some(held) = held.filter(|held| limit > held.limit) else {
            return;
        };
        let more = input + 2 * limit - held.units;
        let suiting = self.suiting();
        let available = self.with_balance(suiting.iter().map(|(_, free)| free).sum());
        let blocked =
            self.key_refusal(key).is_some() || self.paused || self.posted + self.credit() < 0;
        if blocked || more > available {
            return;
        }
        let slices = draw(more, suiting);
        self.hold_grants(&slices);
        let row = self.rows.get_mut(&request);
        if let Some(held) = row.and_then(|row| row.held.as_mut()) {
            held.units += more;
            held.limit = limit;
            add(&mut held.slices, slices);
        }
    }

    pub(super) fn settle(&mut self, request: Request, by: Caller, evidence: Evidence) -> Told {
        let Some(row) = self.rows.get(&request) else {
            if !self.has_key(by.key) {
                return Told::Denied;
            }
            if self.now.saturating_sub(request.drawn_ms) > self.rules.window_ms {
                let told = Some(evidence);
                self.seq += 1;
                let row = Row {
                    told,
                    seq: self.seq,
                    ..Row::new(At::Parked, by, Some(evidence.other))
                };
                self.rows.insert(request, row);
                return Told::Parked;
            }
            self.rows.insert(request, Row::new(At::Settled, by, None));
            return self.post(request, evidence);
        };
        if row.by != by {
            return Told::Denied;
        }
        match (row.at, row.told) {
            (At::Parked, told) if told == Some(evidence) => Told::Parked,
            (At::Parked, _) => Told::Conflict,
            (At::Settled, Some(told)) if told == evidence => self.settled(request),
            // A person has judged: no evidence replaces that, but what comes first is kept.
            (At::Settled, _) if row.standing.is_some() => Told::Conflict,
            (At::Expired, _) if row.standing.is_some() => self.keep(request, evidence),
            (At::Settled, Some(told))
                if told.other != evidence.other || told.source >= evidence.source =>
            {
                Told::Conflict
            }
            _ => self.post(request, evidence),
        }
    }

    /// The charge stands, with the evidence beside it.
    fn keep(&mut self, request: Request, evidence: Evidence) -> Told {
        self.seq += 1;
        let seq = self.seq;
        self.with_row(request, |row| {
            row.at = At::Settled;
            row.told = Some(evidence);
            row.seq = seq;
        });
        self.settled(request)
    }

    pub(super) fn post(&mut self, request: Request, evidence: Evidence) -> Told {
        let Some(row) = self.rows.get_mut(&request) else {
            return Told::Unexpected;
        };
        if matches!(row.at, At::Refused(_)) {
            // Of a refused request nothing is kept beside the refusal.
            *row = Row::new(At::Settled, row.by, None);
        }
        row.told = Some(evidence);
        row.other = row.other.or(Some(evidence.other));
        let (held, limit) = match &row.held {
            Some(held) => (Some(held.units), held.limit),
            None => (None, limit_of_settle()),
        };
        let price = price(request, evidence, held, limit);
        self.charge(request, price, At::Settled);
        self.settled(request)
    }

    fn settled(&self, request: Request) -> Told {
        self.rows
            .get(&request)
            .map_or(Told::Unexpected, |row| Told::Settled {
                charged: row.charged,
                released: row.released,
                seq: row.seq,
            })
    }

    pub(super) fn release(&mut self, request: Request, by: Caller) -> Told {
        let Some(row) = self.rows.get(&request) else {
            if !self.has_key(by.key) {
                return Told::Denied;
            }
            self.seq += 1;
            let row = Row {
                seq: self.seq,
                ..Row::new(At::Released, by, None)
            };
            self.rows.insert(request, row);
            return Told::Released;
        };
        match row.at {
            _ if row.by != by => Told::Denied,
            At::Refused(_) | At::Released => Told::Released,
            At::Settled | At::Parked => Told::Conflict,
            At::Expired if row.standing.is_some() => Told::Conflict,
            At::Open | At::Expired => {
                self.charge(request, Price::NOTHING, At::Released);
                Told::Released
            }
        }
    }

    pub(super) fn expire(&mut self, request: Request) -> Told {
        match self.rows.get(&request) {
            Some(row) if row.at == At::Open && row.until <= self.now => {
                let (units, limit) = match &row.held {
                    Some(held) => (Some(held.units), held.limit),
                    None => (None, 0),
                };
                let evidence = |source, output| Evidence {
                    source,
                    input: 0,
                    output,
                    other: false,
                };
                let price = match row.used {
                    Some(output) => price(request, evidence(Source::Counted, output), units, limit),
                    None if row.charging => {
                        price(request, evidence(Source::Estimated, 0), units, limit)
                    }
                    None => Price::NOTHING,
                };
                Told::Expired(self.charge(request, price, At::Expired))
            }
            Some(row) if row.at == At::Open => Told::NotDue,
            _ => Told::NotOpen,
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

/// The one reason that is not kept: the next call may come from a gateway whose clock was set.
const SKEW: &str = "gateway_clock_skew";
