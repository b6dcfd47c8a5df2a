//! The house's own book.

use super::{NONE, facts, shown, table};
use crate::admin::wire::{Accounts, Money, Move, Movement, Movements, PostedMovement};

/// A move in the columns of a list.
struct Told<'a> {
    kind: &'static str,
    /// With whom, or of which movement.
    with: &'a str,
    money: Option<&'a Money>,
    /// What else there is to it, and what it is called.
    more: Option<(&'static str, String)>,
}

fn told(what: &Move) -> Told<'_> {
    let plain = |kind, with, money| Told {
        kind,
        with,
        money: Some(money),
        more: None,
    };
    match what {
        Move::Pay { provider, money } => plain("pay", provider, money),
        Move::Prepay { provider, money } => plain("prepay", provider, money),
        Move::SetOff { provider, money } => plain("set-off", provider, money),
        Move::PayReseller { reseller, money } => plain("pay-reseller", reseller, money),
        Move::Variance {
            provider,
            money,
            deviation,
        } => Told {
            more: Some(("invoice", deviation.clone())),
            ..plain("variance", provider, money)
        },
        Move::Resolve {
            variance,
            money,
            cause,
        } => Told {
            more: Some(("cause", cause.clone())),
            ..plain("resolve", variance, money)
        },
        Move::Exchange { sold, bought } => Told {
            more: Some(("bought", in_words(bought))),
            ..plain("exchange", NONE, sold)
        },
        Move::Reverse {
            movement,
            reason,
            undone,
        } => Told {
            kind: "reverse",
            with: movement,
            money: undone.as_deref().and_then(|undone| told(undone).money),
            more: Some(("reason", reason.clone())),
        },
    }
}

fn currency(money: &Money) -> &str {
    money.currency.as_deref().unwrap_or_default()
}

/// What took a movement back.
fn reversed(movement: &Movement) -> &str {
    movement.reversed_by.as_deref().unwrap_or(NONE)
}

fn in_words(money: &Money) -> String {
    format!("{} {}", money.amount, currency(money))
}

/// What of a variance is still to be resolved.
fn unresolved(movement: &Movement) -> &str {
    movement.unresolved.as_deref().unwrap_or(NONE)
}

pub(in crate::cli) fn posted_movement(posted: &PostedMovement) -> String {
    let movement = &posted.movement;
    let told = told(&movement.what);
    let done = if posted.posted_now {
        "now"
    } else {
        "before: nothing has changed"
    };
    let mut rows = vec![
        ("movement", movement.id.clone()),
        ("kind", told.kind.to_owned()),
        ("with", told.with.to_owned()),
        (
            "amount",
            told.money.map_or_else(|| NONE.to_owned(), in_words),
        ),
    ];
    rows.extend(told.more);
    rows.extend([
        ("unresolved", unresolved(movement).to_owned()),
        ("reversed by", reversed(movement).to_owned()),
        ("occurred", movement.occurred_at.clone()),
        ("posted", done.to_owned()),
        ("entry", movement.seq.to_string()),
    ]);
    rows.retain(|(_, text)| text != NONE);
    facts(&rows)
}

pub(in crate::cli) fn movements(list: &Movements) -> String {
    let header = [
        "MOVEMENT",
        "KIND",
        "WITH",
        "AMOUNT",
        "",
        "",
        "UNRESOLVED",
        "REVERSED BY",
        "OCCURRED",
        "APPROVER",
        "NOTE",
        "ENTRY",
    ];
    let mut table = table(&header, &[3, 6, 10]);
    for movement in &list.movements {
        let told = told(&movement.what);
        let more = told.more.map(|(name, text)| format!("{name} {text}"));
        table.add_row([
            movement.id.as_str(),
            told.kind,
            told.with,
            told.money.map_or(NONE, |money| &money.amount),
            told.money.map_or(NONE, currency),
            more.as_deref().unwrap_or(NONE),
            unresolved(movement),
            reversed(movement),
            &movement.occurred_at,
            &movement.approver,
            &movement.note,
            &movement.seq.to_string(),
        ]);
    }
    shown(&table, list.movements.len(), "movements")
}

/// Over all books it says what stands in which: what is owed to a provider accrues in the tenants' and is paid in the house's.
pub(in crate::cli) fn accounts(list: &Accounts) -> String {
    let of_all = list.accounts.iter().any(|account| account.house.is_some());
    let mut table = if of_all {
        let header = ["ACCOUNT", "TENANTS", "HOUSE", "BALANCE", "CURRENCY"];
        table(&header, &[1, 2, 3])
    } else {
        table(&["ACCOUNT", "BALANCE", "CURRENCY"], &[1])
    };
    for account in &list.accounts {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| NONE.to_owned());
        let parts = [part(&account.tenants), part(&account.house)];
        let parts = parts.into_iter().filter(|_| of_all);
        let row = [account.account.clone()].into_iter().chain(parts);
        table.add_row(row.chain([account.balance.clone(), account.currency.clone()]));
    }
    shown(&table, list.accounts.len(), "lines yet")
}
