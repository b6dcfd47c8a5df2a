//! Tables for people.

mod house;
mod limits;
mod movements;
mod thaw;

pub(super) use house::{accounts, movements, posted_movement};
pub(super) use limits::{counters, limit, limits, removed_limit};
pub(super) use movements::{corrections, posted_correction, posted_transfer, top_up, transfers};
pub(super) use thaw::{thawed_house, thawed_tenant};

use crate::admin::wire::{
    Balance, Changed, CreatedKey, Grant, Grants, Heads, HeadsVerdict, IssuedGrant, Key, Keys,
    Position, Reservation, Reservations, Seal, Seals, Tenant, Tenants, Usage, UsageRecord,
    UsageRecords, Verdict,
};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

/// What stands where there is nothing.
const NONE: &str = "-";

fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header.iter().copied());
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn shown(table: &Table, rows: usize, what: &str) -> String {
    if rows == 0 {
        return format!("no {what}");
    }
    // Each line begins with the padding of its first cell.
    let lines = table
        .lines()
        .map(|line| line.trim_end().chars().skip(1).collect());
    lines.collect::<Vec<String>>().join("\n")
}

/// Names and values, one a line.
fn facts(rows: &[(&str, String)]) -> String {
    let width = rows
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or_default();
    let line = |(name, value): &(&str, String)| format!("{name:width$}  {value}");
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What was set, and the entry that the answer tells of.
pub(super) fn changed<T>(table: impl FnOnce(&T) -> String) -> impl FnOnce(&Changed<T>) -> String {
    |changed| format!("{}\n{}", table(&changed.now), entry(&changed.position))
}

fn entry(position: &Position) -> String {
    format!("Journal entry {}, {}", position.seq, position.time)
}

fn available(position: &Position) -> (&'static str, String) {
    let left = format!("{} {}", position.available, position.currency);
    ("available", left)
}

pub(super) fn grants(list: &Grants) -> String {
    grant_rows(&list.grants)
}

pub(super) fn issued_grant(issued: &IssuedGrant) -> String {
    let told = grant_rows(std::slice::from_ref(&issued.grant));
    let told = format!("{told}\n{}", entry(&issued.position));
    if issued.posted_now {
        told
    } else {
        format!("{told}\nIt was granted before: nothing has changed.")
    }
}

fn grant_rows(grants: &[Grant]) -> String {
    let header = [
        "GRANT",
        "KIND",
        "PRIORITY",
        "REMAINING",
        "HELD",
        "OF",
        "CURRENCY",
        "FOR",
        "UNTIL",
    ];
    let mut table = table(&header, &[2, 3, 4, 5]);
    for grant in grants {
        let scope = [&grant.models, &grant.providers];
        let scope: Vec<&str> = scope.into_iter().flatten().map(String::as_str).collect();
        let until = grant.expires_at.as_deref().unwrap_or("-");
        table.add_row([
            grant.id.as_str(),
            &grant.kind,
            &grant.priority.to_string(),
            &grant.remaining,
            &grant.held,
            &grant.amount,
            &grant.currency,
            &if scope.is_empty() {
                "everything".to_owned()
            } else {
                scope.join(", ")
            },
            &if grant.expired {
                format!("{until}, over")
            } else {
                until.to_owned()
            },
        ]);
    }
    shown(&table, grants.len(), "grants")
}

fn or_none(value: Option<&String>) -> String {
    value.map_or(NONE, String::as_str).to_owned()
}

pub(super) fn tenant(tenant: &Tenant) -> String {
    let money = |amount: &str| format!("{amount} {}", tenant.currency);
    let mut rows = vec![
        ("tenant", tenant.id.clone()),
        ("name", tenant.name.clone()),
        ("state", tenant.state.clone()),
        ("posted", money(&tenant.posted)),
        ("held", money(&tenant.held)),
        ("available", money(&tenant.available)),
        ("open reservations", tenant.open_reservations.to_string()),
        ("journal entries", tenant.seq.to_string()),
        ("created", tenant.created_at.clone()),
        ("changed", tenant.changed_at.clone()),
        ("time zone", tenant.zone.clone()),
    ];
    if let Some(why) = &tenant.frozen {
        rows.push(("FROZEN", why.clone()));
    }
    if let Some(closed) = &tenant.closed {
        rows.extend([
            ("closed", closed.at.clone()),
            ("reason", closed.reason.clone()),
            ("approver", closed.approver.clone()),
            ("note", closed.note.clone()),
        ]);
        rows.retain(|(_, text)| !text.is_empty());
    }
    facts(&rows)
}

pub(super) fn tenants(list: &Tenants) -> String {
    let header = [
        "TENANT",
        "NAME",
        "STATE",
        "POSTED",
        "HELD",
        "AVAILABLE",
        "CURRENCY",
        "OPEN",
    ];
    let mut table = table(&header, &[3, 4, 5, 7]);
    for tenant in &list.tenants {
        let state = if tenant.frozen.is_some() {
            "FROZEN"
        } else {
            &tenant.state
        };
        table.add_row([
            tenant.id.as_str(),
            &tenant.name,
            state,
            &tenant.posted,
            &tenant.held,
            &tenant.available,
            &tenant.currency,
            &tenant.open_reservations.to_string(),
        ]);
    }
    shown(&table, list.tenants.len(), "tenants")
}

pub(super) fn balance(balance: &Balance) -> String {
    let money = |amount: &str| format!("{amount} {}", balance.currency);
    let overage = match balance.overage.as_str() {
        "credit-line" => format!("credit-line of {}", money(&balance.credit)),
        other => other.to_owned(),
    };
    let share = balance
        .reseller
        .as_ref()
        .zip(balance.reseller_percent.as_ref());
    let share = share.map_or_else(
        || NONE.to_owned(),
        |(reseller, percent)| format!("{percent} % for {reseller}"),
    );
    let told = facts(&[
        ("tenant", balance.tenant.clone()),
        ("posted", money(&balance.posted)),
        ("held", money(&balance.held)),
        ("available", money(&balance.available)),
        ("overage", overage),
        ("reseller", share),
        ("open reservations", balance.open_reservations.to_string()),
    ]);
    if balance.grants.is_empty() {
        return told;
    }
    format!(
        "{told}\n\nBeside it, burning first:\n{}",
        grant_rows(&balance.grants)
    )
}

pub(super) fn created_key(created: &CreatedKey) -> String {
    created.api_key.clone()
}

pub(super) fn key(key: &Key) -> String {
    facts(&[
        ("key", key.id.clone()),
        ("tenant", key.tenant.clone()),
        ("label", key.label.clone()),
        ("state", key.state.clone()),
        ("created", key.created_at.clone()),
        ("expires", or_none(key.expires_at.as_ref())),
        ("last used", or_none(key.last_used_at.as_ref())),
    ])
}

pub(super) fn keys(list: &Keys) -> String {
    let mut table = table(
        &["KEY", "LABEL", "STATE", "CREATED", "EXPIRES", "LAST USED"],
        &[],
    );
    for key in &list.keys {
        table.add_row([
            key.id.clone(),
            key.label.clone(),
            key.state.clone(),
            key.created_at.clone(),
            or_none(key.expires_at.as_ref()),
            or_none(key.last_used_at.as_ref()),
        ]);
    }
    shown(&table, list.keys.len(), "keys")
}

pub(super) fn reservations(list: &Reservations) -> String {
    let header = [
        "RESERVATION",
        "TENANT",
        "KEY",
        "MODEL",
        "STATE",
        "RESERVED",
        "CHARGED",
        "CURRENCY",
        "LEASE UNTIL",
    ];
    let mut table = table(&header, &[5, 6]);
    for reservation in &list.reservations {
        let Reservation {
            id,
            tenant,
            key,
            principal: _,
            state,
            parked,
            currency,
            reserved,
            charged,
            model,
            granted_at: _,
            lease_until,
        } = reservation;
        let state = if *parked { "parked" } else { state };
        table.add_row([
            id.clone(),
            tenant.clone(),
            key.clone(),
            or_none(model.as_ref()),
            state.to_owned(),
            or_none(reserved.as_ref()),
            or_none(charged.as_ref()),
            currency.clone(),
            or_none(lease_until.as_ref()),
        ]);
    }
    shown(&table, list.reservations.len(), "reservations")
}

pub(super) fn usage(list: &UsageRecords) -> String {
    let header = [
        "REQUEST", "TENANT", "KEY", "MODEL", "END", "STATUS", "IN", "OUT", "SOURCE", "RESERVED",
        "CHARGED", "COST", "MARGIN", "CURRENCY", "TRIES", "FLAGS",
    ];
    let mut table = table(&header, &[5, 6, 7, 9, 10, 11, 12, 14]);
    for record in &list.usage {
        table.add_row(usage_row(record));
    }
    shown(&table, list.usage.len(), "usage")
}

fn usage_row(record: &UsageRecord) -> [String; 16] {
    let model = match record.model_served.as_str() {
        "" => &record.model_requested,
        served => served,
    };
    let label = match record.key_label.as_str() {
        "" => &record.key,
        label => label,
    };
    let (input, output) = sides(&record.usage);
    [
        record.request_id.clone(),
        record.tenant.clone(),
        label.to_owned(),
        model.to_owned(),
        record.cause.clone().unwrap_or_else(|| record.state.clone()),
        record.status.to_string(),
        input.to_string(),
        output.to_string(),
        or_none(record.source.as_ref()),
        or_none(record.reserved.as_ref()),
        record.charged.clone(),
        if record.cost_currency == record.currency {
            record.cost.clone()
        } else {
            format!("{} {}", record.cost, record.cost_currency)
        },
        or_none(record.margin.as_ref()),
        record.currency.clone(),
        tries(record),
        if record.flags.is_empty() {
            NONE.to_owned()
        } else {
            record.flags.join(",")
        },
    ]
}

/// `openai 429, openai 200`.
fn tries(record: &UsageRecord) -> String {
    let tries = record.attempts.iter();
    let tries = tries.map(|attempt| format!("{} {}", attempt.provider, attempt.status));
    let tries = tries.collect::<Vec<_>>().join(", ");
    if tries.is_empty() {
        NONE.to_owned()
    } else {
        tries
    }
}

fn sides(usage: &Usage) -> (u64, u64) {
    let Usage {
        input_tokens,
        cached_input_tokens,
        cache_write_tokens,
        audio_input_tokens,
        output_tokens,
        reasoning_tokens,
        audio_output_tokens,
    } = usage;
    let sum = |classes: &[&u64]| {
        classes
            .iter()
            .fold(0u64, |sum, tokens| sum.saturating_add(**tokens))
    };
    (
        sum(&[
            input_tokens,
            cached_input_tokens,
            cache_write_tokens,
            audio_input_tokens,
        ]),
        sum(&[output_tokens, reasoning_tokens, audio_output_tokens]),
    )
}

pub(super) fn verdict(verdict: &Verdict) -> String {
    let Verdict {
        clean: _,
        books,
        entries,
        difference,
        trusted,
        without,
        thawed,
    } = verdict;
    let thawed: String = thawed.iter().map(thaw::thaw_entry).collect();
    let without = without.iter().map(|sealed| {
        let (month, books) = (&sealed.month, sealed.books.join(", "));
        format!("; {month} is sealed without {books}")
    });
    match (difference, trusted) {
        (None, None) => {
            let without: String = without.collect();
            format!("clean: {books} books, {entries} journal entries{without}{thawed}")
        }
        (None, Some(trusted)) => {
            format!("clean: {entries} journal entries; {trusted}{thawed}")
        }
        (Some(difference), _) => format!("NOT clean: {difference}"),
    }
}

pub(super) fn heads(heads: &Heads) -> String {
    let mut rows = table(&["TENANT", "SEQ", "HASH"], &[1]);
    for head in &heads.heads {
        rows.add_row([&head.tenant, &head.seq.to_string(), &head.hash]);
    }
    let key = facts(&[
        ("public key", heads.public_key.clone()),
        ("its id", heads.public_key_id.clone()),
        ("epoch", heads.epoch.to_string()),
    ]);
    format!("{key}\n{}", shown(&rows, heads.heads.len(), "heads"))
}

pub(super) fn heads_verdict(verdict: &HeadsVerdict) -> String {
    let hold = verdict.hold;
    match &verdict.difference {
        None => format!("clean: {hold} heads hold"),
        Some(difference) => format!("NOT clean: {difference} ({hold} heads before it hold)"),
    }
}

/// The books that a seal tells nothing of.
fn without(seal: &Seal) -> String {
    if seal.without.is_empty() {
        NONE.to_owned()
    } else {
        seal.without.join(", ")
    }
}

pub(super) fn seal(seal: &Seal) -> String {
    facts(&[
        ("month", seal.month.clone()),
        ("sealed at", seal.sealed_at.clone()),
        ("books", seal.books.to_string()),
        ("without", without(seal)),
        ("hash", seal.hash.clone()),
        ("signed by", seal.public_key_id.clone()),
        ("signature", seal.signature.clone()),
    ])
}

pub(super) fn seals(seals: &Seals) -> String {
    let mut rows = table(&["MONTH", "SEALED AT", "BOOKS", "WITHOUT", "HASH"], &[2]);
    for seal in &seals.seals {
        rows.add_row([
            &seal.month,
            &seal.sealed_at,
            &seal.books.to_string(),
            &without(seal),
            &seal.hash,
        ]);
    }
    shown(&rows, seals.seals.len(), "sealed months")
}
