//! The routes of `/admin/v1`: read what was asked, put it to the engine, write what it answers.

use super::asked::{
    Done, asked, bounded, check_currency, done, json, known_tenant, one_key, one_of, parse, rows,
};
use super::failure::Failed;
use super::{
    closing, corrections, credit, heads, house, limits, seals, thaw, transfers, verify, view, wire,
};
use crate::draining::Draining;
use crate::engine::{self, Engine, EngineError};
use crate::policy::Offers;
use crate::principal::CredentialDigest;
use crate::store::view::{ReservationQuery, UsageQuery};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use ferry_ledger::{AdminAnswer, KeyState, TenantState, TopUp};
use ferry_types::{Amount, Currency, KeyId, ReservationId, TenantId};
use serde::Deserialize;
use std::sync::Arc;

/// Names and labels are for people to read at a glance.
const NAME_BYTES_MAX: usize = 200;
/// A reference of any payment provider fits several times over.
pub(super) const REFERENCE_BYTES_MAX: usize = 200;
/// A note is a sentence or two.
const NOTE_BYTES_MAX: usize = 1_000;
/// Where a top-up comes from where nobody said.
const SOURCE_DEFAULT: &str = "manual";

pub(super) type Answer<T> = Result<Json<T>, Failed>;

/// What the routes need.
#[derive(Clone)]
pub(crate) struct AdminState {
    pub(crate) engine: Engine,
    /// What there are prices in: the price table's own first.
    pub(crate) currencies: Vec<Currency>,
    /// What a settle is priced by that was never priced.
    pub(crate) offers: Arc<Offers>,
    pub(crate) status: Arc<wire::Status>,
    pub(crate) token: Option<CredentialDigest>,
    pub(crate) draining: Draining,
}

pub(crate) fn router(state: AdminState) -> Router {
    let routes = Router::new()
        .route("/status", get(status))
        .route("/tenants", get(tenants).post(create_tenant))
        .route("/tenants/{tenant}", get(tenant))
        .route("/tenants/{tenant}/balance", get(balance))
        .route("/tenants/{tenant}/pause", post(pause_tenant))
        .route("/tenants/{tenant}/resume", post(resume_tenant))
        .route("/tenants/{tenant}/keys", get(keys).post(create_key))
        .route("/tenants/{tenant}/keys/{key}/{to}", post(set_key))
        .route("/tenants/{tenant}/top-ups", post(top_up))
        .route(
            "/tenants/{tenant}/grants",
            get(credit::grants).post(credit::issue_grant),
        )
        .route(
            "/tenants/{tenant}/corrections",
            get(corrections::list).post(corrections::correct),
        )
        .route("/tenants/{tenant}/close", post(closing::close))
        .route("/tenants/{tenant}/thaw", post(thaw::tenant))
        .route(
            "/tenants/{tenant}/limits",
            get(limits::list).post(limits::set),
        )
        .route(
            "/tenants/{tenant}/limits/{limit}/counters",
            get(limits::counters),
        )
        .route(
            "/tenants/{tenant}/limits/{limit}/remove",
            post(limits::remove),
        )
        .route("/tenants/{tenant}/zone", post(limits::set_zone))
        .route("/tenants/{tenant}/overage", post(credit::set_overage))
        .route(
            "/tenants/{tenant}/transfers",
            get(transfers::list).post(transfers::transfer),
        )
        .route("/tenants/{tenant}/reseller", post(credit::set_reseller))
        .route("/house/movements", get(house::list).post(house::post))
        .route("/house/thaw", post(thaw::house))
        .route("/accounts", get(credit::accounts))
        .route("/reservations", get(reservations))
        .route("/usage", get(usage))
        .route("/seals", get(seals::list).post(seals::seal))
        .route("/heads", get(heads::present))
        .route("/heads/check", post(heads::check))
        .route("/verify", get(verify::verify));
    Router::new()
        .nest("/admin/v1", routes)
        .fallback(async || Failed::no_such_path())
        .method_not_allowed_fallback(async || Failed::no_such_path())
        .layer(middleware::from_fn_with_state(state.clone(), authorize))
        .with_state(state)
}

/// Where a token is set, everything needs it.
async fn authorize(
    State(state): State<AdminState>,
    request: Request,
    next: Next,
) -> Result<Response, Failed> {
    if let Some(expected) = &state.token {
        let value = request.headers().get(header::AUTHORIZATION);
        let token = value.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let shown = CredentialDigest::of(token.unwrap_or_default());
        if token.is_none() || !expected.matches(&shown) {
            return Err(Failed::unauthorized());
        }
    }
    let _in_flight = state.draining.call();
    Ok(next.run(request).await)
}

async fn status(State(state): State<AdminState>) -> Json<wire::Status> {
    let takes_calls = state.engine.is_ready() && state.engine.held().is_none();
    let ready = takes_calls && !state.draining.has_begun();
    Json(wire::Status {
        ready,
        ..(*state.status).clone()
    })
}

async fn tenants(State(state): State<AdminState>) -> Answer<wire::Tenants> {
    let tenants = state.engine.tenants().await?;
    let tenants = tenants.into_iter().map(view::tenant).collect();
    Ok(Json(wire::Tenants { tenants }))
}

async fn create_tenant(
    State(state): State<AdminState>,
    body: Result<Json<wire::CreateTenant>, JsonRejection>,
) -> Answer<wire::Changed<wire::Tenant>> {
    let wire::CreateTenant { id, name, currency } = json(body)?;
    let tenant: TenantId = parse("id", &id)?;
    let name = bounded("name", name.unwrap_or(id), NAME_BYTES_MAX)?;
    let currency = one_of(currency.as_deref(), &state.currencies)?;
    let call = engine::CreateTenant {
        tenant: tenant.clone(),
        name,
        currency,
    };
    let answered = state.engine.create_tenant(call).await?;
    if answered.answer == AdminAnswer::Closed {
        return Err(closing::taken(&state.engine, tenant).await?);
    }
    let Done { changed, position } = done(&answered, &tenant, "the tenant")?;
    if !changed {
        let message = format!(
            "there is a tenant '{tenant}' already, of this name and currency: nothing was done"
        );
        return Err(Failed::new(StatusCode::CONFLICT, "tenant_exists", message));
    }
    let now = view::tenant(state.engine.tenant(tenant).await?);
    Ok(Json(wire::Changed { now, position }))
}

async fn tenant(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
) -> Answer<wire::Tenant> {
    let tenant = parse("tenant", &tenant)?;
    Ok(Json(view::tenant(state.engine.tenant(tenant).await?)))
}

async fn pause_tenant(
    state: State<AdminState>,
    tenant: Path<String>,
) -> Answer<wire::Changed<wire::Tenant>> {
    set_tenant(state, tenant, TenantState::Paused).await
}

async fn resume_tenant(
    state: State<AdminState>,
    tenant: Path<String>,
) -> Answer<wire::Changed<wire::Tenant>> {
    set_tenant(state, tenant, TenantState::Active).await
}

async fn set_tenant(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    to: TenantState,
) -> Answer<wire::Changed<wire::Tenant>> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let answered = state.engine.set_tenant_state(tenant.clone(), to).await?;
    let Done { position, .. } = done(&answered, &tenant, "the tenant")?;
    let now = view::tenant(state.engine.tenant(tenant).await?);
    Ok(Json(wire::Changed { now, position }))
}

async fn balance(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
) -> Answer<wire::Balance> {
    let balance = credit::balance_of(&state, parse("tenant", &tenant)?);
    balance.await.map(Json)
}

async fn keys(State(state): State<AdminState>, Path(tenant): Path<String>) -> Answer<wire::Keys> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    // A tenant without keys is not a tenant that is not there.
    state.engine.tenant(tenant.clone()).await?;
    let keys = state.engine.keys(tenant).await?;
    let keys = keys.into_iter().map(view::key).collect();
    Ok(Json(wire::Keys { keys }))
}

async fn create_key(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::CreateKey>, JsonRejection>,
) -> Answer<wire::CreatedKey> {
    let wire::CreateKey {
        label,
        expires_in_s,
    } = json(body)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    let label = bounded("label", label, NAME_BYTES_MAX)?;
    let engine = &state.engine;
    let expires_at = expires_in_s.map(|s| engine.time().plus_ms(s.saturating_mul(1_000)));
    let (answered, issued) = engine.issue_key(tenant.clone(), label, expires_at).await?;
    let Done { position, .. } = done(&answered, &tenant, "the key")?;
    Ok(Json(wire::CreatedKey {
        key: one_key(engine, tenant, issued.key).await?,
        api_key: issued.text.reveal().to_owned(),
        position,
    }))
}

async fn set_key(
    State(state): State<AdminState>,
    Path((tenant, key, to)): Path<(String, String, String)>,
) -> Answer<wire::Changed<wire::Key>> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let key: KeyId = parse("key", &key)?;
    let to = match to.as_str() {
        "pause" => KeyState::Paused,
        "resume" => KeyState::Active,
        "revoke" => KeyState::Revoked,
        _ => return Err(Failed::no_such_path()),
    };
    let engine = &state.engine;
    let answered = engine
        .set_key_state(tenant.clone(), key.clone(), to)
        .await?;
    let Done { position, .. } = done(&answered, &tenant, "the key")?;
    let now = one_key(engine, tenant, key).await?;
    Ok(Json(wire::Changed { now, position }))
}

async fn top_up(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::CreateTopUp>, JsonRejection>,
) -> Answer<wire::TopUp> {
    let wire::CreateTopUp {
        amount,
        currency,
        source,
        external_reference,
        note,
    } = json(body)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    let view = state.engine.tenant(tenant.clone()).await?;
    if let Some(currency) = currency {
        check_currency(&currency, view.currency)?;
    }
    let amount = Amount::parse(&amount, view.currency)
        .map_err(|problem| Failed::invalid(format!("amount: {problem}")))?;
    let source = source.unwrap_or_else(|| SOURCE_DEFAULT.to_owned());
    if source.is_empty() || external_reference.is_empty() {
        let message =
            "source and external_reference must not be empty: together they make a top-up unique";
        return Err(Failed::invalid(message));
    }
    let top_up = TopUp {
        amount,
        source: bounded("source", source, REFERENCE_BYTES_MAX)?,
        external_reference: bounded(
            "external_reference",
            external_reference,
            REFERENCE_BYTES_MAX,
        )?,
        note: bounded("note", note, NOTE_BYTES_MAX)?,
    };
    let answered = state.engine.top_up(tenant.clone(), top_up.clone()).await?;
    let Done { changed, position } =
        done(&answered, &tenant, "a top-up of this source and reference")?;
    let book = answered.book.ok_or(EngineError::Unavailable)?;
    let receipt = state.engine.signer().sign(&tenant, book.head).line();
    Ok(Json(wire::TopUp {
        tenant: tenant.to_string(),
        amount: amount.display(view.currency).to_string(),
        currency: view.currency.code().to_owned(),
        source: top_up.source,
        external_reference: top_up.external_reference,
        posted_now: changed,
        position,
        receipt,
    }))
}

/// `GET reservations`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReservationsQuery {
    tenant: Option<String>,
    #[serde(default)]
    open: bool,
    limit: Option<usize>,
}

async fn reservations(
    State(state): State<AdminState>,
    query: Result<Query<ReservationsQuery>, QueryRejection>,
) -> Answer<wire::Reservations> {
    let ReservationsQuery {
        tenant,
        open,
        limit,
    } = asked(query)?;
    let query = ReservationQuery {
        tenant: known_tenant(&state.engine, tenant).await?,
        open_only: open,
        limit: rows(limit)?,
    };
    let reservations = state.engine.reservations(query).await?;
    let reservations = reservations.into_iter().map(view::reservation).collect();
    Ok(Json(wire::Reservations { reservations }))
}

/// `GET usage`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsageRecordsQuery {
    tenant: Option<String>,
    request: Option<String>,
    limit: Option<usize>,
}

async fn usage(
    State(state): State<AdminState>,
    query: Result<Query<UsageRecordsQuery>, QueryRejection>,
) -> Answer<wire::UsageRecords> {
    let UsageRecordsQuery {
        tenant,
        request,
        limit,
    } = asked(query)?;
    let request = request
        .map(|text| parse::<ReservationId>("request", &text))
        .transpose()?;
    let query = UsageQuery {
        tenant: known_tenant(&state.engine, tenant).await?,
        request,
        limit: rows(limit)?,
    };
    let usage = state.engine.usage(query).await?;
    let usage = usage.into_iter().map(view::usage).collect();
    Ok(Json(wire::UsageRecords { usage }))
}
