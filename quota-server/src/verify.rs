//! `verify`: derives everything again from the journals, and compares it with what the tables say.
//!
//! It reads one snapshot, so it may run beside a server, and it changes nothing. Each book's journal is replayed by the ledger,
//! which checks the chain, the invariants and every price against the price tables that are kept; then every column of every
//! projection is compared with the row that the replayed book makes, and the directory of keys with what was listed when each was
//! issued. Refusals and the counts of gateways are no projections, and are only looked at for their shape.

mod epochs;
mod house;
mod part;
mod prices;
mod seals;

pub use part::{InvalidSince, Part, Since};

use crate::store::{Database, OpenError, Snapshot, StoreError, chain};
use ferry_ledger::verify::{Difference as Finding, Replayed, Verifier};
use ferry_ledger::{Entry, Event, Head, Month, Place, Thaw, Transaction};
use ferry_types::{KeyId, TenantId};
use prices::KeptPrices;
use std::collections::{BTreeMap, BTreeSet};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// Everything agrees.
    pub clean: bool,
    /// Books that agree.
    pub tenants: u64,
    /// Entries of journals that agree.
    pub entries: u64,
    /// The first thing that does not.
    pub difference: Option<Difference>,
    /// What was taken on trust, where only a part was looked at.
    pub trusted: Option<String>,
    /// Months whose seals are without some books, and which.
    pub without: Vec<(Month, BTreeSet<TenantId>)>,
    /// Books that were frozen once, and went on.
    pub thawed: Vec<Thawed>,
    /// Where the journal ends, if all of one book was looked at.
    pub end: Option<Head>,
}

/// An entry that let a frozen book go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thawed {
    /// Whose book.
    pub tenant: TenantId,
    /// Where in its journal.
    pub place: Place,
    /// What it says.
    pub thaw: Thaw,
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In whose book; `None` if it belongs to none.
    pub tenant: Option<TenantId>,
    /// What, and where.
    pub what: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tenant, what } = self;
        match tenant {
            Some(tenant) => write!(f, "tenant '{tenant}', {what}"),
            None => f.write_str(what),
        }
    }
}

/// The database could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The verification was broken off.
    #[error("the verification was broken off")]
    Stopped,
}

/// Verifies a database, whether a server has it open or not.
///
/// # Errors
/// [`VerifyError`] if it cannot be read. What does not agree is in the report, and no error.
pub fn verify(database: &Database) -> Result<VerifyReport, VerifyError> {
    verify_part(database, None, &mut |_| {})
}

/// Verifies a part of a database, or all of it; tells after each entry how many were looked at.
///
/// # Errors
/// [`VerifyError`] if it cannot be read. What does not agree is in the report, and no error.
pub fn verify_part(
    database: &Database,
    part: Option<&Part>,
    progress: &mut dyn FnMut(u64),
) -> Result<VerifyReport, VerifyError> {
    let mut reader = database.reader()?;
    reader.snapshot(|snapshot| {
        let mut walk = Walk {
            snapshot,
            tenants: 0,
            entries: 0,
            sealed: BTreeSet::new(),
            without: Vec::new(),
            thawed: Vec::new(),
            progress,
        };
        let looked = match part {
            Some(part) => walk.part(part).map(|(trusted, end)| (Some(trusted), end)),
            None => walk.everything().map(|()| (None, None)),
        };
        let ((trusted, end), difference) = match looked {
            Ok(looked) => (looked, None),
            Err(Found::Difference(difference)) => ((None, None), Some(difference)),
            Err(Found::Error(error)) => return Err(error),
        };
        Ok(VerifyReport {
            clean: difference.is_none(),
            tenants: walk.tenants,
            entries: walk.entries,
            difference,
            trusted,
            without: walk.without,
            thawed: walk.thawed,
            end,
        })
    })
}

/// Why the walk ended early.
enum Found {
    Difference(Difference),
    Error(VerifyError),
}

impl Found {
    fn of(tenant: Option<&TenantId>, what: String) -> Self {
        Self::Difference(Difference {
            tenant: tenant.cloned(),
            what,
        })
    }

    /// What no Ferry wrote is a difference; what cannot be read at all is an error.
    fn from_store(tenant: Option<&TenantId>, error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(what) => Self::of(tenant, what),
            StoreError::Database { .. }
            | StoreError::Conflict { .. }
            | StoreError::Gone { .. }
            | StoreError::Disk { .. } => Self::Error(error.into()),
        }
    }
}

fn none(tenant: Option<&TenantId>, found: Result<Option<String>, StoreError>) -> Result<(), Found> {
    match found {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(Found::of(tenant, what)),
        Err(error) => Err(Found::from_store(tenant, error)),
    }
}

struct Walk<'a, 's> {
    snapshot: &'a mut Snapshot<'s>,
    tenants: u64,
    entries: u64,
    /// Months that a book says are sealed.
    sealed: BTreeSet<Month>,
    /// Months that are sealed without some books.
    without: Vec<(Month, BTreeSet<TenantId>)>,
    /// Books that were frozen once.
    thawed: Vec<Thawed>,
    /// Told of every entry.
    progress: &'a mut dyn FnMut(u64),
}

impl Walk<'_, '_> {
    fn everything(&mut self) -> Result<(), Found> {
        none(None, self.snapshot.fault_of_file())?;
        let nobody = |error| Found::from_store(None, error);
        let kept = self.snapshot.price_tables().map_err(nobody)?;
        let prices = KeptPrices::read(kept).map_err(|what| Found::of(None, what))?;
        for tenant in self.snapshot.tenants().map_err(nobody)? {
            self.book(&tenant, &prices)?;
            self.tenants = self.tenants.saturating_add(1);
        }
        if self.has_house()? {
            self.house()?;
            self.tenants = self.tenants.saturating_add(1);
        }
        none(None, self.snapshot.stray_row())?;
        none(None, self.snapshot.torn_transfer())?;
        none(None, self.snapshot.fault_of_unreserved())?;
        epochs::check(self.snapshot)?;
        self.without = seals::check(self.snapshot, &self.sealed)?;
        Ok(())
    }

    /// Counts an entry.
    fn count(&mut self) {
        self.entries = self.entries.saturating_add(1);
        (self.progress)(self.entries);
    }

    /// Takes note of an entry that let a frozen book go on.
    fn note_thaw(&mut self, tenant: &TenantId, entry: &Entry) {
        self.thawed.extend(thaw_of(entry).map(|thaw| Thawed {
            tenant: tenant.clone(),
            place: entry.end().place(),
            thaw,
        }));
    }

    fn book(&mut self, tenant: &TenantId, prices: &KeptPrices) -> Result<(), Found> {
        let of_store = |error| Found::from_store(Some(tenant), error);
        let found = |finding: Finding| Found::of(Some(tenant), chain(&finding));
        let (mut replayed, issued) = self.replay(tenant, prices)?;
        // The ledger names the part of a reservation that differs; the rows below can only say that its content does.
        self.snapshot
            .reservations(tenant, |row| replayed.compare_reservation(row))
            .map_err(of_store)?
            .map_err(found)?;
        let book = replayed.book();
        none(Some(tenant), self.snapshot.difference_of_rows(book))?;
        none(Some(tenant), self.snapshot.fault_of_refusals(book))?;
        none(
            Some(tenant),
            self.snapshot.fault_of_directory(book, &issued),
        )
    }

    /// Replays a journal, and takes note of what its keys were listed by, and of the months that it says are sealed.
    fn replay(
        &mut self,
        tenant: &TenantId,
        prices: &KeptPrices,
    ) -> Result<(Replayed, Listed), Found> {
        let mut verifier = Verifier::new(tenant.clone(), prices);
        let mut listed = Listed::new();
        let mut sealed = Vec::new();
        self.entries(tenant, |entry| {
            let transaction = verifier.entry(entry)?;
            match noted(entry) {
                Some(Event::KeyIssued {
                    key, listed: by, ..
                }) => drop(listed.insert(key, by)),
                Some(Event::MonthSealed(told)) => sealed.push(told.month),
                Some(_) | None => {}
            }
            Ok(transaction)
        })?;
        self.sealed.extend(sealed);
        let found = |finding: Finding| Found::of(Some(tenant), chain(&finding));
        Ok((verifier.replayed().map_err(found)?, listed))
    }

    /// Shows a journal to `look`, which says what each entry moves, and compares that with what stands beside the entry.
    fn entries(
        &mut self,
        tenant: &TenantId,
        mut look: impl FnMut(&Entry) -> Result<Transaction, Finding>,
    ) -> Result<(), Found> {
        none(Some(tenant), self.snapshot.entry_before_the_first(tenant))?;
        let found = |finding: Finding| Found::of(Some(tenant), chain(&finding));
        let mut from = 0;
        loop {
            let page = self.snapshot.journal(tenant, from, PAGE);
            let page = page.map_err(|error| Found::from_store(Some(tenant), error))?;
            for stored in &page {
                let transaction = look(&stored.entry).map_err(found)?;
                none(Some(tenant), Ok(stored.difference(&transaction)))?;
                self.count();
                self.note_thaw(tenant, &stored.entry);
                from = stored.entry.seq.saturating_add(1);
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }
}

/// What an entry that was read already says, if it let a frozen book go on.
fn thaw_of(entry: &Entry) -> Option<Thaw> {
    let is_one = entry.kind == Event::THAWED;
    match is_one.then(|| Event::decode(entry.kind, &entry.content)) {
        Some(Ok(Event::Thawed(thaw))) => Some(*thaw),
        Some(_) | None => None,
    }
}

/// An entry that tells of what is compared once all books are replayed.
fn noted(entry: &Entry) -> Option<Event> {
    let is_noted = [Event::KEY_ISSUED, Event::MONTH_SEALED].contains(&entry.kind);
    let event = is_noted.then(|| Event::decode(entry.kind, &entry.content));
    // The ledger has read it already.
    event.and_then(Result::ok)
}

/// What each key was listed by when it was issued: a hash.
type Listed = BTreeMap<KeyId, [u8; 32]>;

/// Entries that are read at once: enough to make a query worth while, and little memory.
const PAGE: usize = 4_096;

#[cfg(test)]
mod tests;
