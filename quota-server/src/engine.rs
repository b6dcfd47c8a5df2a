//! The engine: one writer that decides whatever waits together, commits once, and only then answers.
//!
//! Callers of any number put calls into two bounded lanes. A thread of its own drains them, loads the books that are touched,
//! lets the pure ledger decide, and writes what changed in one transaction. There is no timer: under no load a batch is one
//! call, under load it is what came in during the last batch. Another thread makes the batch durable, where its commit alone
//! does not, and answers each call, while the next one is decided. Nothing is answered before it is durable, and a call that is
//! refused never undoes another one's.
//!
//! When a commit fails in a way that leaves open whether it is durable, the engine stops for good: nobody can say what the
//! state is before the database has been opened anew.

mod administer;
mod batch;
pub mod call;
pub mod clock;
mod expiry;
mod forget;
mod hold;
mod house;
mod job;
mod known_keys;
mod lanes;
pub mod lease;
pub mod metrics;
mod read;
mod resident;
mod seal;
mod secrets;
mod start;
mod sync;
mod teller;
mod thaw;
mod untold;
mod writer;

pub use call::{
    Answered, BookView, CreateTenant, EngineError, IssuedKey, PriceTable, ReserveCall, SettleCall,
};
pub use clock::{SystemTimeSource, TimeSource};
pub use house::HouseAnswered;
pub use lease::LeaseConfig;
pub use metrics::EngineMetrics;
pub use read::{KeyOwner, KeyUse};
pub use start::{EngineConfig, StartError};
pub use thaw::{ThawAnswer, ThawCall};
pub use writer::Stop;

use crate::heads::{ChangedHeads, Signer};
use crate::key_directory::Peppers;
use crate::principal::Principal;
use ferry_ledger::{Answer, ReleaseAnswer, RenewAnswer, ReserveAnswer, SettleAnswer};
use hold::Hold;
use job::{Ask, Job, Op, Who};
use lanes::{Lane, Lanes, NotTaken};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{oneshot, watch};

/// A handle to the running engine. Clones share it; when the last is dropped, what waits is decided and the engine ends.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    lanes: Arc<Lanes<Job>>,
    stop: watch::Receiver<Option<Stop>>,
    peppers: Arc<Peppers>,
    readers: Arc<read::Readers>,
    metrics: EngineMetrics,
    signer: Arc<Signer>,
    changed_heads: ChangedHeads,
    hold: Hold,
    connected: Arc<AtomicBool>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.lanes.close();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

/// What gateways ask.
impl Engine {
    /// Asks for a request to be let through. A key that nobody made is refused, without a book.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn reserve(&self, call: ReserveCall) -> Result<Answered<ReserveAnswer>, EngineError> {
        let ReserveCall {
            principal,
            call,
            offers,
            deadline,
        } = call;
        let who = Who::key(principal, call.caller.key_digest);
        let ask = Ask::Reserve {
            id: call.id,
            facts: call.facts,
            offers,
        };
        let answers = self
            .ask(Lane::Reserve, vec![Op { who, ask }], deadline)
            .await?;
        one(answers, |answer| match answer {
            Answer::Reserve(answer) => Some(answer),
            Answer::Admin(_)
            | Answer::Renew(_)
            | Answer::Settle(_)
            | Answer::Release(_)
            | Answer::Expire(_) => None,
        })
    }

    /// Extends leases; answered per item, in order.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn renew(
        &self,
        principal: &Arc<Principal>,
        calls: Vec<ferry_api::Renew>,
    ) -> Result<Vec<Answered<RenewAnswer>>, EngineError> {
        let ops = calls.into_iter().map(|call| Op {
            who: Who::key(Arc::clone(principal), call.caller.key_digest),
            ask: Ask::Renew {
                id: call.id,
                usage: call.usage,
                output_tokens_target: call.output_tokens_target,
            },
        });
        let answers = self.ask(Lane::Settlement, ops.collect(), None).await?;
        all(answers, |answer| match answer {
            Answer::Renew(answer) => Some(answer),
            Answer::Admin(_)
            | Answer::Reserve(_)
            | Answer::Settle(_)
            | Answer::Release(_)
            | Answer::Expire(_) => None,
        })
    }

    /// Ends reservations that may have reached a provider; answered per item, in order.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn settle(
        &self,
        principal: &Arc<Principal>,
        calls: Vec<SettleCall>,
    ) -> Result<Vec<Answered<SettleAnswer>>, EngineError> {
        let ops = calls.into_iter().map(|SettleCall { call, offers }| Op {
            who: Who::key(Arc::clone(principal), call.caller.key_digest),
            ask: Ask::Settle {
                id: call.id,
                settlement: call.settlement,
                offers,
            },
        });
        let answers = self.ask(Lane::Settlement, ops.collect(), None).await?;
        all(answers, |answer| match answer {
            Answer::Settle(answer) => Some(answer),
            Answer::Admin(_)
            | Answer::Reserve(_)
            | Answer::Renew(_)
            | Answer::Release(_)
            | Answer::Expire(_) => None,
        })
    }

    /// Ends reservations of which nothing was sent to a provider; answered per item, in order.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn release(
        &self,
        principal: &Arc<Principal>,
        calls: Vec<ferry_api::Release>,
    ) -> Result<Vec<Answered<ReleaseAnswer>>, EngineError> {
        let ops = calls.into_iter().map(|call| Op {
            who: Who::key(Arc::clone(principal), call.caller.key_digest),
            ask: Ask::Release { id: call.id },
        });
        let answers = self.ask(Lane::Settlement, ops.collect(), None).await?;
        all(answers, |answer| match answer {
            Answer::Release(answer) => Some(answer),
            Answer::Admin(_)
            | Answer::Reserve(_)
            | Answer::Renew(_)
            | Answer::Settle(_)
            | Answer::Expire(_) => None,
        })
    }
}

/// Its life.
impl Engine {
    /// Takes no more calls; what waits is still decided. [`Engine::stopped`] tells when that is done.
    pub fn close(&self) {
        self.inner.lanes.close();
    }

    /// Waits until the engine has stopped, and says why. Its database is closed by then.
    pub async fn stopped(&self) -> Stop {
        let mut stop = self.inner.stop.clone();
        let gone = Stop::Failed("the writer is gone".into());
        match stop.wait_for(Option::is_some).await {
            Ok(stop) => stop.clone().unwrap_or(gone),
            Err(_) => gone,
        }
    }

    /// Whether calls are taken.
    #[must_use]
    pub fn is_running(&self) -> bool {
        // Without a sender the writer has ended in a way that it could not tell.
        self.inner.stop.borrow().is_none() && self.inner.stop.has_changed().is_ok()
    }

    /// Decides nothing any more, and says why, until the hold is lifted.
    pub(crate) fn hold(&self, why: String) {
        self.inner.hold.set(Some(why));
    }

    /// Decides again.
    pub(crate) fn lift_hold(&self) {
        self.inner.hold.set(None);
    }

    /// Why nothing is decided; `None` if everything is.
    #[must_use]
    pub fn held(&self) -> Option<String> {
        self.inner.hold.why()
    }

    /// Who signs the journals' heads.
    #[must_use]
    pub fn signer(&self) -> &Arc<Signer> {
        &self.inner.signer
    }

    /// Heads that have moved since they were last exported.
    pub(crate) fn changed_heads(&self) -> &ChangedHeads {
        &self.inner.changed_heads
    }

    /// Whether calls are taken and the database is there to decide them.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_running() && self.inner.connected.load(Ordering::SeqCst)
    }

    /// What it counts.
    #[must_use]
    pub fn metrics(&self) -> &EngineMetrics {
        &self.inner.metrics
    }

    async fn ask(
        &self,
        lane: Lane,
        ops: Vec<Op>,
        deadline: Option<std::time::Instant>,
    ) -> Result<Vec<Answered<Answer>>, EngineError> {
        if ops.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        let job = Job::Decide {
            ops,
            deadline,
            answer,
        };
        self.put(lane, job)?;
        answered.await.map_err(|_| EngineError::Unavailable)?
    }

    fn put(&self, lane: Lane, job: Job) -> Result<(), EngineError> {
        if let Some(why) = self.inner.hold.why() {
            return Err(EngineError::Held(why));
        }
        self.inner
            .lanes
            .put(lane, job)
            .map_err(|reason| match (reason, lane) {
                (NotTaken::Closed, _) => self.gone(),
                (NotTaken::Full, Lane::Reserve) => {
                    self.inner.metrics.reserves_shed.inc();
                    EngineError::Overloaded
                }
                (NotTaken::Full, Lane::Settlement) => {
                    self.inner.metrics.settlements_refused.inc();
                    EngineError::Unavailable
                }
            })
    }

    /// What to say when the writer takes nothing any more. What it has taken it answers, unless it fails.
    fn gone(&self) -> EngineError {
        match *self.inner.stop.borrow() {
            Some(Stop::Failed(_)) => EngineError::Unavailable,
            Some(Stop::Closed) | None => EngineError::Stopped,
        }
    }
}

/// The answers in the caller's own type. The writer answers each call in its kind, so nothing is lost here.
fn all<A>(
    answers: Vec<Answered<Answer>>,
    kind: impl Fn(Answer) -> Option<A>,
) -> Result<Vec<Answered<A>>, EngineError> {
    let typed = answers.into_iter().map(|answered| {
        let Answered {
            server_time,
            book,
            answer,
        } = answered;
        let answer = kind(answer).ok_or(EngineError::Unavailable)?;
        Ok(Answered {
            server_time,
            book,
            answer,
        })
    });
    typed.collect()
}

fn one<A>(
    answers: Vec<Answered<Answer>>,
    kind: impl Fn(Answer) -> Option<A>,
) -> Result<Answered<A>, EngineError> {
    all(answers, kind)?.pop().ok_or(EngineError::Unavailable)
}

#[cfg(test)]
pub(crate) mod tests;
