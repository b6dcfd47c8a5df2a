//! Money that came in, went to another book, or was put right.

use super::{available, facts, shown, table};
use crate::admin::wire::{Corrections, PostedCorrection, PostedTransfer, TopUp, Transfers};

pub(in crate::cli) fn top_up(top_up: &TopUp) -> String {
    let money = |amount: &str| format!("{amount} {}", top_up.currency);
    let posted = if top_up.posted_now {
        "now"
    } else {
        "before: nothing was added"
    };
    facts(&[
        ("tenant", top_up.tenant.clone()),
        ("amount", money(&top_up.amount)),
        ("posted", posted.to_owned()),
        ("source", top_up.source.clone()),
        ("reference", top_up.external_reference.clone()),
        ("entry", top_up.position.seq.to_string()),
        available(&top_up.position),
    ])
}

pub(in crate::cli) fn posted_transfer(posted: &PostedTransfer) -> String {
    let told = &posted.transfer;
    let money = |amount: &str| format!("{amount} {}", told.currency);
    let done = if posted.posted_now {
        "now"
    } else {
        "before: nothing has moved"
    };
    facts(&[
        ("transfer", told.id.clone()),
        ("to", told.other.clone()),
        ("amount", money(&told.amount)),
        ("posted", done.to_owned()),
        ("entry", told.seq.to_string()),
        available(&posted.position),
    ])
}

pub(in crate::cli) fn transfers(list: &Transfers) -> String {
    let header = ["TRANSFER", "", "OTHER", "AMOUNT", "", "POSTED", "ENTRY"];
    let mut table = table(&header, &[3, 6]);
    for told in &list.transfers {
        table.add_row([
            &told.id,
            &told.direction,
            &told.other,
            &told.amount,
            &told.currency,
            &told.posted_at,
            &told.seq.to_string(),
        ]);
    }
    shown(&table, list.transfers.len(), "transfers")
}

pub(in crate::cli) fn posted_correction(posted: &PostedCorrection) -> String {
    let told = &posted.correction;
    let money = |amount: &str| format!("{amount} {}", told.currency);
    let done = if posted.posted_now {
        "now"
    } else {
        "before: nothing has changed"
    };
    let mut rows = vec![
        ("correction", told.id.clone()),
        ("remedy", told.remedy.clone()),
        ("corrects", told.corrects.clone()),
        ("amount", money(&told.amount)),
        ("posted", done.to_owned()),
        ("entry", told.seq.to_string()),
        available(&posted.position),
    ];
    if !told.grants.is_empty() {
        rows.push(("new grants", told.grants.join(", ")));
    }
    facts(&rows)
}

pub(in crate::cli) fn corrections(list: &Corrections) -> String {
    let header = [
        "CORRECTION",
        "REMEDY",
        "CORRECTS",
        "AMOUNT",
        "",
        "REASON",
        "APPROVER",
        "POSTED",
        "ENTRY",
    ];
    let mut table = table(&header, &[3, 8]);
    for told in &list.corrections {
        table.add_row([
            &told.id,
            &told.remedy,
            &told.corrects,
            &told.amount,
            &told.currency,
            &told.reason,
            &told.approver,
            &told.posted_at,
            &told.seq.to_string(),
        ]);
    }
    shown(&table, list.corrections.len(), "corrections")
}
