//! Answers in a few words, as the tables of the tests say them.

use ferry_ledger::*;

/// An answer in a few words.
pub fn tell(answer: &Answer) -> String {
    match answer {
        Answer::Admin(AdminAnswer::Done { changed: true, .. }) => "done".into(),
        Answer::Admin(AdminAnswer::Done { changed: false, .. }) => "unchanged".into(),
        Answer::Admin(AdminAnswer::Conflict { field }) => format!("conflict {field}"),
        Answer::Admin(other) => format!("{other:?}"),
        Answer::Reserve(ReserveAnswer::Granted(g)) => {
            let clamped = if g.clamped { " clamped" } else { "" };
            format!(
                "granted {} for {}{clamped}",
                g.reserved.units(),
                g.output_tokens_max
            )
        }
        Answer::Reserve(ReserveAnswer::Refused(refusal)) => format!("refused {}", refusal.name()),
        Answer::Reserve(ReserveAnswer::Ended(state)) | Answer::Renew(RenewAnswer::Ended(state)) => {
            format!("ended {}", state.name())
        }
        Answer::Reserve(ReserveAnswer::Conflict { field })
        | Answer::Settle(SettleAnswer::Conflict { field }) => format!("conflict {field}"),
        Answer::Reserve(ReserveAnswer::Denied)
        | Answer::Renew(RenewAnswer::Denied)
        | Answer::Settle(SettleAnswer::Denied)
        | Answer::Release(ReleaseAnswer::Denied) => "denied".into(),
        Answer::Renew(RenewAnswer::Renewed {
            output_tokens_max, ..
        }) if *output_tokens_max != 30 => format!("renewed for {output_tokens_max}"),
        Answer::Renew(RenewAnswer::Renewed { .. }) => "renewed".into(),
        Answer::Renew(RenewAnswer::NotFound) => "not found".into(),
        Answer::Settle(SettleAnswer::Settled {
            charged, released, ..
        }) => format!("settled {} released {}", charged.units(), released.units()),
        Answer::Settle(SettleAnswer::Parked) => "parked".into(),
        Answer::Release(ReleaseAnswer::Released) => "released".into(),
        Answer::Release(ReleaseAnswer::Conflict) => "conflict".into(),
        Answer::Expire(ExpireAnswer::Expired { charged }) => format!("expired {}", charged.units()),
        Answer::Expire(ExpireAnswer::NotDue { .. }) => "not due".into(),
        Answer::Expire(ExpireAnswer::NotOpen) => "not open".into(),
        Answer::Renew(RenewAnswer::Frozen)
        | Answer::Settle(SettleAnswer::Frozen)
        | Answer::Release(ReleaseAnswer::Frozen)
        | Answer::Expire(ExpireAnswer::Frozen) => "frozen".into(),
    }
}
