//! Counters follow the reservations that count on them: what one counts for after an event takes the place of what it counted for
//! before, whatever the event was.

use super::counter::{Counted, Counter, Subject, Weight};
use super::order::other_count;
use super::window::Window;
use super::{LIMITS_MAX, Limit, LimitTerms};
use crate::apply::Misfit;
use crate::book::Book;
use crate::event::Event;
use crate::invariant::{Broken, Invariant};
use crate::reservation::Reservation;
use ferry_types::{LimitId, ReservationId};

impl Book {
    /// The limit with this number.
    #[must_use]
    pub fn limit(&self, number: u64) -> Option<&Limit> {
        self.limits.values().find(|limit| limit.number == number)
    }

    /// What a counter says in its limit's present window.
    #[must_use]
    pub fn counter(&self, limit: u64, subject: &Subject) -> Counter {
        let kept = self.counters.get(&(limit, subject.clone()));
        kept.copied().unwrap_or(Counter::ZERO)
    }

    pub(crate) fn set_limit(&mut self, id: &LimitId, terms: &LimitTerms) -> Result<(), Misfit> {
        if let Some(limit) = self.limits.get_mut(id) {
            if other_count(&limit.terms, terms).is_some() {
                return Err(Misfit::WrongState("the limit counts something else"));
            }
            limit.terms = terms.clone();
            return Ok(());
        }
        if self.limits.len() >= LIMITS_MAX {
            return Err(Misfit::WrongState("there are too many limits"));
        }
        let limit = Limit {
            terms: terms.clone(),
            number: self.head.next_seq(),
            window: None,
            subjects: 0,
        };
        self.limits.insert(id.clone(), limit);
        Ok(())
    }

    /// What it had counted goes with it: a limit of the same name is another one.
    pub(crate) fn remove_limit(&mut self, id: &LimitId) -> Result<(), Misfit> {
        let missing = Misfit::WrongState("there is no such limit");
        let limit = self.limits.remove(id).ok_or(missing)?;
        self.counters
            .retain(|(number, _), _| *number != limit.number);
        Ok(())
    }

    /// Whether a request that counts here still does: the limit is there, and in the same window.
    pub(crate) fn counts_still(&self, counted: &Counted) -> bool {
        let limit = self.limit(counted.limit);
        limit.is_some_and(|limit| limit.window == Some(counted.window))
    }

    /// What the reservation of an event counts for, on each of its counters.
    pub(crate) fn weights(&self, event: &Event) -> Vec<Weight> {
        let row = event
            .reservation()
            .and_then(|id| self.reservations.get(&id));
        row.map_or(Vec::new(), |row| self.weights_of(row))
    }

    fn weights_of(&self, row: &Reservation) -> Vec<Weight> {
        let weight = |counted: &Counted| match self.limit(counted.limit) {
            Some(limit) => limit.terms.measure.weight(row, limit.terms.span),
            None => Weight::ZERO,
        };
        row.counted.iter().map(weight).collect()
    }

    /// Counts an event that was carried out; `before` is what its reservation counted for.
    pub(crate) fn count(&mut self, event: &Event, before: &[Weight]) -> Result<(), Broken> {
        let id = event.reservation();
        let Some(row) = id.and_then(|id| self.reservations.get(&id)) else {
            return Ok(());
        };
        if row.counted.is_empty() {
            return Ok(());
        }
        let (counted, after) = (row.counted.clone(), self.weights_of(row));
        let before = before
            .iter()
            .copied()
            .chain(core::iter::repeat(Weight::ZERO));
        for ((counted, before), after) in counted.iter().zip(before).zip(after) {
            self.open_window(counted);
            self.move_counter(counted, before, after)?;
        }
        Ok(())
    }

    /// A request that came in a later window begins it: nothing was counted in it yet.
    fn open_window(&mut self, counted: &Counted) {
        let mut limits = self.limits.values_mut();
        let Some(limit) = limits.find(|limit| limit.number == counted.limit) else {
            return;
        };
        let is_later = |window: Window| window.start < counted.window.start;
        if limit.window.is_none_or(is_later) {
            limit.window = Some(counted.window);
            limit.subjects = 0;
            self.counters
                .retain(|(number, _), _| *number != counted.limit);
        }
    }

    fn move_counter(
        &mut self,
        counted: &Counted,
        before: Weight,
        after: Weight,
    ) -> Result<(), Broken> {
        let mut limits = self.limits.values_mut();
        let limit = limits.find(|limit| limit.number == counted.limit);
        let Some(limit) = limit.filter(|limit| limit.window == Some(counted.window)) else {
            return Ok(());
        };
        let place = (counted.limit, counted.subject.clone());
        let was = self.counters.get(&place).copied().unwrap_or(Counter::ZERO);
        let broken = |_| Broken {
            invariant: Invariant::I4,
            finding: "a counter has less than a reservation counts for",
        };
        let is = was.moved(before, after).map_err(broken)?;
        if matches!(counted.subject, Subject::Named(_)) {
            let (had, has) = (was != Counter::ZERO, is != Counter::ZERO);
            limit.subjects = limit
                .subjects
                .saturating_sub(u64::from(had))
                .saturating_add(u64::from(has));
        }
        self.counters.insert(place, is);
        Ok(())
    }

    /// The counters, and their limits' windows, that an event on this reservation may have changed.
    pub fn counters_of(&self, id: ReservationId) -> impl Iterator<Item = &Counted> {
        let row = self.reservations.get(&id);
        let counted = row.map_or(&[][..], |row| &row.counted);
        counted.iter().filter(|counted| self.counts_still(counted))
    }
}
