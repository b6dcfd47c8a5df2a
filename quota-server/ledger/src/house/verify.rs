//! The second look at the house's book: replays its journal. The store compares its rows with what follows.

use super::{House, HouseEvent};
use crate::invariant::{self, Broken, Invariant};
use crate::journal::Entry;
use crate::seal::MonthEnds;
use crate::transaction::Transaction;
use crate::verify::{Difference, misfit};
use ferry_types::TenantId;

/// Replays the house's journal.
#[derive(Debug)]
pub struct HouseVerifier {
    house: House,
    month_ends: MonthEnds,
}

impl HouseVerifier {
    /// From its first entry on.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            house: House::START,
            month_ends: MonthEnds::default(),
        }
    }

    /// Takes the next entry, and says what it moves between accounts.
    ///
    /// # Errors
    /// The first [`Difference`] in it.
    pub fn entry(&mut self, entry: &Entry) -> Result<Transaction, Difference> {
        let seq = entry.seq;
        let broken = |source| Difference::Broken { seq, source };
        let head = self.house.head;
        invariant::i7_order(&head, entry).map_err(broken)?;
        invariant::i6_chain(&head, entry, &TenantId::house()).map_err(broken)?;
        let event = HouseEvent::decode(entry.kind, &entry.content)
            .map_err(|source| Difference::Unreadable { seq, source })?;
        self.month_ends.pass(head, entry.time);
        if let HouseEvent::MonthSealed(sealed) = &event
            && !self.month_ends.agree(sealed)
        {
            let month = sealed.month;
            return Err(Difference::Sealed { seq, month });
        }
        let replayed = self.house.apply(&event, entry.time);
        let replayed = replayed.map_err(|source| misfit(seq, source))?;
        // Encodings are canonical: what was read would be written as the same bytes.
        if replayed.entry == *entry {
            Ok(replayed.transaction)
        } else {
            Err(broken(Broken {
                invariant: Invariant::I6,
                finding: "the entry's content is not in its canonical form",
            }))
        }
    }

    /// The book that the journal makes.
    ///
    /// # Errors
    /// [`Difference`] if there was no entry, or if the whole does not hold together.
    pub fn replayed(self) -> Result<House, Difference> {
        let seq = self.house.head.seq;
        if seq == 0 {
            return Err(Difference::Empty);
        }
        let house = &self.house;
        invariant::i3_movements_are_reversed_once(house)
            .and_then(|()| invariant::i4_resolved_is_the_sum(house))
            .and_then(|()| invariant::i5_movements_answer_again(house))
            .map_err(|source| Difference::Broken { seq, source })?;
        Ok(self.house)
    }
}
