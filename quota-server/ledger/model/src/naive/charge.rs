//! What a request is charged with, and what stands of that once a person has corrected it.

use super::grants::{Slices, add, draw, total};
use super::price::Price;
use super::requests::{At, Row};
use super::{Naive, Policy};
use crate::order::GrantName;
use crate::request::Request;

/// What stands of a charge. No evidence replaces it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What the balance has paid.
    pub on_balance: i64,
    /// What grants have paid, in the order of drawing.
    pub slices: Vec<(GrantName, i64)>,
    /// What of its suspended part was judged.
    pub judged: i64,
}

/// How much of what is paid comes from where.
pub(super) struct Paid {
    pub(super) slices: Slices,
    pub(super) on_balance: i64,
    pub(super) absorbed: i64,
}

impl Row {
    /// What stands of its charge, corrected or not.
    pub(super) fn stands(&self) -> Standing {
        self.standing.clone().unwrap_or_else(|| Standing {
            on_balance: self.charged - total(&self.slices),
            slices: self.slices.clone(),
            judged: 0,
        })
    }
}

impl Naive {
    /// First from what is one's own already, then from grants that suit, if any can, then from the balance.
    pub(super) fn pay(&self, due: i64, own: &Slices, own_balance: i64, suits: bool) -> Paid {
        let mut slices = draw(due, own.iter().copied());
        let beyond = (due - total(&slices) - own_balance).max(0);
        if suits {
            add(&mut slices, draw(beyond, self.suiting()));
        }
        let from_balance = due - total(&slices);
        let absorbed = match self.policy {
            Policy::Absorb => (from_balance - own_balance - self.free().max(0)).max(0),
            Policy::Debt | Policy::Credit(_) => 0,
        };
        Paid {
            slices,
            on_balance: from_balance - absorbed,
            absorbed,
        }
    }

    /// Ends a request, or replaces its end, by a charge: first from what it held or was charged, then from what is free.
    pub(super) fn charge(&mut self, request: Request, price: Price, to: At) -> i64 {
        let Price { due, suspended, .. } = price;
        let Some(row) = self.rows.get(&request) else {
            return 0;
        };
        let (unheld, given) = match (&row.held, row.at) {
            (Some(held), At::Open) => (held.slices.clone(), Slices::new()),
            _ => (Slices::new(), row.slices.clone()),
        };
        let given_to_balance = row.charged - total(&row.slices);
        let own: Slices = unheld.iter().chain(&given).copied().collect();
        let own_balance = row.held_of_balance() + given_to_balance;
        let paid = self.pay(due, &own, own_balance, true);
        self.open.remove(&request);
        self.seq += 1;
        let given = self.without_ended(request, given, &paid.slices);
        self.move_grants(&unheld, &given, &paid.slices);
        self.posted += given_to_balance - paid.on_balance;
        let seq = self.seq;
        let Some(row) = self.rows.get_mut(&request) else {
            return 0;
        };
        row.charged = due - paid.absorbed;
        row.absorbed = paid.absorbed;
        row.suspended = suspended;
        row.slices = paid.slices;
        row.at = to;
        row.seq = seq;
        row.released = (row.granted() - due).max(0);
        row.charged
    }

    /// What comes back to grants, without what goes to new ones: an ended one gets back only what it pays again.
    fn without_ended(&mut self, request: Request, given: Slices, taken: &Slices) -> Slices {
        let mut to_old = Slices::new();
        let mut names = (1..).map(|part| GrantName::After { request, part });
        for (name, units) in given {
            let again = taken.iter().filter(|(of, _)| *of == name);
            let again = units.min(again.map(|(_, units)| units).sum());
            let ended = self
                .grants
                .get(&name)
                .filter(|grant| grant.has_ended(self.now));
            let Some(order) = ended.map(|grant| grant.order) else {
                to_old.push((name, units));
                continue;
            };
            // What it owes the balance passes through it.
            let owed = self.grants.get(&name).map_or(0, |grant| grant.lent);
            let through = owed.min(units - again);
            to_old.push((name, again + through));
            let rest = units - again - through;
            if rest > 0 {
                let free = names.find(|name| !self.grants.contains_key(name));
                let instead = free.map(|free| self.instead_of(order, free, rest));
                instead
                    .into_iter()
                    .for_each(|instead| self.issue(instead, self.now));
            }
        }
        to_old
    }
}
