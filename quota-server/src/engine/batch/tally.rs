//! What a batch did, counted once it is durable.

use crate::engine::metrics::EngineMetrics;
use ferry_ledger::{Event, Flag};
use ferry_types::{Amount, Currency, PrincipalName};

/// Something that is counted.
#[derive(Debug, PartialEq, Eq)]
enum Happened {
    Parked,
    /// A lease ran out that had never been renewed.
    ExpiredLifeless,
    /// A settle of which nothing was held, by this gateway.
    Unreserved(PrincipalName),
    /// What another gateway had reserved was ended by this principal.
    Recovered(PrincipalName),
    /// So much was left to a person.
    Suspended(Currency, Amount),
}

/// What is to be counted.
#[derive(Debug, Default)]
pub(in crate::engine) struct Tally(Vec<Happened>);

impl Tally {
    /// Takes note of an event of a book in this currency.
    pub(super) fn note(&mut self, event: &Event, currency: Currency) {
        match event {
            Event::Parked(_) => self.0.push(Happened::Parked),
            Event::Settled(settled) => {
                if settled.flags.has(Flag::Unreserved) {
                    let principal = settled.owner.principal.clone();
                    self.0.push(Happened::Unreserved(principal));
                }
                self.0.extend(settled.by.clone().map(Happened::Recovered));
                self.suspended(settled.charge.suspended, currency);
            }
            // What was settled before was counted then.
            Event::Adjusted(settled) => {
                self.0.extend(settled.by.clone().map(Happened::Recovered));
                self.suspended(settled.charge.suspended, currency);
            }
            Event::Expired(expired) => {
                if expired.flags.has(Flag::Lifeless) {
                    self.0.push(Happened::ExpiredLifeless);
                }
                self.suspended(expired.charge.suspended, currency);
            }
            Event::Released { by, .. } => self.0.extend(by.clone().map(Happened::Recovered)),
            Event::TenantOpened { .. }
            | Event::TenantStateSet(_)
            | Event::TenantClosed(_)
            | Event::KeyIssued { .. }
            | Event::KeyStateSet { .. }
            | Event::OverageSet(_)
            | Event::ResellerSet(_)
            | Event::ZoneSet(_)
            | Event::LimitSet { .. }
            | Event::LimitRemoved(_)
            | Event::GrantIssued { .. }
            | Event::GrantExpired { .. }
            | Event::ToppedUp(_)
            | Event::Transferred(_)
            | Event::Reserved(_)
            | Event::Renewed { .. }
            | Event::Corrected(_)
            | Event::MonthSealed(_)
            | Event::Thawed(_) => {}
        }
    }

    fn suspended(&mut self, amount: Amount, currency: Currency) {
        if !amount.is_zero() {
            self.0.push(Happened::Suspended(currency, amount));
        }
    }

    /// Adds what another book did.
    pub(super) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Counts everything.
    pub(in crate::engine) fn count(self, metrics: &EngineMetrics) {
        for happened in self.0 {
            match happened {
                Happened::Parked => {
                    metrics.parked.inc();
                }
                Happened::ExpiredLifeless => {
                    metrics.expired_lifeless.inc();
                }
                Happened::Unreserved(principal) => metrics.unreserved.count(principal.as_str()),
                Happened::Recovered(principal) => metrics.recovered.count(principal.as_str()),
                Happened::Suspended(currency, amount) => {
                    metrics.suspended(currency, amount.units().unsigned_abs());
                }
            }
        }
    }
}
