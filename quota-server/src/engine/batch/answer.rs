//! One call, put to its book and answered.

use super::authority::{self, Held};
use super::put::{self, Put, Question};
use super::unreserved::UnreservedSettles;
use super::{Batch, Books};
use crate::engine::call::{Answered, BookView, EngineError};
use crate::engine::seal::OVERTAKEN;
use ferry_ledger::{
    About, AdminAnswer, Answer, Book, Command, SettleAnswer, TopUpRef, Transfer, UnixMs,
};
use ferry_types::TenantId;

impl Batch<'_> {
    pub(super) fn answer(
        &mut self,
        put: &mut Put,
        works: &mut Books,
        unreserved: &mut UnreservedSettles,
    ) -> Result<Answered<Answer>, EngineError> {
        let Some(tenant) = &put.tenant else {
            self.metrics.unknown_keys.inc();
            return self.answer_nobody(&put.question);
        };
        if self.unreadable.contains(tenant) {
            return self.answer_unreadable(tenant, &put.question);
        }
        let unknown = || EngineError::UnknownTenant(tenant.clone());
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
                            unreserved.add(&principal.name);
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

    /// Nothing is known of the book but that it is frozen.
    fn answer_unreadable(
        &self,
        tenant: &TenantId,
        question: &Question,
    ) -> Result<Answered<Answer>, EngineError> {
        match question {
            // One item of a call: the others may be about other books.
            Question::Gateway(..) => Ok(Answered {
                server_time: self.now,
                book: None,
                answer: question.frozen(),
            }),
            Question::Open(_)
            | Question::Issue(..)
            | Question::Command(_)
            | Question::Transfer(_)
            | Question::Answered(_) => Err(EngineError::FrozenBook(tenant.clone())),
        }
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
