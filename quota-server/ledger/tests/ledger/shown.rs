//! What a book shows, as the tables of tests expect it.

use crate::world::World;
use ferry_ledger::{Flag, Reservation};
use ferry_types::Balance;

impl World {
    /// "balance held state flags": what a row of the table expects.
    pub fn state(&self) -> String {
        let row = self.book.reservations.get(&self.id);
        let state = match row {
            Some(row) => row.state.name().name(),
            None if self.book.refused.contains_key(&self.id) => "refused",
            None => "none",
        };
        let flags: Vec<&str> = row
            .and_then(Reservation::posting)
            .map(|posting| posting.flags.iter().map(Flag::name).collect())
            .unwrap_or_default();
        let (posted, held) = (self.book.posted.units(), self.book.held.units());
        format!("{posted} {held} {state} {}", flags.join("+"))
            .trim()
            .into()
    }

    /// "balance/held" of the balance, then "grant remaining/held" of each grant; what is named after the request is "back".
    pub fn funds(&self) -> String {
        let book = &self.book;
        let mut told = format!("{}/{}", book.posted.units(), book.held.units());
        for (id, grant) in &book.grants {
            let (remaining, held) = (grant.remaining.units(), grant.held.units());
            let id = id.to_string().replace(&self.id.to_string(), "back");
            told.push_str(&format!(" {id} {remaining}/{held}"));
        }
        told
    }

    pub fn balance(&self) -> Balance {
        self.book.posted
    }
}
