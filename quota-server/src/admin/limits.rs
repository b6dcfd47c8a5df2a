//! The routes of limits, and of the zone that says when their days begin.

use super::asked::{Done, asked, bounded, done, json, parse, rows};
use super::failure::Failed;
use super::routes::{AdminState, Answer};
use super::{view, wire};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use ferry_ledger::{Each, LimitScope, LimitTerms, Measure, SetLimit, Span, Zone};
use ferry_types::request::TAG_BYTES_MAX;
use ferry_types::{Amount, Currency, LimitId, TenantId};
use serde::Deserialize;

/// Subjects that are counted apart where nobody said how many.
const SUBJECTS_DEFAULT: u32 = 1_000;
/// So many counters are taken away at once when a window ends, while everybody waits.
const SUBJECTS_MAX: u32 = 10_000;
/// A model's name.
const MODEL_BYTES_MAX: usize = 256;

pub(super) async fn list(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
) -> Answer<wire::Limits> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let currency = state.engine.tenant(tenant.clone()).await?.currency;
    let now = state.engine.time();
    let limits = state.engine.limits(tenant).await?;
    let limits = limits
        .iter()
        .map(|limit| view::limits::limit(limit, currency, now));
    Ok(Json(wire::Limits {
        limits: limits.collect(),
    }))
}

pub(super) async fn set(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::SetLimit>, JsonRejection>,
) -> Answer<wire::Changed<wire::Limit>> {
    let asked = json(body)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    let currency = state.engine.tenant(tenant.clone()).await?.currency;
    let order = order(asked, currency)?;
    if let Some(model) = &order.terms.scope.model
        && state.offers.of(model).is_none()
    {
        return Err(Failed::invalid(format!(
            "model: the price table has no '{model}', so that the limit would never apply: see `ferry check-config`"
        )));
    }
    let id = order.id.clone();
    let answered = state.engine.set_limit(tenant.clone(), order).await?;
    let what = "a limit of this id, which counts: take it away first, or choose another id. Only its bound can be changed. The limit";
    let Done { position, .. } = done(&answered, &tenant, what)?;
    let limits = state.engine.limits(tenant).await?;
    let limit = limits.iter().find(|limit| limit.id == id);
    let now = state.engine.time();
    let limit = limit.map(|limit| view::limits::limit(limit, currency, now));
    Ok(Json(wire::Changed {
        now: limit.ok_or_else(Failed::unread)?,
        position,
    }))
}

fn order(asked: wire::SetLimit, currency: Currency) -> Result<SetLimit, Failed> {
    let wire::SetLimit {
        id,
        measure,
        span,
        bound,
        scope,
        each,
        subjects_max,
    } = asked;
    let measure = one_of("measure", &measure, &Measure::ALL, Measure::name)?;
    let span = one_of("span", &span, &Span::ALL, Span::name)?;
    let each = each.map(|each| one_of("each", &each, &Each::ALL, Each::name));
    let subjects_max = subjects_max.unwrap_or(SUBJECTS_DEFAULT);
    if subjects_max > SUBJECTS_MAX {
        return Err(Failed::invalid(format!(
            "subjects_max: {subjects_max} is more than {SUBJECTS_MAX}: what is beyond is counted together"
        )));
    }
    Ok(SetLimit {
        id: parse("id", &id)?,
        terms: LimitTerms {
            measure,
            span,
            scope: self::scope(scope)?,
            each: each.transpose()?,
            bound: self::bound(&bound, measure, currency)?,
            subjects_max,
        },
    })
}

fn one_of<T: Copy>(
    field: &str,
    asked: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, Failed> {
    let found = all.iter().find(|known| name(**known) == asked);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|known| name(*known)).collect();
        Failed::invalid(format!(
            "{field}: '{asked}' is none of {}",
            names.join(", ")
        ))
    })
}

/// Money is an amount in the tenant's currency; all else is a count.
fn bound(text: &str, measure: Measure, currency: Currency) -> Result<u64, Failed> {
    match measure {
        Measure::Money => {
            let amount = Amount::parse(text, currency)
                .map_err(|problem| Failed::invalid(format!("bound: {problem}")))?;
            Ok(amount.units().unsigned_abs())
        }
        Measure::Requests | Measure::InputTokens | Measure::OutputTokens | Measure::Tokens => {
            text.parse().map_err(|_| {
                Failed::invalid(format!(
                    "bound: '{text}' is not a number of {} such as 100000",
                    measure.name()
                ))
            })
        }
    }
}

fn scope(asked: wire::LimitScope) -> Result<LimitScope, Failed> {
    let wire::LimitScope {
        key,
        model,
        feature,
        environment,
        end_user,
    } = asked;
    let text = |field: &str, value: Option<String>, bytes_max| match value {
        None => Ok(None),
        Some(value) if value.is_empty() => Err(Failed::invalid(format!(
            "{field}: empty: leave it out if the limit is not about it"
        ))),
        Some(value) => bounded(field, value, bytes_max).map(Some),
    };
    Ok(LimitScope {
        key: key.map(|key| parse("key", &key)).transpose()?,
        model: text("model", model, MODEL_BYTES_MAX)?,
        feature: text("feature", feature, TAG_BYTES_MAX)?,
        environment: text("environment", environment, TAG_BYTES_MAX)?,
        end_user: text("end_user", end_user, TAG_BYTES_MAX)?,
    })
}

pub(super) async fn remove(
    State(state): State<AdminState>,
    Path((tenant, limit)): Path<(String, String)>,
) -> Answer<wire::Changed<wire::RemovedLimit>> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let id: LimitId = parse("limit", &limit)?;
    let answered = state
        .engine
        .remove_limit(tenant.clone(), id.clone())
        .await?;
    let Done { changed, position } = done(&answered, &tenant, "the limit")?;
    let now = wire::RemovedLimit {
        id: id.to_string(),
        removed_now: changed,
    };
    Ok(Json(wire::Changed { now, position }))
}

/// `GET tenants/{tenant}/limits/{limit}/counters`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountersQuery {
    limit: Option<usize>,
}

pub(super) async fn counters(
    State(state): State<AdminState>,
    Path((tenant, limit)): Path<(String, String)>,
    query: Result<Query<CountersQuery>, QueryRejection>,
) -> Answer<wire::Counters> {
    let most = rows(asked(query)?.limit)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    let id: LimitId = parse("limit", &limit)?;
    let currency = state.engine.tenant(tenant.clone()).await?.currency;
    let now = state.engine.time();
    let found = state.engine.counters(tenant.clone(), id.clone()).await?;
    let found = found.ok_or_else(|| {
        let message = format!("'{tenant}' has no limit '{id}': see `ferry limit list {tenant}`");
        Failed::new(StatusCode::NOT_FOUND, "unknown_limit", message)
    })?;
    Ok(Json(view::limits::counters(found, currency, now, most)))
}

pub(super) async fn set_zone(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::SetZone>, JsonRejection>,
) -> Answer<wire::Changed<wire::Tenant>> {
    let wire::SetZone { zone } = json(body)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    let zone: Zone = parse("zone", &zone)?;
    let answered = state.engine.set_zone(tenant.clone(), zone).await?;
    let Done { position, .. } = done(&answered, &tenant, "the time zone")?;
    let now = view::tenant(state.engine.tenant(tenant).await?);
    Ok(Json(wire::Changed { now, position }))
}
