//! What an operator asks of limits and their zone. Each is a no-op where it was done before.

use super::{LIMITS_MAX, LimitTerms};
use crate::answer::{AdminAnswer, Decision};
use crate::book::Book;
use crate::command::SetLimit;
use crate::decide::admin::{changed, unchanged};
use crate::event::Event;
use crate::zone::Zone;
use ferry_types::LimitId;

/// Sets a limit, or changes the bound of one. What it counts stays: another count is another limit.
pub(crate) fn set(book: &Book, order: &SetLimit) -> Decision<AdminAnswer> {
    let SetLimit { id, terms } = order;
    if let Some(key) = &terms.scope.key
        && !book.keys.contains_key(key)
    {
        return Decision::answer(AdminAnswer::UnknownKey);
    }
    match book.limits.get(id) {
        Some(limit) if limit.terms == *terms => return unchanged(book.head.seq),
        Some(limit) => {
            if let Some(field) = other_count(&limit.terms, terms) {
                return Decision::answer(AdminAnswer::Conflict { field });
            }
        }
        None if book.limits.len() >= LIMITS_MAX => {
            return Decision::answer(AdminAnswer::TooManyLimits { most: LIMITS_MAX });
        }
        None => {}
    }
    let event = Event::LimitSet {
        id: id.clone(),
        terms: Box::new(terms.clone()),
    };
    changed(book, event)
}

/// The first field in which two limits count something else.
pub(crate) fn other_count(one: &LimitTerms, other: &LimitTerms) -> Option<&'static str> {
    let differs = [
        ("measure", one.measure != other.measure),
        ("span", one.span != other.span),
        ("scope", one.scope != other.scope),
        ("each", one.each != other.each),
    ];
    let mut differs = differs.into_iter();
    differs.find_map(|(field, differs)| differs.then_some(field))
}

pub(crate) fn remove(book: &Book, id: &LimitId) -> Decision<AdminAnswer> {
    if !book.limits.contains_key(id) {
        return unchanged(book.head.seq);
    }
    changed(book, Event::LimitRemoved(id.clone()))
}

pub(crate) fn set_zone(book: &Book, zone: &Zone) -> Decision<AdminAnswer> {
    if book.zone == *zone {
        return unchanged(book.head.seq);
    }
    changed(book, Event::ZoneSet(zone.clone()))
}
