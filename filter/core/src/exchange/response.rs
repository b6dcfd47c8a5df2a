//! The answer on its way to the client: shown headers, hidden headers, metering, and Envoy's own errors put into shape.

use super::end::is_unsent;
use super::{Exchange, Phase, REQUEST_ID};
use crate::clock::Now;
use crate::effect::{Effect, Effects};
use crate::headers::Headers;
use crate::metrics::Metric;
use crate::reply::{Reason, Reply};
use crate::worker::Worker;

/// What Envoy calls an answer that came from a provider.
const VIA_UPSTREAM: &str = "via_upstream";
/// The event of the answer's headers.
pub(super) struct Head<'a> {
    pub headers: &'a Headers,
    pub details: &'a str,
    pub end: bool,
}

/// Another body for the answer.
pub(super) enum Replacement {
    None,
    /// To be put in place of the first chunk.
    Waiting(Vec<u8>),
    /// Was put; further chunks are dropped.
    Done,
}

impl Exchange {
    pub(super) fn on_response_headers(
        &mut self,
        head: &Head<'_>,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        if matches!(self.phase, Phase::Over) || self.is_own_reply(head.headers) {
            return Effects::none();
        }
        self.answered = true;
        let status = head
            .headers
            .text(":status")
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        let from_provider = head.details.is_empty() || head.details == VIA_UPSTREAM;
        match &mut self.phase {
            Phase::Forwarded(forwarded) if from_provider => {
                forwarded.begin(status, head, now);
                if forwarded.watched {
                    return Effects::passing(self.request_id_header());
                }
                self.provider_answered(status, head, worker)
            }
            Phase::Forwarded(forwarded) if forwarded.watched => Effects::none(),
            Phase::Reading(reading) if reading.route.mode == crate::config::RouteMode::Shadow => {
                Effects::none()
            }
            Phase::Forwarded(_)
            | Phase::Reading(_)
            | Phase::Listing(_)
            | Phase::Deciding(_)
            | Phase::Replied => {
                worker.counters.count(Metric::ErrorsReshaped);
                let reason = reason_of(head.details, status);
                if head.end {
                    return self.reply_instead(reason, head.details, status);
                }
                Effects::passing(self.reshape(reason, head.end))
            }
            Phase::Start | Phase::Passing | Phase::Over => Effects::none(),
        }
    }

    /// Our own reply comes by here too. Envoy may have put one of its own in its place, such as its 413.
    fn is_own_reply(&self, headers: &Headers) -> bool {
        let shown = headers.text(REQUEST_ID);
        matches!(self.phase, Phase::Replied)
            && self
                .id
                .is_some_and(|id| shown == Some(id.to_string().as_str()))
    }

    fn provider_answered(&mut self, status: u32, head: &Head<'_>, worker: &mut Worker) -> Effects {
        let mut list: Vec<Effect> = head
            .headers
            .names(is_providers_own)
            .into_iter()
            .map(Effect::RemoveResponseHeader)
            .collect();
        // The provider speaks of the gateway's credential, and may quote it; the client's own key is good.
        if status == 401 || status == 403 {
            worker.counters.count(Metric::ErrorsReshaped);
            let reason = Reason::ProviderRefusedGateway;
            if let Phase::Forwarded(forwarded) = &mut self.phase {
                forwarded.answer.shown_status = reason.status();
            }
            list.push(Effect::SetResponseHeader(
                ":status".to_owned(),
                reason.status().to_string(),
            ));
            list.extend(self.reshape(reason, head.end));
            list.extend(self.shown_headers());
            return Effects::passing(list);
        }
        if let Phase::Forwarded(forwarded) = &self.phase
            && forwarded.hide_usage
        {
            list.push(Effect::RemoveResponseHeader("content-length".to_owned()));
        }
        list.extend(self.request_id_header());
        list.extend(self.shown_headers());
        Effects::passing(list)
    }

    fn shown_headers(&self) -> Vec<Effect> {
        let Phase::Forwarded(forwarded) = &self.phase else {
            return Vec::new();
        };
        let set = |(name, value): &(String, String)| {
            Effect::SetResponseHeader(name.clone(), value.clone())
        };
        forwarded.shown.iter().map(set).collect()
    }

    fn request_id_header(&self) -> Vec<Effect> {
        self.id
            .map(|id| Effect::SetResponseHeader(REQUEST_ID.to_owned(), id.to_string()))
            .into_iter()
            .collect()
    }

    /// Envoy's answer has no body to be put into shape: ours goes in its place.
    fn reply_instead(&mut self, reason: Reason, details: &str, status: u32) -> Effects {
        self.replaced_details = Some(details.to_owned());
        let mut reply = Reply::reason(reason);
        if (400..=599).contains(&status) {
            reply.status = status;
        }
        if let Some(id) = self.id {
            reply.push(REQUEST_ID, &id.to_string());
        }
        Effects::holding(vec![Effect::Reply(reply)])
    }

    /// Puts an error into OpenAI's shape. An answer without a body gets the headers only.
    fn reshape(&mut self, reason: Reason, end: bool) -> Vec<Effect> {
        let mut list = self.request_id_header();
        let mut set = |name: &str, value: String| {
            list.push(Effect::SetResponseHeader(name.to_owned(), value))
        };
        if let Some(retry) = reason.should_retry() {
            set("x-should-retry", retry.to_string());
        }
        if !end {
            let body = reason.body().to_json();
            set("content-type", "application/json".to_owned());
            set("content-length", body.len().to_string());
            self.replacement = Replacement::Waiting(body);
        }
        list
    }

    pub(super) fn on_response_body(
        &mut self,
        chunk: &[u8],
        end: bool,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        let replaced = match core::mem::replace(&mut self.replacement, Replacement::Done) {
            Replacement::Waiting(body) => Some(body),
            Replacement::Done => Some(Vec::new()),
            Replacement::None => {
                self.replacement = Replacement::None;
                None
            }
        };
        let passed = match &mut self.phase {
            Phase::Forwarded(forwarded) if forwarded.answer.status != 0 => {
                forwarded.meter(chunk, end, worker, now)
            }
            Phase::Forwarded(_)
            | Phase::Start
            | Phase::Reading(_)
            | Phase::Listing(_)
            | Phase::Deciding(_)
            | Phase::Passing
            | Phase::Replied
            | Phase::Over => None,
        };
        let list = replaced
            .or(passed)
            .map(Effect::ReplaceChunk)
            .into_iter()
            .collect();
        Effects::passing(list)
    }
}

/// Headers that tell of the gateway's account at the provider, or of its limits there.
fn is_providers_own(name: &str) -> bool {
    const PREFIXES: [&str; 6] = [
        "x-ratelimit-",
        "openai-",
        "anthropic-",
        "x-ferry",
        "x-ai-quota-",
        "cf-",
    ];
    const NAMES: [&str; 4] = [
        "x-request-id",
        "request-id",
        "set-cookie",
        "x-ai-model-tier",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

/// Why Envoy itself answered.
fn reason_of(details: &str, status: u32) -> Reason {
    let is = |part: &str| details.contains(part);
    match status {
        413 => Reason::RequestTooLarge,
        408 => Reason::RequestTimeout,
        504 => Reason::ProviderTimeout,
        _ if is("timeout") => Reason::ProviderTimeout,
        _ if is("upstream_reset_before_response_started") && !is_unsent(details) => {
            Reason::ProviderReset
        }
        400..=499 => Reason::RequestRejected,
        _ => Reason::ProviderUnavailable,
    }
}
