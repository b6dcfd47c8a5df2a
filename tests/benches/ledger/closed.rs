//! The closed loop: so many callers, each of which sends its next operation when it has the answer to the last one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;

use crate::cell::Measured;
use crate::load::{Draw, Load, Turns};
use crate::pairs::Pairs;
use crate::subject::Subject;

/// What may pass beyond a round's time until its last answer is there.
pub const GRACE: Duration = Duration::from_secs(30);

/// Drives a subject with so many callers for `time`.
pub async fn drive(
    subject: &Subject,
    load: Load,
    callers: usize,
    time: Duration,
    draw: &mut Draw,
) -> Result<Measured> {
    let turns = Turns::new(load, subject.digests.len());
    let begun = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..callers {
        let pairs = Pairs::new(turns.clone(), draw.next());
        all.spawn(keep_busy(subject.clone(), pairs, begun + time));
    }
    let finished = tokio::time::timeout(time + GRACE, all.join_all());
    let finished = finished.await.context("answers did not come")?;
    let elapsed = begun.elapsed();
    let latencies = finished.into_iter().collect::<Result<Vec<_>>>()?.concat();
    Ok(Measured {
        pairs: latencies.len() as u64 / 2,
        latencies,
        elapsed,
        ..Measured::default()
    })
}

/// Makes one pair after the other until `deadline`.
async fn keep_busy(subject: Subject, mut pairs: Pairs, deadline: Instant) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while Instant::now() < deadline {
        let pair = pairs.next()?;
        let reserved = pair.reserve(&subject, Instant::now()).await?;
        let settled = pair.settle(&subject, Instant::now()).await?;
        match (reserved, settled) {
            (Some(reserved), Some(settled)) => latencies.extend([reserved, settled]),
            _ => bail!("a closed loop was turned away"),
        }
    }
    Ok(latencies)
}
