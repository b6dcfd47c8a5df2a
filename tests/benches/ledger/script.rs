//! The order of what a bare ceiling writes: reservations and settlements by turns, and which entry of its customer's journal each is.
//!
//! A pair is settled when at least a whole batch of others has been reserved since, as it is where callers wait for their answers.

use std::collections::VecDeque;

use anyhow::Result;

use crate::load::{Draw, Load, Turns};
use crate::pairs::{Pair, Pairs};

/// What comes next, for ever.
#[derive(Debug)]
pub struct Script {
    pairs: Pairs,
    open: VecDeque<Pair>,
    /// Entries of each customer's journal.
    seqs: Vec<i64>,
    /// Operations so far.
    pub operations: u64,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Of which pair.
    pub pair: Pair,
    /// Whether it settles.
    pub settles: bool,
    /// Which entry of its customer's journal it is.
    pub seq: i64,
    /// Which operation it is of all: a time that rises.
    pub at: i64,
}

impl Script {
    /// For so many customers.
    pub fn new(customers: usize) -> Self {
        Self {
            pairs: Pairs::new(Turns::new(Load::Hot, customers), 0),
            open: VecDeque::new(),
            seqs: vec![0; customers],
            operations: 0,
        }
    }

    /// From now on under another load. What is open stays so.
    pub fn load(&mut self, load: Load, draw: &mut Draw) {
        self.pairs = Pairs::new(Turns::new(load, self.seqs.len()), draw.next());
        self.open.clear();
    }

    /// The next operation, in batches of so many.
    pub fn next(&mut self, batch: u64) -> Result<Operation> {
        self.operations += 1;
        let ready = self.operations.is_multiple_of(2) && self.open.len() as u64 > batch;
        let oldest = if ready { self.open.pop_front() } else { None };
        let settles = oldest.is_some();
        let pair = match oldest {
            Some(pair) => pair,
            None => self.pairs.next()?,
        };
        if !settles {
            self.open.push_back(pair);
        }
        let seq = &mut self.seqs[pair.customer];
        *seq += 1;
        Ok(Operation {
            pair,
            settles,
            seq: *seq,
            at: self.operations.cast_signed(),
        })
    }
}
