//! Jobs that are worked on one at a time: each in a transaction of its own, or in none.

use super::transaction::Committed;
use super::{Failed, Writer, failed};
use crate::engine::call::{EngineError, PriceTable};
use crate::engine::job::Job;
use crate::engine::teller::reply;
use crate::key_directory::sha256;
use crate::seal::Seal;
use ferry_ledger::UnixMs;

impl Writer {
    pub(super) fn work_alone(&mut self, job: Job) -> Result<(), Failed> {
        match job {
            Job::Transfer { op, answer } => {
                let results = self.decide(vec![*op])?;
                reply(answer, results.into_iter().collect());
            }
            Job::House { command, answer } => {
                let answered = self.decide_house(&command)?;
                reply(answer, answered);
            }
            Job::Thaw {
                book,
                order,
                answer,
            } => {
                let thawed = self.thaw(&book, &order)?;
                reply(answer, thawed);
            }
            Job::PriceTable { table, answer } => {
                let kept = self.keep_price_table(table)?;
                reply(answer, kept);
            }
            Job::Time { answer } => {
                self.teller.flush()?;
                let now = self.clock.now_ms();
                reply(answer, Ok(UnixMs(now)));
            }
            Job::KeepSeal { seal, answer } => {
                let kept = self.keep_seal(&seal)?;
                reply(answer, kept);
            }
            Job::Expire { answer } => {
                let expired = self.end_what_is_due()?;
                self.forget_and_note()?;
                reply(answer, Ok(expired));
            }
            Job::Decide { answer, .. } => reply(answer, Err(EngineError::Unavailable)),
        }
        Ok(())
    }

    fn keep_price_table(&mut self, table: PriceTable) -> Result<Result<(), EngineError>, Failed> {
        let now = UnixMs(self.clock.now_ms());
        let PriceTable { version, content } = table;
        let digest = sha256(&[content.as_bytes()]);
        let kept = self
            .store
            .begin()
            .and_then(|()| self.store.keep_price_table(&version, digest, &content, now));
        Ok(match kept {
            Ok(Ok(())) => match self.commit_durably()? {
                Committed::Yes => Ok(()),
                Committed::Perhaps | Committed::Again | Committed::No => {
                    Err(EngineError::Unavailable)
                }
            },
            Ok(Err(_)) => {
                self.store.rollback().map_err(|e| failed(&e))?;
                Err(EngineError::PriceVersionTaken(version))
            }
            Err(error) => {
                self.undo(&error)?;
                Err(EngineError::Unavailable)
            }
        })
    }

    fn keep_seal(&mut self, seal: &Seal) -> Result<Result<(), EngineError>, Failed> {
        let kept = self.store.begin().and_then(|()| self.store.keep_seal(seal));
        Ok(match kept {
            Ok(()) => match self.commit_durably()? {
                Committed::Yes => {
                    self.clock.not_before(seal.month.end());
                    Ok(())
                }
                Committed::Perhaps | Committed::Again | Committed::No => {
                    Err(EngineError::Unavailable)
                }
            },
            Err(error) => {
                self.undo(&error)?;
                Err(EngineError::Unavailable)
            }
        })
    }
}
