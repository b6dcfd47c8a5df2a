//! One request and its answer, as a state machine: `on(event)` gives effects.
//!
//! One direction, never back: start, reading the request, deciding, forwarded, over; or replied, when the filter answered itself.
//! Every Reserve ends in exactly one Settle or Release (or in an answer that held nothing): the outbox slot that it takes is
//! a value that only these consume. No event in any order panics; one that does not fit the phase is ignored.

mod answer;
mod decision;
mod end;
mod offline;
mod request;
mod reservation;
mod response;
#[cfg(test)]
mod tests;

use ferry_types::ReservationId;

use crate::clock::{Now, Random};
use crate::config::RouteConfig;
use crate::effect::{Effect, Effects, Event};
use crate::metrics::Metric;
use crate::reply::{Reason, Reply};
use crate::request::{RequestScanner, ScannedRequest};
use crate::worker::Worker;
use answer::Answer;
use reservation::Reservation;
use response::Replacement;

/// One request and its answer.
pub struct Exchange {
    phase: Phase,
    /// The id that the client is shown.
    id: Option<ReservationId>,
    /// The host's number of the stream.
    stream: u32,
    started_ms: u64,
    /// An answer to the client has begun, whoever gave it.
    answered: bool,
    replacement: Replacement,
    /// Envoy's details of an answer of its own, in whose place went ours.
    replaced_details: Option<String>,
}

/// What is not known of an end before it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsksAtEnd {
    /// Nothing is owed.
    Nothing,
    /// The notes of the provider chains; the whole answer was seen.
    Attempts,
    /// The notes, Envoy's details, and the client's status.
    Everything,
}

enum Phase {
    /// Nothing was seen.
    Start,
    /// The request is being read.
    Reading(Box<Reading>),
    /// `GET /v1/models` is under way.
    Listing(Listing),
    /// A Reserve is under way, and the request is held.
    Deciding(Box<Deciding>),
    /// The request went on, and will be settled.
    Forwarded(Box<Forwarded>),
    /// The request goes its way without us.
    Passing,
    /// The filter answered.
    Replied,
    /// Everything was said.
    Over,
}

/// A request being read.
struct Reading {
    caller: ferry_api::v1::Caller,
    facts: ferry_api::v1::RequestFacts,
    scanner: RequestScanner,
    route: RouteConfig,
    second: Random,
}

/// A model list being fetched.
struct Listing {
    key_digest: Vec<u8>,
    wanted: Option<String>,
}

/// A Reserve under way.
struct Deciding {
    reservation: Reservation,
    scanned: ScannedRequest,
    route: RouteConfig,
    /// For one more id, should the first not do.
    second: Option<Random>,
}

/// A request that went on.
struct Forwarded {
    reservation: Reservation,
    /// Shadow mode by the route: nothing is touched, and the Reserve's answer may still come.
    watched: bool,
    hide_usage: bool,
    /// To be shown on the answer.
    shown: Vec<(String, String)>,
    answer: Answer,
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new()
    }
}

impl Exchange {
    /// An exchange of which nothing was seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            phase: Phase::Start,
            id: None,
            stream: 0,
            started_ms: 0,
            answered: false,
            replacement: Replacement::None,
            replaced_details: None,
        }
    }

    /// The exchange of a stream that the host knows by this number.
    #[must_use]
    pub fn of_stream(stream: u32) -> Self {
        Self {
            stream,
            ..Self::new()
        }
    }

    /// What follows from an event.
    pub fn on(&mut self, event: Event<'_>, worker: &mut Worker, now: Now) -> Effects {
        match event {
            Event::RequestHeaders {
                route,
                headers,
                end,
                random,
            } => self.on_request_headers(
                &request::Head {
                    route,
                    headers,
                    end,
                    random,
                },
                worker,
                now,
            ),
            Event::RequestBody { chunk, end } => self.on_request_body(chunk, end, worker, now),
            Event::Answered(result) => self.on_answered(result, worker, now),
            Event::EffectFailed => self.on_effect_failed(worker, now),
            Event::ResponseHeaders {
                headers,
                details,
                end,
            } => self.on_response_headers(
                &response::Head {
                    headers,
                    details,
                    end,
                },
                worker,
                now,
            ),
            Event::ResponseBody { chunk, end } => self.on_response_body(chunk, end, worker, now),
            Event::Ended {
                details,
                status,
                attempts,
            } => {
                self.on_ended(
                    &end::Ending {
                        details,
                        status,
                        attempts,
                    },
                    worker,
                    now,
                );
                Effects::none()
            }
        }
    }

    /// What the host is to be asked before it tells of the end. Each question costs a call, and mostly the answer is known.
    #[must_use]
    pub fn asks_at_end(&self) -> AsksAtEnd {
        match &self.phase {
            Phase::Forwarded(forwarded) if forwarded.answer.is_known() => AsksAtEnd::Attempts,
            Phase::Forwarded(_) => AsksAtEnd::Everything,
            Phase::Start
            | Phase::Reading(_)
            | Phase::Listing(_)
            | Phase::Deciding(_)
            | Phase::Passing
            | Phase::Replied
            | Phase::Over => AsksAtEnd::Nothing,
        }
    }

    /// Whether everything was said: nothing will follow from further events.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Answers the request here, for a reason of the filter's own.
    fn deny(&mut self, reason: Reason, worker: &mut Worker) -> Effects {
        worker.counters.count(Metric::Denied);
        self.reply(Reply::reason(reason))
    }

    /// Answers the request here; unless an answer has begun, which cannot be taken back.
    fn reply(&mut self, mut reply: Reply) -> Effects {
        self.phase = Phase::Replied;
        if self.answered {
            return Effects::hold();
        }
        self.answered = true;
        if let Some(id) = self.id {
            reply.push(REQUEST_ID, &id.to_string());
        }
        Effects::holding(vec![Effect::Reply(reply)])
    }

    /// The request could not be changed as decided: it must not go on.
    fn on_effect_failed(&mut self, worker: &mut Worker, now: Now) -> Effects {
        worker.counters.count(Metric::HostErrors);
        match core::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Forwarded(forwarded) if !self.answered && !forwarded.watched => {
                forwarded.reservation.release(worker, now);
                self.deny(Reason::GatewayFailed, worker)
            }
            Phase::Deciding(deciding) => {
                deciding.reservation.release(worker, now);
                self.deny(Reason::GatewayFailed, worker)
            }
            Phase::Reading(_) | Phase::Listing(_) => self.deny(Reason::GatewayFailed, worker),
            other @ (Phase::Start
            | Phase::Forwarded(_)
            | Phase::Passing
            | Phase::Replied
            | Phase::Over) => {
                self.phase = other;
                Effects::none()
            }
        }
    }
}

/// The header in which the client is shown the request's id.
pub const REQUEST_ID: &str = "x-ferryapi-request-id";
