//! The writer's queue: two bounded lanes.
//!
//! What ends or extends a reservation, and administration, goes before new reservations: under load the server first takes in
//! what frees money. Neither lane's fullness sheds from the other. A batch leaves a share for reservations, so that a flood of
//! settlements delays them and does not starve them.

use super::metrics::EngineMetrics;
use super::sync::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

/// Most operations decided together: beyond it a commit's cost is already spread thin, and answers would wait.
pub(crate) const BATCH_MAX: usize = 256;
/// Of a full batch, what is left for reservations if they wait.
const RESERVE_SHARE: usize = BATCH_MAX / 4;
/// Most reservations that wait: a tenth of a second of work on a slow disk.
pub(crate) const RESERVE_LANE_MAX: usize = 4_096;
/// Most other operations that wait.
pub(crate) const SETTLEMENT_LANE_MAX: usize = 16_384;

/// Which lane a job waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Reserve,
    Settlement,
}

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    Full,
    Closed,
}

/// A job counts as much as it holds operations.
pub(crate) trait Weigh {
    fn operations(&self) -> usize;
}

/// What the writer found when it looked.
pub(crate) enum Drained<J> {
    /// What to decide together; empty if nothing came in time.
    Batch(Vec<J>),
    /// Nobody can put anything in any more, and nothing is left.
    Closed,
}

struct Queue<J> {
    jobs: VecDeque<J>,
    operations: usize,
    max: usize,
}

impl<J: Weigh> Queue<J> {
    fn new(max: usize) -> Self {
        Self {
            jobs: VecDeque::new(),
            operations: 0,
            max,
        }
    }

    fn put(&mut self, job: J) -> Result<(), NotTaken> {
        let operations = self.operations.saturating_add(job.operations());
        // A single job larger than the lane is taken by an empty lane: it could never be taken otherwise.
        if operations > self.max && !self.jobs.is_empty() {
            return Err(NotTaken::Full);
        }
        self.operations = operations;
        self.jobs.push_back(job);
        Ok(())
    }

    fn take(&mut self, mut room: usize, into: &mut Vec<J>) -> usize {
        while let Some(job) = self.jobs.front() {
            let operations = job.operations();
            if operations > room && !into.is_empty() {
                break;
            }
            room = room.saturating_sub(operations);
            self.operations = self.operations.saturating_sub(operations);
            into.extend(self.jobs.pop_front());
            if room == 0 {
                break;
            }
        }
        room
    }
}

struct State<J> {
    reserve: Queue<J>,
    settlement: Queue<J>,
    open: bool,
}

/// The two lanes, between many askers and one writer.
pub(crate) struct Lanes<J> {
    state: Mutex<State<J>>,
    arrived: Condvar,
    metrics: EngineMetrics,
}

impl<J: Weigh> Lanes<J> {
    pub(crate) fn new(reserve_max: usize, settlement_max: usize, metrics: EngineMetrics) -> Self {
        Self {
            state: Mutex::new(State {
                reserve: Queue::new(reserve_max),
                settlement: Queue::new(settlement_max),
                open: true,
            }),
            arrived: Condvar::new(),
            metrics,
        }
    }

    pub(crate) fn put(&self, lane: Lane, job: J) -> Result<(), NotTaken> {
        let mut state = self.lock();
        if !state.open {
            return Err(NotTaken::Closed);
        }
        match lane {
            Lane::Reserve => state.reserve.put(job)?,
            Lane::Settlement => state.settlement.put(job)?,
        }
        self.gauge(&state);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits until there is something, at most `patience`, and takes what is there, up to the cap.
    pub(crate) fn drain(&self, patience: Duration) -> Drained<J> {
        let nothing = |state: &mut State<J>| {
            state.open && state.reserve.jobs.is_empty() && state.settlement.jobs.is_empty()
        };
        let (mut state, _) = self
            .arrived
            .wait_timeout_while(self.lock(), patience, nothing)
            .unwrap_or_else(PoisonError::into_inner);
        let mut batch = Vec::new();
        let kept = state.reserve.operations.min(RESERVE_SHARE);
        let room = state
            .settlement
            .take(BATCH_MAX.saturating_sub(kept), &mut batch);
        state.reserve.take(room.saturating_add(kept), &mut batch);
        self.gauge(&state);
        if batch.is_empty() && !state.open {
            return Drained::Closed;
        }
        Drained::Batch(batch)
    }

    /// Takes no more jobs; what waits is still handed out.
    pub(crate) fn close(&self) {
        self.lock().open = false;
        self.arrived.notify_all();
    }

    /// Takes no more jobs, and drops what waits: its askers learn it from their dropped answers.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.open = false;
        state.reserve.jobs.clear();
        state.settlement.jobs.clear();
        drop(state);
        self.arrived.notify_all();
    }

    /// Whether there is something to decide.
    pub(crate) fn somebody_waits(&self) -> bool {
        let state = self.lock();
        !(state.reserve.jobs.is_empty() && state.settlement.jobs.is_empty())
    }

    fn gauge(&self, state: &State<J>) {
        let of = |queue: &Queue<J>| i64::try_from(queue.operations).unwrap_or(i64::MAX);
        self.metrics.reserve_lane.set(of(&state.reserve));
        self.metrics.settlement_lane.set(of(&state.settlement));
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        // Nothing here leaves the queues half changed, so a panic elsewhere does not spoil them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Job(&'static str, usize);

    impl Weigh for Job {
        fn operations(&self) -> usize {
            self.1
        }
    }

    fn drain(lanes: &Lanes<Job>) -> Option<Vec<&'static str>> {
        match lanes.drain(Duration::ZERO) {
            Drained::Batch(jobs) => Some(jobs.into_iter().map(|job| job.0).collect()),
            Drained::Closed => None,
        }
    }

    #[test]
    fn settlements_go_first_and_leave_reservations_a_share() {
        let lanes = Lanes::new(1_000, 1_000, EngineMetrics::default());
        for _ in 0..200 {
            lanes.put(Lane::Reserve, Job("reserve", 1)).unwrap();
        }
        for _ in 0..300 {
            lanes.put(Lane::Settlement, Job("settle", 1)).unwrap();
        }
        let batch = drain(&lanes).unwrap();
        assert_eq!(batch.len(), BATCH_MAX);
        assert_eq!(batch.iter().position(|job| *job == "reserve"), Some(192));
        let rest = drain(&lanes).unwrap();
        assert_eq!(rest.len(), 300 - 192 + 200 - 64);
    }

    #[test]
    fn a_full_lane_takes_nothing_and_leaves_the_other_alone() {
        let lanes = Lanes::new(2, 4, EngineMetrics::default());
        lanes.put(Lane::Reserve, Job("a", 1)).unwrap();
        lanes.put(Lane::Reserve, Job("b", 1)).unwrap();
        assert_eq!(lanes.put(Lane::Reserve, Job("c", 1)), Err(NotTaken::Full));
        lanes.put(Lane::Settlement, Job("d", 3)).unwrap();
        assert_eq!(
            lanes.put(Lane::Settlement, Job("e", 2)),
            Err(NotTaken::Full)
        );
        assert_eq!(drain(&lanes), Some(vec!["d", "a", "b"]));
    }

    #[test]
    fn a_job_larger_than_everything_is_taken_alone() {
        let lanes = Lanes::new(2, 4, EngineMetrics::default());
        lanes.put(Lane::Settlement, Job("large", 1_000)).unwrap();
        assert_eq!(
            lanes.put(Lane::Settlement, Job("next", 1)),
            Err(NotTaken::Full)
        );
        assert_eq!(drain(&lanes), Some(vec!["large"]));
        lanes.put(Lane::Settlement, Job("next", 1)).unwrap();
        assert_eq!(drain(&lanes), Some(vec!["next"]));
    }

    #[test]
    fn closed_lanes_hand_out_what_waits_and_abandoned_ones_nothing() {
        let lanes = Lanes::new(2, 4, EngineMetrics::default());
        lanes.put(Lane::Reserve, Job("a", 1)).unwrap();
        lanes.close();
        assert_eq!(lanes.put(Lane::Reserve, Job("b", 1)), Err(NotTaken::Closed));
        assert_eq!(drain(&lanes), Some(vec!["a"]));
        assert_eq!(drain(&lanes), None);

        let lanes = Lanes::new(2, 4, EngineMetrics::default());
        lanes.put(Lane::Reserve, Job("a", 1)).unwrap();
        lanes.abandon();
        assert_eq!(drain(&lanes), None);
    }
}
