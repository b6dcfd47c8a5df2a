//! The routes of signed heads: what stands now, and whether what somebody kept still holds.

use super::asked::json;
use super::failure::Failed;
use super::routes::{AdminState, Answer};
use super::wire;
use crate::heads::{HeadLine, HeadsVerdict, PublicKey, SignedHead};
use crate::store::OpenError;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;

pub(super) async fn present(State(state): State<AdminState>) -> Answer<wire::Heads> {
    let signer = state.engine.signer();
    let heads = state.engine.heads().await?.into_iter();
    let signed = heads.map(|(tenant, head)| signer.sign(&tenant, head).line());
    Ok(Json(wire::Heads {
        epoch: signer.epoch(),
        public_key: signer.public().to_string(),
        public_key_id: signer.public().id(),
        heads: signed.collect(),
    }))
}

pub(super) async fn check(
    State(state): State<AdminState>,
    body: Result<Json<wire::CheckHeads>, JsonRejection>,
) -> Answer<wire::HeadsVerdict> {
    let wire::CheckHeads { public_key, heads } = json(body)?;
    let key = public_key.map(|text| {
        PublicKey::parse(&text)
            .ok_or_else(|| Failed::invalid("public_key: not 64 hexadecimal digits"))
    });
    let not_a_head = || {
        Failed::invalid(
            "heads: one of them is none: give lines as `ferry heads`, the export and receipts have them",
        )
    };
    let heads: Option<Vec<SignedHead>> = heads.into_iter().map(HeadLine::read).collect();
    let heads = heads.ok_or_else(not_a_head)?;
    let verdict = state.engine.verify_heads(key.transpose()?, heads).await;
    Ok(Json(heads_verdict(&verdict.map_err(unreadable)?)))
}

fn unreadable(error: OpenError) -> Failed {
    let message = crate::store::chain(&error);
    Failed::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
}

/// What was found of heads or receipts.
pub(crate) fn heads_verdict(verdict: &HeadsVerdict) -> wire::HeadsVerdict {
    let HeadsVerdict { hold, difference } = verdict;
    wire::HeadsVerdict {
        clean: difference.is_none(),
        hold: *hold,
        difference: difference.as_ref().map(ToString::to_string),
    }
}
