//! From the quota server's answer to the request's going on, or to its reply.

use ferry_api::Message;
use ferry_api::v1::{
    Candidate, Granted, ListModelsResponse, Mode, ReserveResponse, list_models_response,
    reserve_response::Outcome,
};

use super::{Deciding, Exchange, Forwarded, Listing, Phase};
use crate::clock::Now;
use crate::config::{OnLeaseLost, OnQuotaUnreachable};
use crate::effect::{CallFailure, Effect, Effects};
use crate::guard::Admission;
use crate::metrics::Metric;
use crate::models;
use crate::reply::{Reason, Reply, shown};
use crate::request::{OutputLimit, OutputLimitField};
use crate::worker::Worker;

/// The server's name for a Reserve whose id is too far from its clock.
const CLOCK_SKEW: &str = "gateway_clock_skew";
/// Where the client is told which output limit was written.
const OUTPUT_TOKENS_LIMIT: &str = "x-ai-quota-output-tokens-limit";
/// Most providers that are named to the route.
const PROVIDERS_MAX: usize = 8;

impl Exchange {
    pub(super) fn on_answered(
        &mut self,
        result: Result<&[u8], CallFailure>,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        match core::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Listing(listing) => self.models_listed(&listing, result, worker, now),
            Phase::Deciding(deciding) => self.decided(*deciding, result, worker, now),
            Phase::Forwarded(mut forwarded) => {
                if forwarded.watched {
                    forwarded.watched_answer(result, worker, now);
                }
                self.phase = Phase::Forwarded(forwarded);
                Effects::none()
            }
            other @ (Phase::Start
            | Phase::Reading(_)
            | Phase::Passing
            | Phase::Replied
            | Phase::Over) => {
                self.phase = other;
                Effects::none()
            }
        }
    }

    fn models_listed(
        &mut self,
        listing: &Listing,
        result: Result<&[u8], CallFailure>,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        let answer = result
            .ok()
            .and_then(|bytes| ListModelsResponse::decode(bytes).ok())
            .unwrap_or_default();
        worker.clock.learn(answer.server_time_unix_ms, now);
        match answer.outcome {
            Some(list_models_response::Outcome::Models(list)) => {
                let mut reply = models::reply(&list, listing.wanted.as_deref());
                reply.headers.extend(shown(&list.headers));
                self.reply(reply)
            }
            Some(list_models_response::Outcome::Refused(refused)) => {
                worker.counters.count(Metric::Refused);
                worker.known.refused(&listing.key_digest);
                self.reply(Reply::refused(&refused))
            }
            None => {
                worker.counters.count(Metric::Unreachable);
                self.deny(Reason::QuotaUnreachable, worker)
            }
        }
    }

    fn decided(
        &mut self,
        deciding: Deciding,
        result: Result<&[u8], CallFailure>,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        let bytes = match result {
            Ok(bytes) => bytes,
            Err(failure) => return self.undecided(deciding, failure, worker, now),
        };
        let answer = ReserveResponse::decode(bytes).unwrap_or_default();
        worker.clock.learn(answer.server_time_unix_ms, now);
        match answer.outcome {
            Some(Outcome::Granted(granted)) => self.granted(deciding, &granted, worker, now),
            Some(Outcome::Refused(refused)) if refused.reason == CLOCK_SKEW => {
                self.draw_again(deciding, worker, now)
            }
            Some(Outcome::Refused(refused)) => {
                worker.counters.count(Metric::Refused);
                worker
                    .known
                    .refused(&deciding.reservation.caller.key_digest);
                deciding.reservation.dismiss(worker);
                self.reply(Reply::refused(&refused))
            }
            Some(Outcome::Conflict(_)) => self.draw_again(deciding, worker, now),
            Some(Outcome::Ended(_)) => {
                deciding.reservation.dismiss(worker);
                self.deny(Reason::QuotaOverloaded, worker)
            }
            // An outcome that this filter does not know may hold money.
            None => {
                deciding.reservation.release(worker, now);
                self.deny(Reason::QuotaUnreachable, worker)
            }
        }
    }

    /// The id would not do: one more, on the time that the answer told, then give up.
    fn draw_again(&mut self, mut deciding: Deciding, worker: &mut Worker, now: Now) -> Effects {
        worker.counters.count(Metric::IdRedrawn);
        let Some(random) = deciding.second.take() else {
            deciding.reservation.dismiss(worker);
            return self.deny(Reason::QuotaOverloaded, worker);
        };
        let id = worker.clock.draw(now, random);
        self.id = Some(id);
        deciding.reservation.id = id;
        let call = deciding
            .reservation
            .reserve(worker.config.timeouts.reserve_ms, now);
        self.phase = Phase::Deciding(Box::new(deciding));
        Effects::holding(vec![call])
    }

    fn granted(
        &mut self,
        mut deciding: Deciding,
        granted: &Granted,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        let Some(candidate) = granted.candidates.first().filter(|_| !self.answered) else {
            deciding.reservation.release(worker, now);
            return self.deny(Reason::QuotaOverloaded, worker);
        };
        worker.counters.count(Metric::Granted);
        let reservation = &mut deciding.reservation;
        let model = &reservation.facts.model;
        worker.known.granted(
            &reservation.caller.key_digest,
            &granted.tenant_id,
            model,
            candidate,
            now.monotonic_ms,
        );
        reservation.caller.tenant_id.clone_from(&granted.tenant_id);
        reservation.output_tokens_max = granted.output_tokens_max;
        let caller = reservation.caller.clone();
        worker.outbox.leases().open(
            reservation.id,
            caller,
            granted.lease_ms,
            reservation.sent_ms,
        );
        let mut shown = shown(&granted.headers);
        let shadow = granted.mode == i32::from(Mode::Shadow);
        if deciding.route.on_lease_lost == OnLeaseLost::End && !shadow {
            let leases = worker.outbox.leases();
            leases.cut_when_lost(&deciding.reservation.id, self.stream);
        }
        if granted.clamped && !shadow {
            worker.counters.count(Metric::Clamped);
            shown.push((
                OUTPUT_TOKENS_LIMIT.to_owned(),
                granted.output_tokens_max.to_string(),
            ));
        }
        let admission = if shadow {
            Admission::Shadow
        } else {
            Admission::Reservation
        };
        let effects = self.forward(deciding, &granted.candidates, admission, shown, worker, now);
        if let Phase::Forwarded(forwarded) = &mut self.phase {
            forwarded.leased_for(granted.lease_ms);
        }
        effects
    }

    /// Lets the request go on: body rewritten, marker set, providers named, route chosen anew.
    pub(super) fn forward(
        &mut self,
        mut deciding: Deciding,
        candidates: &[Candidate],
        admission: Admission,
        shown: Vec<(String, String)>,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        let first = candidates.first();
        let field = first.and_then(|first| OutputLimitField::from_name(&first.output_limit_field));
        // A grant that cannot be written into the request is none.
        let (Some(first), Some(field)) = (first, field) else {
            deciding.reservation.release(worker, now);
            return self.deny(Reason::QuotaOverloaded, worker);
        };
        let mut list = Vec::new();
        let touch = admission != Admission::Shadow;
        if touch {
            let tokens = deciding.reservation.output_tokens_max;
            let rewrite = deciding
                .scanned
                .rewrite(OutputLimit { tokens, field }, Some(&first.model));
            if !rewrite.is_empty() {
                list.push(Effect::RewriteBody(rewrite));
            }
        }
        // The body is written once, for the first candidate; another may be tried only if it takes the same body.
        let same_body = |other: &&Candidate| {
            other.model == first.model && other.output_limit_field == first.output_limit_field
        };
        for (index, candidate) in candidates
            .iter()
            .filter(same_body)
            .take(PROVIDERS_MAX)
            .enumerate()
        {
            let name = format!("x-ferry-provider-{}", index.saturating_add(1));
            list.push(Effect::SetRequestHeader(name, candidate.provider.clone()));
        }
        list.push(Effect::SetMarker(
            admission.marker(&deciding.reservation.id),
        ));
        list.push(Effect::Resume);
        deciding.reservation.provider.clone_from(&first.provider);
        let hide_usage = touch && deciding.scanned.stream && !deciding.scanned.include_usage;
        let mut forwarded = Forwarded::watched(deciding.reservation);
        forwarded.watched = false;
        forwarded.hide_usage = hide_usage;
        forwarded.shown = shown;
        self.phase = Phase::Forwarded(Box::new(forwarded));
        Effects::holding(list)
    }

    /// The quota server gave no decision: the route's stated policy.
    fn undecided(
        &mut self,
        deciding: Deciding,
        failure: CallFailure,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        worker.counters.count(Metric::Unreachable);
        let reach = Reach::of(failure);
        if let OnQuotaUnreachable::AdmitKnown(caps) = deciding.route.on_quota_unreachable
            && reach != Reach::Declined
            && !self.answered
        {
            return self.try_offline(deciding, &caps, reach, worker, now);
        }
        reach.conclude(deciding.reservation, worker, now);
        self.deny(Reason::QuotaUnreachable, worker)
    }
}

impl Forwarded {
    /// Shadow mode: the decision is the server's record; here it only teaches.
    fn watched_answer(
        &mut self,
        result: Result<&[u8], CallFailure>,
        worker: &mut Worker,
        now: Now,
    ) {
        let Some(answer) = result
            .ok()
            .and_then(|bytes| ReserveResponse::decode(bytes).ok())
        else {
            worker.counters.count(Metric::Unreachable);
            return;
        };
        worker.clock.learn(answer.server_time_unix_ms, now);
        if let Some(Outcome::Granted(granted)) = answer.outcome {
            self.reservation.caller.tenant_id = granted.tenant_id;
            self.reservation.output_tokens_max = granted.output_tokens_max;
            if let Some(candidate) = granted.candidates.into_iter().next() {
                self.reservation.provider = candidate.provider;
            }
        }
    }
}

/// How far a Reserve without an answer may have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It never left.
    Unsent,
    /// The server turned it away before any decision.
    Declined,
    /// It may be held.
    Unknown,
}

impl Reach {
    /// By the contract: statuses with which the server says that the call itself failed.
    fn of(failure: CallFailure) -> Self {
        const INVALID_ARGUMENT: u32 = 3;
        const PERMISSION_DENIED: u32 = 7;
        const RESOURCE_EXHAUSTED: u32 = 8;
        const UNIMPLEMENTED: u32 = 12;
        const UNAUTHENTICATED: u32 = 16;
        match failure {
            CallFailure::NotSent => Self::Unsent,
            CallFailure::Status(
                INVALID_ARGUMENT | PERMISSION_DENIED | RESOURCE_EXHAUSTED | UNIMPLEMENTED
                | UNAUTHENTICATED,
            ) => Self::Declined,
            CallFailure::Status(_) => Self::Unknown,
        }
    }

    /// What is owed for such a Reserve.
    pub(super) fn conclude(self, reservation: super::Reservation, worker: &mut Worker, now: Now) {
        match self {
            Self::Unsent | Self::Declined => reservation.dismiss(worker),
            Self::Unknown => reservation.release(worker, now),
        }
    }
}
