//! `QuotaService` over gRPC: reads calls, puts them to the engine, and writes its answers.
//!
//! Nothing is decided here. A decision, refusal included, is an OK answer; a status other than OK means that the call itself
//! failed. Who calls is known by its credential alone (`authenticate`).

mod answer;
mod authenticate;
mod batch;
mod conversation;
mod deadline;
mod listen;

pub use authenticate::{TOKEN_METADATA, TOKEN_SCHEME};
pub use listen::GrpcError;
pub(crate) use listen::{GrpcListener, Health};

use crate::config::Policy;
use crate::draining::Draining;
use crate::engine::{Answered, Engine, EngineError, ReserveCall, SettleCall};
use crate::metrics::Metrics;
use crate::policy::Offers;
use crate::price_book::PriceBook;
use crate::principal::Principal;
use answer::Outcome;
use batch::Batch;
use conversation::Conversation;
use ferry_api::v1::{self, quota_service_server::QuotaService};
use ferry_api::{Caller, InvalidField, Release, Renew, Reserve, Settle};
use ferry_ledger::SettleAnswer;
use ferry_types::UsageSource;
use std::sync::Arc;
use std::time::Instant;
use tonic::{Request, Response, Status, Streaming};

/// Customers whose usage records are looked at when the server starts, and how many of each: what a handful of models remember.
const TENANTS_LEARNED: usize = 200;
const RECORDS_LEARNED: usize = 64;

/// The service. It asks nobody for a credential: the listener does, and puts the calling [`Principal`] beside the call.
#[derive(Clone)]
pub struct Quota {
    engine: Engine,
    prices: Arc<PriceBook>,
    offers: Arc<Offers>,
    metrics: Metrics,
    draining: Draining,
}

#[tonic::async_trait]
impl QuotaService for Quota {
    async fn reserve(
        &self,
        request: Request<v1::ReserveRequest>,
    ) -> Result<Response<v1::ReserveResponse>, Status> {
        let began = Instant::now();
        let deadline = deadline::of(request.metadata(), began);
        let principal = principal(&request)?;
        let answer = self.answer_reserve(principal, request.into_inner(), began, deadline);
        answer.await.map(Response::new)
    }

    async fn renew(
        &self,
        request: Request<v1::RenewRequest>,
    ) -> Result<Response<v1::RenewResponse>, Status> {
        let principal = principal(&request)?;
        let answer = self.answer_renew(principal, request.into_inner());
        answer.await.map(Response::new)
    }

    async fn settle(
        &self,
        request: Request<v1::SettleRequest>,
    ) -> Result<Response<v1::SettleResponse>, Status> {
        let principal = principal(&request)?;
        let answer = self.answer_settle(principal, request.into_inner());
        answer.await.map(Response::new)
    }

    async fn release(
        &self,
        request: Request<v1::ReleaseRequest>,
    ) -> Result<Response<v1::ReleaseResponse>, Status> {
        let principal = principal(&request)?;
        let answer = self.answer_release(principal, request.into_inner());
        answer.await.map(Response::new)
    }

    async fn list_models(
        &self,
        request: Request<v1::ListModelsRequest>,
    ) -> Result<Response<v1::ListModelsResponse>, Status> {
        let principal = principal(&request)?;
        let answer = self.answer_list_models(principal, request.into_inner());
        answer.await.map(Response::new)
    }

    type ConverseStream = Conversation;

    async fn converse(
        &self,
        request: Request<Streaming<v1::ConverseRequest>>,
    ) -> Result<Response<Conversation>, Status> {
        let principal = principal(&request)?;
        let conversation = Conversation::new(self.clone(), principal, request.into_inner());
        Ok(Response::new(conversation))
    }
}

/// What is asked, whichever way it came.
impl Quota {
    async fn answer_reserve(
        &self,
        principal: Arc<Principal>,
        request: v1::ReserveRequest,
        began: Instant,
        deadline: Option<Instant>,
    ) -> Result<v1::ReserveResponse, Status> {
        let _in_flight = self.draining.call();
        let call = Reserve::try_from(request).map_err(|e| invalid(&e))?;
        self.metrics.filter_version(&call.caller.filter_version);
        let offers = self.offers.of(&call.facts.model);
        let call = ReserveCall {
            principal,
            call,
            offers,
            deadline,
        };
        let answered = self.engine.reserve(call).await;
        self.metrics.called("reserve", 1, began.elapsed());
        let answered = answered.map_err(|e| self.failed("reserve", &e))?;
        let (response, outcome) = answer::reserve(answered, self.offers.policy_version())?;
        self.count("reserve", outcome);
        Ok(response)
    }

    async fn answer_renew(
        &self,
        principal: Arc<Principal>,
        request: v1::RenewRequest,
    ) -> Result<v1::RenewResponse, Status> {
        let _in_flight = self.draining.call();
        let began = Instant::now();
        let (batch, calls) = Batch::<Renew>::read(request.items)?;
        self.seen(calls.iter().map(|call| &call.caller));
        let answered = self.engine.renew(&principal, calls).await;
        self.metrics.called("renew", batch.len(), began.elapsed());
        let answered = answered.map_err(|e| self.failed("renew", &e))?;
        let server_time_unix_ms = server_time(&self.engine, &answered);
        let results = batch.write(answered, answer::renew, answer::renew_error);
        Ok(v1::RenewResponse {
            server_time_unix_ms,
            results: self.counted("renew", results),
        })
    }

    async fn answer_settle(
        &self,
        principal: Arc<Principal>,
        request: v1::SettleRequest,
    ) -> Result<v1::SettleResponse, Status> {
        let _in_flight = self.draining.call();
        let began = Instant::now();
        let (batch, calls) = Batch::<Settle>::read(request.items)?;
        self.seen(calls.iter().map(|call| &call.caller));
        let with_offer = |call: Settle| SettleCall {
            offers: self.offers.of(&call.settlement.facts.model),
            call,
        };
        let calls: Vec<_> = calls.into_iter().map(with_offer).collect();
        let reports: Vec<_> = calls.iter().map(|call| report(&call.call)).collect();
        let answered = self.engine.settle(&principal, calls).await;
        self.metrics.called("settle", batch.len(), began.elapsed());
        let answered = answered.map_err(|e| self.failed("settle", &e))?;
        self.learn(reports, &answered);
        let server_time_unix_ms = server_time(&self.engine, &answered);
        let results = batch.write(answered, answer::settle, answer::settle_error);
        Ok(v1::SettleResponse {
            server_time_unix_ms,
            results: self.counted("settle", results),
        })
    }

    async fn answer_release(
        &self,
        principal: Arc<Principal>,
        request: v1::ReleaseRequest,
    ) -> Result<v1::ReleaseResponse, Status> {
        let _in_flight = self.draining.call();
        let began = Instant::now();
        let (batch, calls) = Batch::<Release>::read(request.items)?;
        self.seen(calls.iter().map(|call| &call.caller));
        let answered = self.engine.release(&principal, calls).await;
        self.metrics.called("release", batch.len(), began.elapsed());
        let answered = answered.map_err(|e| self.failed("release", &e))?;
        let server_time_unix_ms = server_time(&self.engine, &answered);
        let results = batch.write(answered, answer::release, answer::release_error);
        Ok(v1::ReleaseResponse {
            server_time_unix_ms,
            results: self.counted("release", results),
        })
    }

    async fn answer_list_models(
        &self,
        principal: Arc<Principal>,
        request: v1::ListModelsRequest,
    ) -> Result<v1::ListModelsResponse, Status> {
        let _in_flight = self.draining.call();
        let began = Instant::now();
        let caller = Caller::try_from(request).map_err(|e| invalid(&e))?;
        self.metrics.filter_version(&caller.filter_version);
        let key = self.engine.resolve_key(&principal, caller.key_digest).await;
        self.metrics.called("list_models", 1, began.elapsed());
        let key = key.map_err(|e| self.failed("list_models", &e))?;
        let (response, outcome) = answer::models(key, &self.prices, self.offers.policy_version());
        self.count("list_models", outcome);
        Ok(response)
    }
}

impl Quota {
    /// Serves these prices under this policy from this engine.
    #[must_use]
    pub fn new(engine: Engine, prices: Arc<PriceBook>, policy: &Policy, metrics: Metrics) -> Self {
        Self {
            engine,
            offers: Arc::new(Offers::new(&prices, policy)),
            prices,
            metrics,
            draining: Draining::default(),
        }
    }

    /// Learns from the newest usage records, as if they had just been settled: a restart forgets nothing.
    ///
    /// # Errors
    /// [`EngineError`] if they cannot be read.
    pub async fn learn_from_records(&self) -> Result<(), EngineError> {
        let newest_first = self
            .engine
            .newest_usage(TENANTS_LEARNED, RECORDS_LEARNED)
            .await?;
        for record in newest_first.iter().rev() {
            if record.source == Some(UsageSource::Reported)
                && let Some(tokens) = record.usage.output_total()
            {
                self.offers.learn(&record.model_requested, tokens);
            }
        }
        Ok(())
    }

    /// What is offered for each model, as of now.
    pub(crate) fn offers(&self) -> Arc<Offers> {
        Arc::clone(&self.offers)
    }

    /// What it has not answered yet counts here.
    pub(crate) fn draining(&self) -> Draining {
        self.draining.clone()
    }

    fn seen<'a>(&self, callers: impl Iterator<Item = &'a Caller>) {
        for caller in callers {
            self.metrics.filter_version(&caller.filter_version);
        }
    }

    /// Learns from what was settled by a report of its provider.
    fn learn(&self, reports: Vec<Option<(String, u64)>>, answered: &[Answered<SettleAnswer>]) {
        for (report, answered) in reports.into_iter().zip(answered) {
            if let (Some((model, tokens)), SettleAnswer::Settled { .. }) =
                (report, &answered.answer)
            {
                self.offers.learn(&model, tokens);
            }
        }
    }

    fn count(&self, call: &'static str, outcome: Outcome) {
        self.metrics.answered(call, outcome.name, outcome.reason);
    }

    fn counted<R>(&self, call: &'static str, results: Vec<(R, Outcome)>) -> Vec<R> {
        let count = |(result, outcome)| {
            self.count(call, outcome);
            result
        };
        results.into_iter().map(count).collect()
    }

    /// The engine could not carry the call out. Nothing has changed.
    fn failed(&self, call: &'static str, error: &EngineError) -> Status {
        let (reason, status): (_, fn(String) -> Status) = match error {
            EngineError::Overloaded => ("overloaded", Status::resource_exhausted),
            EngineError::DeadlinePassed => ("deadline_passed", Status::deadline_exceeded),
            EngineError::Unavailable => ("unavailable", Status::unavailable),
            EngineError::Stopped => ("stopped", Status::unavailable),
            EngineError::Held(_) => ("not_ready", Status::unavailable),
            EngineError::UnknownTenant(_)
            | EngineError::MonthNotOver(_)
            | EngineError::FrozenBook(_)
            | EngineError::FrozenBooks { .. }
            | EngineError::NotFrozen(_)
            | EngineError::SealedOtherwise { .. }
            | EngineError::PriceVersionTaken(_) => ("internal", Status::internal),
        };
        self.metrics.answered(call, "failed", reason);
        status(error.to_string())
    }
}

/// Who calls, as its credential showed.
fn principal<T>(request: &Request<T>) -> Result<Arc<Principal>, Status> {
    let known = request.extensions().get::<Arc<Principal>>();
    known.cloned().ok_or_else(authenticate::unauthenticated)
}

/// The model, and the tokens that the last attempt's provider says it wrote.
fn report(call: &Settle) -> Option<(String, u64)> {
    let last = call.settlement.attempts.last()?;
    let reported = last.source == UsageSource::Reported;
    let tokens = last.usage.output_total().filter(|_| reported)?;
    Some((call.settlement.facts.model.clone(), tokens))
}

fn invalid(error: &InvalidField) -> Status {
    Status::invalid_argument(error.to_string())
}

/// The time of the answers; of an empty batch, the server's.
fn server_time<A>(engine: &Engine, answered: &[crate::engine::Answered<A>]) -> u64 {
    let last = answered.last().map(|last| last.server_time);
    last.unwrap_or_else(|| engine.time()).0
}
