//! What the quota server's answers to the outbox's calls mean.

use ferry_api::Message;
use ferry_api::v1::{
    ItemError, ReleaseItem, ReleaseResponse, ReleaseResult, RenewResponse, RenewResult, SettleItem,
    SettleResponse, SettleResult, release_result, renew_result, settle_result,
};
use ferry_types::ReservationId;

use super::lane::{Entry, Lane, backoff_ms};
use super::{Batch, Outbox};
use crate::metrics::{Counters, Metric};

/// gRPC status codes that matter here.
mod status {
    pub const OK: u32 = 0;
    pub const INVALID_ARGUMENT: u32 = 3;
    pub const DEADLINE_EXCEEDED: u32 = 4;
    pub const RESOURCE_EXHAUSTED: u32 = 8;
    pub const ABORTED: u32 = 10;
    pub const UNAVAILABLE: u32 = 14;
}

/// How a call went: the answer's bytes, or a gRPC status that is not OK.
pub type CallResult<'a> = Result<&'a [u8], u32>;

/// What became of an item.
enum Fate {
    Done(Metric),
    Again,
    Dropped(String),
}

/// What is learned from an answer besides the fate of its items.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// The server's clock; 0 if it did not tell.
    pub server_time_unix_ms: u64,
    /// Lines for the log, one for each item that was dropped or call that failed.
    pub problems: Vec<String>,
}

impl Outbox {
    /// Hears how a call went. An unknown id is ignored.
    pub fn answered(
        &mut self,
        id: u32,
        result: CallResult<'_>,
        now_ms: u64,
        random: u64,
        counters: &mut Counters,
    ) -> Learned {
        let mut learned = Learned::default();
        let mut freed = 0;
        match self.under_way.remove(&id) {
            Some(Batch::Settle(entries)) => {
                let answer = result
                    .and_then(|bytes| SettleResponse::decode(bytes).map_err(|_| status::OK))
                    .map(|answer| {
                        learned.server_time_unix_ms = answer.server_time_unix_ms;
                        answer.results
                    });
                let mut call = Call {
                    now_ms,
                    random,
                    counters,
                    learned: &mut learned,
                    freed: &mut freed,
                };
                call.conclude(&mut self.settlements, entries, answer, settle_fate);
            }
            Some(Batch::Release(entries)) => {
                let answer = result
                    .and_then(|bytes| ReleaseResponse::decode(bytes).map_err(|_| status::OK))
                    .map(|answer| {
                        learned.server_time_unix_ms = answer.server_time_unix_ms;
                        answer.results
                    });
                let mut call = Call {
                    now_ms,
                    random,
                    counters,
                    learned: &mut learned,
                    freed: &mut freed,
                };
                call.conclude(&mut self.releases, entries, answer, release_fate);
            }
            Some(Batch::Renew(ids)) => {
                self.renewals_answered(&ids, result, now_ms, random, counters, &mut learned)
            }
            None => {}
        }
        self.free(freed);
        learned
    }

    fn renewals_answered(
        &mut self,
        ids: &[ReservationId],
        result: CallResult<'_>,
        now_ms: u64,
        random: u64,
        counters: &mut Counters,
        learned: &mut Learned,
    ) {
        self.renewals_in_flight = self.renewals_in_flight.saturating_sub(1);
        let answer = result
            .ok()
            .and_then(|bytes| RenewResponse::decode(bytes).ok())
            .unwrap_or_default();
        learned.server_time_unix_ms = answer.server_time_unix_ms;
        if answer.results.is_empty() {
            counters.count(Metric::OutboxRetries);
            learned.problems.push(format!(
                "failed to renew {} leases: {}",
                ids.len(),
                describe(result.err())
            ));
        }
        let mut results = answer.results.into_iter();
        let wait_ms = backoff_ms(self.renewals_failed, random);
        let mut has_failed = false;
        for id in ids {
            match results.next() {
                Some(RenewResult {
                    outcome: Some(renew_result::Outcome::Renewed(renewed)),
                    position: _,
                }) => {
                    counters.count(Metric::Renewed);
                    self.leases.renewed(id, renewed.lease_ms);
                }
                Some(RenewResult {
                    outcome: Some(renew_result::Outcome::Ended(_)),
                    position: _,
                }) => {
                    if self.leases.lost(id) {
                        counters.count(Metric::LeaseLost);
                        learned.problems.push(format!("{id}: the lease was lost"));
                    }
                }
                Some(RenewResult {
                    outcome: Some(renew_result::Outcome::Error(error)),
                    position: _,
                }) if !is_passing(error.code) => {
                    if self.leases.lost(id) {
                        counters.count(Metric::LeaseLost);
                        learned.problems.push(format!(
                            "{id}: the lease cannot be renewed: {}",
                            error.message
                        ));
                    }
                }
                Some(RenewResult {
                    outcome: Some(renew_result::Outcome::Error(_)) | None,
                    position: _,
                })
                | None => {
                    has_failed = true;
                    self.leases.try_again(id, now_ms, wait_ms);
                }
            }
        }
        self.renewals_failed = if has_failed {
            self.renewals_failed.saturating_add(1)
        } else {
            0
        };
    }
}

/// One call's end, as its lane, its items and the counters hear of it.
struct Call<'a> {
    now_ms: u64,
    random: u64,
    counters: &'a mut Counters,
    learned: &'a mut Learned,
    freed: &'a mut usize,
}

impl Call<'_> {
    fn conclude<T: Item, R>(
        &mut self,
        lane: &mut Lane<T>,
        entries: Vec<Entry<T>>,
        answer: Result<Vec<R>, u32>,
        fate: fn(R) -> Fate,
    ) {
        match answer {
            Ok(results) => {
                lane.succeeded();
                let mut results = results.into_iter();
                for entry in entries {
                    match results.next().map_or(Fate::Again, fate) {
                        Fate::Done(metric) => self.done(metric),
                        Fate::Again => {
                            self.counters.count(Metric::OutboxRetries);
                            lane.put_off(entry, self.now_ms);
                        }
                        Fate::Dropped(why) => self.dropped(&entry.item, &why),
                    }
                }
            }
            Err(status::INVALID_ARGUMENT) => {
                self.counters.count(Metric::OutboxRetries);
                if let Some(item) = lane.unreadable(entries) {
                    self.dropped(&item, "the server cannot read it");
                }
            }
            Err(code) => {
                self.counters.count(Metric::OutboxRetries);
                let count = entries.len();
                self.learned.problems.push(format!(
                    "failed to deliver {count} {}: {}",
                    T::PLURAL,
                    describe(Some(code))
                ));
                lane.failed(entries, self.now_ms, self.random);
            }
        }
    }

    fn done(&mut self, metric: Metric) {
        self.counters.count(metric);
        *self.freed = self.freed.saturating_add(1);
    }

    fn dropped<T: Item>(&mut self, item: &T, why: &str) {
        self.done(Metric::OutboxDropped);
        let id = ReservationId::from_bytes(item.id())
            .map_or_else(|_| "?".to_owned(), |id| id.to_string());
        self.learned
            .problems
            .push(format!("{id}: dropped one of the {}: {why}", T::PLURAL));
    }
}

/// What the log calls an item.
trait Item {
    const PLURAL: &'static str;
    fn id(&self) -> &[u8];
}

impl Item for SettleItem {
    const PLURAL: &'static str = "settlements";
    fn id(&self) -> &[u8] {
        &self.reservation_id
    }
}

impl Item for ReleaseItem {
    const PLURAL: &'static str = "releases";
    fn id(&self) -> &[u8] {
        &self.reservation_id
    }
}

fn settle_fate(result: SettleResult) -> Fate {
    match result.outcome {
        Some(settle_result::Outcome::Settled(_)) => Fate::Done(Metric::Settled),
        Some(settle_result::Outcome::Conflict(conflict)) => {
            Fate::Dropped(format!("conflict in {}", conflict.field))
        }
        Some(settle_result::Outcome::Parked(_)) => Fate::Dropped("parked for a person".to_owned()),
        Some(settle_result::Outcome::Error(error)) => error_fate(error),
        None => Fate::Dropped("an outcome that this filter does not know".to_owned()),
    }
}

fn release_fate(result: ReleaseResult) -> Fate {
    match result.outcome {
        Some(release_result::Outcome::Released(_)) => Fate::Done(Metric::Released),
        Some(release_result::Outcome::Conflict(conflict)) => {
            Fate::Dropped(format!("conflict in {}", conflict.field))
        }
        Some(release_result::Outcome::Error(error)) => error_fate(error),
        None => Fate::Dropped("an outcome that this filter does not know".to_owned()),
    }
}

fn error_fate(error: ItemError) -> Fate {
    if is_passing(error.code) {
        return Fate::Again;
    }
    Fate::Dropped(format!("status {}: {}", error.code, error.message))
}

/// Whether an item's error may be gone the next time.
fn is_passing(code: u32) -> bool {
    [
        status::UNAVAILABLE,
        status::RESOURCE_EXHAUSTED,
        status::DEADLINE_EXCEEDED,
        status::ABORTED,
    ]
    .contains(&code)
}

fn describe(code: Option<u32>) -> String {
    match code {
        Some(status::OK) | None => "the answer cannot be read".to_owned(),
        Some(code) => format!("gRPC status {code}"),
    }
}
