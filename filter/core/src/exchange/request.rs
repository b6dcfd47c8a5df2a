//! From the request's headers to the Reserve.

use ferry_api::v1::{Caller, Endpoint as WireEndpoint, ListModelsRequest, Mode, RequestFacts};
use ferry_api::{Message, method};

use super::reservation::Reservation;
use super::{Deciding, Exchange, Forwarded, Listing, Phase, Reading};
use crate::clock::{Now, Random};
use crate::config::{RouteConfig, RouteMode};
use crate::effect::{Call, Effect, Effects, Flow};
use crate::endpoint::Endpoint;
use crate::guard::Admission;
use crate::headers::Headers;
use crate::key;
use crate::metrics::Metric;
use crate::reply::{ErrorBody, Reason, Reply};
use crate::request::{InvalidRequest, RequestScanner, ScannedRequest};
use crate::tags;
use crate::worker::Worker;

/// The version that the server is told.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The event of the request's headers.
pub(super) struct Head<'a> {
    pub route: &'a str,
    pub headers: &'a Headers,
    pub end: bool,
    pub random: [Random; 2],
}

impl Exchange {
    pub(super) fn on_request_headers(
        &mut self,
        head: &Head<'_>,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        if !matches!(self.phase, Phase::Start) {
            return Effects::none();
        }
        let [first, second] = head.random;
        self.started_ms = now.monotonic_ms;
        self.id = Some(worker.clock.draw(now, first));
        let Some(route) = worker.config.routes.get(head.route).copied() else {
            worker.counters.count(Metric::RouteNotConfigured);
            return self.deny(Reason::RouteNotConfigured, worker);
        };
        let endpoint = endpoint_of(head.headers);
        match route.mode {
            RouteMode::Shadow => self.watch(head, endpoint.as_ref(), route, second, worker, now),
            RouteMode::Enforce => match endpoint {
                None => self.deny(Reason::EndpointNotSupported, worker),
                Some(endpoint) => self.enforce(head, endpoint, route, second, worker, now),
            },
        }
    }

    fn enforce(
        &mut self,
        head: &Head<'_>,
        endpoint: Endpoint,
        route: RouteConfig,
        second: Random,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        let Some(caller) = caller_of(head.headers, worker) else {
            return self.deny(Reason::InvalidApiKey, worker);
        };
        if let Endpoint::Models(wanted) = endpoint {
            return self.list_models(caller, wanted, worker);
        }
        if is_encoded(head.headers) {
            return self.deny(Reason::ContentEncodingNotSupported, worker);
        }
        if declared_length(head.headers) > worker.config.limits.body_bytes_max {
            return self.deny(Reason::RequestTooLarge, worker);
        }
        let mut list = stripped(head.headers);
        list.push(Effect::RemoveRequestHeader("authorization".to_owned()));
        list.push(Effect::SetRequestHeader(
            "accept-encoding".to_owned(),
            "identity".to_owned(),
        ));
        self.phase = Phase::Reading(Box::new(reading(head, caller, route, second, worker)));
        if head.end {
            list.extend(self.request_complete(worker, now).list);
        }
        Effects::holding(list)
    }

    fn list_models(&mut self, caller: Caller, wanted: Option<String>, worker: &Worker) -> Effects {
        let key_digest = caller.key_digest.clone();
        let message = ListModelsRequest {
            caller: Some(caller),
        }
        .encode_to_vec();
        self.phase = Phase::Listing(Listing { key_digest, wanted });
        let timeout_ms = worker.config.timeouts.reserve_ms;
        Effects::holding(vec![Effect::Call(Call {
            method: method::LIST_MODELS,
            message,
            timeout_ms,
        })])
    }

    /// Shadow mode: nothing waits, nothing is refused, the body is only read along.
    fn watch(
        &mut self,
        head: &Head<'_>,
        endpoint: Option<&Endpoint>,
        route: RouteConfig,
        second: Random,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        worker.counters.count(Metric::Shadow);
        let mut list = stripped(head.headers);
        list.push(Effect::SetRequestHeader(
            "accept-encoding".to_owned(),
            "identity".to_owned(),
        ));
        list.extend(
            self.id
                .map(|id| Effect::SetMarker(Admission::Shadow.marker(&id))),
        );
        self.phase = Phase::Passing;
        if endpoint == Some(&Endpoint::ChatCompletions) {
            match caller_of(head.headers, worker) {
                Some(caller) if !is_encoded(head.headers) => {
                    self.phase =
                        Phase::Reading(Box::new(reading(head, caller, route, second, worker)));
                }
                Some(_) | None => worker.counters.count(Metric::ShadowUnrecorded),
            }
        }
        if head.end {
            list.extend(self.request_complete(worker, now).list);
        }
        Effects::passing(list)
    }

    pub(super) fn on_request_body(
        &mut self,
        chunk: &[u8],
        end: bool,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        let Phase::Reading(reading) = &mut self.phase else {
            return match self.phase {
                Phase::Listing(_) | Phase::Deciding(_) | Phase::Replied => Effects::hold(),
                Phase::Start
                | Phase::Reading(_)
                | Phase::Forwarded(_)
                | Phase::Passing
                | Phase::Over => Effects::none(),
            };
        };
        let watched = reading.route.mode == RouteMode::Shadow;
        if let Err(invalid) = reading.scanner.push(chunk) {
            return self.invalid(&invalid, watched, worker);
        }
        if end {
            return self.request_complete(worker, now);
        }
        Effects {
            flow: if watched { Flow::Continue } else { Flow::Hold },
            list: Vec::new(),
        }
    }

    fn invalid(&mut self, invalid: &InvalidRequest, watched: bool, worker: &mut Worker) -> Effects {
        if watched {
            worker.counters.count(Metric::ShadowUnrecorded);
            self.phase = Phase::Passing;
            return Effects::none();
        }
        worker.counters.count(Metric::Denied);
        let message = invalid.to_string();
        let error = ErrorBody {
            message: &message,
            kind: "invalid_request_error",
            param: invalid.param(),
            code: invalid.code(),
        };
        self.reply(Reply::invalid_request(u32::from(invalid.status()), error))
    }

    /// The whole body was read: ask for a reservation.
    fn request_complete(&mut self, worker: &mut Worker, now: Now) -> Effects {
        let reading = match core::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Reading(reading) => *reading,
            other @ (Phase::Start
            | Phase::Listing(_)
            | Phase::Deciding(_)
            | Phase::Forwarded(_)
            | Phase::Passing
            | Phase::Replied
            | Phase::Over) => {
                self.phase = other;
                return Effects::none();
            }
        };
        let watched = reading.route.mode == RouteMode::Shadow;
        let scanned = match reading.scanner.finish() {
            Ok(scanned) => scanned,
            Err(invalid) => return self.invalid(&invalid, watched, worker),
        };
        let (Some(id), Some(slot)) = (self.id, worker.outbox.take_slot()) else {
            worker.counters.count(Metric::OutboxFull);
            if watched {
                worker.counters.count(Metric::ShadowUnrecorded);
                self.phase = Phase::Passing;
                return Effects::none();
            }
            return self.deny(Reason::OutboxFull, worker);
        };
        let mut reservation = Reservation {
            id,
            caller: reading.caller,
            facts: measured(reading.facts, &scanned),
            output_tokens_max: 0,
            provider: String::new(),
            sent_ms: 0,
            slot,
        };
        let call = reservation.reserve(worker.config.timeouts.reserve_ms, now);
        if watched {
            self.phase = Phase::Forwarded(Box::new(Forwarded::watched(reservation)));
            return Effects::passing(vec![call]);
        }
        let second = Some(reading.second);
        self.phase = Phase::Deciding(Box::new(Deciding {
            reservation,
            scanned,
            route: reading.route,
            second,
        }));
        Effects::holding(vec![call])
    }
}

fn endpoint_of(headers: &Headers) -> Option<Endpoint> {
    Endpoint::of(headers.text(":method")?, headers.text(":path")?)
}

fn caller_of(headers: &Headers, worker: &Worker) -> Option<Caller> {
    let digest = key::digest_of_bearer(headers)?.as_bytes().to_vec();
    let tenant_id = worker.known.tenant_id(&digest).to_owned();
    Some(Caller {
        filter_version: VERSION.to_owned(),
        key_digest: digest,
        tenant_id,
    })
}

fn reading(
    head: &Head<'_>,
    caller: Caller,
    route: RouteConfig,
    second: Random,
    worker: &Worker,
) -> Reading {
    let mode = match route.mode {
        RouteMode::Enforce => Mode::Enforce,
        RouteMode::Shadow => Mode::Shadow,
    };
    let facts = RequestFacts {
        endpoint: WireEndpoint::ChatCompletions.into(),
        route: head.route.to_owned(),
        mode: mode.into(),
        tags: Some(tags::read(head.headers)),
        idempotency_key_digest: key::digest_of_idempotency_key(head.headers),
        ..RequestFacts::default()
    };
    let scanner = RequestScanner::new(worker.config.limits.body_bytes_max);
    Reading {
        caller,
        facts,
        scanner,
        route,
        second,
    }
}

fn measured(facts: RequestFacts, scanned: &ScannedRequest) -> RequestFacts {
    RequestFacts {
        model: scanned.model.clone(),
        stream: scanned.stream,
        input_tokens_max: scanned.input_tokens_max,
        input_tokens_estimate: scanned.input_tokens_estimate,
        input_unbounded: scanned.input_unbounded,
        output_tokens_max: scanned.output_tokens_max,
        choices: scanned.choices,
        output_audio: scanned.output_audio,
        service_tier: scanned.service_tier.clone(),
        ..facts
    }
}

/// Takes away what a client may not say further on.
fn stripped(headers: &Headers) -> Vec<Effect> {
    headers
        .names(tags::is_ours)
        .into_iter()
        .map(Effect::RemoveRequestHeader)
        .collect()
}

fn is_encoded(headers: &Headers) -> bool {
    headers
        .all("content-encoding")
        .any(|value| !value.is_empty() && !value.eq_ignore_ascii_case(b"identity"))
}

fn declared_length(headers: &Headers) -> u64 {
    headers
        .text("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0)
}
