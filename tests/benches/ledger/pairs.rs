//! Pairs of a reservation and its settlement, as all loops make them.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::load::{Draw, Turns};
use crate::request;
use crate::subject::{Outcome, Subject};
use ferry_types::ReservationId;

/// Who comes next, and under which id.
#[derive(Clone, Debug)]
pub struct Pairs {
    turns: Turns,
    draw: Draw,
}

/// One pair to be made.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Whose.
    pub customer: usize,
    /// Its request.
    pub id: ReservationId,
}

impl Pairs {
    /// A sequence of its own for each seed.
    pub const fn new(turns: Turns, seed: u64) -> Self {
        Self {
            turns,
            draw: Draw::new(seed),
        }
    }

    /// The next one.
    pub fn next(&mut self) -> Result<Pair> {
        Ok(Pair {
            customer: self.turns.next(&mut self.draw),
            id: request::id(&mut self.draw)?,
        })
    }
}

impl Pair {
    /// Reserves; how long that took since `intended`, or `None` if it was turned away.
    pub async fn reserve(self, subject: &Subject, intended: Instant) -> Result<Option<Duration>> {
        let outcome = subject.reserve(self.id, self.customer).await?;
        Ok((outcome == Outcome::Done).then(|| intended.elapsed()))
    }

    /// Settles, likewise.
    pub async fn settle(self, subject: &Subject, intended: Instant) -> Result<Option<Duration>> {
        let outcome = subject.settle(self.id, self.customer).await?;
        Ok((outcome == Outcome::Done).then(|| intended.elapsed()))
    }
}
