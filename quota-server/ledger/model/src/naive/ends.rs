//! A request ends: it is settled, released, or its lease runs out.

use super::Naive;
use super::flags::{self, Flags};
use super::limits::Counted;
use super::price::{Billed, Price};
use super::requests::{At, Row};
use crate::caller::Caller;
use crate::evidence::{Evidence, Served, Source};
use crate::request::{Facts, Request};
use crate::step::Offered;
use crate::told::Told;

impl Naive {
    pub(super) fn settle(
        &mut self,
        request: Request,
        by: Caller,
        (evidence, offered): (Evidence, Offered),
        beyond_cap: bool,
    ) -> Told {
        let Some(row) = self.rows.get(&request) else {
            if !self.has_key(by.key) {
                return Told::Denied;
            }
            let age_ms = self.now.saturating_sub(request.drawn_ms);
            if age_ms > self.rules.window_ms || beyond_cap {
                return self.park(request, by, evidence);
            }
            self.rows.insert(request, Row::new(At::Settled, by, None));
            return self.post(request, by, (evidence, offered), Some("unreserved"));
        };
        if !row.by.is(by) {
            return Told::Denied;
        }
        let from = match (row.at, row.told) {
            (At::Parked, told) if told == Some(evidence) => return Told::Parked,
            (At::Parked, _) => return Told::Conflict,
            (At::Settled, Some(told)) if told == evidence => return self.settled(request),
            // A person has judged: no evidence replaces that, but what comes first is kept.
            (At::Settled, _) if row.standing.is_some() => return Told::Conflict,
            (At::Settled, Some(told)) if !evidence.is_better(told) => return Told::Conflict,
            (At::Settled, _) => Some("adjusted"),
            (At::Refused(_) | At::Released, _) if beyond_cap => {
                return self.park(request, by, evidence);
            }
            (At::Refused(_), _) => Some("after_refusal"),
            (At::Released, _) => Some("after_release"),
            (At::Expired, _) => Some("after_expiry"),
            (At::Open, _) => None,
        };
        self.post(request, by, (evidence, offered), from)
    }

    /// It is kept for a person, with what was reserved before it was released; of a refused one nothing is kept beside the refusal.
    fn park(&mut self, request: Request, by: Caller, evidence: Evidence) -> Told {
        self.seq += 1;
        let known = self.rows.remove(&request);
        let before = match known.as_ref().map(|row| row.at) {
            Some(At::Refused(_)) => "after_refusal",
            Some(At::Released) => "after_release",
            _ => "unreserved",
        };
        let released = known.filter(|row| row.at == At::Released);
        let row = released.unwrap_or_else(|| Row::new(At::Parked, by, None));
        let row = Row {
            at: At::Parked,
            told: Some(evidence),
            facts: row.facts.or(Some(evidence.facts)),
            before,
            seq: self.seq,
            ..row
        };
        self.rows.insert(request, row);
        Told::Parked
    }

    /// Charges what was used, unless a person has judged what is charged: then the evidence is kept beside that.
    pub(super) fn post(
        &mut self,
        request: Request,
        by: Caller,
        (evidence, offered): (Evidence, Offered),
        from: Option<&'static str>,
    ) -> Told {
        let counts = self.counts_of_unreserved(request, evidence.facts);
        let Some(row) = self.rows.get_mut(&request) else {
            return Told::Unexpected;
        };
        if matches!(row.at, At::Refused(_)) {
            // Of a refused request nothing is kept beside the refusal.
            *row = Row::new(At::Settled, row.by, None);
        }
        row.told = Some(evidence);
        row.priced |= offered != Offered::Nothing;
        let said = evidence.facts;
        // What was reserved is charged, whatever is said now.
        let facts = match (&row.held, row.facts) {
            (Some(_), Some(reserved)) => reserved,
            _ => said,
        };
        row.facts = row.facts.or(Some(said));
        let billed = Billed::of(row, request, facts);
        let price = billed.price(evidence);
        let tokens = billed.tokens(evidence);
        let mut flags = flags::of_evidence(evidence, &billed, &price);
        flags.extend(from);
        flags.extend(
            row.flags
                .iter()
                .filter(|flag| flags::HISTORY.contains(flag)),
        );
        if by.recovered {
            flags.insert("recovered");
        }
        if said != facts {
            flags.insert("other_facts");
        }
        let final_charge = row.standing.is_some();
        if final_charge {
            self.keep(request);
        } else {
            self.charge(request, price, At::Settled);
            self.with_row(request, |row| row.tokens = tokens);
        }
        if let Some(counts) = counts {
            self.count(request, counts);
        }
        self.flag(request, flags);
        self.settled(request)
    }

    /// Where a request counts that is posted first, and that nothing was held for.
    fn counts_of_unreserved(&self, request: Request, said: Facts) -> Option<Vec<Counted>> {
        let row = self.rows.get(&request)?;
        let is_first = row.held.is_none() && (row.told.is_none() || row.at == At::Parked);
        let binds = !request.is_shadow(said);
        (is_first && binds).then(|| self.counts(request, row.by.key))
    }

    /// The charge stands, with the evidence beside it.
    fn keep(&mut self, request: Request) {
        self.seq += 1;
        let seq = self.seq;
        self.with_row(request, |row| {
            row.at = At::Settled;
            row.seq = seq;
        });
    }

    /// Takes note of what is to be known about a charge, and whether it is more than what was held.
    fn flag(&mut self, request: Request, mut flags: Flags) {
        self.with_row(request, |row| {
            let held = row.held.as_ref().map(|held| held.units);
            if held.is_some_and(|held| row.charged + row.absorbed > held) {
                flags.insert("overrun");
            }
            row.flags = flags;
        });
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
            _ if !row.by.is(by) => Told::Denied,
            At::Refused(_) | At::Released => Told::Released,
            At::Settled | At::Parked => Told::Conflict,
            At::Expired if row.standing.is_some() => Told::Conflict,
            At::Open | At::Expired => {
                self.charge(request, Price::NOTHING, At::Released);
                self.with_row(request, |row| row.flags = Flags::new());
                Told::Released
            }
        }
    }

    pub(super) fn expire(&mut self, request: Request) -> Told {
        let Some(row) = self.rows.get(&request).filter(|row| row.at == At::Open) else {
            return Told::NotOpen;
        };
        if row.until > self.now {
            return Told::NotDue;
        }
        let said = |source, output| Evidence {
            source,
            input: 0,
            output,
            facts: Facts::Usual,
            served: Served::AsSent,
        };
        let evidence = match row.used {
            Some(output) => said(Source::Counted, output),
            None if row.charging => said(Source::Estimated, 0),
            None => said(Source::Nothing, 0),
        };
        let facts = row.facts.unwrap_or(Facts::Usual);
        let billed = Billed::of(row, request, facts);
        let price = billed.price(evidence);
        let mut flags = flags::of_evidence(evidence, &billed, &price);
        if row.used.is_none() {
            flags.insert("lifeless");
        }
        let tokens = billed.tokens(evidence);
        let charged = self.charge(request, price, At::Expired);
        self.with_row(request, |row| row.tokens = tokens);
        self.flag(request, flags);
        Told::Expired(charged)
    }
}
