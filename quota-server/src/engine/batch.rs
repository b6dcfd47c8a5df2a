//! One batch: every call put to its book in order, in memory, and what changed written in one transaction.
//!
//! A refused call changes nothing and undoes nothing. Where a decision does not fit its book, which the ledger rules out, that one
//! book is frozen as it was before the batch, and all the rest is decided again as if it had never been there: a payment, a
//! transfer or a gateway's cap may go by what another book of the batch did.

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
use crate::store::{BookChange, Store, StoreError};
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
    /// Books that were found broken in this batch.
    pub(super) frozen: BTreeSet<TenantId>,
    /// Books that others have posted to in the month that was to be sealed.
    pub(super) overtaken: BTreeSet<TenantId>,
    /// When a new book begins: in no month that is sealed.
    pub(super) opens_at: UnixMs,
}

impl Batch<'_> {
    /// Decides everything and writes it, ready to be committed. The transaction has begun.
    pub(super) fn run(mut self, asked: &mut Asked) -> Result<Decided, StoreError> {
        self.resolve(asked)?;
        let mut round = self.decide(&mut asked.puts)?;
        while self.freeze_broken(&round.works)? {
            round = self.decide(&mut asked.puts)?;
        }
        let Round {
            mut works,
            unreserved,
            results,
        } = round.without_broken(&asked.puts, self.now);
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

    /// Puts every call to its book, as that is stored.
    fn decide(&mut self, puts: &mut [Put]) -> Result<Round, StoreError> {
        let mut works = self.load(puts)?;
        self.load_counters(puts, &mut works)?;
        self.look_for_seals(puts)?;
        let mut unreserved = UnreservedSettles::load(self.store, puts, &works, self.now)?;
        let answer = |put| self.answer(put, &mut works, &mut unreserved);
        let results = puts.iter_mut().map(answer).collect();
        Ok(Round {
            works,
            unreserved,
            results,
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

    /// Marks each broken book. If there is one, all is to be decided again: what others were told may go by what it has not done.
    fn freeze_broken(&mut self, works: &Books) -> Result<bool, StoreError> {
        let mut is_new = false;
        for (tenant, work) in works {
            let Some(reason) = work.broken() else {
                continue;
            };
            if self.frozen.insert(tenant.clone()) {
                tracing::error!(%tenant, reason, "ALARM: an invariant does not hold: the book is frozen");
                self.metrics.books_frozen.inc();
                self.store.freeze(tenant, reason)?;
                is_new = true;
            }
        }
        Ok(is_new)
    }
}

/// What a batch came to, as long as no book is found broken.
struct Round {
    works: Books,
    unreserved: UnreservedSettles,
    results: Results,
}

impl Round {
    /// A book that is broken although it is frozen says that it is, whatever was asked, and nothing of it is written.
    fn without_broken(mut self, puts: &[Put], now: UnixMs) -> Self {
        let is_broken = |tenant| {
            self.works
                .get(tenant)
                .is_some_and(|work| work.broken().is_some())
        };
        for (put, result) in puts.iter().zip(&mut self.results) {
            let mut books = put.tenant.iter().chain(put.question.other());
            if books.any(is_broken) {
                *result = Ok(Answered {
                    server_time: now,
                    book: None,
                    answer: put.question.frozen(),
                });
            }
        }
        self.works.retain(|_, work| work.broken().is_none());
        self
    }
}
