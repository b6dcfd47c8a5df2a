//! The house's own book: what it pays to providers and resellers, what their invoices say otherwise, and money it exchanges.
//!
//! What is owed to a provider accrues in the tenants' books, request by request; that it is paid is nobody's book but the house's.
//! Over all books an account is the sum of both: what is owed is what accrued less what was paid. The book is one chain like any
//! tenant's, with other things in it: money of every currency, each entry summing to zero in each, and neither keys nor a balance.
//! It needs no opening: it begins with its first movement, since before that there is nothing that it could say.
//!
//! A [`Move`] says what money goes where; [`decide`] whether it may, `apply` carries it out, `lines` names the accounts. What has a
//! bound has a strong balance: what a provider has in advance, and what of a variance is still to be resolved. What is owed has
//! none: it is spread over all books, and a payment is a fact, whatever had accrued.

mod apply;
mod decide;
mod lines;
mod parts;
mod reverse;
mod verify;

pub use decide::decide;
pub use parts::Parts;
pub use reverse::NotReversible;
pub use verify::HouseVerifier;

use crate::book::Head;
use crate::correction::Reason;
use crate::position::Place;
use crate::seal::MonthSealed;
use crate::thaw::Thaw;
use crate::time::UnixMs;
use ferry_types::{Amount, Currency, MovementId, ResellerName};
use std::collections::BTreeMap;

/// The house's book, as far as something is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct House {
    /// An invariant was broken: nothing is written any more.
    pub frozen: bool,
    /// The end of its journal.
    pub head: Head,
    /// Movements in view.
    pub movements: BTreeMap<MovementId, PostedMovement>,
    /// What each provider has in advance: all of it.
    pub advances: BTreeMap<Advanced, Amount>,
}

/// Whose advance, and in what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advanced {
    /// The provider.
    pub provider: String,
    /// The currency.
    pub currency: Currency,
}

/// An amount with its currency: the house's book has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

/// What money goes where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// A provider gets what it is owed.
    Pay {
        /// Which, as in the price tables.
        provider: String,
        /// How much.
        money: Money,
    },
    /// A provider gets money before it is owed any.
    Prepay {
        /// Which, as in the price tables.
        provider: String,
        /// How much.
        money: Money,
    },
    /// What a provider is owed is paid by what it has in advance.
    SetOff {
        /// Which, as in the price tables.
        provider: String,
        /// How much.
        money: Money,
    },
    /// A reseller gets what it is owed.
    PayReseller {
        /// Which.
        reseller: ResellerName,
        /// How much.
        money: Money,
    },
    /// A provider's invoice says something else than what had accrued. Nobody's charges change by it.
    Variance {
        /// Which, as in the price tables.
        provider: String,
        /// By how much.
        money: Money,
        /// In which direction.
        deviation: Deviation,
    },
    /// It turned out what a variance was, or a part of it.
    Resolve {
        /// The movement that posted it.
        variance: MovementId,
        /// How much of it.
        money: Money,
        /// What it was.
        cause: Cause,
    },
    /// Money of one currency buys another.
    Exchange {
        /// What it costs.
        sold: Money,
        /// What it brings.
        bought: Money,
    },
    /// A movement was a mistake: the opposite of what it moved moves, once.
    Reverse {
        /// Which.
        movement: MovementId,
        /// What it moved; never itself a reversal.
        undone: Box<Move>,
        /// Why.
        reason: Reason,
    },
}

/// Where an invoice lies, seen from what had accrued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// The provider wants more.
    Beyond,
    /// The provider wants less.
    Below,
}

/// What a variance turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Requests cost more or less than had accrued.
    ProviderCost,
    /// The provider rounds in another way.
    Rounding,
}

/// Something that happened to the house's money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// What.
    pub what: Move,
    /// When: mostly before it is posted.
    pub occurred_at: UnixMs,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
}

/// A movement as the book keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedMovement {
    /// The movement.
    pub movement: Movement,
    /// Of a variance: how much of it was resolved.
    pub resolved: Amount,
    /// The movement that took it back, if one did.
    pub reversed_by: Option<MovementId>,
    /// When it was posted.
    pub at: UnixMs,
    /// Where in the journal.
    pub seq: u64,
}

/// What can be asked of the house's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HouseCommand {
    /// Posts a movement, once per id.
    Post(PostMovement),
    /// States how the journal stood when a month was over.
    SealMonth(MonthSealed),
}

/// Posts a movement, once per id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostMovement {
    /// Its id.
    pub id: MovementId,
    /// What money goes where.
    pub what: Move,
    /// When that happened; just now, if it does not say.
    pub occurred_at: Option<UnixMs>,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
}

/// One thing that happened in the house's book: the content of its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HouseEvent {
    /// Money moved.
    Moved(Moved),
    /// A month is over, and its entries are told of.
    MonthSealed(MonthSealed),
    /// The book had been frozen, and goes on.
    Thawed(Box<Thaw>),
}

/// Money moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Under which id.
    pub id: MovementId,
    /// What happened.
    pub movement: Movement,
}

/// What the house's book answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HouseAnswer {
    /// Done, now or earlier, at this place in the journal.
    Done {
        /// The entry.
        seq: u64,
        /// Whether this call did it.
        changed: bool,
    },
    /// The same id stands for something else.
    Conflict {
        /// The first field that differs.
        field: &'static str,
    },
    /// An amount is nothing.
    NothingMoves,
    /// An amount would leave the range of what can be stored.
    OutOfRange,
    /// It has not happened yet.
    NotYet,
    /// A currency buys itself.
    SameCurrency,
    /// More than the provider has in advance, or than is left of the variance.
    Exceeds {
        /// So much can.
        most: Money,
    },
    /// No variance was posted under this id.
    UnknownVariance,
    /// The variance is in another currency.
    OtherCurrency {
        /// It is in this one.
        currency: Currency,
    },
    /// The variance was taken back: there is nothing to resolve.
    VarianceReversed {
        /// By this movement.
        by: MovementId,
    },
    /// The movement cannot be taken back like that.
    NotReversible(NotReversible),
    /// Only a month that is over is sealed.
    MonthNotOver,
    /// The book is frozen.
    Frozen,
}

impl House {
    /// As it is before its first movement.
    pub const START: Self = Self {
        frozen: false,
        head: Head::START,
        movements: BTreeMap::new(),
        advances: BTreeMap::new(),
    };

    /// Which entry an answer to this command tells of, on the book after it: that of the movement, however often it is posted; where
    /// there is none, the last.
    #[must_use]
    pub fn place(&self, command: &HouseCommand) -> Place {
        let posted = match command {
            HouseCommand::Post(order) => self.movements.get(&order.id),
            HouseCommand::SealMonth(_) => None,
        };
        posted.map_or(self.head.place(), |posted| Place {
            seq: posted.seq,
            time: posted.at,
        })
    }

    /// What a provider has in advance.
    fn advance(&self, whose: &Advanced) -> Amount {
        self.advances.get(whose).copied().unwrap_or(Amount::ZERO)
    }

    /// A variance in view, and in which direction it went.
    fn variance(&self, id: &MovementId) -> Option<(&PostedMovement, Deviation)> {
        let posted = self.movements.get(id)?;
        Some((posted, posted.movement.what.deviation()?))
    }
}

impl HouseCommand {
    /// The movements that must be in view.
    pub fn movements(&self) -> impl Iterator<Item = &MovementId> {
        let order = match self {
            Self::Post(order) => Some(order),
            Self::SealMonth(_) => None,
        };
        let own = order.map(|order| &order.id).into_iter();
        own.chain(order.into_iter().flat_map(|order| order.what.others()))
    }
}

impl HouseEvent {
    /// The movements that it changes.
    pub fn movements(&self) -> impl Iterator<Item = &MovementId> {
        let moved = match self {
            Self::Moved(moved) => Some(moved),
            Self::MonthSealed(_) | Self::Thawed(_) => None,
        };
        let own = moved.map(|moved| &moved.id).into_iter();
        own.chain(
            moved
                .into_iter()
                .flat_map(|moved| moved.movement.what.others()),
        )
    }
}

impl Deviation {
    /// Both, in the order of their stored codes.
    pub const ALL: [Self; 2] = [Self::Beyond, Self::Below];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Beyond => "beyond",
            Self::Below => "below",
        }
    }
}

impl Cause {
    /// Both, in the order of their stored codes.
    pub const ALL: [Self; 2] = [Self::ProviderCost, Self::Rounding];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProviderCost => "provider_cost",
            Self::Rounding => "rounding",
        }
    }
}
