//! One book within a batch: its view, what is put to it, and what changes.

use super::counting::LimitsBefore;
use super::tally::Tally;
use crate::key_directory::{PepperId, StoredDigest};
use crate::store::{BookChange, LimitChanges, Touch};
use ferry_ledger::invariant::{i6_follows, i7_order, i10_acknowledged_is_written};
use ferry_ledger::{
    AdminAnswer, Answer, Book, Broken, Command, Counter, Decision, Event, Head, Misfit, OpenTenant,
    Recorded, Rules, Subject, TopUpRef, Transfer, UnixMs, decide, transfer,
};
use ferry_types::{CorrectionId, GrantId, KeyId, ReservationId, TenantId, TransferId};
use std::collections::BTreeSet;

/// A book, and what a batch has done to it so far.
pub(super) struct BookWork {
    touch: Touch,
    book: Option<Book>,
    records: Vec<Recorded>,
    keys: BTreeSet<KeyId>,
    directory: Vec<(StoredDigest, PepperId, KeyId)>,
    reservations: BTreeSet<ReservationId>,
    refused: BTreeSet<ReservationId>,
    top_ups: BTreeSet<TopUpRef>,
    credited: BTreeSet<TopUpRef>,
    transfers: BTreeSet<TransferId>,
    corrections: BTreeSet<CorrectionId>,
    grants: BTreeSet<GrantId>,
    limits: LimitChanges,
    broken: Option<String>,
    tally: Tally,
}

impl BookWork {
    pub(super) fn new(touch: Touch, book: Option<Book>) -> Self {
        Self {
            touch,
            book,
            records: Vec::new(),
            keys: BTreeSet::new(),
            directory: Vec::new(),
            reservations: BTreeSet::new(),
            refused: BTreeSet::new(),
            top_ups: BTreeSet::new(),
            credited: BTreeSet::new(),
            transfers: BTreeSet::new(),
            corrections: BTreeSet::new(),
            grants: BTreeSet::new(),
            limits: LimitChanges::default(),
            broken: None,
            tally: Tally::default(),
        }
    }

    /// The book as it is now.
    pub(super) const fn book(&self) -> Option<&Book> {
        self.book.as_ref()
    }

    /// Brings counters into view.
    pub(super) fn see(&mut self, counters: impl IntoIterator<Item = ((u64, Subject), Counter)>) {
        if let Some(book) = &mut self.book {
            book.counters.extend(counters);
        }
    }

    /// The book as it is in the end.
    pub(super) const fn take_book(&mut self) -> Option<Book> {
        self.book.take()
    }

    /// What it was loaded for.
    pub(super) const fn touch(&self) -> &Touch {
        &self.touch
    }

    /// Why it cannot be written, if an invariant does not hold.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Opens it, or finds it open.
    pub(super) fn open(&mut self, order: &OpenTenant, now: UnixMs) -> Answer {
        let tenant = &self.touch.tenant;
        let Decision { events, answer, .. } = ferry_ledger::open(tenant, self.book.as_ref(), order);
        for event in &events {
            match Book::open(self.touch.tenant.clone(), event, now) {
                Ok((book, recorded)) => {
                    self.check(chained(&Head::START, &recorded));
                    self.book = Some(book);
                    self.records.push(recorded);
                }
                Err(misfit) => self.break_by(&misfit),
            }
        }
        let answer = Answer::Admin(answer);
        self.check_named(&answer);
        answer
    }

    /// Puts a command to it; `None` if there is no book.
    pub(super) fn put(&mut self, command: &Command, rules: &Rules, now: UnixMs) -> Option<Answer> {
        let Decision {
            events,
            refused,
            answer,
        } = decide(self.book.as_ref()?, command, rules, now);
        if let Some((id, refused)) = refused {
            self.refused.insert(id);
            self.book.as_mut()?.remember(id, refused);
        }
        for event in &events {
            self.carry(event, now);
        }
        self.check_named(&answer);
        Some(answer)
    }

    /// Carries an event out, and takes note of what it changes.
    pub(super) fn carry(&mut self, event: &Event, now: UnixMs) {
        let Some(book) = &mut self.book else {
            return;
        };
        // Most tenants have none, and a map of none costs nothing.
        let grants = book.grants.clone();
        let limits = LimitsBefore::of(book);
        let head = book.head;
        match book.apply(event, now) {
            Ok(recorded) => {
                let chained = chained(&head, &recorded);
                let moved = book.grants.iter();
                let moved = moved.filter(|(id, grant)| grants.get(*id) != Some(*grant));
                self.grants.extend(moved.map(|(id, _)| id.clone()));
                limits.note(event, book, &mut self.limits);
                self.tally.note(event, book.currency);
                self.records.push(recorded);
                self.note(event);
                self.check(chained);
            }
            Err(misfit) => self.break_by(&misfit),
        }
    }

    /// Whether it has this top-up, as far as that is in view.
    pub(super) fn has(&self, reference: &TopUpRef) -> bool {
        let book = self.book.as_ref();
        book.is_some_and(|book| book.top_ups.contains_key(reference))
    }

    /// Takes note of a payment that another book of the batch has.
    pub(super) fn note_elsewhere(&mut self, reference: TopUpRef, tenant: TenantId) {
        if let Some(book) = &mut self.book {
            book.credited_elsewhere.insert(reference, tenant);
        }
    }

    /// Moves money from it to another; gives the other's id if there is no such book.
    pub(super) fn transfer(
        &mut self,
        to: &mut Self,
        order: &Transfer,
        now: UnixMs,
    ) -> Result<AdminAnswer, TenantId> {
        let from = self.book.as_ref();
        let from = from.ok_or_else(|| self.touch.tenant.clone())?;
        let taker = to.book.as_ref();
        let taker = taker.ok_or_else(|| to.touch.tenant.clone())?;
        let (answer, moves) = transfer(from, taker, order);
        if let Some((given, taken)) = moves {
            self.carry(&given, now);
            if self.broken.is_none() {
                to.carry(&taken, now);
            }
        }
        self.check_named(&Answer::Admin(answer.clone()));
        Ok(answer)
    }

    /// Lists a key that was issued just now in the directory.
    pub(super) fn list(&mut self, answer: &Answer, listed: &(StoredDigest, PepperId, KeyId)) {
        if matches!(
            answer,
            Answer::Admin(AdminAnswer::Done { changed: true, .. })
        ) {
            self.directory.push(listed.clone());
        }
    }

    /// What happened in it, to be counted.
    pub(super) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// What is to be written; `None` if nothing changed.
    pub(super) fn change(&self) -> Option<BookChange<'_>> {
        let changed = !self.records.is_empty() || !self.refused.is_empty();
        let book = self.book.as_ref().filter(|_| changed)?;
        Some(BookChange {
            book,
            records: &self.records,
            keys: &self.keys,
            directory: &self.directory,
            reservations: &self.reservations,
            refused: &self.refused,
            top_ups: &self.top_ups,
            credited: &self.credited,
            transfers: &self.transfers,
            corrections: &self.corrections,
            grants: &self.grants,
            limits: &self.limits,
        })
    }

    fn break_by(&mut self, misfit: &Misfit) {
        self.broken.get_or_insert_with(|| misfit.to_string());
    }

    /// What does not hold is not written.
    fn check(&mut self, held: Result<(), Broken>) {
        if let Err(broken) = held {
            self.broken.get_or_insert_with(|| broken.to_string());
        }
    }

    /// I10: nobody is told of an entry that is not there.
    fn check_named(&mut self, answer: &Answer) {
        let book = self.book.as_ref();
        let held = book.map(|book| i10_acknowledged_is_written(book, answer));
        self.check(held.unwrap_or(Ok(())));
    }

    /// Takes note of which rows an event changes.
    fn note(&mut self, event: &Event) {
        match event {
            Event::TenantOpened { .. }
            | Event::TenantStateSet(_)
            | Event::TenantClosed(_)
            | Event::OverageSet(_)
            | Event::ResellerSet(_)
            | Event::ZoneSet(_)
            | Event::LimitSet { .. }
            | Event::LimitRemoved(_)
            | Event::GrantIssued { .. }
            | Event::GrantExpired { .. }
            | Event::MonthSealed(_)
            | Event::Thawed(_) => {}
            Event::KeyIssued { key, .. } | Event::KeyStateSet { key, .. } => {
                self.keys.insert(key.clone());
            }
            Event::ToppedUp(topped_up) => {
                let reference = TopUpRef {
                    source: topped_up.source.clone(),
                    external_reference: topped_up.external_reference.clone(),
                };
                self.credited.insert(reference.clone());
                self.top_ups.insert(reference);
            }
            Event::Transferred(transferred) => {
                self.transfers.insert(transferred.id.clone());
            }
            Event::Renewed { id, .. } | Event::Released { id, .. } => {
                self.reservations.insert(*id);
            }
            Event::Reserved(reserved) => {
                self.reservations.insert(reserved.id);
            }
            Event::Settled(settled) | Event::Adjusted(settled) => {
                self.reservations.insert(settled.id);
            }
            Event::Expired(expired) => {
                self.reservations.insert(expired.id);
            }
            Event::Parked(parked) => {
                self.reservations.insert(parked.id);
            }
            Event::Corrected(corrected) => {
                let remedy = &corrected.correction.remedy;
                self.corrections.insert(corrected.id.clone());
                self.reservations.extend(remedy.request());
                self.top_ups.extend(remedy.top_up().cloned());
            }
        }
    }
}

/// I6 and I7, of a new entry: it follows the one before in number, time and hash. Its own hash was made of these very bytes just now.
fn chained(before: &Head, recorded: &Recorded) -> Result<(), Broken> {
    let entry = &recorded.entry;
    i7_order(before, entry)?;
    i6_follows(before, entry)
}
