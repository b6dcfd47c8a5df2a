//! The route that closes a tenant, and what is said where it cannot be, or was.

use super::asked::{Done, bounded, done, json, parse, reason};
use super::failure::Failed;
use super::routes::{AdminState, Answer};
use super::{view, wire};
use crate::engine::{BookView, Engine};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ferry_ledger::{Closing, Remainder};
use ferry_types::{Amount, Currency, TenantId};

/// A name.
const APPROVER_BYTES_MAX: usize = 200;
/// A note is a sentence or two.
const NOTE_BYTES_MAX: usize = 1_000;

pub(super) async fn close(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::CloseTenant>, JsonRejection>,
) -> Answer<wire::Changed<wire::Tenant>> {
    let wire::CloseTenant {
        reason: why,
        approver,
        note,
    } = json(body)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    if approver.trim().is_empty() {
        return Err(Failed::invalid("approver: missing: who approved it?"));
    }
    let closing = Closing {
        reason: reason(&why)?,
        approver: bounded("approver", approver, APPROVER_BYTES_MAX)?,
        note: bounded("note", note, NOTE_BYTES_MAX)?,
    };
    let engine = &state.engine;
    let answered = engine.close_tenant(tenant.clone(), closing).await?;
    let Done { position, .. } = done(&answered, &tenant, "the tenant")?;
    let now = view::tenant(engine.tenant(tenant).await?);
    Ok(Json(wire::Changed { now, position }))
}

/// What is said to whoever would give a closed tenant's id again.
pub(super) async fn taken(engine: &Engine, tenant: TenantId) -> Result<Failed, Failed> {
    let found = view::tenant(engine.tenant(tenant.clone()).await?);
    let when = found.closed.map_or_else(String::new, |closed| {
        let wire::Closed {
            at,
            reason,
            approver,
            ..
        } = closed;
        format!(" at {at} ({reason}, approved by {approver})")
    });
    let message =
        format!("id: '{tenant}' was closed{when}, and its id is never given again: choose another");
    Ok(Failed::new(StatusCode::CONFLICT, "tenant_closed", message))
}

/// What is said to whoever asks something of a closed tenant that it does not take any more.
pub(super) fn closed(tenant: &TenantId) -> Failed {
    let message = format!(
        "'{tenant}' is closed, for good: `ferry tenant show {tenant}` says when and why. Its book can still be put right by \
         `ferry correct`"
    );
    Failed::new(StatusCode::CONFLICT, "tenant_closed", message)
}

/// What is said to whoever would move money to a closed tenant.
pub(super) fn other_closed() -> Failed {
    let message = "to: the tenant is closed, for good: it takes no money any more";
    Failed::new(StatusCode::CONFLICT, "tenant_closed", message)
}

/// What is left, and how it is paid back, moved or written off.
pub(super) fn remains(tenant: &TenantId, remainder: &Remainder, book: Option<&BookView>) -> Failed {
    let Remainder { free, owed, grants } = remainder;
    let currency = book.map(|book| book.currency);
    let shown = |amount: Amount| {
        let amount = currency.map(|currency| amount.display(currency).to_string());
        amount.unwrap_or_default()
    };
    let unit = currency.map_or("", Currency::code);
    let mut message = format!("'{tenant}' is not closed, since money is left.");
    if !free.is_zero() {
        let amount = shown(*free);
        message += &format!(
            " Of its balance {amount} {unit} are free: `ferry correct refund {tenant} {amount} --top-up SOURCE/REFERENCE --reason \
             requested --approver NAME` pays a top-up back, `ferry transfer create {tenant} OTHER {amount}` moves it."
        );
    }
    for (grant, free) in grants {
        let amount = shown(*free);
        message += &format!(
            " Of the paid grant '{grant}' {amount} {unit} are free: `ferry correct refund {tenant} {amount} --grant {grant} --reason \
             requested --approver NAME` pays it back."
        );
    }
    if !owed.is_zero() {
        let amount = shown(*owed);
        message += &format!(
            " It owes {amount} {unit}: `ferry correct write-off {tenant} {amount} --reason bad_debt --approver NAME` writes it off, \
             `ferry topup {tenant} {amount}` posts a payment."
        );
    }
    Failed::new(StatusCode::CONFLICT, "money_left", message)
}
