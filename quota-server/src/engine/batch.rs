//! One batch: every call put to its book in order, in memory, and what changed written in one transaction.
//!
//! Books do not touch each other here. A refused call changes nothing and undoes nothing. Where a decision does not fit its
//! book, which the ledger rules out, that one book is frozen as it was before the batch, and the rest goes on.

mod answer;
mod authority;
mod book_work;
mod counting;
mod load;
mod put;
mod tally;
mod thaw;
mod unreserved;

pub(super) use authority::may_serve;
pub(super) use tally::Tally;
pub(super) use thaw::thaw_tenant;
pub(super) use unreserved::first_kept;

use super::call::{Answered, EngineError};
use super::job::{Op, Who};
use super::known_keys::KnownKeys;
use super::metrics::EngineMetrics;
use super::resident::Resident;
use crate::key_directory::Peppers;
use crate::store::{BookChange, Store, StoreError, Touch};
use book_work::BookWork;
use ferry_ledger::{Answer, Book, Head, Refused, Reservation, Rules, UnixMs};
use ferry_types::{KeyDigest, KeyId, ReservationId, TenantId};
use put::Put;
use std::collections::{BTreeMap, BTreeSet};
use unreserved::UnreservedSettles;

/// Answers in the order of the calls.
pub(super) type Results = Vec<Result<Answered<Answer>, EngineError>>;

/// When keys were last used.
pub(super) type UsedKeys = BTreeMap<(TenantId, KeyId), UnixMs>;

/// What came of a batch, to be told once it is durable.
pub(super) struct Decided {
    pub(super) results: Results,
    pub(super) tally: Tally,
    /// The journals that have grown, and where they end.
    pub(super) heads: Vec<(TenantId, Head)>,
    pub(super) spent: Spent,
}

/// The books that a batch touches.
type Books = BTreeMap<TenantId, BookWork>;

/// What a batch had in memory. Once its books are taken out, or nobody wants them, it is only to be given back.
pub(super) struct Spent {
    works: Books,
    ended: Vec<Ended>,
}

/// Of a book that stays, what nobody will ask for.
pub(super) struct Ended {
    #[expect(dead_code, reason = "only dropped")]
    pub(super) ended: Vec<Reservation>,
    #[expect(dead_code, reason = "only dropped")]
    pub(super) refused: BTreeMap<ReservationId, Refused>,
}

impl Spent {
    /// The books as they are after the batch.
    pub(super) fn take_books(&mut self) -> Vec<Book> {
        let works = self.works.values_mut();
        works.filter_map(BookWork::take_book).collect()
    }

    /// Takes what is not kept of one of them.
    pub(super) fn take_back(&mut self, ended: Ended) {
        self.ended.push(ended);
    }
}

/// What is put to the books. It keeps what was found out about the keys, so that it can be put to them again.
pub(super) struct Asked {
    ops: Vec<Op>,
    puts: Vec<Put>,
}

impl Asked {
    pub(super) const fn new(ops: Vec<Op>) -> Self {
        Self {
            ops,
            puts: Vec::new(),
        }
    }
}

/// What a batch works with.
pub(super) struct Batch<'a> {
    pub(super) store: &'a mut dyn Store,
    /// What the batches before have left, if the store is alone.
    pub(super) resident: Option<&'a mut Resident>,
    pub(super) peppers: &'a Peppers,
    pub(super) metrics: &'a EngineMetrics,
    pub(super) known_keys: &'a mut KnownKeys,
    pub(super) used_keys: &'a mut UsedKeys,
    pub(super) rules: Rules,
    pub(super) now: UnixMs,
    /// Whether it is run again.
    pub(super) is_again: bool,
    /// Books of which not even the account can be read.
    pub(super) unreadable: BTreeSet<TenantId>,
    /// Books that others have posted to in the month that was to be sealed.
    pub(super) overtaken: BTreeSet<TenantId>,
    /// When a new book begins: in no month that is sealed.
    pub(super) opens_at: UnixMs,
}

impl Batch<'_> {
    /// Decides everything and writes it, ready to be committed. The transaction has begun.
    pub(super) fn run(mut self, asked: &mut Asked) -> Result<Decided, StoreError> {
        self.resolve(asked)?;
        let puts = &mut asked.puts;
        let mut works = self.load(puts)?;
        self.load_counters(puts, &mut works)?;
        self.look_for_seals(puts)?;
        let mut unreserved = UnreservedSettles::load(self.store, puts, &works, self.now)?;
        let mut results: Results = puts
            .iter_mut()
            .map(|put| self.answer(put, &mut works, &mut unreserved))
            .collect();
        self.freeze_broken(puts, &mut works, &mut unreserved, &mut results)?;
        unreserved.keep(self.store)?;
        let changes: Vec<_> = works.values().filter_map(BookWork::change).collect();
        self.store.persist(&changes)?;
        let moved = |change: &&BookChange<'_>| !change.records.is_empty();
        let heads = changes.iter().filter(moved);
        let heads = heads.map(|change| (change.book.tenant.clone(), change.book.head));
        let heads = heads.collect();
        let mut tally = Tally::default();
        { works.values_mut() }.for_each(|work| tally.add(work.take_tally()));
        Ok(Decided {
            results,
            tally,
            heads,
            spent: Spent {
                works,
                ended: Vec::new(),
            },
        })
    }

    /// Finds out whose keys came.
    fn resolve(&mut self, asked: &mut Asked) -> Result<(), StoreError> {
        let ops = &mut asked.ops;
        self.known_keys.make_room(ops.len());
        self.look_up(ops)?;
        let owner_of = |digest: &KeyDigest| self.known_keys.owner(digest);
        let put = |Op { who, ask }| match who {
            Who::Operator(tenant) => Put::of_operator(tenant, ask),
            Who::Key { principal, digest } => match owner_of(&digest) {
                None => Put::of_nobody(&ask),
                Some((tenant, key)) => Put::of_gateway(tenant.clone(), principal, key.clone(), ask),
            },
        };
        asked.puts.extend(ops.drain(..).map(put));
        Ok(())
    }

    /// Sets each broken book back to what is stored, marks it, and puts its calls to the frozen book.
    fn freeze_broken(
        &mut self,
        puts: &mut [Put],
        works: &mut Books,
        unreserved: &mut UnreservedSettles,
        results: &mut Results,
    ) -> Result<(), StoreError> {
        let broken: Vec<(Touch, String)> = works
            .values()
            .filter_map(|work| Some((work.touch().clone(), work.broken()?.to_string())))
            .collect();
        for (touch, reason) in &broken {
            let tenant = &touch.tenant;
            tracing::error!(%tenant, reason, "ALARM: an invariant does not hold: the book is frozen");
            self.metrics.books_frozen.inc();
            self.store.freeze(tenant, reason)?;
        }
        // A transfer is alone in its batch: if one of its books is broken, it has not happened in the other either.
        let is_transfer = puts.iter().any(|put| put.question.other().is_some());
        let reset: Vec<Touch> = works
            .values()
            .filter(|work| work.broken().is_some() || (is_transfer && !broken.is_empty()))
            .map(|work| work.touch().clone())
            .collect();
        for touch in &reset {
            let loaded = self.store.load(std::slice::from_ref(touch))?;
            let book = loaded.into_iter().next().flatten();
            unreserved.forget(&touch.tenant);
            works.insert(touch.tenant.clone(), BookWork::new(touch.clone(), book));
        }
        for (put, result) in puts.iter_mut().zip(results.iter_mut()) {
            let is_reset = |touch: &Touch| put.tenant.as_ref() == Some(&touch.tenant);
            if reset.iter().any(is_reset) {
                *result = self.answer(put, works, unreserved);
            }
        }
        Ok(())
    }
}
