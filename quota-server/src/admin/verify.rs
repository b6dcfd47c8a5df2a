//! `GET verify`: the verdict, or, for whoever accepts lines of JSON, how far the verification is until the verdict is there.

use super::asked::{asked, known_book, parse};
use super::failure::Failed;
use super::routes::AdminState;
use super::{view, wire};
use crate::engine::Engine;
use crate::verify::{Part, Since, VerifyError};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// One JSON document a line.
pub(super) const LINES: &str = "application/x-ndjson";
/// How often it is told how far the verification is: as often as somebody looks.
const EVERY: Duration = Duration::from_millis(200);
/// Lines that wait for a slow reader. What he misses is told by the next.
const WAITING_MAX: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    tenant: Option<String>,
    since: Option<String>,
}

pub(super) async fn verify(
    State(state): State<AdminState>,
    headers: HeaderMap,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Failed> {
    let Asked { tenant, since } = asked(query)?;
    let since: Option<Since> = since.map(|text| parse("since", &text)).transpose()?;
    let part = match (known_book(&state.engine, tenant).await?, since) {
        (Some(tenant), since) => Some(Part { tenant, since }),
        (None, None) => None,
        (None, Some(_)) => {
            return Err(Failed::invalid(
                "since: it counts within one journal: give the tenant too",
            ));
        }
    };
    let accepted = headers.get(header::ACCEPT);
    if accepted.is_some_and(|accepted| accepted == LINES) {
        return Ok(in_lines(state.engine, part));
    }
    let report = state.engine.verify_part(part, |_| {}).await;
    let report = report.map_err(|error| unreadable(&error))?;
    Ok(Json(view::verdict(&report)).into_response())
}

fn unreadable(error: &VerifyError) -> Failed {
    let message = crate::store::chain(error).to_string();
    Failed::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
}

/// The verification goes on beside the answer, which ends with the verdict or with what stood in its way.
fn in_lines(engine: Engine, part: Option<Part>) -> Response {
    let (lines, mut told) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        let (mut last, far) = (None, lines.clone());
        let progress = move |entries| {
            if last.is_none_or(|last: Instant| last.elapsed() >= EVERY) {
                last = Some(Instant::now());
                // Nobody may be there any more, or not have read the last.
                far.try_send(line(&wire::VerifyLine::Progress(wire::Progress {
                    entries,
                })))
                .unwrap_or_default();
            }
        };
        let end = match engine.verify_part(part, progress).await {
            Ok(report) => wire::VerifyLine::Verdict(view::verdict(&report)),
            Err(error) => wire::VerifyLine::Failure(unreadable(&error).told()),
        };
        lines.send(line(&end)).await.unwrap_or_default();
    });
    let next = stream::poll_fn(move |context| told.poll_recv(context));
    let body = futures_util::StreamExt::map(next, Ok::<_, Infallible>);
    ([(header::CONTENT_TYPE, LINES)], Body::from_stream(body)).into_response()
}

/// What has no JSON would be an empty line, which no client takes for a verdict.
fn line(of: &impl Serialize) -> String {
    let mut text = serde_json::to_string(of).unwrap_or_default();
    text.push('\n');
    text
}
