//! Limits: what counts on each is looked up among the requests, and added up.

use super::Naive;
use super::price::{CONTEXT, LIMIT_MAX};
use super::requests::{At, Row};
use super::windows::{ALWAYS, Window, window};
use crate::caller::Key;
use crate::limit::{Each, LimitOrder, Measure, Span};
use crate::request::{Asks, Request};
use crate::told::Told;
use std::collections::BTreeSet;

/// For whom something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// For all.
    All,
    /// For those that say nothing, or are too many.
    Rest,
    /// For a key.
    Key(Key),
    /// For an end user.
    User(u8),
    /// For the model.
    Model,
}

/// Where a request counts: a limit's number, for whom, and in which window.
pub type Counted = (u64, Who, Window);

/// A limit.
#[derive(Clone, Debug)]
pub struct Limit {
    /// What was ordered.
    pub order: LimitOrder,
    /// The entry that set it first.
    pub number: u64,
    /// The window that it is in.
    pub window: Option<Window>,
    /// What came in that window.
    came: BTreeSet<Request>,
}

/// What is held, and what was used.
pub type Sum = (i128, i128);

impl Naive {
    pub(super) fn set_limit(&mut self, order: LimitOrder) -> Told {
        if order.key.is_some_and(|key| !self.has_key(key)) {
            return Told::UnknownKey;
        }
        let number = self.seq + 1;
        let Some(limit) = self.limits.get_mut(&order.name) else {
            let limit = Limit {
                order,
                number,
                window: None,
                came: BTreeSet::new(),
            };
            self.limits.insert(order.name, limit);
            return self.changed();
        };
        if limit.order == order {
            return self.unchanged();
        }
        // Only how much goes through can be changed.
        let LimitOrder { bound, most, .. } = order;
        let same = LimitOrder {
            bound,
            most,
            ..limit.order
        };
        if same != order {
            return Told::Conflict;
        }
        limit.order = order;
        self.changed()
    }

    pub(super) fn remove_limit(&mut self, name: u8) -> Told {
        let was_there = self.limits.remove(&name).is_some();
        self.changed_if(was_there)
    }

    /// What counts in a limit's present window, by whom it counts for.
    #[must_use]
    pub fn sum(&self, limit: &Limit, who: Who) -> Sum {
        let of = |request: &Request| {
            let row = self.rows.get(request)?;
            let here = (limit.number, who, limit.window?);
            row.counted
                .contains(&here)
                .then(|| weight(limit.order, *request, row))
        };
        let all = limit.came.iter().filter_map(of);
        all.fold((0, 0), |(held, used), more| (held + more.0, used + more.1))
    }

    /// Everybody that anything counts for in a limit's present window.
    #[must_use]
    pub fn everybody(&self, limit: &Limit) -> BTreeSet<Who> {
        let rows = limit.came.iter().filter_map(|came| self.rows.get(came));
        let here = rows.flat_map(|row| &row.counted);
        let here = here
            .filter(|(number, _, window)| *number == limit.number && Some(*window) == limit.window);
        let all: BTreeSet<Who> = here.map(|(_, who, _)| *who).collect();
        { all }
            .into_iter()
            .filter(|who| self.sum(limit, *who) != (0, 0))
            .collect()
    }

    /// Where a request counts that comes now with this key.
    pub(super) fn counts(&self, request: Request, key: Key) -> Vec<Counted> {
        let mut counts: Vec<Counted> = Vec::new();
        for limit in self.limits.values() {
            let LimitOrder {
                span,
                each,
                key: only_key,
                user: only_user,
                elsewhere,
                most,
                ..
            } = limit.order;
            let other_key = only_key.is_some_and(|only| only != key);
            let other_user = only_user.is_some_and(|only| request.user() != Some(only));
            if other_key || other_user || elsewhere {
                continue;
            }
            let present = limit.window.filter(|(_, end)| self.now < *end);
            let lies_in = present.unwrap_or_else(|| {
                let (start, end) = window(span, self.zone, self.now);
                let last = limit.window.map_or(0, |(_, end)| end);
                (start.max(last), end)
            });
            let who = match each {
                Each::Nothing => Who::All,
                Each::Key => Who::Key(key),
                Each::Model => Who::Model,
                Each::User => request.user().map_or(Who::Rest, Who::User),
            };
            let others = |who: &Who| !matches!(who, Who::All | Who::Rest);
            let here = present.map(|_| self.everybody(limit)).unwrap_or_default();
            let full = here.iter().filter(|who| others(who)).count() >= most as usize;
            let who = if others(&who) && full && !here.contains(&who) {
                Who::Rest
            } else {
                who
            };
            counts.push((limit.number, who, lies_in));
        }
        counts
    }

    /// A request counts from now on; in a new window nothing else does.
    pub(super) fn count(&mut self, request: Request, counts: Vec<Counted>) {
        for (number, _, window) in &counts {
            let mut limits = self.limits.values_mut();
            let Some(limit) = limits.find(|limit| limit.number == *number) else {
                continue;
            };
            if limit.window != Some(*window) {
                limit.window = Some(*window);
                limit.came.clear();
            }
            limit.came.insert(request);
        }
        self.with_row(request, |row| row.counted = counts);
    }

    /// What a limit leaves where a request counts.
    fn left(&self, limit: &Limit, (_, who, window): Counted) -> i128 {
        let (held, used) = match limit.window == Some(window) {
            true => self.sum(limit, who),
            false => (0, 0),
        };
        (i128::from(limit.order.bound) - held - used).max(0)
    }

    /// The largest limit of output that all limits leave room for, or that one does not leave enough.
    pub(super) fn room(&self, counts: &[Counted], request: Request) -> Result<i64, &'static str> {
        let asks = request.asks();
        let needed = asks.limit.map_or(10, |limit| limit.min(LIMIT_MAX));
        let mut room = i128::MAX;
        for counted in counts {
            let mut limits = self.limits.values();
            let Some(limit) = limits.find(|limit| limit.number == counted.0) else {
                continue;
            };
            let left = self.left(limit, *counted);
            let input = i128::from(input(request));
            let bound = i128::from(asks.input.min(CONTEXT));
            let choices = i128::from(asks.choices);
            let affords = match limit.order.measure {
                Measure::Requests if left >= 1 => i128::MAX,
                Measure::Input if left >= input => i128::MAX,
                Measure::Output => left / choices,
                Measure::Tokens if left >= input => (left - input) / choices,
                Measure::Money if left >= bound => (left - bound) / 2 / choices,
                Measure::Requests | Measure::Input | Measure::Tokens | Measure::Money => -1,
            };
            if affords < i128::from(needed) {
                return Err("limit_reached");
            }
            room = room.min(affords);
        }
        Ok(room.min(i128::from(i64::MAX)) as i64)
    }

    /// Whether limits leave room for an open request to have this much held, and this limit.
    pub(super) fn may_raise(&self, request: Request, units: i64, output: i64) -> bool {
        let Some(row) = self.rows.get(&request) else {
            return true;
        };
        row.counted.iter().all(|counted| {
            let mut limits = self.limits.values();
            let limit = limits.find(|limit| limit.number == counted.0);
            let Some(limit) = limit.filter(|limit| limit.window == Some(counted.2)) else {
                return true;
            };
            let measure = limit.order.measure;
            let (present, _) = weight(limit.order, request, row);
            let more = of_open(measure, request, units, output) - present;
            self.now >= counted.2.1 || more <= self.left(limit, *counted)
        })
    }
}

/// What an open request may come to.
fn of_open(measure: Measure, request: Request, units: i64, output: i64) -> i128 {
    let Asks { choices, .. } = request.asks();
    let output = i128::from(output) * i128::from(choices);
    let input = i128::from(input(request));
    match measure {
        Measure::Requests => 1,
        Measure::Input => input,
        Measure::Output => output,
        Measure::Tokens => input + output,
        Measure::Money => units.into(),
    }
}

/// What is held and used by a request.
fn weight(order: LimitOrder, request: Request, row: &Row) -> Sum {
    let held = row.held.as_ref();
    match (row.at, held) {
        (At::Open, Some(held)) => (of_open(order.measure, request, held.units, held.limit), 0),
        (At::Settled | At::Expired, _) if order.span != Span::AtOnce => {
            let (input, output) = row.tokens;
            let used = match order.measure {
                Measure::Requests => 1,
                Measure::Input => input,
                Measure::Output => output,
                Measure::Tokens => input + output,
                Measure::Money => i128::from(row.charged) + i128::from(row.absorbed),
            };
            (0, used)
        }
        _ => (0, 0),
    }
}

/// What the input will probably count.
fn input(request: Request) -> i64 {
    request.estimate().min(request.asks().input.min(CONTEXT))
}

/// The window that never ends is written without an end.
#[must_use]
pub fn end_of(window: Window) -> Option<u64> {
    (window != ALWAYS && window.1 != u64::MAX).then_some(window.1)
}
