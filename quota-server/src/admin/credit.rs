//! The routes of what stands beside the balance: grants, overage policies, and the accounts that everything is posted to.

use super::asked::{Done, asked, bounded, day, done, json, known_book, parse};
use super::failure::Failed;
use super::routes::{AdminState, Answer};
use super::{view, wire};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use ferry_ledger::{AdminAnswer, GrantKind, GrantScope, IssueGrant, Overage, Share};
use ferry_types::{Amount, Currency, GrantId, TenantId};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Burns neither first nor last.
const PRIORITY_DEFAULT: u8 = 100;
/// A sentence for people.
const NOTE_BYTES_MAX: usize = 1_024;
/// A name in a scope.
const NAME_BYTES_MAX: usize = 256;
/// Names in a scope: a list that a person has written.
const NAMES_MAX: usize = 100;

pub(super) async fn grants(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
) -> Answer<wire::Grants> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let currency = state.engine.tenant(tenant.clone()).await?.currency;
    let grants = state.engine.grants(tenant).await?;
    let grants = grants.iter().map(|found| view::grant(found, currency));
    Ok(Json(wire::Grants {
        grants: grants.collect(),
    }))
}

pub(super) async fn issue_grant(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::CreateGrant>, JsonRejection>,
) -> Answer<wire::IssuedGrant> {
    let asked = json(body)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    let currency = state.engine.tenant(tenant.clone()).await?.currency;
    let order = order(asked, currency)?;
    let id = order.id.clone();
    let engine = &state.engine;
    let answered = engine.issue_grant(tenant.clone(), order).await?;
    let Done { changed, position } = done(&answered, &tenant, "a grant of this id")?;
    let found = engine.grants(tenant).await?;
    let grant = found.iter().find(|found| found.id == id);
    let grant = grant.map(|found| view::grant(found, currency));
    Ok(Json(wire::IssuedGrant {
        grant: grant.ok_or_else(Failed::unread)?,
        posted_now: changed,
        position,
    }))
}

fn order(asked: wire::CreateGrant, currency: Currency) -> Result<IssueGrant, Failed> {
    let wire::CreateGrant {
        id,
        amount,
        kind,
        priority,
        models,
        providers,
        starts_at,
        expires_at,
        note,
    } = asked;
    let id: GrantId = parse("id", &id)?;
    let kinds = GrantKind::ALL.into_iter();
    let found = { kinds }.find(|known| known.name() == kind.as_deref().unwrap_or("paid"));
    let kind = found.ok_or_else(|| {
        let names = GrantKind::ALL.map(GrantKind::name).join(", ");
        Failed::invalid(format!(
            "kind: none of {names}: one of them, or leave it out"
        ))
    })?;
    let amount = Amount::parse(&amount, currency)
        .map_err(|problem| Failed::invalid(format!("amount: {problem}")))?;
    Ok(IssueGrant {
        id,
        kind,
        priority: priority.unwrap_or(PRIORITY_DEFAULT),
        scope: GrantScope {
            models: names("models", models)?,
            providers: names("providers", providers)?,
        },
        starts_at: day("starts_at", starts_at)?,
        expires_at: day("expires_at", expires_at)?,
        amount,
        note: bounded("note", note, NOTE_BYTES_MAX)?,
    })
}

fn names(field: &str, list: Vec<String>) -> Result<BTreeSet<String>, Failed> {
    if list.len() > NAMES_MAX {
        return Err(Failed::invalid(format!("{field}: more than {NAMES_MAX}")));
    }
    let checked = list.into_iter().map(|name| {
        if name.is_empty() {
            return Err(Failed::invalid(format!("{field}: an empty name")));
        }
        bounded(field, name, NAME_BYTES_MAX)
    });
    checked.collect()
}

pub(super) async fn set_overage(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::SetOverage>, JsonRejection>,
) -> Answer<wire::Changed<wire::Balance>> {
    let wire::SetOverage { policy, credit } = json(body)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    let currency = state.engine.tenant(tenant.clone()).await?.currency;
    let credit = credit
        .map(|text| Amount::parse(&text, currency))
        .transpose();
    let credit = credit.map_err(|problem| Failed::invalid(format!("credit: {problem}")))?;
    if policy == "credit-line" && credit.is_none() {
        return Err(Failed::invalid(
            "credit: missing: how far may the balance go below zero?",
        ));
    }
    let to = Overage::from_parts(&policy, credit.unwrap_or(Amount::ZERO)).ok_or_else(|| {
        Failed::invalid("policy: none of debt, absorb, or credit-line with its credit")
    })?;
    let answered = state.engine.set_overage(tenant.clone(), to).await?;
    if answered.answer == AdminAnswer::AmountOutOfRange {
        let message = "credit: the balance with it is more than can be counted: choose a lower one";
        return Err(Failed::invalid(message));
    }
    let Done { position, .. } = done(&answered, &tenant, "the overage policy")?;
    let now = balance_of(&state, tenant).await?;
    Ok(Json(wire::Changed { now, position }))
}

pub(super) async fn set_reseller(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::SetReseller>, JsonRejection>,
) -> Answer<wire::Changed<wire::Balance>> {
    let wire::SetReseller { reseller, percent } = json(body)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    let to = match (reseller, percent) {
        (None, None) => None,
        (Some(name), Some(percent)) => Some((parse("reseller", &name)?, share(&percent)?)),
        (Some(_), None) => return Err(Failed::invalid("percent: missing: what is its share?")),
        (None, Some(_)) => return Err(Failed::invalid("reseller: missing: whose share is it?")),
    };
    let answered = state.engine.set_reseller(tenant.clone(), to).await?;
    let Done { position, .. } = done(&answered, &tenant, "the reseller")?;
    let now = balance_of(&state, tenant).await?;
    Ok(Json(wire::Changed { now, position }))
}

/// A percentage as basis points: at most 100, with at most two digits behind the point.
fn share(text: &str) -> Result<Share, Failed> {
    let (whole, behind) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let well = !whole.is_empty() && is_digits(whole) && is_digits(behind) && behind.len() <= 2;
    let points = format!("{whole}{behind:0<2}").parse().ok();
    let share = points.filter(|_| well).and_then(Share::from_basis_points);
    share.ok_or_else(|| {
        Failed::invalid(format!(
            "percent: '{text}' is not a percentage such as 12.5, of at most 100 and with at most two digits behind the point"
        ))
    })
}

/// A tenant's balance, with its grants.
pub(super) async fn balance_of(
    state: &AdminState,
    tenant: TenantId,
) -> Result<wire::Balance, Failed> {
    let found = state.engine.tenant(tenant.clone()).await?;
    let grants = state.engine.grants(tenant).await?;
    Ok(view::balance(found, &grants))
}

/// `GET accounts`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountsQuery {
    tenant: Option<String>,
}

pub(super) async fn accounts(
    State(state): State<AdminState>,
    query: Result<Query<AccountsQuery>, QueryRejection>,
) -> Answer<wire::Accounts> {
    let AccountsQuery { tenant } = asked(query)?;
    let tenant = known_book(&state.engine, tenant).await?;
    let shown = match &tenant {
        None => view::account_of_all,
        Some(_) => view::account,
    };
    let accounts = state.engine.accounts(tenant).await?;
    let accounts = accounts.into_iter().map(shown).collect();
    Ok(Json(wire::Accounts { accounts }))
}
