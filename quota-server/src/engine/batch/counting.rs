//! Limits in a batch: the counters that its calls need in view, and what its events change of limits and counters.

use super::book_work::BookWork;
use super::put::{self, Put, Question};
use super::{Batch, Books};
use crate::store::{CounterPlace, FoundCounter, LimitChanges, StoreError};
use ferry_ledger::{Book, Event, Subject, Window};
use ferry_types::TenantId;
use std::collections::{BTreeMap, BTreeSet};

/// How limits stood before an event: by their numbers, their windows and how many subjects they counted.
pub(super) struct LimitsBefore(BTreeMap<u64, (Option<Window>, u64)>);

impl LimitsBefore {
    pub(super) fn of(book: &Book) -> Self {
        let limits = book.limits.values();
        Self(
            limits
                .map(|limit| (limit.number, (limit.window, limit.subjects)))
                .collect(),
        )
    }

    /// Takes note of what an event that was carried out changed.
    pub(super) fn note(self, event: &Event, after: &Book, changes: &mut LimitChanges) {
        if let Event::LimitSet { id, .. } | Event::LimitRemoved(id) = event {
            changes.limits.insert(id.clone());
        }
        let mut gone = self.0;
        for (id, limit) in &after.limits {
            let now = (limit.window, limit.subjects);
            let Some(before) = gone.remove(&limit.number) else {
                continue;
            };
            if before != now {
                changes.limits.insert(id.clone());
            }
            if before.0.is_some() && before.0 != now.0 {
                changes.begun_anew.insert(limit.number);
            }
        }
        changes.begun_anew.extend(gone.into_keys());
        if let Some(id) = event.reservation() {
            let counted = after.counters_of(id);
            let places = counted.map(|counted| (counted.limit, counted.subject.clone()));
            changes.counters.extend(places);
        }
    }
}

impl Batch<'_> {
    /// Brings into view what the calls' limits have counted. Which counters that is, only the loaded books say; most have no limits.
    pub(super) fn load_counters(
        &mut self,
        puts: &mut [Put],
        works: &mut Books,
    ) -> Result<(), StoreError> {
        let needed = needed(puts, works);
        if needed.is_empty() {
            return Ok(());
        }
        let every = needed.iter();
        let wanted: Vec<CounterPlace<'_>> = every
            .flat_map(|(of, places)| places.iter().map(move |place| (of, place)))
            .collect();
        let found = match self.store.counters(&wanted) {
            Err(StoreError::Corrupt(_)) => self.counters_apart(&needed, works)?,
            found => found?,
        };
        for (tenant, place, counter) in found {
            if let Some(work) = works.get_mut(&tenant) {
                work.see([(place, counter)]);
            }
        }
        Ok(())
    }

    /// Each book's by themselves: one that has a counter that cannot be read is frozen, and the others are none the worse for it.
    fn counters_apart(
        &mut self,
        needed: &Needed,
        works: &mut Books,
    ) -> Result<Vec<FoundCounter>, StoreError> {
        let mut all = Vec::new();
        for (tenant, places) in needed {
            let wanted: Vec<CounterPlace<'_>> =
                places.iter().map(|place| (tenant, place)).collect();
            match self.store.counters(&wanted) {
                Err(StoreError::Corrupt(why)) => {
                    let touch = works.get(tenant).map(|work| work.touch().clone());
                    if let Some(touch) = touch {
                        let book = self.load_frozen(std::slice::from_ref(&touch), &why)?;
                        works.insert(tenant.clone(), BookWork::new(touch, book));
                    }
                }
                found => all.extend(found?),
            }
        }
        Ok(all)
    }
}

/// The counters that calls need, by book.
type Needed = BTreeMap<TenantId, BTreeSet<(u64, Subject)>>;

fn needed(puts: &mut [Put], works: &Books) -> Needed {
    let mut needed = Needed::new();
    for put in puts {
        let book = put
            .tenant
            .as_ref()
            .and_then(|tenant| works.get(tenant)?.book());
        let Some(book) = book.filter(|book| !book.limits.is_empty() && !book.frozen) else {
            continue;
        };
        let places = match &mut put.question {
            Question::Gateway(command, _, offers) => {
                put::offer(command, offers.as_deref(), book.currency);
                book.counters_needed(command)
            }
            Question::Command(command) | Question::Issue(command, _) => {
                book.counters_needed(command)
            }
            Question::Open(_) | Question::Transfer(_) | Question::Answered(_) => continue,
        };
        if !places.is_empty() {
            needed
                .entry(book.tenant.clone())
                .or_default()
                .extend(places);
        }
    }
    needed
}
