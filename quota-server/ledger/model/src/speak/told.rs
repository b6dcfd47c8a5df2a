//! The ledger's answers in the model's words.

use crate::told::Told;
use ferry_ledger::{
    AdminAnswer, Answer, ExpireAnswer, ReleaseAnswer, RenewAnswer, ReserveAnswer, SettleAnswer,
};
use ferry_types::Mode;

/// An answer of the ledger's in the model's words.
#[must_use]
pub fn told(answer: &Answer) -> Told {
    match answer {
        Answer::Admin(answer) => told_operator(answer),
        Answer::Reserve(ReserveAnswer::Granted(granted)) => Told::Granted {
            units: granted.reserved.units(),
            limit: granted.output_tokens_max.cast_signed(),
            clamped: granted.clamped,
            lease_ms: granted.lease_ms,
            shadow: granted.mode == Mode::Shadow,
        },
        Answer::Reserve(ReserveAnswer::Refused(refusal)) => Told::Refused(refusal.name()),
        Answer::Reserve(ReserveAnswer::Ended(state)) | Answer::Renew(RenewAnswer::Ended(state)) => {
            Told::Ended(state.name())
        }
        Answer::Reserve(ReserveAnswer::Conflict { .. })
        | Answer::Settle(SettleAnswer::Conflict { .. })
        | Answer::Release(ReleaseAnswer::Conflict) => Told::Conflict,
        Answer::Reserve(ReserveAnswer::Denied)
        | Answer::Renew(RenewAnswer::Denied)
        | Answer::Settle(SettleAnswer::Denied)
        | Answer::Release(ReleaseAnswer::Denied) => Told::Denied,
        Answer::Renew(RenewAnswer::Renewed {
            lease_ms,
            output_tokens_max,
        }) => Told::Renewed {
            lease_ms: *lease_ms,
            limit: output_tokens_max.cast_signed(),
        },
        Answer::Renew(RenewAnswer::NotFound) => Told::NotFound,
        Answer::Settle(SettleAnswer::Settled {
            charged,
            released,
            seq,
        }) => Told::Settled {
            charged: charged.units(),
            released: released.units(),
            seq: *seq,
        },
        Answer::Settle(SettleAnswer::Parked) => Told::Parked,
        Answer::Release(ReleaseAnswer::Released) => Told::Released,
        Answer::Expire(ExpireAnswer::Expired { charged }) => Told::Expired(charged.units()),
        Answer::Expire(ExpireAnswer::NotDue { .. }) => Told::NotDue,
        Answer::Expire(ExpireAnswer::NotOpen) => Told::NotOpen,
        Answer::Renew(RenewAnswer::Frozen)
        | Answer::Settle(SettleAnswer::Frozen)
        | Answer::Release(ReleaseAnswer::Frozen)
        | Answer::Expire(ExpireAnswer::Frozen) => Told::Unexpected,
    }
}

/// To an operator, or to a person who puts something right.
const fn told_operator(answer: &AdminAnswer) -> Told {
    match answer {
        AdminAnswer::Done { seq, changed } => Told::Done {
            seq: *seq,
            changed: *changed,
        },
        AdminAnswer::Conflict { .. } => Told::Conflict,
        AdminAnswer::UnknownKey => Told::UnknownKey,
        AdminAnswer::Revoked => Told::Revoked,
        AdminAnswer::UnknownGrant => Told::UnknownGrant,
        AdminAnswer::NotPaidFor => Told::NotPaidFor,
        AdminAnswer::NeverValid => Told::NeverValid,
        AdminAnswer::AmountOutOfRange => Told::OutOfRange,
        AdminAnswer::UnknownRequest => Told::UnknownRequest,
        AdminAnswer::UnknownTopUp => Told::UnknownTopUp,
        AdminAnswer::CreditedElsewhere { .. } => Told::CreditedElsewhere,
        AdminAnswer::UnknownEntry => Told::UnknownEntry,
        AdminAnswer::NotParked => Told::NotParked,
        AdminAnswer::Exceeds { most } => Told::Exceeds(most.units()),
        AdminAnswer::Reserved
        | AdminAnswer::Closed
        | AdminAnswer::OtherClosed
        | AdminAnswer::Remains(_)
        | AdminAnswer::TooManyLimits { .. }
        | AdminAnswer::MonthNotOver
        | AdminAnswer::OtherCurrency
        | AdminAnswer::Frozen => Told::Unexpected,
    }
}
