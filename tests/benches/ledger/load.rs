//! Whose turn it is: how operations spread over the customers.

use clap::ValueEnum;
use serde::{Serialize, Serializer};

/// Weight of the most frequent customer; the nth has an nth of it.
const ZIPF_WEIGHT: u64 = 1 << 40;

/// How operations spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Load {
    /// Over all customers alike.
    Uniform,
    /// The nth most frequent customer comes an nth as often as the first.
    Zipf,
    /// All of one customer: every operation changes the same balance.
    Hot,
}

impl Load {
    /// All, in the table's order.
    pub const ALL: [Self; 3] = [Self::Uniform, Self::Zipf, Self::Hot];

    /// The name in the table, in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
            Self::Hot => "hot",
        }
    }
}

impl Serialize for Load {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Numbers that look random (SplitMix64): fast, the same in each run, for nothing that must be secret.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// A sequence of its own for each seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Draws customers by a load.
#[derive(Clone, Debug)]
pub struct Turns {
    /// Each customer's weight, added to those before it.
    sums: Vec<u64>,
}

impl Turns {
    /// Among so many customers; at least one.
    pub fn new(load: Load, customers: usize) -> Self {
        let weight = |rank: usize| match load {
            Load::Uniform => 1,
            Load::Zipf => ZIPF_WEIGHT / (rank as u64 + 1),
            Load::Hot => u64::from(rank == 0),
        };
        let sums = (0..customers).scan(0, |sum, rank| {
            *sum += weight(rank);
            Some(*sum)
        });
        Self {
            sums: sums.collect(),
        }
    }

    /// The next customer's place among all.
    pub fn next(&self, draw: &mut Draw) -> usize {
        let all = self.sums.last().copied().unwrap_or(1);
        let at = draw.next() % all;
        self.sums.partition_point(|sum| *sum <= at)
    }
}
