//! An answer on its way: in pieces, at a pace, with what the script wants to happen in between.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream::{self, Stream};

use super::answer::Answer;
use super::record::{End, Entry};
use super::script::{Act, Point, Script};
use super::socket::Breaker;

/// What the body does next.
#[derive(Debug)]
enum Step {
    Send(Bytes),
    /// What was sent goes out before anything else happens.
    Flush,
    Act(Act),
}

/// Gives an answer as the script tells.
pub(super) async fn play(
    answer: Answer,
    script: &Script,
    breaker: Breaker,
    entry: Entry,
) -> Response {
    // Tokio rounds every sleep up to its next tick, no time at all to a millisecond.
    if !script.delay.is_zero() {
        tokio::time::sleep(script.delay).await;
    }
    for (_, act) in script
        .acts
        .iter()
        .filter(|(point, _)| *point == Point::Start)
    {
        if carry_out(act, &breaker).await.is_err() {
            entry.end(End::Broken);
            // It is never written: the connection is broken.
            return Response::default();
        }
    }
    let steps = steps(answer.events, script);
    let mut response = Response::new(body(steps, breaker, entry));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&answer.content_type) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    for (name, value) in [
        ("x-request-id", "req_simulator"),
        ("openai-processing-ms", "1"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-reset-requests", "6ms"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn body(mut steps: Vec<Step>, breaker: Breaker, entry: Entry) -> Body {
    if let [Step::Send(whole)] = steps.as_mut_slice() {
        entry.end(End::Complete);
        return Body::from(std::mem::take(whole));
    }
    Body::from_stream(stream(steps, breaker, entry))
}

fn stream(
    steps: Vec<Step>,
    breaker: Breaker,
    entry: Entry,
) -> impl Stream<Item = io::Result<Bytes>> {
    let state = (steps.into_iter(), breaker, entry);
    stream::unfold(Some(state), async |state| {
        let (mut steps, breaker, entry) = state?;
        loop {
            match steps.next() {
                None => {
                    entry.end(End::Complete);
                    return None;
                }
                Some(Step::Send(bytes)) => return Some((Ok(bytes), Some((steps, breaker, entry)))),
                // The connection's task flushes when the body has nothing for it.
                Some(Step::Flush) => tokio::task::yield_now().await,
                Some(Step::Act(act)) => {
                    if let Err(error) = carry_out(&act, &breaker).await {
                        entry.end(End::Broken);
                        return Some((Err(error), None));
                    }
                }
            }
        }
    })
}

/// Fails if the connection is broken by it.
async fn carry_out(act: &Act, breaker: &Breaker) -> io::Result<()> {
    match act {
        Act::Wait(time) => tokio::time::sleep(*time).await,
        Act::Hold(gate) => gate.pass().await,
        Act::Close => {
            breaker.close();
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Act::Reset => {
            breaker.reset();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
    }
    Ok(())
}

/// The events cut where something happens, with what happens in between.
fn steps(events: Vec<Bytes>, script: &Script) -> Vec<Step> {
    let mut acts = placed(&events, script);
    let streamed = events.len() > 1;
    let mut steps = Vec::new();
    let mut offset = 0;
    for mut event in events {
        while !event.is_empty() {
            happen(&mut steps, &mut acts, offset);
            let mut end = script
                .piece_bytes
                .unwrap_or(usize::MAX)
                .max(1)
                .min(event.len());
            if let Some((at, _)) = acts.first() {
                end = end.min(at - offset);
            }
            steps.push(Step::Send(event.split_to(end)));
            if script.piece_bytes.is_some() {
                steps.push(Step::Flush);
            }
            offset += end;
        }
        if streamed && script.pace > Duration::ZERO {
            steps.push(Step::Act(Act::Wait(script.pace)));
        }
    }
    happen(&mut steps, &mut acts, usize::MAX);
    steps
}

/// What happens at offsets up to this one.
fn happen(steps: &mut Vec<Step>, acts: &mut Vec<(usize, Act)>, offset: usize) {
    let due = acts.partition_point(|(at, _)| *at <= offset);
    for (_, act) in acts.drain(..due) {
        steps.push(Step::Flush);
        steps.push(Step::Act(act));
    }
}

/// The acts by the body's offset, in order.
fn placed(events: &[Bytes], script: &Script) -> Vec<(usize, Act)> {
    let mut placed: Vec<_> = script
        .acts
        .iter()
        .filter_map(|(point, act)| {
            let at = match point {
                Point::Start => return None,
                Point::Event(count) => events.iter().take(*count).map(Bytes::len).sum(),
                Point::Byte(offset) => *offset,
            };
            Some((at, act.clone()))
        })
        .collect();
    placed.sort_by_key(|(at, _)| *at);
    placed
}
