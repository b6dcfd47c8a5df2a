//! The end of an exchange: exactly once, with a cause, settled or released.

use ferry_api::v1::{Attempt, EndCause, RequestFacts, Usage, UsageSource};

use super::reservation::Settlement;
use super::{Exchange, Forwarded, Phase};
use crate::attempts::{self, AttemptNote};
use crate::clock::Now;
use crate::metrics::Metric;
use crate::usage::{Evidence, Meter};
use crate::worker::Worker;

/// The event of the end.
pub(super) struct Ending<'a> {
    pub details: &'a str,
    pub status: u32,
    pub attempts: &'a str,
}

impl Exchange {
    pub(super) fn on_ended(&mut self, ending: &Ending<'_>, worker: &mut Worker, now: Now) {
        let ending = &Ending {
            details: self.replaced_details.as_deref().unwrap_or(ending.details),
            ..*ending
        };
        match core::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Deciding(deciding) => deciding.reservation.release(worker, now),
            Phase::Forwarded(forwarded) => forwarded.conclude(ending, self.started_ms, worker, now),
            Phase::Start
            | Phase::Reading(_)
            | Phase::Listing(_)
            | Phase::Passing
            | Phase::Replied
            | Phase::Over => {}
        }
    }
}

impl Forwarded {
    fn conclude(
        self: Box<Self>,
        ending: &Ending<'_>,
        started_ms: u64,
        worker: &mut Worker,
        now: Now,
    ) {
        let notes = attempts::parse(ending.attempts);
        if !self.was_sent(ending, &notes) {
            return self.reservation.release(worker, now);
        }
        let evidence = self.answer.meter.as_ref().map(Meter::evidence);
        if evidence
            .as_ref()
            .is_some_and(|evidence| evidence.source == ferry_types::UsageSource::Unreadable)
        {
            worker.counters.count(Metric::UsageUnreadable);
        }
        let settlement = Settlement {
            cause: self.cause(
                ending.details,
                evidence.as_ref(),
                worker.outbox.leases().is_cut(&self.reservation.id),
            ),
            attempts: self.attempts(&notes, evidence, ending, started_ms, now),
            latency_ms: now.monotonic_ms.saturating_sub(started_ms),
            status: if self.answer.is_known() {
                self.answer.shown_status
            } else {
                ending.status
            },
        };
        self.reservation.settle(settlement, worker, now);
    }

    /// Whether anything went to a provider. A provider's chain that noted nothing saw nothing; in shadow mode there may be none.
    fn was_sent(&self, ending: &Ending<'_>, notes: &[AttemptNote]) -> bool {
        if self.answer.status != 0 || notes.len() > 1 {
            return true;
        }
        if is_unsent(ending.details) {
            return false;
        }
        !notes.is_empty() || ending.details.starts_with("upstream") || self.watched
    }

    fn cause(&self, details: &str, evidence: Option<&Evidence>, cut: bool) -> EndCause {
        let answered = self.answer.status != 0;
        if self.answer.status >= 400 || evidence.is_some_and(|evidence| evidence.has_error) {
            EndCause::ProviderError
        } else if self.answer.complete || evidence.is_some_and(|evidence| evidence.done) {
            // Some SDKs hang up as soon as they have read the last event.
            EndCause::Complete
        } else if cut {
            EndCause::Gateway
        } else if details.contains("timeout") || details.contains("max_stream_duration") {
            EndCause::Timeout
        } else if details.starts_with("upstream_reset_after") {
            EndCause::ProviderReset
        } else if details.starts_with("upstream") {
            EndCause::ProviderLost
        } else if details.starts_with("downstream")
            || details.contains("remote_reset")
            || details.starts_with("http")
        {
            EndCause::ClientGone
        } else if answered && details == "via_upstream" {
            // The answer ended with trailers: its last chunk did not say so.
            EndCause::Complete
        } else {
            EndCause::Gateway
        }
    }

    fn attempts(
        &self,
        notes: &[AttemptNote],
        evidence: Option<Evidence>,
        ending: &Ending<'_>,
        started_ms: u64,
        now: Now,
    ) -> Vec<Attempt> {
        let unnoted = AttemptNote {
            provider: self.reservation.provider.clone(),
            started_ms,
            status: self.answer.status,
            answered_ms: 0,
        };
        let (last, earlier) = notes.split_last().unwrap_or((&unnoted, &[]));
        let mut attempts: Vec<Attempt> = earlier.iter().map(failed).collect();
        attempts.push(self.last_attempt(last, evidence, ending, now));
        attempts
    }

    fn last_attempt(
        &self,
        note: &AttemptNote,
        evidence: Option<Evidence>,
        ending: &Ending<'_>,
        now: Now,
    ) -> Attempt {
        let answer = &self.answer;
        let mut attempt = Attempt {
            provider: note.provider.clone(),
            status: answer.status,
            provider_request_id: answer.provider_request_id.clone(),
            latency_ms: now.monotonic_ms.saturating_sub(note.started_ms),
            first_byte_ms: answer
                .first_byte_ms
                .map(|at| at.saturating_sub(note.started_ms)),
            usage: Some(Usage::default()),
            source: UsageSource::None.into(),
            ..Attempt::default()
        };
        if let Some(evidence) = evidence {
            let source = UsageSource::from(evidence.source);
            let usage = Usage::from(evidence.usage);
            attempt.usage = Some(if source == UsageSource::None {
                usage
            } else {
                with_input(usage, &self.reservation.facts)
            });
            attempt.source = source.into();
            attempt.model = evidence.model;
            attempt.service_tier = evidence.service_tier;
        } else if answer.status == 0 && !is_unsent(ending.details) {
            attempt.usage = Some(with_input(Usage::default(), &self.reservation.facts));
            attempt.source = UsageSource::Estimated.into();
        }
        attempt
    }
}

/// What was counted in an answer knows nothing of the input: there the estimate stands.
pub(super) fn with_input(usage: Usage, facts: &RequestFacts) -> Usage {
    let told = [
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.cache_write_tokens,
        usage.audio_input_tokens,
    ];
    if told.iter().any(|tokens| *tokens > 0) {
        return usage;
    }
    Usage {
        input_tokens: facts.input_tokens_estimate,
        ..usage
    }
}

/// An attempt that another one followed: it failed, and generated nothing that anybody saw.
fn failed(note: &AttemptNote) -> Attempt {
    Attempt {
        provider: note.provider.clone(),
        status: note.status,
        usage: Some(Usage::default()),
        source: UsageSource::None.into(),
        latency_ms: note.answered_ms.saturating_sub(note.started_ms),
        ..Attempt::default()
    }
}

/// Whether Envoy says that the last attempt never reached its provider.
pub(super) fn is_unsent(details: &str) -> bool {
    const NEVER: [&str; 8] = [
        "no_healthy_upstream",
        "cluster_not_found",
        "route_not_found",
        "no_cluster",
        "direct_response",
        "maintenance_mode",
        "connection_failure",
        "{overflow",
    ];
    NEVER.iter().any(|part| details.contains(part)) || details.contains("connection_timeout")
}
