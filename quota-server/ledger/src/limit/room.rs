//! Whether limits leave room for a request, and where it counts.

use super::counter::{Counted, Counter, Counts, Subject};
use super::reached::LimitReached;
use super::window::Window;
use super::{Asked, Limit};
use crate::book::Book;
use crate::command::Command;
use crate::offer::Offer;
use crate::refusal::Refusal;
use crate::reservation::{Hold, Reservation, State};
use crate::sizing::{binds, bound, needed};
use crate::time::UnixMs;
use crate::zone::Zone;
use ferry_types::{Amount, LimitId, RequestFacts};
use std::collections::BTreeSet;

impl Limit {
    /// The window that a request of this moment lies in.
    fn window_at(&self, zone: &Zone, now: UnixMs) -> Window {
        match self.window {
            Some(window) if window.end.is_none_or(|end| now < end) => window,
            last => self.terms.span.window(zone, now, last),
        }
    }
}

impl Book {
    /// Where a request counts that comes at this time. What does not bind counts nowhere.
    pub(crate) fn counts(&self, asked: &Asked<'_>, now: UnixMs) -> Counts {
        if self.limits.is_empty() || !binds(asked.facts) {
            return Counts::NONE;
        }
        let mut counts = Counts::NONE;
        for limit in self.limits.values() {
            let Some(subject) = limit.terms.subject(asked) else {
                continue;
            };
            let window = limit.window_at(&self.zone, now);
            let is_new = limit.window != Some(window);
            if is_new && limit.terms.span.goes_by_zone() && self.zone != Zone::UTC {
                counts.zones_version = Zone::database_version().into();
            }
            counts.counted.push(Counted {
                limit: limit.number,
                subject: self.room_for_name(limit, is_new, subject),
                window,
            });
        }
        counts.counted.sort_by_key(|counted| counted.limit);
        counts
    }

    /// A name beyond those that are counted apart is counted with the rest.
    fn room_for_name(&self, limit: &Limit, is_new: bool, subject: Subject) -> Subject {
        let subjects = if is_new { 0 } else { limit.subjects };
        let is_known = !is_new && self.counter(limit.number, &subject) != Counter::ZERO;
        let has_room = is_known || subjects < u64::from(limit.terms.subjects_max);
        match subject {
            Subject::Named(_) if !has_room => Subject::Unset,
            Subject::Whole | Subject::Unset | Subject::Named(_) => subject,
        }
    }

    /// What a limit has left where a request counts; all of it in a window that has not begun.
    fn left(&self, limit: &Limit, counted: &Counted) -> u64 {
        match u64::try_from(self.counter_in(limit, counted).total()) {
            Ok(total) => limit.terms.bound.saturating_sub(total),
            // More than any bound.
            Err(_) => 0,
        }
    }

    fn counter_in(&self, limit: &Limit, counted: &Counted) -> Counter {
        if limit.window == Some(counted.window) {
            self.counter(limit.number, &counted.subject)
        } else {
            Counter::ZERO
        }
    }

    /// The largest output limit per choice that every limit leaves room for.
    ///
    /// # Errors
    /// The limit that leaves too little: of several, the one that does so longest.
    pub(crate) fn room(
        &self,
        counts: &Counts,
        (facts, offer): (&RequestFacts, &Offer),
        now: UnixMs,
    ) -> Result<u64, Refusal> {
        let needed = needed(facts, offer);
        let mut room = u64::MAX;
        let mut worst: Option<LimitReached> = None;
        for counted in &counts.counted {
            let Some((id, limit)) = self.named_limit(counted.limit) else {
                continue;
            };
            let left = self.left(limit, counted);
            match limit.terms.measure.affords(left, facts, offer) {
                Some(affords) if affords >= needed => room = room.min(affords),
                Some(_) | None => {
                    let reserved = bound(facts, offer, needed).unwrap_or(Amount::MAX);
                    let measure = limit.terms.measure;
                    let requested = measure.of_hold(facts, offer, reserved, needed);
                    let counter = self.counter_in(limit, counted);
                    let reached = LimitReached::new(
                        (id, limit),
                        counted,
                        (counter, requested),
                        (self.currency, now),
                    );
                    if worst.as_ref().is_none_or(|worst| reached.outlasts(worst)) {
                        worst = Some(reached);
                    }
                }
            }
        }
        worst.map_or(Ok(room), |reached| {
            Err(Refusal::LimitReached(Box::new(reached)))
        })
    }

    fn named_limit(&self, number: u64) -> Option<(&LimitId, &Limit)> {
        let mut limits = self.limits.iter();
        limits.find(|(_, limit)| limit.number == number)
    }

    /// Whether limits leave room for more to be held for an open reservation. A window that is over is none of a raise's business.
    pub(crate) fn room_to_raise(
        &self,
        row: &Reservation,
        (hold, facts, offer): (&Hold, &RequestFacts, &Offer),
        (reserved, output_tokens_max): (Amount, u64),
        now: UnixMs,
    ) -> bool {
        row.counted.iter().all(|counted| {
            let Some(limit) = self.limit(counted.limit) else {
                return true;
            };
            let measure = limit.terms.measure;
            let present = measure.of_hold(facts, offer, hold.reserved, hold.output_tokens_max);
            let raised = measure.of_hold(facts, offer, reserved, output_tokens_max);
            let more = raised.saturating_sub(present);
            let is_over = !counted.window.has(now) || limit.window != Some(counted.window);
            is_over || more <= self.left(limit, counted)
        })
    }

    /// The counters that must be in view to decide a command: each a limit's number and a subject. The book's limits and the command's
    /// reservation must be in view already.
    #[must_use]
    pub fn counters_needed(&self, command: &Command) -> BTreeSet<(u64, Subject)> {
        let mut needed = BTreeSet::new();
        if self.limits.is_empty() {
            return needed;
        }
        let row = command
            .reservation()
            .and_then(|id| self.reservations.get(&id));
        if let Some(row) = row {
            let of_row = row
                .counted
                .iter()
                .map(|counted| (counted.limit, counted.subject.clone()));
            needed.extend(of_row);
        }
        let asked = match command {
            Command::Reserve(call) => Some((&call.owner, &call.facts, &call.offer)),
            Command::Settle(call) => Some((&call.owner, &call.settlement.facts, &call.offer)),
            // What was kept for a person counts once it is accepted.
            Command::Correct(order) => row.and_then(|row| match &row.state {
                State::Parked(parked) => Some((&row.owner, &parked.settlement.facts, &order.offer)),
                State::Open | State::Settled(_) | State::Released(_) | State::Expired(_) => None,
            }),
            Command::Renew(_)
            | Command::Release(_)
            | Command::Expire(_)
            | Command::SetTenantState(_)
            | Command::CloseTenant(_)
            | Command::IssueKey(_)
            | Command::SetKeyState(_)
            | Command::SetOverage(_)
            | Command::SetReseller(_)
            | Command::SetZone(_)
            | Command::SetLimit(_)
            | Command::RemoveLimit(_)
            | Command::IssueGrant(_)
            | Command::ExpireGrant(_)
            | Command::TopUp(_)
            | Command::SealMonth(_) => None,
        };
        let Some((owner, facts, offer)) = asked else {
            return needed;
        };
        let offer = self.offered(offer.as_ref()).map(AsRef::as_ref);
        let asked = Asked {
            owner,
            facts,
            offer,
        };
        for limit in self.limits.values() {
            let Some(subject) = limit.terms.subject(&asked) else {
                continue;
            };
            if matches!(subject, Subject::Named(_)) {
                needed.insert((limit.number, Subject::Unset));
            }
            needed.insert((limit.number, subject));
        }
        needed
    }
}
