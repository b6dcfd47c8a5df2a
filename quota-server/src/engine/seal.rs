//! Sealing a month, book by book through the writer, and then over all of them.
//!
//! The writer is asked for its time first: when it answers, everything that it decided within the month is durable, and whatever
//! it decides later comes after the month. Other servers' clocks may be behind by less than the grace; and should one be behind by
//! more, each book looks in its own transaction whether its last entry is still the last of the month, and is read again if not. What was
//! sealed before a crash is found in the books and not sealed twice.
//!
//! A frozen book takes no entry, and so no seal. It holds the month up, until it is mended or the month is sealed without it.

use super::job::{Ask, Job, Op, Who};
use super::lanes::{BATCH_MAX, Lane};
use super::{Engine, EngineError};
use crate::seal::{MonthEnd, Seal};
use crate::store::{MonthEnds, Store, StoreError};
use ferry_ledger::{
    AdminAnswer, Answer, Command, HouseAnswer, HouseCommand, Month, MonthSealed, UnixMs,
};
use ferry_types::TenantId;
use std::collections::BTreeSet;
use tokio::sync::oneshot;

/// How long after its end a month can be sealed: as far behind as another server's clock may be, with room.
pub(super) const GRACE_MS: u64 = 300_000;
/// What another server's entry of the same month conflicts with.
const LAST_SEQ: &str = "last_seq";
/// How often books are read again that others have posted to.
const ROUNDS_MAX: usize = 8;

impl Engine {
    /// Seals a month that is over, and a little more, for all books, or finds it sealed.
    ///
    /// # Errors
    /// As of [`Self::seal_month_without`].
    pub async fn seal_month(&self, month: Month) -> Result<Seal, EngineError> {
        self.seal_month_without(month, BTreeSet::new()).await
    }

    /// The same for all books but these, which are frozen.
    ///
    /// # Errors
    /// [`EngineError::MonthNotOver`]; [`EngineError::FrozenBooks`] if others are frozen; [`EngineError::UnknownTenant`] and
    /// [`EngineError::NotFrozen`] of the ones to be left out; [`EngineError::SealedOtherwise`]; [`EngineError::Unavailable`] if the
    /// store failed. What was sealed of it by then stays so, and the next call goes on.
    pub async fn seal_month_without(
        &self,
        month: Month,
        without: BTreeSet<TenantId>,
    ) -> Result<Seal, EngineError> {
        let now = self.writer_time().await?;
        if let Some(sealed) = self.sealed(month).await? {
            return as_asked(sealed, &without);
        }
        if now < month.end().plus_ms(GRACE_MS) {
            return Err(EngineError::MonthNotOver(month));
        }
        self.are_frozen(without.clone()).await?;
        for _ in 0..ROUNDS_MAX {
            let left_out = without.clone();
            let ends = self.read(move |reader| reader.month_ends(month, &left_out));
            let MonthEnds { all, open, frozen } = ends.await?;
            if !open.is_empty() {
                self.seal_books(month, open).await?;
            } else if frozen.is_empty() {
                let key = self.signer().key();
                let seal = Seal::make(month, now, &all, without.clone(), key);
                return as_asked(self.keep_seal(seal).await?, &without);
            } else {
                let books = frozen;
                return Err(EngineError::FrozenBooks { month, books });
            }
        }
        Err(EngineError::Unavailable)
    }

    /// Only what is frozen is left out.
    async fn are_frozen(&self, books: BTreeSet<TenantId>) -> Result<(), EngineError> {
        let asked = books.clone();
        let found = self.read(move |reader| reader.frozen_of(&asked)).await?;
        for tenant in books {
            match found.get(&tenant) {
                Some(true) => {}
                Some(false) => return Err(EngineError::NotFrozen(tenant)),
                None => return Err(EngineError::UnknownTenant(tenant)),
            }
        }
        Ok(())
    }

    async fn keep_seal(&self, seal: Seal) -> Result<Seal, EngineError> {
        let month = seal.month;
        let (answer, answered) = oneshot::channel();
        self.put(Lane::Settlement, Job::KeepSeal { seal, answer })?;
        answered.await.map_err(|_| EngineError::Unavailable)??;
        // Another call may have been first: what is kept is what counts.
        self.sealed(month).await?.ok_or(EngineError::Unavailable)
    }

    /// Seals the month in these books. Those whose last entry of the month is not any more the last are left as they are, and so
    /// are those that are frozen meanwhile.
    pub(super) async fn seal_books(
        &self,
        month: Month,
        ends: Vec<MonthEnd>,
    ) -> Result<(), EngineError> {
        let (house, tenants): (Vec<_>, Vec<_>) =
            ends.into_iter().partition(|end| end.tenant.is_house());
        for part in tenants.chunks(BATCH_MAX) {
            self.seal_tenants(month, part).await?;
        }
        for end in &house {
            self.seal_house(month, end).await?;
        }
        Ok(())
    }

    /// Every sealed month.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn seals(&self) -> Result<Vec<Seal>, EngineError> {
        self.read(|reader| reader.seals()).await
    }

    async fn sealed(&self, month: Month) -> Result<Option<Seal>, EngineError> {
        let seals = self.seals().await?.into_iter();
        Ok(seals.into_iter().find(|seal| seal.month == month))
    }

    /// The writer's time, once everything before it is durable.
    async fn writer_time(&self) -> Result<UnixMs, EngineError> {
        let (answer, answered) = oneshot::channel();
        self.put(Lane::Settlement, Job::Time { answer })?;
        answered.await.map_err(|_| EngineError::Unavailable)?
    }

    async fn seal_tenants(&self, month: Month, ends: &[MonthEnd]) -> Result<(), EngineError> {
        let op = |end: &MonthEnd| Op {
            who: Who::Operator(end.tenant.clone()),
            ask: Ask::Command(Command::SealMonth(sealed(month, end))),
        };
        let ops = ends.iter().map(op).collect();
        let answers = self.ask(Lane::Settlement, ops, None).await?;
        let mut answers = answers.iter();
        answers.try_for_each(|answered| is_done(month, &answered.answer))
    }

    async fn seal_house(&self, month: Month, end: &MonthEnd) -> Result<(), EngineError> {
        let command = HouseCommand::SealMonth(sealed(month, end));
        match self.ask_house(command).await?.answer {
            HouseAnswer::Done { .. }
            | HouseAnswer::Conflict { field: LAST_SEQ }
            | HouseAnswer::Frozen => Ok(()),
            HouseAnswer::MonthNotOver => Err(EngineError::MonthNotOver(month)),
            HouseAnswer::Conflict { .. }
            | HouseAnswer::NothingMoves
            | HouseAnswer::OutOfRange
            | HouseAnswer::NotYet
            | HouseAnswer::SameCurrency
            | HouseAnswer::Exceeds { .. }
            | HouseAnswer::UnknownVariance
            | HouseAnswer::OtherCurrency { .. }
            | HouseAnswer::VarianceReversed { .. }
            | HouseAnswer::NotReversible(_) => Err(EngineError::Unavailable),
        }
    }
}

/// Whether the entry after the one that a seal tells of is of its month too: then that one was not the last.
pub(super) fn is_overtaken(
    store: &mut dyn Store,
    tenant: &TenantId,
    sealed: &MonthSealed,
) -> Result<bool, StoreError> {
    let next = store.entry(tenant, sealed.last_seq.saturating_add(1))?;
    Ok(next.is_some_and(|next| next.time < sealed.month.end()))
}

/// What is said of it.
pub(super) const OVERTAKEN: AdminAnswer = AdminAnswer::Conflict { field: LAST_SEQ };
/// The same of the house's book.
pub(super) const HOUSE_OVERTAKEN: HouseAnswer = HouseAnswer::Conflict { field: LAST_SEQ };

const fn sealed(month: Month, end: &MonthEnd) -> MonthSealed {
    MonthSealed {
        month,
        last_seq: end.last_seq,
        last_hash: end.last_hash,
    }
}

/// A seal that stands, if it is what was asked for. Whoever asks for nothing in particular is told what stands.
fn as_asked(sealed: Seal, without: &BTreeSet<TenantId>) -> Result<Seal, EngineError> {
    if without.is_empty() || sealed.without == *without {
        return Ok(sealed);
    }
    Err(EngineError::SealedOtherwise {
        month: sealed.month,
        without: sealed.without.into_iter().collect(),
    })
}

/// A book that is overtaken or frozen is looked at again.
fn is_done(month: Month, answer: &Answer) -> Result<(), EngineError> {
    match answer {
        Answer::Admin(
            AdminAnswer::Done { .. }
            | AdminAnswer::Conflict { field: LAST_SEQ }
            | AdminAnswer::Frozen,
        ) => Ok(()),
        Answer::Admin(AdminAnswer::MonthNotOver) => Err(EngineError::MonthNotOver(month)),
        Answer::Admin(_)
        | Answer::Reserve(_)
        | Answer::Renew(_)
        | Answer::Settle(_)
        | Answer::Release(_)
        | Answer::Expire(_) => Err(EngineError::Unavailable),
    }
}
