//! What is asked, in plain numbers.

use crate::caller::{Caller, Key};
use crate::evidence::Evidence;
use crate::limit::{LimitOrder, Zone};
use crate::order::{
    CorrectionOrder, GrantName, GrantOrder, KeyOrder, KeyState, Policy, TopUpOrder, TransferOrder,
};
use crate::request::{Facts, Request};

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

/// One thing that is asked of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// May a request go on?
    Reserve {
        /// Which.
        request: Request,
        /// Who asks.
        by: Caller,
        /// What it says of the request.
        facts: Facts,
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
        /// What it is offered now, if nothing was pinned.
        offered: Offered,
        /// Its gateway has settled too much that nothing was held for.
        beyond_cap: bool,
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
    /// A limit is set, or its bound changed.
    SetLimit(LimitOrder),
    /// A limit is taken away, by its name.
    RemoveLimit(u8),
    /// Where the tenant's days begin is set.
    Zone(Zone),
    /// A key is added.
    IssueKey(KeyOrder),
    /// A key is paused, resumed or revoked.
    SetKey(Key, KeyState),
    /// What becomes of what nothing covers is set.
    Overage(Policy),
    /// Whoever gets a share is set, with it in basis points.
    Reseller(Option<u16>),
}

impl Step {
    /// The same, asked by another one.
    #[must_use]
    pub(crate) fn asked_by(mut self, caller: Caller) -> Self {
        if let Self::Reserve { by, .. }
        | Self::Renew { by, .. }
        | Self::Settle { by, .. }
        | Self::Release { by, .. } = &mut self
        {
            *by = caller;
        }
        self
    }

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
            | Self::SetLimit(_)
            | Self::RemoveLimit(_)
            | Self::Zone(_)
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
            | Self::SetLimit(_)
            | Self::RemoveLimit(_)
            | Self::Zone(_)
            | Self::IssueKey(_)
            | Self::SetKey(..)
            | Self::Overage(_)
            | Self::Reseller(_) => None,
        }
    }
}
