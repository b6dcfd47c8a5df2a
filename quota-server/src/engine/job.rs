//! What waits in the lanes: calls as the writer sees them.

use super::call::{Answered, EngineError, PriceTable};
use super::house::HouseAnswered;
use super::lanes::Weigh;
use super::thaw::ThawAnswer;
use crate::key_directory::{PepperId, StoredDigest};
use crate::policy::ModelOffers;
use crate::principal::Principal;
use crate::seal::Seal;
use ferry_ledger::{
    Answer, Command, HouseCommand, IssueKey, OpenTenant, ThawBook, Transfer, UnixMs,
};
use ferry_types::{KeyDigest, RequestFacts, ReservationId, Settlement, TenantId, Usage};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

pub(super) type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

/// One thing to do between two commits.
pub(super) enum Job {
    /// Put these to their books, in order.
    Decide {
        ops: Vec<Op>,
        deadline: Option<Instant>,
        answer: Reply<Vec<Answered<Answer>>>,
    },
    /// Move money between two books, in a transaction of its own: if one of them cannot, neither does.
    Transfer {
        op: Box<Op>,
        answer: Reply<Vec<Answered<Answer>>>,
    },
    /// Put this to the house's own book.
    House {
        command: Box<HouseCommand>,
        answer: Reply<HouseAnswered>,
    },
    /// Let a frozen book go on.
    Thaw {
        book: TenantId,
        order: Box<ThawBook>,
        answer: Reply<ThawAnswer>,
    },
    /// Keep a price table.
    PriceTable {
        table: PriceTable,
        answer: Reply<()>,
    },
    /// Say what time it is, once everything before is durable.
    Time { answer: Reply<UnixMs> },
    /// Keep a month's seal.
    KeepSeal { seal: Seal, answer: Reply<()> },
    /// End what is overdue.
    Expire { answer: Reply<u64> },
}

impl Weigh for Job {
    fn operations(&self) -> usize {
        match self {
            Self::Decide { ops, .. } => ops.len(),
            Self::Transfer { .. }
            | Self::House { .. }
            | Self::Thaw { .. }
            | Self::PriceTable { .. }
            | Self::Time { .. }
            | Self::KeepSeal { .. }
            | Self::Expire { .. } => 1,
        }
    }
}

/// One question to one book.
pub(super) struct Op {
    pub(super) who: Who,
    pub(super) ask: Ask,
}

/// Whose book it is, and who asks.
pub(super) enum Who {
    /// A gateway, for a customer's key.
    Key {
        principal: Arc<Principal>,
        digest: KeyDigest,
    },
    /// An operator, or the engine itself.
    Operator(TenantId),
}

impl Who {
    pub(super) const fn key(principal: Arc<Principal>, digest: KeyDigest) -> Self {
        Self::Key { principal, digest }
    }
}

/// What is asked. The key's id comes in when the writer has resolved it.
pub(super) enum Ask {
    OpenTenant(OpenTenant),
    IssueKey {
        issue: IssueKey,
        pepper: PepperId,
        digest: StoredDigest,
    },
    Command(Command),
    Transfer(Transfer),
    Reserve {
        id: ReservationId,
        facts: RequestFacts,
        offers: Option<Arc<ModelOffers>>,
    },
    Renew {
        id: ReservationId,
        usage: Usage,
        output_tokens_target: u64,
    },
    Settle {
        id: ReservationId,
        settlement: Settlement,
        offers: Option<Arc<ModelOffers>>,
    },
    Release {
        id: ReservationId,
    },
}
