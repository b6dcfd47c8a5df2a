//! A call as it is put to its book: the key resolved, the owner known.

use crate::engine::job::Ask;
use crate::key_directory::{PepperId, StoredDigest};
use crate::policy::ModelOffers;
use crate::principal::Principal;
use crate::store::Touch;
use ferry_ledger::{
    About, AdminAnswer, Answer, Command, ExpireAnswer, IdempotencyKey, OpenTenant, Owner, Refusal,
    Release, ReleaseAnswer, Renew, RenewAnswer, Reserve, ReserveAnswer, Settle, SettleAnswer,
    TopUpRef, Transfer,
};
use ferry_types::{Currency, KeyId, TenantId};
use std::sync::Arc;

/// A call and whose book it is for.
pub(super) struct Put {
    /// `None` if the key is nobody's.
    pub(super) tenant: Option<TenantId>,
    pub(super) question: Question,
}

/// What is asked of a book.
pub(super) enum Question {
    Open(OpenTenant),
    /// A key, and what it is to be found by.
    Issue(Command, (StoredDigest, PepperId, KeyId)),
    /// What a gateway asks, and what it is offered.
    Gateway(Command, Arc<Principal>, Option<Arc<ModelOffers>>),
    Command(Command),
    /// Asked of two books.
    Transfer(Transfer),
    /// There is no book to ask.
    Answered(Answer),
}

impl Put {
    pub(super) fn of_operator(tenant: TenantId, ask: Ask) -> Self {
        let question = match ask {
            Ask::OpenTenant(order) => Question::Open(order),
            Ask::IssueKey {
                issue,
                pepper,
                digest,
            } => {
                let listed = (digest, pepper, issue.key.clone());
                Question::Issue(Command::IssueKey(issue), listed)
            }
            Ask::Command(command) => Question::Command(command),
            Ask::Transfer(order) => Question::Transfer(order),
            Ask::Reserve { .. } | Ask::Renew { .. } | Ask::Settle { .. } | Ask::Release { .. } => {
                return Self::of_nobody(&ask);
            }
        };
        Self {
            tenant: Some(tenant),
            question,
        }
    }

    pub(super) fn of_gateway(
        tenant: TenantId,
        principal: Arc<Principal>,
        key: KeyId,
        ask: Ask,
    ) -> Self {
        let owner = Owner {
            principal: principal.name.clone(),
            key,
        };
        let mut offered = None;
        let command = match ask {
            Ask::Reserve { id, facts, offers } => {
                offered = offers;
                Command::Reserve(Box::new(Reserve {
                    id,
                    owner,
                    facts,
                    offer: None,
                }))
            }
            Ask::Renew {
                id,
                usage,
                output_tokens_target,
            } => Command::Renew(Renew {
                id,
                owner,
                usage,
                output_tokens_target,
            }),
            Ask::Settle {
                id,
                settlement,
                offers,
            } => {
                offered = offers;
                Command::Settle(Box::new(Settle {
                    id,
                    owner,
                    settlement,
                    offer: None,
                    by: None,
                    beyond_cap: false,
                }))
            }
            Ask::Release { id } => Command::Release(Release {
                id,
                owner,
                by: None,
            }),
            Ask::OpenTenant(_) | Ask::IssueKey { .. } | Ask::Command(_) | Ask::Transfer(_) => {
                return Self::of_operator(tenant, ask);
            }
        };
        Self {
            tenant: Some(tenant),
            question: Question::Gateway(command, principal, offered),
        }
    }

    /// With a key that nobody made there is nothing to look up: a request is refused, the rest is denied.
    pub(super) const fn of_nobody(ask: &Ask) -> Self {
        let answer = match ask {
            Ask::Renew { .. } => Answer::Renew(RenewAnswer::Denied),
            Ask::Settle { .. } => Answer::Settle(SettleAnswer::Denied),
            Ask::Release { .. } => Answer::Release(ReleaseAnswer::Denied),
            Ask::Reserve { .. }
            | Ask::OpenTenant(_)
            | Ask::IssueKey { .. }
            | Ask::Command(_)
            | Ask::Transfer(_) => Answer::Reserve(ReserveAnswer::Refused(Refusal::UnknownKey)),
        };
        Self {
            tenant: None,
            question: Question::Answered(answer),
        }
    }
}

/// Says what the call is offered, in its book's currency.
pub(super) fn offer(command: &mut Command, offers: Option<&ModelOffers>, currency: Currency) {
    let offer = || {
        offers
            .and_then(|offers| offers.in_currency(currency))
            .cloned()
    };
    match command {
        Command::Reserve(call) => call.offer = offer(),
        Command::Settle(call) => call.offer = offer(),
        Command::SetTenantState(_)
        | Command::CloseTenant(_)
        | Command::IssueKey(_)
        | Command::SetKeyState(_)
        | Command::SetOverage(_)
        | Command::SetReseller(_)
        | Command::SetZone(_)
        | Command::SetLimit(_)
        | Command::RemoveLimit(_)
        | Command::IssueGrant(_)
        | Command::ExpireGrant(_)
        | Command::TopUp(_)
        | Command::Correct(_)
        | Command::Renew(_)
        | Command::Release(_)
        | Command::Expire(_)
        | Command::SealMonth(_) => {}
    }
}

impl Question {
    /// The other book that it is asked of, if there is one.
    pub(super) const fn other(&self) -> Option<&TenantId> {
        match self {
            Self::Transfer(order) => Some(&order.to),
            Self::Open(_)
            | Self::Issue(..)
            | Self::Gateway(..)
            | Self::Command(_)
            | Self::Answered(_) => None,
        }
    }

    /// What a frozen book answers to it, whatever it knows.
    pub(super) const fn frozen(&self) -> Answer {
        match self {
            Self::Issue(command, _) | Self::Gateway(command, ..) | Self::Command(command) => {
                frozen(command)
            }
            Self::Open(_) | Self::Transfer(_) | Self::Answered(_) => {
                Answer::Admin(AdminAnswer::Frozen)
            }
        }
    }

    /// What it asks about.
    pub(super) fn about(&self) -> About<'_> {
        match self {
            Self::Issue(command, _) | Self::Gateway(command, ..) | Self::Command(command) => {
                command.about()
            }
            Self::Transfer(order) => About::Transfer(&order.id),
            Self::Open(_) | Self::Answered(_) => About::Book,
        }
    }

    /// Says what of the book must be in view to answer.
    pub(super) fn touch(&self, touch: &mut Touch) {
        match self {
            Self::Open(_) | Self::Answered(_) => {}
            Self::Transfer(order) => {
                touch.transfers.insert(order.id.clone());
            }
            Self::Issue(command, _) | Self::Gateway(command, ..) | Self::Command(command) => {
                touch_by(touch, command);
            }
        }
    }
}

const fn frozen(command: &Command) -> Answer {
    match command {
        Command::Reserve(_) => Answer::Reserve(ReserveAnswer::Refused(Refusal::BookFrozen)),
        Command::Renew(_) => Answer::Renew(RenewAnswer::Frozen),
        Command::Settle(_) => Answer::Settle(SettleAnswer::Frozen),
        Command::Release(_) => Answer::Release(ReleaseAnswer::Frozen),
        Command::Expire(_) => Answer::Expire(ExpireAnswer::Frozen),
        Command::SetTenantState(_)
        | Command::CloseTenant(_)
        | Command::IssueKey(_)
        | Command::SetKeyState(_)
        | Command::SetOverage(_)
        | Command::SetReseller(_)
        | Command::SetZone(_)
        | Command::SetLimit(_)
        | Command::RemoveLimit(_)
        | Command::IssueGrant(_)
        | Command::ExpireGrant(_)
        | Command::TopUp(_)
        | Command::Correct(_)
        | Command::SealMonth(_) => Answer::Admin(AdminAnswer::Frozen),
    }
}

fn touch_by(touch: &mut Touch, command: &Command) {
    let owned = match command {
        Command::SetTenantState(_)
        | Command::CloseTenant(_)
        | Command::SetOverage(_)
        | Command::SetReseller(_)
        | Command::SetZone(_)
        | Command::RemoveLimit(_)
        | Command::IssueGrant(_)
        | Command::ExpireGrant(_)
        | Command::SealMonth(_) => return,
        Command::SetLimit(_) => {
            touch.keys.extend(command.key().cloned());
            return;
        }
        Command::Correct(order) => {
            touch.corrections.insert(order.id.clone());
            touch.reservations.extend(command.reservation());
            touch.top_ups.extend(command.top_up());
            return;
        }
        Command::IssueKey(order) => return add_key(touch, &order.key),
        Command::SetKeyState(order) => return add_key(touch, &order.key),
        Command::TopUp(order) => {
            touch.top_ups.insert(TopUpRef {
                source: order.source.clone(),
                external_reference: order.external_reference.clone(),
            });
            return;
        }
        Command::Expire(call) => {
            touch.reservations.insert(call.id);
            return;
        }
        Command::Reserve(call) => {
            if let Some(IdempotencyKey { key, digest }) = call.idempotency_key() {
                touch.in_flight.insert((key.clone(), *digest));
            }
            (call.id, &call.owner)
        }
        Command::Renew(call) => (call.id, &call.owner),
        Command::Settle(call) => (call.id, &call.owner),
        Command::Release(call) => (call.id, &call.owner),
    };
    let (id, owner) = owned;
    touch.reservations.insert(id);
    add_key(touch, &owner.key);
}

fn add_key(touch: &mut Touch, key: &KeyId) {
    if !touch.keys.contains(key) {
        touch.keys.insert(key.clone());
    }
}
