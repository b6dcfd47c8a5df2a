//! Whom the load generators call: the engine in this process, or a server through gRPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use ferry_api::v1::{reserve_response, settle_result};
use ferry_ledger::{ReserveAnswer, SettleAnswer};
use ferry_quota_server::engine::{Engine, EngineError, ReserveCall, SettleCall};
use ferry_quota_server::metrics::Metrics;
use ferry_quota_server::policy::ModelOffers;
use ferry_quota_server::principal::Principal;
use ferry_tests::quota::Quota;
use ferry_types::{KeyDigest, ReservationId};
use tonic::{Code, Status};

use crate::cell::Batched;
use crate::request::Request;
use crate::server;

/// What became of an operation that was not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was granted, or settled.
    Done,
    /// It was turned away, for want of room.
    Shed,
}

/// One subject; clones are the same one.
#[derive(Clone)]
pub struct Subject {
    /// Each customer's key.
    pub digests: Arc<[KeyDigest]>,
    request: Request,
    /// Several are on one database.
    ways: Arc<[Way]>,
    journal_rows: Arc<AtomicU64>,
}

/// How one engine or server is called.
pub enum Way {
    /// In this process, as the gRPC service calls it.
    Engine {
        /// The engine.
        engine: Engine,
        /// Who calls.
        principal: Arc<Principal>,
        /// What is asked for.
        offers: Arc<ModelOffers>,
    },
    /// Through its socket.
    Grpc(Quota),
}

impl Way {
    /// To an engine in this process.
    pub fn engine(engine: Engine, offers: Arc<ModelOffers>) -> Result<Self> {
        let principal = Principal::gateway("bench".parse()?, Vec::new());
        Ok(Self::Engine {
            engine,
            principal: Arc::new(principal),
            offers,
        })
    }
}

impl Subject {
    /// What is called in these ways, each for as many pairs as the others.
    pub fn new(ways: Vec<Way>, digests: Arc<[KeyDigest]>, journal_rows: u64) -> Result<Self> {
        Ok(Self {
            digests,
            request: Request::chat()?,
            ways: ways.into(),
            journal_rows: Arc::new(AtomicU64::new(journal_rows)),
        })
    }

    /// Which of all this pair goes to.
    fn way(&self, id: ReservationId) -> &Way {
        let [.., last] = *id.as_bytes();
        &self.ways[usize::from(last) % self.ways.len()]
    }

    /// Entries in all its journals.
    pub fn journal_rows(&self) -> u64 {
        self.journal_rows.load(Ordering::Relaxed)
    }

    /// Reserves for the customer at this place.
    pub async fn reserve(&self, id: ReservationId, customer: usize) -> Result<Outcome> {
        let digest = self.digests[customer];
        let outcome = match self.way(id) {
            Way::Engine {
                engine,
                principal,
                offers,
            } => {
                let call = ReserveCall {
                    principal: Arc::clone(principal),
                    call: self.request.reserve(id, digest),
                    offers: Some(Arc::clone(offers)),
                    deadline: None,
                };
                match engine.reserve(call).await.map(|answered| answered.answer) {
                    Ok(ReserveAnswer::Granted(_)) => Outcome::Done,
                    Err(EngineError::Overloaded) => Outcome::Shed,
                    other => bail!("not granted: {other:?}"),
                }
            }
            Way::Grpc(quota) => {
                let call = self.request.wire_reserve(id, &digest);
                match quota.clone().reserve(call).await {
                    Ok(answer) => match answer.into_inner().outcome {
                        Some(reserve_response::Outcome::Granted(_)) => Outcome::Done,
                        other => bail!("not granted: {other:?}"),
                    },
                    Err(status) => shed(status)?,
                }
            }
        };
        self.count(outcome);
        Ok(outcome)
    }

    /// Settles what was reserved.
    pub async fn settle(&self, id: ReservationId, customer: usize) -> Result<Outcome> {
        let digest = self.digests[customer];
        let outcome = match self.way(id) {
            Way::Engine {
                engine, principal, ..
            } => {
                let call = SettleCall {
                    call: self.request.settle(id, digest),
                    offers: None,
                };
                let answered = engine.settle(principal, vec![call]).await;
                let answer = answered.map(|all| all.into_iter().next().map(|one| one.answer));
                match answer {
                    Ok(Some(SettleAnswer::Settled { .. })) => Outcome::Done,
                    Err(EngineError::Unavailable) => Outcome::Shed,
                    other => bail!("not settled: {other:?}"),
                }
            }
            Way::Grpc(quota) => {
                let call = self.request.wire_settle(id, &digest);
                match quota.clone().settle(call).await {
                    Ok(answer) => {
                        let result = answer.into_inner().results.into_iter().next();
                        match result.and_then(|result| result.outcome) {
                            Some(settle_result::Outcome::Settled(_)) => Outcome::Done,
                            other => bail!("not settled: {other:?}"),
                        }
                    }
                    Err(status) => shed(status)?,
                }
            }
        };
        self.count(outcome);
        Ok(outcome)
    }

    fn count(&self, outcome: Outcome) {
        if outcome == Outcome::Done {
            self.journal_rows.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn shed(status: Status) -> Result<Outcome> {
    match status.code() {
        Code::ResourceExhausted | Code::Unavailable => Ok(Outcome::Shed),
        _ => Err(status.into()),
    }
}

/// What an engine has committed so far.
pub fn batched(engine: &Engine) -> Result<Batched> {
    server::batched(&Metrics::new(engine.metrics()).page()?)
}
