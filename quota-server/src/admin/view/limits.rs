//! Limits and their counters as JSON.

use super::time;
use crate::admin::wire;
use crate::store::view::{CountersView, LimitView};
use ferry_ledger::{Counter, Limit, LimitScope, LimitTerms, Measure, Subject, UnixMs, Window};
use ferry_types::{Amount, Currency};

/// A limit as of now: in a window that is over nothing counts any more.
pub(in crate::admin) fn limit(view: &LimitView, currency: Currency, now: UnixMs) -> wire::Limit {
    let LimitView { id, limit, whole } = view;
    let window = present(limit, now);
    let Limit {
        terms, subjects, ..
    } = limit;
    let LimitTerms {
        measure,
        span,
        scope,
        each,
        bound,
        subjects_max,
    } = terms;
    let ends = window.filter(|window| window.end.is_some());
    let whole = window.map_or(Counter::ZERO, |_| *whole);
    wire::Limit {
        id: id.to_string(),
        measure: measure.name().to_owned(),
        span: span.name().to_owned(),
        bound: shown(u128::from(*bound), *measure, currency),
        currency: (*measure == Measure::Money).then(|| currency.code().to_owned()),
        scope: self::scope(scope),
        each: each.map(|each| each.name().to_owned()),
        subjects_max: *subjects_max,
        subjects: window.map_or(0, |_| *subjects),
        window_start: ends.map(|window| time(window.start)),
        window_end: ends.and_then(|window| window.end.map(time)),
        counter: each
            .is_none()
            .then(|| counter(terms, &Subject::Whole, &whole, currency)),
    }
}

fn present(limit: &Limit, now: UnixMs) -> Option<Window> {
    limit.window.filter(|window| window.has(now))
}

fn scope(scope: &LimitScope) -> wire::LimitScope {
    let LimitScope {
        key,
        model,
        feature,
        environment,
        end_user,
    } = scope.clone();
    wire::LimitScope {
        key: key.map(|key| key.to_string()),
        model,
        feature,
        environment,
        end_user,
    }
}

/// A limit with its counters, at most so many, those with the least left first.
pub(in crate::admin) fn counters(
    view: CountersView,
    currency: Currency,
    now: UnixMs,
    most: usize,
) -> wire::Counters {
    let CountersView {
        limit: of,
        mut counters,
    } = view;
    if present(&of.limit, now).is_none() {
        counters.clear();
    }
    counters.sort_by_key(|(_, counter)| std::cmp::Reverse(counter.total()));
    let terms = &of.limit.terms;
    let shown = counters.iter().take(most);
    wire::Counters {
        counters: shown
            .map(|(subject, found)| counter(terms, subject, found, currency))
            .collect(),
        limit: limit(&of, currency, now),
    }
}

fn counter(
    terms: &LimitTerms,
    subject: &Subject,
    counter: &Counter,
    currency: Currency,
) -> wire::Counter {
    let show = |count| shown(count, terms.measure, currency);
    wire::Counter {
        subject: match subject {
            Subject::Named(name) => Some(name.clone()),
            Subject::Whole | Subject::Unset => None,
        },
        counted: show(counter.total()),
        held: show(counter.held),
        left: show(u128::from(terms.bound).saturating_sub(counter.total())),
    }
}

/// Money beyond what an amount can be is shown as the most that it can.
fn shown(count: u128, measure: Measure, currency: Currency) -> String {
    match measure {
        Measure::Money => {
            let units = i64::try_from(count).unwrap_or(i64::MAX);
            let amount = Amount::from_units(units).unwrap_or(Amount::MAX);
            amount.display(currency).to_string()
        }
        Measure::Requests | Measure::InputTokens | Measure::OutputTokens | Measure::Tokens => {
            count.to_string()
        }
    }
}
