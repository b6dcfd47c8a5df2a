//! The routes of sealed months.

use super::asked::{json, parse};
use super::routes::{AdminState, Answer};
use super::wire;
use crate::hex::hex;
use crate::seal::Seal;
use crate::timestamp::rfc3339;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use ferry_ledger::Month;
use ferry_types::TenantId;
use std::collections::BTreeSet;

pub(super) async fn list(State(state): State<AdminState>) -> Answer<wire::Seals> {
    let seals = state.engine.seals().await?.into_iter();
    let seals = seals.map(|seal| view(&state, &seal)).collect();
    Ok(Json(wire::Seals { seals }))
}

pub(super) async fn seal(
    State(state): State<AdminState>,
    body: Result<Json<wire::SealMonth>, JsonRejection>,
) -> Answer<wire::Seal> {
    let wire::SealMonth { month, without } = json(body)?;
    let month: Month = parse("month", &month)?;
    let without = without.iter().map(|tenant| parse("without", tenant));
    let without: BTreeSet<TenantId> = without.collect::<Result<_, _>>()?;
    let seal = state.engine.seal_month_without(month, without).await?;
    Ok(Json(view(&state, &seal)))
}

fn view(state: &AdminState, seal: &Seal) -> wire::Seal {
    let Seal {
        month,
        sealed_at,
        books,
        without,
        hash,
        signature,
    } = seal;
    wire::Seal {
        month: month.to_string(),
        sealed_at: rfc3339(sealed_at.0),
        books: *books,
        without: without.iter().map(TenantId::to_string).collect(),
        hash: hex(hash),
        public_key_id: state.engine.signer().public().id(),
        signature: hex(signature),
    }
}
