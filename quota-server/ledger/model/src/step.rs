//! What is asked, in plain numbers.

use crate::order::{
    CorrectionOrder, GrantName, GrantOrder, KeyOrder, KeyState, Policy, TopUpOrder, TransferOrder,
};

/// The times that the server was configured with, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A lease, as the gateway counts it.
    pub lease_ms: u64,
    /// How much longer the server lets it stand.
    pub margin_ms: u64,
    /// Up to this age of its id a settle that nobody reserved is judged.
    pub window_ms: u64,
}

/// A request: when its id was drawn, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Unix milliseconds in its id.
    pub drawn_ms: u64,
    /// The rest of its id, and what is asked for.
    pub number: u64,
}

/// Which gateway asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gateway {
    /// The one that most requests come through.
    Usual,
    /// Another one, which owns what it made.
    Other,
}

/// A customer's key, by its number; every book begins with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub u8);

impl Key {
    /// The one that every book begins with.
    pub const FIRST: Self = Self(0);
    /// So many can be drawn of each book.
    pub const COUNT: u8 = 60;
}

/// Who asks; a request belongs to whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Which gateway.
    pub gateway: Gateway,
    /// With which of the customer's keys.
    pub key: Key,
}

/// How a usage is known, from the worst to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Guessed.
    Estimated,
    /// Said in a way that nobody can read.
    Unreadable,
    /// Counted on its way.
    Counted,
    /// Nothing was made.
    Nothing,
    /// Said by the provider.
    Reported,
}

impl Source {
    /// Every source, from the worst to the best.
    pub const ALL: [Self; 5] = [
        Self::Estimated,
        Self::Unreadable,
        Self::Counted,
        Self::Nothing,
        Self::Reported,
    ];
}

/// What a request is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// Nothing: its model has no price.
    Nothing,
    /// A price; and if it never shows life, nothing is charged.
    Releasing,
    /// A price; and if it never shows life, it is charged by a guess.
    Charging,
}

/// What a settle says was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// How it is known.
    pub source: Source,
    /// Tokens of input.
    pub input: i64,
    /// Tokens of output.
    pub output: i64,
    /// Of a request with other facts.
    pub other: bool,
}

/// One thing that is asked of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// May a request go on?
    Reserve {
        /// Which.
        request: Request,
        /// Who asks.
        by: Caller,
        /// With other facts than it usually has.
        other: bool,
        /// What it is offered.
        offered: Offered,
    },
    /// It goes on, and so much was written so far.
    Renew {
        /// Which.
        request: Request,
        /// Who says so.
        by: Caller,
        /// Tokens of output.
        output: i64,
        /// Tokens of output that it shall be allowed; 0 to leave them as they are.
        target: i64,
    },
    /// It is over.
    Settle {
        /// Which.
        request: Request,
        /// Who says so.
        by: Caller,
        /// What was used.
        evidence: Evidence,
    },
    /// Nothing was sent.
    Release {
        /// Which.
        request: Request,
        /// Who says so.
        by: Caller,
    },
    /// Its lease may have run out.
    Expire {
        /// Which.
        request: Request,
    },
    /// Money comes in; a payment that another book may have: see [`Naive::top_up`](crate::Naive::top_up).
    TopUp(TopUpOrder),
    /// Credit is granted.
    Grant(GrantOrder),
    /// A grant's time may be over.
    EndGrant {
        /// Which.
        name: GrantName,
    },
    /// A person puts something right.
    Correct(CorrectionOrder),
    /// Money goes to another book: see [`Naive::transfer`](crate::Naive::transfer).
    Transfer(TransferOrder),
    /// The tenant is paused or resumed.
    Pause(bool),
    /// A key is added.
    IssueKey(KeyOrder),
    /// A key is paused, resumed or revoked.
    SetKey(Key, KeyState),
    /// What becomes of what nothing covers is set.
    Overage(Policy),
    /// Whoever gets a share is set, with it in basis points.
    Reseller(Option<u16>),
}

impl Request {
    /// The most that its input can count, and the limit that its client asked for.
    #[must_use]
    pub const fn asks(&self) -> (i64, Option<i64>) {
        match self.number % 5 {
            0 => (40, Some(30)),
            1 => (0, Some(1)),
            2 => (40, None),
            3 => (300, Some(200)),
            _ => (15, None),
        }
    }

    /// Which idempotency key it comes under.
    #[must_use]
    pub const fn under(&self) -> Option<u8> {
        match self.number % 5 {
            0 | 2 => Some((self.number / 5 % 3) as u8 + 1),
            _ => None,
        }
    }

    /// What its input is thought to count.
    #[must_use]
    pub const fn estimate(&self) -> i64 {
        10
    }
}

impl Step {
    /// Who asks, if it is a gateway's call.
    #[must_use]
    pub const fn by(self) -> Option<Caller> {
        match self {
            Self::Reserve { by, .. }
            | Self::Renew { by, .. }
            | Self::Settle { by, .. }
            | Self::Release { by, .. } => Some(by),
            Self::Expire { .. }
            | Self::TopUp(_)
            | Self::Grant(_)
            | Self::EndGrant { .. }
            | Self::Correct(_)
            | Self::Transfer(_)
            | Self::Pause(_)
            | Self::IssueKey(_)
            | Self::SetKey(..)
            | Self::Overage(_)
            | Self::Reseller(_) => None,
        }
    }

    /// The request that a gateway's call, or the end of its lease, is about.
    #[must_use]
    pub const fn request(self) -> Option<Request> {
        match self {
            Self::Reserve { request, .. }
            | Self::Renew { request, .. }
            | Self::Settle { request, .. }
            | Self::Release { request, .. }
            | Self::Expire { request } => Some(request),
            Self::TopUp(_)
            | Self::Grant(_)
            | Self::EndGrant { .. }
            | Self::Correct(_)
            | Self::Transfer(_)
            | Self::Pause(_)
            | Self::IssueKey(_)
            | Self::SetKey(..)
            | Self::Overage(_)
            | Self::Reseller(_) => None,
        }
    }
}
