//! Money that goes from one book to another.

use super::Naive;
use crate::order::TransferOrder;
use crate::told::Told;

/// A transfer as one of its books knows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moved {
    /// To another book.
    Out(TransferOrder, u64),
    /// From another book.
    In,
}

impl Naive {
    /// Moves money to another book, as far as nothing of it is held, and never on credit.
    pub fn transfer(&mut self, to: &mut Self, order: TransferOrder) -> Told {
        let free = (self.posted - self.held()).max(0);
        match self.transfers.get(&order.number) {
            Some(Moved::Out(known, seq)) if *known == order => Told::Done {
                seq: *seq,
                changed: false,
            },
            Some(Moved::Out(..) | Moved::In) => Told::Conflict,
            None if to.transfers.contains_key(&order.number) => Told::Conflict,
            None if order.units > free => Told::Exceeds(free),
            None if order.units == 0 => Told::OutOfRange,
            None => {
                self.posted -= order.units;
                to.posted += order.units;
                to.seq += 1;
                to.transfers.insert(order.number, Moved::In);
                let told = self.changed();
                let moved = Moved::Out(order, self.seq);
                self.transfers.insert(order.number, moved);
                self.note_times();
                to.note_times();
                told
            }
        }
    }
}
