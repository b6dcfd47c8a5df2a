//! Credit beside the balance: which burns first, and what is left of it at its end.

use super::Naive;
use crate::step::{GrantKind, GrantOrder};
use crate::told::Told;

/// What of an amount comes from which grants.
pub(super) type Slices = Vec<(u64, i64)>;

/// Credit as it stands.
#[derive(Clone, Debug)]
pub struct Grant {
    /// As it was ordered.
    pub order: GrantOrder,
    /// What is left, what is held included.
    pub remaining: i64,
    /// What open requests hold of it.
    pub held: i64,
    /// Its end was posted.
    pub expired: bool,
    starts_ms: u64,
    seq: u64,
}

impl Grant {
    fn is_over(&self, now: u64) -> bool {
        self.order.ends_ms.is_some_and(|end| end <= now)
    }

    fn is_live(&self, now: u64) -> bool {
        !self.expired && self.starts_ms <= now && !self.is_over(now)
    }

    const fn free(&self) -> i64 {
        self.remaining - self.held
    }

    /// What burns first has the lowest rank.
    fn rank(&self) -> impl Ord {
        let width = |listed: u8| if listed == 0 { u64::MAX } else { listed.into() };
        let models = if self.order.elsewhere {
            1
        } else {
            self.order.models
        };
        (
            self.order.priority,
            self.order.kind != GrantKind::Promotional,
            width(models),
            width(self.order.providers),
            self.order.ends_ms.unwrap_or(u64::MAX),
            self.starts_ms,
            self.order.number,
        )
    }
}

/// Takes from each as much as it has, until there is enough.
pub(super) fn draw(units: i64, from: impl IntoIterator<Item = (u64, i64)>) -> Slices {
    let mut left = units;
    let mut slices = Slices::new();
    for (number, there) in from {
        let take = left.min(there);
        if take > 0 {
            slices.push((number, take));
            left -= take;
        }
    }
    slices
}

pub(super) fn total(slices: &Slices) -> i64 {
    slices.iter().map(|(_, units)| units).sum()
}

impl Naive {
    pub(super) fn grant(&mut self, order: GrantOrder) -> Told {
        if let Some(known) = self.grants.get(&order.number) {
            let same_start = order.starts_ms.is_none_or(|start| start == known.starts_ms);
            let starts_ms = known.order.starts_ms;
            if !same_start || known.order != (GrantOrder { starts_ms, ..order }) {
                return Told::Conflict;
            }
            return Told::Done {
                seq: known.seq,
                changed: false,
            };
        }
        let starts_ms = order.starts_ms.unwrap_or(self.now);
        if order
            .ends_ms
            .is_some_and(|end| end <= starts_ms.max(self.now))
        {
            return Told::NeverValid;
        }
        let told = self.changed();
        let grant = Grant {
            order,
            remaining: order.units,
            held: 0,
            expired: false,
            starts_ms,
            seq: self.seq,
        };
        self.grants.insert(order.number, grant);
        told
    }

    pub(super) fn end_grant(&mut self, number: u64) -> Told {
        let now = self.now;
        match self.grants.get_mut(&number) {
            None => Told::Unexpected,
            Some(grant) if grant.expired || !grant.is_over(now) => self.unchanged(),
            Some(grant) => {
                grant.expired = true;
                grant.remaining = grant.held;
                self.changed()
            }
        }
    }

    /// Grants whose end is to be posted, the earliest first.
    #[must_use]
    pub fn ended_grants(&self) -> Vec<(u64, u64)> {
        let over = self
            .grants
            .values()
            .filter(|grant| !grant.expired && grant.is_over(self.now));
        let mut ended: Vec<_> = over
            .filter_map(|grant| Some((grant.order.ends_ms?, grant.order.number)))
            .collect();
        ended.sort_unstable();
        ended
    }

    /// Live grants that may pay for our model, in the order in which they burn, with what is free of each.
    pub(super) fn suiting(&self) -> Vec<(u64, i64)> {
        let live = self.grants.values().filter(|grant| grant.is_live(self.now));
        let mut suiting: Vec<_> = live
            .filter(|grant| !grant.order.elsewhere && grant.free() > 0)
            .collect();
        suiting.sort_by_key(|grant| grant.rank());
        suiting
            .into_iter()
            .map(|grant| (grant.order.number, grant.free()))
            .collect()
    }

    /// What can be promised altogether, whatever for.
    #[must_use]
    pub fn spendable(&self) -> i64 {
        let live = self.grants.values().filter(|grant| grant.is_live(self.now));
        self.with_balance(live.map(Grant::free).sum())
    }

    /// A balance that is overdrawn takes nothing away from grants.
    pub(super) fn with_balance(&self, grants: i64) -> i64 {
        match grants {
            0 => self.free(),
            grants => grants + self.free().max(0),
        }
    }

    /// Holds no more what was held, gives back what was charged, and takes what is charged now.
    pub(super) fn move_grants(&mut self, unheld: &Slices, given: &Slices, taken: &Slices) {
        for (number, units) in unheld {
            self.with_grant(*number, |grant| grant.held -= units);
        }
        for (number, units) in given {
            self.with_grant(*number, |grant| grant.remaining += units);
        }
        for (number, units) in taken {
            self.with_grant(*number, |grant| grant.remaining -= units);
        }
        for grant in self.grants.values_mut().filter(|grant| grant.expired) {
            grant.remaining = grant.held;
        }
    }

    pub(super) fn hold_grants(&mut self, slices: &Slices) {
        for (number, units) in slices {
            self.with_grant(*number, |grant| grant.held += units);
        }
    }

    fn with_grant(&mut self, number: u64, change: impl FnOnce(&mut Grant)) {
        if let Some(grant) = self.grants.get_mut(&number) {
            change(grant);
        }
    }
}
