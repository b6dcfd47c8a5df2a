//! Credit beside the balance: which burns first, and what is left of it at its end.

use super::Naive;
use crate::order::{GrantKind, GrantName, GrantOrder};
use crate::told::Told;

/// What of an amount comes from which grants.
pub(super) type Slices = Vec<(GrantName, i64)>;

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
    /// From when on.
    pub starts_ms: u64,
    /// What of its payment was taken back.
    pub taken_back: i64,
    /// What the balance lent it for that.
    pub lent: i64,
    seq: u64,
}

impl Grant {
    fn is_over(&self, now: u64) -> bool {
        self.order.ends_ms.is_some_and(|end| end <= now)
    }

    /// Nothing that comes back to it can be spent any more.
    pub(super) fn has_ended(&self, now: u64) -> bool {
        self.expired || self.is_over(now)
    }

    fn is_live(&self, now: u64) -> bool {
        !self.expired && self.starts_ms <= now && !self.is_over(now)
    }

    pub(super) const fn free(&self) -> i64 {
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
            self.order.name,
        )
    }
}

/// Takes from each as much as it has, until there is enough.
pub(super) fn draw(units: i64, from: impl IntoIterator<Item = (GrantName, i64)>) -> Slices {
    let mut left = units;
    let mut slices = Slices::new();
    for (name, there) in from {
        let take = left.min(there);
        if take > 0 {
            slices.push((name, take));
            left -= take;
        }
    }
    slices
}

pub(super) fn total(slices: &Slices) -> i64 {
    slices.iter().map(|(_, units)| units).sum()
}

/// Adds slices to those of the same grants, if there are any.
pub(super) fn add(slices: &mut Slices, more: Slices) {
    for (name, units) in more {
        match slices.iter_mut().find(|(known, _)| *known == name) {
            Some((_, own)) => *own += units,
            None => slices.push((name, units)),
        }
    }
}

impl Naive {
    pub(super) fn grant(&mut self, order: GrantOrder) -> Told {
        if let Some(known) = self.grants.get(&order.name) {
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
        if order.units == 0 {
            return Told::OutOfRange;
        }
        let told = self.changed();
        self.issue(order, starts_ms);
        told
    }

    /// By the entry that was written last.
    pub(super) fn issue(&mut self, order: GrantOrder, starts_ms: u64) {
        let grant = Grant {
            order,
            remaining: order.units,
            held: 0,
            expired: false,
            starts_ms,
            taken_back: 0,
            lent: 0,
            seq: self.seq,
        };
        self.grants.insert(order.name, grant);
    }

    pub(super) fn end_grant(&mut self, name: GrantName) -> Told {
        let now = self.now;
        match self.grants.get_mut(&name) {
            None => Told::UnknownGrant,
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
    pub fn ended_grants(&self) -> Vec<(u64, GrantName)> {
        let over = self
            .grants
            .values()
            .filter(|grant| !grant.expired && grant.is_over(self.now));
        let mut ended: Vec<_> = over
            .filter_map(|grant| Some((grant.order.ends_ms?, grant.order.name)))
            .collect();
        ended.sort_unstable();
        ended
    }

    /// Live grants that may pay for our model, in the order in which they burn, with what is free of each.
    pub(super) fn suiting(&self) -> Slices {
        let live = self.grants.values().filter(|grant| grant.is_live(self.now));
        let mut suiting: Vec<_> = live
            .filter(|grant| !grant.order.elsewhere && grant.free() > 0)
            .collect();
        suiting.sort_by_key(|grant| grant.rank());
        suiting
            .into_iter()
            .map(|grant| (grant.order.name, grant.free()))
            .collect()
    }

    /// What can be promised altogether, whatever for.
    #[must_use]
    pub fn available(&self) -> i64 {
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
        for (name, units) in unheld {
            self.with_grant(*name, |grant| grant.held -= units);
        }
        for (name, units) in given {
            self.with_grant(*name, |grant| grant.remaining += units);
        }
        for (name, units) in taken {
            self.with_grant(*name, |grant| grant.remaining -= units);
        }
        for grant in self.grants.values_mut() {
            let back = grant.free().min(grant.lent);
            grant.lent -= back;
            grant.remaining -= back;
            self.posted += back;
            if grant.expired {
                grant.remaining = grant.held;
            }
        }
    }

    pub(super) fn hold_grants(&mut self, slices: &Slices) {
        for (name, units) in slices {
            self.with_grant(*name, |grant| grant.held += units);
        }
    }

    pub(super) fn with_grant(&mut self, name: GrantName, change: impl FnOnce(&mut Grant)) {
        if let Some(grant) = self.grants.get_mut(&name) {
            change(grant);
        }
    }
}
