//! One batch: every call put to its book in order, in memory, and what changed written in one transaction.
//!
//! Books do not touch each other here. A refused call changes nothing and undoes nothing. Where a decision does not fit its
//! book, which the ledger rules out, that one book is frozen as it was before the batch, and the rest goes on.

mod authority;
mod book_work;
mod put;
mod tally;
mod unreserved;

pub(super) use authority::may_serve;
pub(super) use tally::Tally;
pub(super) use unreserved::first_kept;

use super::call::{Answered, BookView, EngineError};
use super::job::{Op, Who};
use super::known_keys::KnownKeys;
use super::metrics::EngineMetrics;
use super::seal::{OVERTAKEN, is_overtaken};
use crate::key_directory::{Peppers, StoredDigest};
use crate::store::{BookChange, Store, StoreError, Touch};
use authority::Held;
use book_work::BookWork;
use ferry_ledger::{
    About, AdminAnswer, Answer, Book, Command, Head, Rules, SettleAnswer, TopUpRef, Transfer,
    UnixMs,
};
use ferry_types::{KeyDigest, KeyId, TenantId};
use put::{Put, Question};
use std::collections::{BTreeMap, BTreeSet, HashMap};
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

/// The books that a batch touched: once it is durable, memory that nobody needs any more.
pub(super) struct Spent(#[expect(dead_code, reason = "only dropped")] Books);

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
            spent: Spent(works),
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

    /// Looks all keys up, at once, that did not come lately.
    fn look_up(&mut self, ops: &[Op]) -> Result<(), StoreError> {
        let mut digests: Vec<StoredDigest> = Vec::new();
        let mut places: HashMap<KeyDigest, std::ops::Range<usize>> = HashMap::new();
        for op in ops {
            if let Who::Key { digest, .. } = &op.who
                && self.known_keys.owner(digest).is_none()
            {
                places.entry(*digest).or_insert_with(|| {
                    let from = digests.len();
                    digests.extend(self.peppers.candidates(digest));
                    from..digests.len()
                });
            }
        }
        if digests.is_empty() {
            return Ok(());
        }
        let found = self.store.resolve(&digests)?;
        for (digest, place) in places {
            let candidates = found.get(place).unwrap_or_default();
            if let Some(owner) = candidates.iter().flatten().next() {
                self.known_keys.note(digest, owner.clone());
            }
        }
        Ok(())
    }

    fn load(&mut self, puts: &[Put]) -> Result<Books, StoreError> {
        let mut touches: BTreeMap<TenantId, Touch> = BTreeMap::new();
        for put in puts {
            for tenant in put.tenant.iter().chain(put.question.other()) {
                if !touches.contains_key(tenant) {
                    touches.insert(tenant.clone(), Touch::new(tenant.clone()));
                }
                if let Some(touch) = touches.get_mut(tenant) {
                    put.question.touch(touch);
                }
            }
        }
        let touches: Vec<Touch> = touches.into_values().collect();
        let mut books = match self.store.load(&touches) {
            Err(StoreError::Corrupt(_)) => self.load_apart(&touches)?,
            loaded => loaded?,
        };
        if self.is_again {
            self.freeze_torn(&touches, &mut books)?;
        }
        let works = touches.into_iter().zip(books);
        Ok(works
            .map(|(touch, book)| (touch.tenant.clone(), BookWork::new(touch, book)))
            .collect())
    }

    /// What other servers have done about months: none has an end for a new book to begin in, and none ends where others went on.
    fn look_for_seals(&mut self, puts: &[Put]) -> Result<(), StoreError> {
        for put in puts {
            match (&put.question, &put.tenant) {
                (Question::Open(_), _) => {
                    let newest = self.store.newest_seal()?;
                    let over = newest.map_or(self.now, |seal| seal.month.end());
                    self.opens_at = self.now.max(over);
                }
                (Question::Command(Command::SealMonth(sealed)), Some(tenant))
                    if is_overtaken(self.store, tenant, sealed)? =>
                {
                    self.overtaken.insert(tenant.clone());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Each book by itself: one that cannot be read is frozen, and the others are none the worse for it.
    fn load_apart(&mut self, touches: &[Touch]) -> Result<Vec<Option<Book>>, StoreError> {
        let apart = touches.iter().map(|touch| {
            let touch = std::slice::from_ref(touch);
            match self.store.load(touch) {
                Err(StoreError::Corrupt(why)) => self.load_frozen(touch, &why),
                loaded => Ok(loaded?.pop().flatten()),
            }
        });
        apart.collect()
    }

    /// Freezes books whose journals go on behind their ends, where nothing can be appended: why a batch may be in the way of
    /// nobody and fail all the same.
    fn freeze_torn(
        &mut self,
        touches: &[Touch],
        books: &mut [Option<Book>],
    ) -> Result<(), StoreError> {
        let there = books.iter().flatten().filter(|book| !book.frozen);
        let ends: Vec<_> = there.map(|book| (&book.tenant, book.head.seq)).collect();
        let go_on = self.store.go_on(&ends)?;
        let torn = ends.into_iter().zip(go_on).filter(|(_, goes_on)| *goes_on);
        let torn: Vec<_> = torn.map(|((tenant, _), _)| tenant.clone()).collect();
        for (touch, book) in touches.iter().zip(books) {
            if torn.contains(&touch.tenant) {
                let why = "the journal goes on behind the book's end";
                *book = self.load_frozen(std::slice::from_ref(touch), why)?;
            }
        }
        Ok(())
    }

    /// Freezes a book, and loads what can be read of it: enough to say that it is frozen.
    fn load_frozen(&mut self, touch: &[Touch], reason: &str) -> Result<Option<Book>, StoreError> {
        for Touch { tenant, .. } in touch {
            tracing::error!(%tenant, reason, "ALARM: a book cannot be read: it is frozen");
            self.metrics.books_frozen.inc();
            self.store.freeze(tenant, reason)?;
        }
        match self.store.load(touch) {
            Err(StoreError::Corrupt(_)) => {
                let tenants = touch.iter().map(|touch| touch.tenant.clone());
                self.unreadable.extend(tenants);
                Ok(None)
            }
            loaded => Ok(loaded?.pop().flatten()),
        }
    }

    fn answer(
        &mut self,
        put: &mut Put,
        works: &mut Books,
        unreserved: &mut UnreservedSettles,
    ) -> Result<Answered<Answer>, EngineError> {
        let Some(tenant) = &put.tenant else {
            self.metrics.unknown_keys.inc();
            return self.answer_nobody(&put.question);
        };
        let is_unreadable = self.unreadable.contains(tenant);
        let unknown = || match is_unreadable {
            true => EngineError::FrozenBook(tenant.clone()),
            false => EngineError::UnknownTenant(tenant.clone()),
        };
        if is_unreadable {
            return Err(unknown());
        }
        if let Question::Transfer(order) = &put.question {
            return transfer(tenant, order, works, self.now);
        }
        if let Question::Command(Command::TopUp(order)) = &put.question {
            note_credited(tenant, &order.reference(), works);
        }
        let work = works.get_mut(tenant).ok_or_else(unknown)?;
        let answer = match &mut put.question {
            Question::Open(order) => Some(work.open(order, self.opens_at)),
            Question::Issue(command, listed) => work
                .put(command, &self.rules, self.now)
                .inspect(|answer| work.list(answer, listed)),
            Question::Gateway(command, principal, offers) => {
                if let Command::Reserve(call) = command {
                    let used = (tenant.clone(), call.owner.key.clone());
                    self.used_keys.insert(used, self.now);
                }
                let book = work.book().ok_or_else(unknown)?;
                put::offer(command, offers.as_deref(), book.currency);
                match authority::judge(command, principal, book, unreserved) {
                    Ok(held) => {
                        let answer = work.put(command, &self.rules, self.now);
                        if held == Held::Nothing && is_posted(answer.as_ref()) {
                            unreserved.add(&principal.name, tenant);
                        }
                        answer
                    }
                    Err(answer) => {
                        self.metrics.out_of_scope.count(principal.name.as_str());
                        tracing::warn!(principal = %principal.name, %tenant, "a call outside its gateway's scope");
                        // What a gateway may not serve it is not told of.
                        return Ok(Answered {
                            server_time: self.now,
                            book: None,
                            answer,
                        });
                    }
                }
            }
            Question::Command(Command::SealMonth(_)) if self.overtaken.contains(tenant) => {
                Some(Answer::Admin(OVERTAKEN))
            }
            Question::Command(command) => work.put(command, &self.rules, self.now),
            Question::Transfer(_) | Question::Answered(_) => None,
        };
        let answer = answer.ok_or_else(unknown)?;
        let about = put.question.about();
        let view = |book| view(book, &about, &answer, self.now);
        Ok(Answered {
            server_time: self.now,
            book: work.book().map(view),
            answer,
        })
    }

    fn answer_nobody(&self, question: &Question) -> Result<Answered<Answer>, EngineError> {
        match question {
            Question::Answered(answer) => Ok(Answered {
                server_time: self.now,
                book: None,
                answer: answer.clone(),
            }),
            Question::Open(_)
            | Question::Issue(..)
            | Question::Gateway(..)
            | Question::Transfer(_)
            | Question::Command(_) => Err(EngineError::Unavailable),
        }
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

/// Whether a settlement was posted.
fn is_posted(answer: Option<&Answer>) -> bool {
    matches!(answer, Some(Answer::Settle(SettleAnswer::Settled { .. })))
}

/// Tells a book which other one of the batch a payment was credited to; what other batches did is loaded with it.
fn note_credited(tenant: &TenantId, payment: &TopUpRef, works: &mut Books) {
    let elsewhere = works
        .iter()
        .find(|(other, work)| *other != tenant && work.has(payment));
    let elsewhere = elsewhere.map(|(other, _)| other.clone());
    if let (Some(other), Some(work)) = (elsewhere, works.get_mut(tenant)) {
        work.note_elsewhere(payment.clone(), other);
    }
}

/// Puts a transfer to its two books: both take it, or one is found broken and nothing is written of either.
fn transfer(
    from: &TenantId,
    order: &Transfer,
    works: &mut Books,
    now: UnixMs,
) -> Result<Answered<Answer>, EngineError> {
    let unknown = |tenant: &TenantId| EngineError::UnknownTenant(tenant.clone());
    if order.to == *from {
        return Ok(Answered {
            server_time: now,
            book: None,
            answer: Answer::Admin(AdminAnswer::Conflict { field: "to" }),
        });
    }
    let mut giver = works.remove(from).ok_or_else(|| unknown(from))?;
    let moved = match works.get_mut(&order.to) {
        Some(taker) => giver.transfer(taker, order, now),
        None => Err(order.to.clone()),
    };
    let answered = moved.map(|answer| {
        let answer = Answer::Admin(answer);
        let about = About::Transfer(&order.id);
        let view = |book| view(book, &about, &answer, now);
        Answered {
            server_time: now,
            book: giver.book().map(view),
            answer,
        }
    });
    works.insert(from.clone(), giver);
    answered.map_err(|tenant| unknown(&tenant))
}

/// A book as it is once a call was decided, and where the answer stands in it: the one place where that is found out.
fn view(book: &Book, about: &About<'_>, answer: &Answer, now: UnixMs) -> BookView {
    BookView {
        tenant: book.tenant.clone(),
        currency: book.currency,
        position: book.position(about, answer, now),
        head: book.head,
    }
}
