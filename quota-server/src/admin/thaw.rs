//! The routes that thaw a frozen book, a tenant's or the house's, and what is said where it stays frozen.

use super::asked::{bounded, json, parse, reason};
use super::failure::Failed;
use super::routes::{AdminState, Answer};
use super::{view, wire};
use crate::engine::{BookView, ThawAnswer, ThawCall};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ferry_ledger::Head;
use ferry_types::TenantId;

/// A name.
const APPROVER_BYTES_MAX: usize = 200;
/// A note is a sentence or two.
const NOTE_BYTES_MAX: usize = 1_000;

pub(super) async fn tenant(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::Thaw>, JsonRejection>,
) -> Answer<wire::Thawed<wire::Position>> {
    let book: TenantId = parse("tenant", &tenant)?;
    if book.is_house() {
        let message = "tenant: this is the house's own book: `ferry house thaw` thaws it";
        return Err(Failed::invalid(message));
    }
    let position = |_: Head, view: Option<BookView>| view.as_ref().map(view::position);
    thaw(&state, book, body, position).await
}

pub(super) async fn house(
    State(state): State<AdminState>,
    body: Result<Json<wire::Thaw>, JsonRejection>,
) -> Answer<wire::Thawed<wire::Place>> {
    let place = |head: Head, _: Option<BookView>| Some(view::house::place(head.place()));
    thaw(&state, TenantId::house(), body, place).await
}

/// Thaws a book, and says where its journal tells of it.
async fn thaw<P>(
    state: &AdminState,
    book: TenantId,
    body: Result<Json<wire::Thaw>, JsonRejection>,
    place: impl FnOnce(Head, Option<BookView>) -> Option<P>,
) -> Answer<wire::Thawed<P>> {
    let call = asked(json(body)?)?;
    match state.engine.thaw(book.clone(), call).await? {
        ThawAnswer::Done {
            frozen_for,
            head,
            book: view,
        } => Ok(Json(wire::Thawed {
            book: book.to_string(),
            thawed_now: true,
            frozen_for: Some(frozen_for),
            position: place(head, view),
        })),
        ThawAnswer::NotFrozen => Ok(Json(wire::Thawed {
            book: book.to_string(),
            thawed_now: false,
            frozen_for: None,
            position: None,
        })),
        ThawAnswer::Differs(difference) => {
            let message = format!(
                "the book of '{book}' stays frozen, since it is not what its journal says: {difference}. Mend that, and send the same again"
            );
            Err(Failed::new(StatusCode::CONFLICT, "differs", message))
        }
        ThawAnswer::Moved => {
            let message = format!(
                "the book of '{book}' stays frozen: its journal was written while it was verified. Send the same again once nobody mends it"
            );
            Err(Failed::new(StatusCode::CONFLICT, "moved", message))
        }
    }
}

fn asked(body: wire::Thaw) -> Result<ThawCall, Failed> {
    let wire::Thaw {
        reason: why,
        approver,
        note,
    } = body;
    if approver.trim().is_empty() {
        return Err(Failed::invalid("approver: missing: who approved it?"));
    }
    Ok(ThawCall {
        reason: reason(&why)?,
        approver: bounded("approver", approver, APPROVER_BYTES_MAX)?,
        note: bounded("note", note, NOTE_BYTES_MAX)?,
    })
}
