//! The routes of transfers: money between books.

use super::asked::{Done, bounded, done, json, parse};
use super::failure::Failed;
use super::routes::{AdminState, Answer};
use super::{view, wire};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use ferry_ledger::Transfer;
use ferry_types::{Amount, TenantId, TransferId};

/// A note is a sentence or two.
const NOTE_BYTES_MAX: usize = 1_000;

pub(super) async fn list(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
) -> Answer<wire::Transfers> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let currency = state.engine.tenant(tenant.clone()).await?.currency;
    let found = state.engine.transfers(tenant).await?;
    let transfers = found.iter().map(|found| view::transfer(found, currency));
    Ok(Json(wire::Transfers {
        transfers: transfers.collect(),
    }))
}

pub(super) async fn transfer(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::CreateTransfer>, JsonRejection>,
) -> Answer<wire::PostedTransfer> {
    let wire::CreateTransfer {
        id,
        to,
        amount,
        note,
    } = json(body)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    let currency = state.engine.tenant(tenant.clone()).await?.currency;
    let id: TransferId = parse("id", &id)?;
    let to: TenantId = parse("to", &to)?;
    if to == tenant {
        return Err(Failed::invalid("to: the tenant itself"));
    }
    let order = Transfer {
        id: id.clone(),
        to,
        amount: Amount::parse(&amount, currency)
            .map_err(|problem| Failed::invalid(format!("amount: {problem}")))?,
        note: bounded("note", note, NOTE_BYTES_MAX)?,
    };
    let answered = state.engine.transfer(tenant.clone(), order).await?;
    let Done { changed, position } = done(&answered, &tenant, "a transfer of this id")?;
    let posted = state.engine.transfer_of(tenant, id).await?;
    let posted = posted.map(|posted| view::transfer(&posted, currency));
    Ok(Json(wire::PostedTransfer {
        transfer: posted.ok_or_else(Failed::unread)?,
        posted_now: changed,
        position,
    }))
}
