//! Limits, and what they have counted.

use super::{NONE, facts, shown, table};
use crate::admin::wire::{Counter, Counters, Limit, LimitScope, Limits, RemovedLimit};

pub(in crate::cli) fn limits(list: &Limits) -> String {
    rows(&list.limits)
}

pub(in crate::cli) fn limit(limit: &Limit) -> String {
    rows(std::slice::from_ref(limit))
}

fn rows(limits: &[Limit]) -> String {
    let header = [
        "LIMIT", "OF", "PER", "FOR", "EACH", "COUNTED", "HELD", "BOUND", "CURRENCY", "UNTIL",
    ];
    let mut table = table(&header, &[5, 6, 7]);
    for limit in limits {
        let or_none = |value: Option<&str>| value.unwrap_or(NONE).to_owned();
        let counter = limit.counter.as_ref();
        table.add_row([
            limit.id.clone(),
            limit.measure.clone(),
            limit.span.clone(),
            scope(&limit.scope),
            or_none(limit.each.as_deref()),
            or_none(counter.map(|counter| counter.counted.as_str())),
            or_none(counter.map(|counter| counter.held.as_str())),
            limit.bound.clone(),
            or_none(limit.currency.as_deref()),
            or_none(limit.window_end.as_deref()),
        ]);
    }
    shown(&table, limits.len(), "limits")
}

fn scope(scope: &LimitScope) -> String {
    let LimitScope {
        key,
        model,
        feature,
        environment,
        end_user,
    } = scope;
    let said = [
        ("key", key),
        ("model", model),
        ("feature", feature),
        ("environment", environment),
        ("end_user", end_user),
    ];
    let said = said.iter().filter_map(|(name, value)| {
        let value = value.as_ref()?;
        Some(format!("{name} {value}"))
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        "everything".into()
    } else {
        said.join(", ")
    }
}

pub(in crate::cli) fn counters(of: &Counters) -> String {
    let each = of.limit.each.as_deref().unwrap_or("all");
    let mut table = table(&["FOR", "COUNTED", "HELD", "LEFT"], &[1, 2, 3]);
    for counter in &of.counters {
        let Counter {
            subject,
            counted,
            held,
            left,
        } = counter;
        let name = match (subject, &of.limit.each) {
            (Some(subject), _) => format!("{each} {subject}"),
            (None, Some(_)) => format!("the rest, or no {each}"),
            (None, None) => "everything".into(),
        };
        table.add_row([&name, counted, held, left]);
    }
    let counted = shown(
        &table,
        of.counters.len(),
        "counters: nothing counts in this window yet",
    );
    format!("{}\n\n{counted}", limit(&of.limit))
}

pub(in crate::cli) fn removed_limit(removed: &RemovedLimit) -> String {
    let what = if removed.removed_now {
        "taken away, with all that it had counted"
    } else {
        "not there: nothing has changed"
    };
    facts(&[(&removed.id, what.to_owned())])
}
