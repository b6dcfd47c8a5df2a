//! I2 and I4 of limits: a request counts wherever it must, nothing is promised beyond a bound, and counters are the sum of what counts
//! on them.

use super::before::Before;
use super::{Broken, Invariant, holds};
use crate::book::Book;
use crate::event::Event;
use crate::limit::counter::{Counted, Counter, Subject};
use crate::zone::Zone;
use std::collections::BTreeMap;

/// I2: a request counts on every counter that applies to it, in the window that it came in. Windows that were made by another
/// version of the time zones must only have the moment in them.
///
/// # Errors
/// [`Broken`] if it counts elsewhere.
pub fn i2_counts_where_limits_apply(before: &Before, event: &Event) -> Result<(), Broken> {
    let (counts, expected) = (event.counts(), &before.counts);
    let made_by = counts.zones_version.as_str();
    let is_ours = made_by.is_empty() || made_by == Zone::database_version();
    let fits = |(counted, expected): (&Counted, &Counted)| {
        counted.limit == expected.limit
            && counted.subject == expected.subject
            && (counted.window == expected.window || (!is_ours && counted.window.has(before.at)))
    };
    let mut pairs = counts.counted.iter().zip(&expected.counted);
    holds(
        Invariant::I2,
        counts.counted.len() == expected.counted.len() && pairs.all(fits),
        "a request counts elsewhere than its limits say",
    )
}

/// I2: after a promise, no counter that grew by it is above its limit's bound.
///
/// # Errors
/// [`Broken`] if one is.
pub fn i2_limits_are_kept(before: &Before, event: &Event, after: &Book) -> Result<(), Broken> {
    let raises = matches!(
        event,
        Event::Renewed {
            raised: Some(_),
            ..
        }
    );
    if !raises && !matches!(event, Event::Reserved(_)) {
        return Ok(());
    }
    let row = event
        .reservation()
        .and_then(|id| after.reservations.get(&id));
    let is_kept = |counted: &Counted| {
        let Some(limit) = after.limit(counted.limit) else {
            return true;
        };
        let place = (counted.limit, counted.subject.clone());
        let was = before.counters.get(&place).map_or(0, Counter::total);
        let is = after.counter(counted.limit, &counted.subject).total();
        let is_over = !counted.window.has(before.at) || limit.window != Some(counted.window);
        is_over || is <= was || is <= u128::from(limit.terms.bound)
    };
    holds(
        Invariant::I2,
        row.is_none_or(|row| row.counted.iter().all(is_kept)),
        "more is promised than a limit lets through",
    )
}

/// I4, of a whole book: every counter is the sum of what the reservations of its window count for. Only for a book that has all of
/// them in view.
///
/// # Errors
/// [`Broken`] if one is another amount.
pub fn i4_counters_are_the_sum(book: &Book) -> Result<(), Broken> {
    let mut sums: BTreeMap<(u64, Subject), Counter> = BTreeMap::new();
    for row in book.reservations.values() {
        for counted in row
            .counted
            .iter()
            .filter(|counted| book.counts_still(counted))
        {
            let Some(limit) = book.limit(counted.limit) else {
                continue;
            };
            let weight = limit.terms.measure.weight(row, limit.terms.span);
            let sum = sums.entry((counted.limit, counted.subject.clone()));
            let sum = sum.or_insert(Counter::ZERO);
            sum.held = sum.held.saturating_add(u128::from(weight.held));
            sum.used = sum.used.saturating_add(u128::from(weight.used));
        }
    }
    sums.retain(|_, sum| *sum != Counter::ZERO);
    let kept = book
        .counters
        .iter()
        .filter(|(_, counter)| **counter != Counter::ZERO);
    holds(
        Invariant::I4,
        kept.eq(sums.iter()),
        "a counter is not the sum of what counts on it",
    )?;
    let has_its_subjects = |limit: &crate::limit::Limit| {
        let named = |(number, subject): &&(u64, Subject)| {
            *number == limit.number && matches!(subject, Subject::Named(_))
        };
        u64::try_from(sums.keys().filter(named).count()) == Ok(limit.subjects)
    };
    holds(
        Invariant::I4,
        book.limits.values().all(has_its_subjects),
        "a limit counts for another number of subjects",
    )
}
