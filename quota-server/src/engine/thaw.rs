//! Thawing a frozen book. All of it is verified beside the writer, from a snapshot. Then the writer appends to its journal that it goes
//! on, and marks it as frozen no more, in one transaction: only if the journal still ends where it was verified.

use super::batch::{Tally, thaw_tenant};
use super::call::BookView;
use super::job::Job;
use super::lanes::Lane;
use super::writer::{Failed, Writer};
use super::{Engine, EngineError};
use crate::store::{HouseChange, Store, StoreError, chain};
use crate::verify::{Difference, Part};
use ferry_ledger::{Head, HouseEvent, NotThawed, Reason, ThawBook, UnixMs};
use ferry_types::TenantId;
use std::collections::BTreeSet;
use tokio::sync::oneshot;

/// Why somebody lets a book go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThawCall {
    /// Why.
    pub reason: Reason,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThawAnswer {
    /// It goes on.
    Done {
        /// Why it had been frozen.
        frozen_for: String,
        /// The end of its journal: the entry that says so.
        head: Head,
        /// A tenant's book after it; `None` of the house's, which has no balance.
        book: Option<BookView>,
    },
    /// It was not frozen: nothing was done.
    NotFrozen,
    /// It is not what its journal says, and stays frozen.
    Differs(Difference),
    /// Its journal does not end any more where it was verified: it stays frozen.
    Moved,
}

impl From<NotThawed> for ThawAnswer {
    fn from(why: NotThawed) -> Self {
        match why {
            NotThawed::NotFrozen => Self::NotFrozen,
            NotThawed::Moved => Self::Moved,
        }
    }
}

impl Engine {
    /// Lets a frozen book go on, a tenant's or the house's, if all of it is what its journal says.
    ///
    /// # Errors
    /// [`EngineError::UnknownTenant`]; [`EngineError::Unavailable`] if it cannot be read or written.
    pub async fn thaw(&self, book: TenantId, call: ThawCall) -> Result<ThawAnswer, EngineError> {
        let asked = book.clone();
        match self.read(move |reader| reader.is_frozen(&asked)).await? {
            Some(true) => {}
            Some(false) => return Ok(ThawAnswer::NotFrozen),
            // It begins with its first movement.
            None if book.is_house() => return Ok(ThawAnswer::NotFrozen),
            None => return Err(EngineError::UnknownTenant(book)),
        }
        let part = Part {
            tenant: book.clone(),
            since: None,
        };
        let report = self.verify_part(Some(part), |_| {}).await;
        let report = report.map_err(|error| {
            tracing::error!(error = %chain(&error), tenant = %book, "failed to verify a book that is to be thawed");
            EngineError::Unavailable
        })?;
        if let Some(difference) = report.difference {
            return Ok(ThawAnswer::Differs(difference));
        }
        let ThawCall {
            reason,
            approver,
            note,
        } = call;
        let order = ThawBook {
            reason,
            approver,
            note,
            verified: report.end.ok_or(EngineError::Unavailable)?,
        };
        let (answer, answered) = oneshot::channel();
        let order = Box::new(order);
        self.put(
            Lane::Settlement,
            Job::Thaw {
                book,
                order,
                answer,
            },
        )?;
        answered.await.map_err(|_| EngineError::Unavailable)?
    }
}

impl Writer {
    /// Thaws a book, durably.
    pub(super) fn thaw(
        &mut self,
        book: &TenantId,
        order: &ThawBook,
    ) -> Result<Result<ThawAnswer, EngineError>, Failed> {
        let run = |writer: &mut Self| {
            let now = UnixMs(writer.clock.now_ms());
            let store = writer.store.as_mut();
            if book.is_house() {
                thaw_house(store, order, now).map(Some)
            } else {
                thaw_tenant(store, book, order, now)
            }
        };
        // Run again, it would find a book that is not frozen.
        let mut happened = None;
        let lost = |writer: &mut Self, answer: Option<ThawAnswer>| {
            if let Some(ThawAnswer::Done { head, .. }) = &answer
                && writer.has_happened(book, head)?
            {
                happened = answer;
            }
            Ok(())
        };
        let ran = self.transact(|_| true, run, lost)?;
        let Some(answer) = happened.map(Some).or(ran) else {
            return Ok(Err(EngineError::Unavailable));
        };
        self.teller.flush()?;
        let Some(answer) = answer else {
            return Ok(Err(EngineError::UnknownTenant(book.clone())));
        };
        if let ThawAnswer::Done {
            frozen_for, head, ..
        } = &answer
        {
            tracing::warn!(tenant = %book, frozen_for, approver = order.approver, "a book was verified, and is thawed");
            if let Some(resident) = &mut self.resident {
                resident.forget(book);
            }
            let heads = vec![(book.clone(), *head)];
            self.teller.note(Tally::default(), heads);
        }
        Ok(Ok(answer))
    }
}

/// Decides and writes, ready to be committed.
fn thaw_house(
    store: &mut dyn Store,
    order: &ThawBook,
    now: UnixMs,
) -> Result<ThawAnswer, StoreError> {
    let mut house = store.load_house(&BTreeSet::new())?;
    if let Err(why) = order.fits(house.frozen, &house.head) {
        return Ok(why.into());
    }
    let frozen_for = store.thaw(&TenantId::house())?;
    let event = HouseEvent::Thawed(Box::new(order.thaw(frozen_for.clone())));
    let recorded = house.apply(&event, now);
    let recorded = recorded.map_err(|misfit| StoreError::Corrupt(misfit.to_string()))?;
    store.persist_house(&HouseChange {
        house: &house,
        recorded: &recorded,
        movements: BTreeSet::new(),
    })?;
    Ok(ThawAnswer::Done {
        frozen_for,
        head: house.head,
        book: None,
    })
}
