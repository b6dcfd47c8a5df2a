//! From the engine's answers to the wire, and to what is counted.

use super::batch::ItemFault;
use crate::engine::{Answered, BookView, KeyUse};
use crate::price_book::PriceBook;
use ferry_api::v1::{
    self, list_models_response, release_result, renew_result, reserve_response, settle_result,
};
use ferry_ledger::{
    Granted, Place, Position, Refusal, ReleaseAnswer, RenewAnswer, ReserveAnswer, SettleAnswer,
    StateName,
};
use ferry_types::{Balance, Currency, TenantId};
use tonic::{Code, Status};

/// Names the rule set that decided.
const POLICY_HEADER: &str = "x-ai-quota-policy";
/// What is left after the hold; the currency's code follows: `x-ai-quota-remaining-usd`.
const REMAINING_HEADER_PREFIX: &str = "x-ai-quota-remaining-";

/// How an item ended, in the words of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) name: &'static str,
    pub(super) reason: &'static str,
}

impl Outcome {
    const fn of(name: &'static str) -> Self {
        Self { name, reason: "" }
    }

    pub(super) const fn error(reason: &'static str) -> Self {
        Self {
            name: "error",
            reason,
        }
    }

    const fn ended(state: StateName) -> Self {
        Self {
            name: "ended",
            reason: state.name(),
        }
    }
}

/// What an item that was not carried out answers.
type Fault = (Code, &'static str);
const DENIED: Fault = (
    Code::PermissionDenied,
    "another gateway's or key's reservation",
);
const NOT_FOUND: Fault = (Code::NotFound, "no such reservation");
const FROZEN: Fault = (Code::FailedPrecondition, "the tenant's book is frozen");

pub(super) fn reserve(
    answered: Answered<ReserveAnswer>,
    policy_version: &str,
) -> Result<(v1::ReserveResponse, Outcome), Status> {
    use reserve_response::Outcome as Wire;
    let Answered {
        server_time,
        book,
        answer,
    } = answered;
    let position = book.as_ref().map(position);
    let (wire, outcome) = match answer {
        ReserveAnswer::Granted(granted) => {
            let book = book.ok_or_else(|| Status::internal("granted without a book"))?;
            let outcome = Outcome {
                name: "granted",
                reason: if granted.clamped { "clamped" } else { "" },
            };
            (Wire::Granted(grant(&granted, &book)), outcome)
        }
        ReserveAnswer::Refused(refusal) => {
            let outcome = Outcome {
                name: "refused",
                reason: refusal.name(),
            };
            let left = book.map(|book| Left {
                tenant: book.tenant,
                available: book.position.available,
                currency: book.currency,
            });
            (
                Wire::Refused(refused(&refusal, left, policy_version)),
                outcome,
            )
        }
        ReserveAnswer::Ended(state) => (Wire::Ended(ended(state)), Outcome::ended(state)),
        ReserveAnswer::Conflict { field } => {
            let outcome = Outcome::of("conflict");
            (Wire::Conflict(v1::Conflict { field }), outcome)
        }
        ReserveAnswer::Denied => return Err(Status::permission_denied(DENIED.1)),
    };
    let response = v1::ReserveResponse {
        server_time_unix_ms: server_time.0,
        outcome: Some(wire),
        position,
    };
    Ok((response, outcome))
}

fn position(book: &BookView) -> v1::Position {
    let Position {
        place: Place { seq, time },
        available,
    } = book.position;
    v1::Position {
        seq,
        time_unix_ms: time.0,
        available: available.display(book.currency).to_string(),
        currency: book.currency.code().to_owned(),
    }
}

fn grant(granted: &Granted, book: &BookView) -> v1::Granted {
    let Granted {
        offer,
        output_tokens_max,
        clamped,
        lease_ms,
        mode,
        reserved,
    } = granted;
    let candidates = offer.candidates.iter().map(|candidate| v1::Candidate {
        provider: candidate.provider.clone(),
        model: candidate.model.clone(),
        output_limit_field: candidate.output_limit_field.clone(),
    });
    v1::Granted {
        tenant_id: book.tenant.to_string(),
        policy_version: offer.policy_version.clone(),
        price_version: offer.price_version.clone(),
        candidates: candidates.collect(),
        output_tokens_max: *output_tokens_max,
        clamped: *clamped,
        lease_ms: *lease_ms,
        mode: v1::Mode::from(*mode).into(),
        headers: headers(
            &offer.policy_version,
            book.position.available,
            book.currency,
        ),
        reserved: reserved.display(book.currency).to_string(),
        currency: book.currency.code().to_owned(),
    }
}

/// Whose request was refused, and what it has.
struct Left {
    tenant: TenantId,
    available: Balance,
    currency: Currency,
}

fn refused(refusal: &Refusal, left: Option<Left>, policy_version: &str) -> v1::Refused {
    v1::Refused {
        reason: refusal.name().to_owned(),
        http_status: refusal.http_status().into(),
        r#type: refusal.openai_type().to_owned(),
        code: refusal.openai_code().unwrap_or_default().to_owned(),
        param: refusal.openai_param().unwrap_or_default().to_owned(),
        message: refusal.message(),
        retry_after_s: refusal.retry_after_s(),
        should_retry: refusal.should_retry(),
        headers: match &left {
            Some(left) => headers(policy_version, left.available, left.currency),
            None => vec![policy_header(policy_version)],
        },
        tenant_id: left.map(|left| left.tenant.to_string()).unwrap_or_default(),
    }
}

fn ended(state: StateName) -> v1::Ended {
    let state = match state {
        StateName::Refused => v1::ReservationState::Refused,
        StateName::Open => v1::ReservationState::Open,
        StateName::Settled => v1::ReservationState::Settled,
        StateName::Released => v1::ReservationState::Released,
        StateName::Expired => v1::ReservationState::Expired,
    };
    v1::Ended {
        state: state.into(),
    }
}

fn headers(policy_version: &str, available: Balance, currency: Currency) -> Vec<v1::Header> {
    let code = currency.code().to_ascii_lowercase();
    let remaining = v1::Header {
        name: format!("{REMAINING_HEADER_PREFIX}{code}"),
        value: available.display(currency).to_string(),
    };
    vec![policy_header(policy_version), remaining]
}

fn policy_header(policy_version: &str) -> v1::Header {
    v1::Header {
        name: POLICY_HEADER.to_owned(),
        value: policy_version.to_owned(),
    }
}

pub(super) fn renew(answered: Answered<RenewAnswer>) -> (v1::RenewResult, Outcome) {
    use renew_result::Outcome as Wire;
    let fault = |fault, reason| (Wire::Error(item_error(fault)), Outcome::error(reason));
    let book = answered.book;
    let (wire, outcome) = match answered.answer {
        RenewAnswer::Renewed {
            lease_ms,
            output_tokens_max,
        } => (
            Wire::Renewed(v1::Renewed {
                lease_ms,
                output_tokens_max,
            }),
            Outcome::of("renewed"),
        ),
        RenewAnswer::Ended(state) => (Wire::Ended(ended(state)), Outcome::ended(state)),
        RenewAnswer::NotFound => fault(NOT_FOUND, "not_found"),
        RenewAnswer::Denied => fault(DENIED, "denied"),
        RenewAnswer::Frozen => fault(FROZEN, "frozen"),
    };
    let told = !matches!(wire, Wire::Error(_));
    let result = v1::RenewResult {
        outcome: Some(wire),
        position: book.filter(|_| told).as_ref().map(position),
    };
    (result, outcome)
}

pub(super) fn renew_error(fault: ItemFault) -> v1::RenewResult {
    v1::RenewResult {
        outcome: Some(renew_result::Outcome::Error(fault_error(fault))),
        position: None,
    }
}

pub(super) fn settle(answered: Answered<SettleAnswer>) -> (v1::SettleResult, Outcome) {
    use settle_result::Outcome as Wire;
    let fault = |fault, reason| (Wire::Error(item_error(fault)), Outcome::error(reason));
    let book = answered.book;
    let (wire, outcome) = match (answered.answer, &book) {
        (
            SettleAnswer::Settled {
                charged,
                released,
                seq,
            },
            Some(book),
        ) => {
            let settled = v1::Settled {
                charged: charged.display(book.currency).to_string(),
                released: released.display(book.currency).to_string(),
                currency: book.currency.code().to_owned(),
                seq,
            };
            (Wire::Settled(settled), Outcome::of("settled"))
        }
        (SettleAnswer::Settled { .. }, None) => {
            fault((Code::Internal, "settled without a book"), "internal")
        }
        (SettleAnswer::Conflict { field }, _) => (
            Wire::Conflict(v1::Conflict { field }),
            Outcome::of("conflict"),
        ),
        (SettleAnswer::Parked, _) => (Wire::Parked(v1::Parked {}), Outcome::of("parked")),
        (SettleAnswer::Denied, _) => fault(DENIED, "denied"),
        (SettleAnswer::Frozen, _) => fault(FROZEN, "frozen"),
    };
    let told = !matches!(wire, Wire::Error(_));
    let result = v1::SettleResult {
        outcome: Some(wire),
        position: book.filter(|_| told).as_ref().map(position),
    };
    (result, outcome)
}

pub(super) fn settle_error(fault: ItemFault) -> v1::SettleResult {
    v1::SettleResult {
        outcome: Some(settle_result::Outcome::Error(fault_error(fault))),
        position: None,
    }
}

pub(super) fn release(answered: Answered<ReleaseAnswer>) -> (v1::ReleaseResult, Outcome) {
    use release_result::Outcome as Wire;
    let fault = |fault, reason| (Wire::Error(item_error(fault)), Outcome::error(reason));
    let book = answered.book;
    let (wire, outcome) = match answered.answer {
        ReleaseAnswer::Released => (Wire::Released(v1::Released {}), Outcome::of("released")),
        ReleaseAnswer::Conflict => {
            // What differs is where the reservation stands: it was settled.
            let field = "state".to_owned();
            (
                Wire::Conflict(v1::Conflict { field }),
                Outcome::of("conflict"),
            )
        }
        ReleaseAnswer::Denied => fault(DENIED, "denied"),
        ReleaseAnswer::Frozen => fault(FROZEN, "frozen"),
    };
    let told = !matches!(wire, Wire::Error(_));
    let result = v1::ReleaseResult {
        outcome: Some(wire),
        position: book.filter(|_| told).as_ref().map(position),
    };
    (result, outcome)
}

pub(super) fn release_error(fault: ItemFault) -> v1::ReleaseResult {
    v1::ReleaseResult {
        outcome: Some(release_result::Outcome::Error(fault_error(fault))),
        position: None,
    }
}

pub(super) fn models(
    key: KeyUse,
    prices: &PriceBook,
    policy_version: &str,
) -> (v1::ListModelsResponse, Outcome) {
    use list_models_response::Outcome as Wire;
    let (wire, outcome) = match (key.refusal, key.owner) {
        (None, Some(owner)) => {
            let models = prices.models().map(|model| v1::Model {
                name: model.name.clone(),
                created_s: model.created_s,
                owned_by: model.provider.clone(),
            });
            let list = v1::ModelList {
                models: models.collect(),
                tenant_id: owner.tenant.to_string(),
                headers: headers(policy_version, owner.available, owner.currency),
            };
            (Wire::Models(list), Outcome::of("listed"))
        }
        (refusal, owner) => {
            let refusal = refusal.unwrap_or(Refusal::UnknownKey);
            let outcome = Outcome {
                name: "refused",
                reason: refusal.name(),
            };
            let left = owner.map(|owner| Left {
                tenant: owner.tenant,
                available: owner.available,
                currency: owner.currency,
            });
            (
                Wire::Refused(refused(&refusal, left, policy_version)),
                outcome,
            )
        }
    };
    let response = v1::ListModelsResponse {
        server_time_unix_ms: key.server_time.0,
        outcome: Some(wire),
    };
    (response, outcome)
}

fn item_error((code, message): Fault) -> v1::ItemError {
    fault_error(ItemFault {
        code,
        message: message.to_owned(),
    })
}

fn fault_error(fault: ItemFault) -> v1::ItemError {
    let ItemFault { code, message } = fault;
    v1::ItemError {
        code: u32::try_from(i32::from(code)).unwrap_or_default(),
        message,
    }
}
