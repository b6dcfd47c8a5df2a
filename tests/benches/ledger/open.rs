//! The open loop: operations come at a fixed rate, whatever is answered. A latency counts from the moment at which the operation
//! was meant to be sent, so that a stall is seen by everything that should have come during it.
//!
//! A reservation is settled a fixed time after it was meant to be made. A settlement whose reservation is not answered by then
//! waits for it, and its latency with it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::cell::Measured;
use crate::closed::GRACE;
use crate::load::{Draw, Load, Turns};
use crate::pairs::{Pair, Pairs};
use crate::subject::Subject;

/// What a request takes at its provider.
const THINKING: Duration = Duration::from_millis(20);
/// The clock sleeps at least this long: fine against the latencies that are aimed at, and little work.
const LOOK: Duration = Duration::from_micros(200);

/// How long both operations of a pair took; nothing of those that were turned away.
type Latencies = [Option<Duration>; 2];

/// Drives a subject at so many operations a second for `time`.
pub async fn drive(
    subject: &Subject,
    load: Load,
    rate: u32,
    time: Duration,
    draw: &mut Draw,
) -> Result<Measured> {
    let turns = Turns::new(load, subject.digests.len());
    let clock = Clock {
        subject: subject.clone(),
        pairs: Pairs::new(turns, draw.next()),
        every: Duration::from_secs(2) / rate,
        begun: Instant::now(),
        tasks: JoinSet::new(),
        waiting: VecDeque::new(),
    };
    let begun = clock.begun;
    let runtime = Handle::current();
    // A thread of its own: the runtime's timer counts milliseconds.
    let sent = tokio::task::spawn_blocking(move || clock.run(time, &runtime));
    let tasks = sent.await??;
    let finished = tokio::time::timeout(GRACE, tasks.join_all());
    let finished = finished.await.context("answers did not come")?;
    let mut measured = Measured {
        // Pairs end this much later than they begin, the first one too.
        elapsed: begun.elapsed().saturating_sub(THINKING),
        ..Measured::default()
    };
    for pair in finished {
        let pair = pair?;
        let answered = pair.iter().flatten();
        measured.pairs += u64::from(pair.iter().all(Option::is_some));
        measured.shed += 2 - answered.clone().count() as u64;
        measured.latencies.extend(answered);
    }
    Ok(measured)
}

/// What tells the operations when to go.
struct Clock {
    subject: Subject,
    pairs: Pairs,
    every: Duration,
    begun: Instant,
    tasks: JoinSet<Result<Latencies>>,
    /// Settlements whose time has not come, the next one first.
    waiting: VecDeque<(Instant, oneshot::Sender<Instant>)>,
}

impl Clock {
    /// Sends every pair of `time`; how many there are follows from it, so that they are bounded.
    fn run(mut self, time: Duration, runtime: &Handle) -> Result<JoinSet<Result<Latencies>>> {
        let last = self.begun + time;
        let mut next = self.begun;
        while next < last || !self.waiting.is_empty() {
            let now = Instant::now();
            while next <= now && next < last {
                self.reserve(next, runtime)?;
                next += self.every;
            }
            while self.waiting.front().is_some_and(|(due, _)| *due <= now) {
                if let Some((due, go)) = self.waiting.pop_front() {
                    // Its reservation may have been turned away, and nobody waits.
                    go.send(due).ok();
                }
            }
            let due = self.waiting.front().map_or(next, |(due, _)| next.min(*due));
            let until = due.saturating_duration_since(Instant::now());
            std::thread::sleep(until.max(LOOK));
        }
        Ok(self.tasks)
    }

    fn reserve(&mut self, intended: Instant, runtime: &Handle) -> Result<()> {
        let (go, gone) = oneshot::channel();
        self.waiting.push_back((intended + THINKING, go));
        let pair = self.pairs.next()?;
        let made = make(self.subject.clone(), pair, intended, gone);
        self.tasks.spawn_on(made, runtime);
        Ok(())
    }
}

/// One pair, its operations at their times.
async fn make(
    subject: Subject,
    pair: Pair,
    intended: Instant,
    settle: oneshot::Receiver<Instant>,
) -> Result<Latencies> {
    let reserved = pair.reserve(&subject, intended).await?;
    if reserved.is_none() {
        return Ok([None, None]);
    }
    let intended = settle.await.context("the clock has stopped")?;
    let settled = pair.settle(&subject, intended).await?;
    Ok([reserved, settled])
}
