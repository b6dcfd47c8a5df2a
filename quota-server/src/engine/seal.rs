//! Sealing a month, book by book through the writer, and then over all of them.
//!
//! The writer is asked for its time first: when it answers, everything that it decided within the month is durable, and whatever
//! it decides later comes after the month. What was sealed before a crash is found in the books and not sealed twice.

use super::job::{Ask, Job, Op, Who};
use super::lanes::{BATCH_MAX, Lane};
use super::{Engine, EngineError};
use crate::seal::{MonthEnd, Seal};
use ferry_ledger::{
    AdminAnswer, Answer, Command, HouseAnswer, HouseCommand, Month, MonthSealed, UnixMs,
};
use ferry_types::TenantId;
use tokio::sync::oneshot;

impl Engine {
    /// Seals a month that is over, or finds it sealed.
    ///
    /// # Errors
    /// [`EngineError::MonthNotOver`], [`EngineError::FrozenBook`]; [`EngineError::Unavailable`] if the store failed. What was sealed
    /// of it by then stays so, and the next call goes on.
    pub async fn seal_month(&self, month: Month) -> Result<Seal, EngineError> {
        let now = self.writer_time().await?;
        if let Some(sealed) = self.sealed(month).await? {
            return Ok(sealed);
        }
        if now < month.end() {
            return Err(EngineError::MonthNotOver(month));
        }
        let ends = self.read(move |reader| reader.month_ends(month)).await?;
        let (all, open) = (ends.0, ends.1);
        let (house, tenants): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|end| end.tenant.is_house());
        for part in tenants.chunks(BATCH_MAX) {
            self.seal_books(month, part).await?;
        }
        for end in &house {
            self.seal_house(month, end).await?;
        }
        let seal = Seal::make(month, now, &all, self.signer().key());
        let (answer, answered) = oneshot::channel();
        self.put(Lane::Settlement, Job::KeepSeal { seal, answer })?;
        answered.await.map_err(|_| EngineError::Unavailable)??;
        // Another call may have been first: what is kept is what counts.
        self.sealed(month).await?.ok_or(EngineError::Unavailable)
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

    async fn seal_books(&self, month: Month, ends: &[MonthEnd]) -> Result<(), EngineError> {
        let op = |end: &MonthEnd| Op {
            who: Who::Operator(end.tenant.clone()),
            ask: Ask::Command(Command::SealMonth(sealed(month, end))),
        };
        let ops = ends.iter().map(op).collect();
        let answers = self.ask(Lane::Settlement, ops, None).await?;
        for (end, answered) in ends.iter().zip(answers) {
            is_done(month, &end.tenant, &answered.answer)?;
        }
        Ok(())
    }

    async fn seal_house(&self, month: Month, end: &MonthEnd) -> Result<(), EngineError> {
        let command = HouseCommand::SealMonth(sealed(month, end));
        match self.ask_house(command).await?.answer {
            HouseAnswer::Done { .. } => Ok(()),
            HouseAnswer::MonthNotOver => Err(EngineError::MonthNotOver(month)),
            HouseAnswer::Frozen => Err(EngineError::FrozenBook(end.tenant.clone())),
            HouseAnswer::Conflict { .. }
            | HouseAnswer::NothingMoves
            | HouseAnswer::OutOfRange
            | HouseAnswer::NotYet
            | HouseAnswer::SameCurrency
            | HouseAnswer::Exceeds { .. }
            | HouseAnswer::UnknownVariance
            | HouseAnswer::OtherCurrency { .. } => Err(EngineError::Unavailable),
        }
    }
}

const fn sealed(month: Month, end: &MonthEnd) -> MonthSealed {
    MonthSealed {
        month,
        last_seq: end.last_seq,
        last_hash: end.last_hash,
    }
}

fn is_done(month: Month, tenant: &TenantId, answer: &Answer) -> Result<(), EngineError> {
    match answer {
        Answer::Admin(AdminAnswer::Done { .. }) => Ok(()),
        Answer::Admin(AdminAnswer::MonthNotOver) => Err(EngineError::MonthNotOver(month)),
        Answer::Admin(AdminAnswer::Frozen) => Err(EngineError::FrozenBook(tenant.clone())),
        Answer::Admin(_)
        | Answer::Reserve(_)
        | Answer::Renew(_)
        | Answer::Settle(_)
        | Answer::Release(_)
        | Answer::Expire(_) => Err(EngineError::Unavailable),
    }
}
