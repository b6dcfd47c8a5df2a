//! The house's own book: what operators post to it. It goes through the same writer as everything else, each command in a
//! transaction of its own: there are few, and no tenant's call waits for this book's lock.

use super::batch::Tally;
use super::job::Job;
use super::lanes::Lane;
use super::metrics::EngineMetrics;
use super::seal::{HOUSE_OVERTAKEN, is_overtaken};
use super::writer::{Failed, Writer};
use super::{Engine, EngineError};
use crate::store::view::MovementView;
use crate::store::{HouseChange, Store, StoreError};
use ferry_ledger::house::{PostMovement, decide};
use ferry_ledger::{Head, House, HouseAnswer, HouseCommand, Place, UnixMs};
use ferry_types::{MovementId, TenantId};
use tokio::sync::oneshot;

/// A durable answer of the house's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HouseAnswered {
    /// Which entry it tells of. Nothing is available: the house promises nobody anything, so its book has no balance.
    pub place: Place,
    /// The end of its journal.
    pub head: Head,
    /// What the ledger answers.
    pub answer: HouseAnswer,
}

impl Engine {
    /// Posts a movement to the house's book, once per id.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn post_movement(&self, order: PostMovement) -> Result<HouseAnswered, EngineError> {
        self.ask_house(HouseCommand::Post(order)).await
    }

    /// What happened in the house's book, newest first.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn movements(&self) -> Result<Vec<MovementView>, EngineError> {
        self.read(|reader| reader.movements()).await
    }

    /// A movement of the house's book; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn movement(&self, id: MovementId) -> Result<Option<MovementView>, EngineError> {
        self.read(move |reader| reader.movement(&id)).await
    }

    pub(super) async fn ask_house(
        &self,
        command: HouseCommand,
    ) -> Result<HouseAnswered, EngineError> {
        let (answer, answered) = oneshot::channel();
        let command = Box::new(command);
        self.put(Lane::Settlement, Job::House { command, answer })?;
        answered.await.map_err(|_| EngineError::Unavailable)?
    }
}

impl Writer {
    /// Decides a command to the house's book, durably.
    pub(super) fn decide_house(
        &mut self,
        command: &HouseCommand,
    ) -> Result<Result<HouseAnswered, EngineError>, Failed> {
        let run = |writer: &mut Self| {
            let now = UnixMs(writer.clock.now_ms());
            carry_out(writer.store.as_mut(), &writer.metrics, command, now)
        };
        let lost = |writer: &mut Self, answered: HouseAnswered| {
            if writer.has_happened(&TenantId::house(), &answered.head)? {
                writer.note_house(&answered);
            }
            Ok(())
        };
        let Some(answered) = self.transact(|_| true, run, lost)? else {
            return Ok(Err(EngineError::Unavailable));
        };
        self.teller.flush()?;
        self.note_house(&answered);
        Ok(Ok(answered))
    }

    fn note_house(&self, answered: &HouseAnswered) {
        if matches!(answered.answer, HouseAnswer::Done { changed: true, .. }) {
            let heads = vec![(TenantId::house(), answered.head)];
            self.teller.note(Tally::default(), heads);
        }
    }
}

/// Decides and writes, ready to be committed.
fn carry_out(
    store: &mut dyn Store,
    metrics: &EngineMetrics,
    command: &HouseCommand,
    now: UnixMs,
) -> Result<HouseAnswered, StoreError> {
    let in_view = command.movements().cloned().collect();
    let mut house = store.load_house(&in_view)?;
    let answered = |house: &House, answer| HouseAnswered {
        place: house.place(command),
        head: house.head,
        answer,
    };
    if let HouseCommand::SealMonth(sealed) = command
        && is_overtaken(store, &TenantId::house(), sealed)?
    {
        return Ok(answered(&house, HOUSE_OVERTAKEN));
    }
    // In a month that is sealed no book begins, this one neither.
    let newest = store.newest_seal()?;
    let now = newest.map_or(now, |seal| now.max(seal.month.end()));
    let (answer, event) = decide(&house, command, now);
    let Some(event) = event else {
        return Ok(answered(&house, answer));
    };
    match house.apply(&event, now) {
        Ok(recorded) => {
            store.persist_house(&HouseChange {
                house: &house,
                recorded: &recorded,
                movements: event.movements().cloned().collect(),
            })?;
            Ok(answered(&house, answer))
        }
        // The ledger rules it out. Nothing of it is kept.
        Err(misfit) => {
            let reason = misfit.to_string();
            tracing::error!(
                reason,
                "ALARM: an invariant does not hold: the house's book is frozen"
            );
            metrics.books_frozen.inc();
            store.freeze_house(&reason)?;
            let head = house.head;
            Ok(HouseAnswered {
                place: head.place(),
                head,
                answer: HouseAnswer::Frozen,
            })
        }
    }
}
