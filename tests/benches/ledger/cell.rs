//! What was measured of one way, one load and one number of callers or one rate, over all rounds.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Serialize, Serializer};

use crate::load::Load;

/// What keeps the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum Store {
    /// A file that is appended to and flushed.
    File,
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// PostgreSQL, with two of Ferry's engines or servers on one database.
    #[value(name = "postgres-2")]
    Postgres2,
}

impl Store {
    /// All, in the table's order.
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::File, Self::Postgres, Self::Postgres2];

    /// Where the same rows are written bare.
    pub const fn bare(self) -> Self {
        match self {
            Self::File => Self::File,
            Self::Sqlite => Self::Sqlite,
            Self::Postgres | Self::Postgres2 => Self::Postgres,
        }
    }

    /// Engines or servers on one database.
    pub const fn servers(self) -> usize {
        match self {
            Self::File | Self::Sqlite | Self::Postgres => 1,
            Self::Postgres2 => 2,
        }
    }

    /// The name in the table and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Postgres2 => "postgres-2",
        }
    }
}

impl Serialize for Store {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How the rows get there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Path {
    /// Written as they are, as fast as it goes: a ceiling.
    Bare,
    /// Not at all: one conditional UPDATE of a balance an operation, each a transaction of its own, as pgbench does.
    Update,
    /// Decided by the engine, called in this process.
    Engine,
    /// Decided by the engine, called through gRPC.
    Grpc,
}

impl Path {
    /// All, in the table's order.
    pub const ALL: [Self; 4] = [Self::Bare, Self::Update, Self::Engine, Self::Grpc];

    /// The name in the table, in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Update => "update",
            Self::Engine => "engine",
            Self::Grpc => "grpc",
        }
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// When operations come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// So many callers each send the next when they have the answer to the last: a batch holds at most so many.
    Closed(usize),
    /// So many come each second, whatever is answered.
    Open(u32),
}

/// Which measurement a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where the rows are kept.
    pub store: Store,
    /// How they get there.
    pub path: Path,
    /// Whose operations they are.
    pub load: Load,
    /// When operations come.
    pub arrivals: Arrivals,
}

/// What one round came to.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Pairs of a reservation and its settlement that were answered.
    pub pairs: u64,
    /// How long each answered operation took, in no order.
    pub latencies: Vec<Duration>,
    /// Operations that were turned away for want of room, or for which no room was left to try.
    pub shed: u64,
    /// The round's time, until its last answer.
    pub elapsed: Duration,
    /// Operations that were committed, and in how many batches.
    pub batched: Batched,
}

/// Operations, and the batches in which they were committed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batched {
    /// Operations.
    pub operations: u64,
    /// Batches.
    pub batches: u64,
}

impl Batched {
    /// Operations a batch, at least one.
    pub fn mean(self) -> u64 {
        let rounded = self.operations + self.batches / 2;
        rounded.checked_div(self.batches).unwrap_or(1).max(1)
    }

    /// Both together.
    pub const fn and(self, other: Self) -> Self {
        Self {
            operations: self.operations + other.operations,
            batches: self.batches + other.batches,
        }
    }

    /// What has been added since `before`.
    pub const fn since(self, before: Self) -> Self {
        Self {
            operations: self.operations.saturating_sub(before.operations),
            batches: self.batches.saturating_sub(before.batches),
        }
    }
}

/// All rounds of one place.
#[derive(Debug)]
pub struct Cell {
    /// Which one it is.
    pub place: Place,
    /// All rounds together.
    pub all: Measured,
    /// Entries in all journals after the last round.
    pub journal_rows: u64,
}

impl Cell {
    /// A cell without a round.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            all: Measured::default(),
            journal_rows: 0,
        }
    }

    /// Adds one round.
    pub fn add(&mut self, round: Measured, journal_rows: u64) {
        let Measured {
            pairs,
            latencies,
            shed,
            elapsed,
            batched,
        } = round;
        self.all.pairs += pairs;
        self.all.latencies.extend(latencies);
        self.all.shed += shed;
        self.all.elapsed += elapsed;
        self.all.batched.operations += batched.operations;
        self.all.batched.batches += batched.batches;
        self.journal_rows = journal_rows;
    }
}
