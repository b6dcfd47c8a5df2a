//! Transfers: money that goes from one book to another, such as a reseller's top-up of its customer: never creation.
//!
//! Both books have an entry under the same id, written in one commit; over all books the account between them sums to zero. Money
//! goes as far as nothing of it is held, and never on credit.

use crate::account::Account;
use crate::answer::AdminAnswer;
use crate::book::Book;
use crate::event::Event;
use crate::time::UnixMs;
use ferry_types::{Amount, TenantId, TransferId};

/// What is asked of two books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its id, the same in both.
    pub id: TransferId,
    /// Whose book gets it.
    pub to: TenantId,
    /// How much.
    pub amount: Amount,
    /// For people.
    pub note: String,
}

/// Which way money went, as one book sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the other book.
    Out,
    /// From the other book.
    In,
}

/// Money went from one book to another, as one of the two has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// Which.
    pub id: TransferId,
    /// Which way.
    pub direction: Direction,
    /// The other book.
    pub other: TenantId,
    /// How much.
    pub amount: Amount,
    /// For people.
    pub note: String,
}

/// A transfer as a book keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedTransfer {
    /// Which way.
    pub direction: Direction,
    /// The other book.
    pub other: TenantId,
    /// How much.
    pub amount: Amount,
    /// For people.
    pub note: String,
    /// When.
    pub at: UnixMs,
    /// Where in the journal.
    pub seq: u64,
}

impl Direction {
    /// Both, in the order of their stored codes.
    pub const ALL: [Self; 2] = [Self::Out, Self::In];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
        }
    }
}

/// What a transfer comes to: the answer, and what happens in either book; nothing if nothing moves.
#[must_use]
pub fn transfer(from: &Book, to: &Book, order: &Transfer) -> (AdminAnswer, Option<(Event, Event)>) {
    let Transfer {
        id,
        to: receiver,
        amount,
        note,
    } = order;
    if let Some(posted) = from.transfers.get(id) {
        let differs = [
            ("direction", posted.direction != Direction::Out),
            ("to", posted.other != *receiver),
            ("amount", posted.amount != *amount),
            ("note", posted.note != *note),
        ];
        let answer = match differs.iter().find(|(_, differs)| *differs) {
            Some((field, _)) => AdminAnswer::Conflict { field },
            None => AdminAnswer::Done {
                seq: posted.seq,
                changed: false,
            },
        };
        return (answer, None);
    }
    match refusal(from, to, order) {
        Some(answer) => (answer, None),
        None => (
            AdminAnswer::Done {
                seq: from.head.next_seq(),
                changed: true,
            },
            Some((
                event(order, Direction::Out, to),
                event(order, Direction::In, from),
            )),
        ),
    }
}

fn refusal(from: &Book, to: &Book, order: &Transfer) -> Option<AdminAnswer> {
    let free = from.posted.to_amount();
    let free = free.map_or(Amount::ZERO, |free| free.excess_over(from.held));
    if to.transfers.contains_key(&order.id) {
        Some(AdminAnswer::Conflict { field: "id" })
    } else if from.tenant == to.tenant {
        Some(AdminAnswer::Conflict { field: "to" })
    } else if from.currency != to.currency {
        Some(AdminAnswer::OtherCurrency)
    } else if from.frozen || to.frozen {
        Some(AdminAnswer::Frozen)
    } else if to.is_closed() {
        Some(AdminAnswer::OtherClosed)
    } else if order.amount > free {
        Some(AdminAnswer::Exceeds { most: free })
    } else if order.amount.is_zero() || to.posted_after(order.amount, Amount::ZERO).is_err() {
        Some(AdminAnswer::AmountOutOfRange)
    } else {
        None
    }
}

fn event(order: &Transfer, direction: Direction, other: &Book) -> Event {
    Event::Transferred(Transferred {
        id: order.id.clone(),
        direction,
        other: other.tenant.clone(),
        amount: order.amount,
        note: order.note.clone(),
    })
}

impl Transferred {
    /// What the balance gets, and what it gives.
    pub(crate) const fn moves_balance(&self) -> (Amount, Amount) {
        match self.direction {
            Direction::Out => (Amount::ZERO, self.amount),
            Direction::In => (self.amount, Amount::ZERO),
        }
    }

    /// The other side of that: what is between the books.
    pub(crate) const BETWEEN: Account = Account::Transfer;
}
