//! Limits, in the ledger's words.

use super::{MODEL, key_id, limit_id, user};
use crate::limit::{Each, LimitOrder, Measure, Span, Zone};
use crate::naive::Who;
use ferry_ledger::{LimitScope, LimitTerms, SetLimit, Subject};
use ferry_types::InvalidId;

pub(super) fn limit(order: LimitOrder, book: usize) -> Result<SetLimit, InvalidId> {
    let LimitOrder {
        name,
        measure,
        span,
        each,
        key,
        user: of,
        elsewhere,
        bound,
        most,
    } = order;
    let model = if elsewhere { "large" } else { MODEL };
    Ok(SetLimit {
        id: limit_id(name)?,
        terms: LimitTerms {
            measure: match measure {
                Measure::Requests => ferry_ledger::Measure::Requests,
                Measure::Input => ferry_ledger::Measure::InputTokens,
                Measure::Output => ferry_ledger::Measure::OutputTokens,
                Measure::Tokens => ferry_ledger::Measure::Tokens,
                Measure::Money => ferry_ledger::Measure::Money,
            },
            span: match span {
                Span::AtOnce => ferry_ledger::Span::AtOnce,
                Span::Minute => ferry_ledger::Span::Minute,
                Span::Hour => ferry_ledger::Span::Hour,
                Span::Day => ferry_ledger::Span::Day,
                Span::Week => ferry_ledger::Span::Week,
                Span::Month => ferry_ledger::Span::Month,
                Span::Lifetime => ferry_ledger::Span::Lifetime,
            },
            scope: LimitScope {
                key: key.map(|key| key_id(book, key)).transpose()?,
                model: (elsewhere || of.is_some()).then(|| model.to_owned()),
                feature: None,
                environment: None,
                end_user: of.map(user),
            },
            each: match each {
                Each::Nothing => None,
                Each::Key => Some(ferry_ledger::Each::Key),
                Each::User => Some(ferry_ledger::Each::EndUser),
                Each::Model => Some(ferry_ledger::Each::Model),
            },
            bound: bound.unsigned_abs(),
            subjects_max: most,
        },
    })
}

/// For whom something counts, in this book.
///
/// # Errors
/// None: every name is a name.
pub fn subject(who: Who, book: usize) -> Result<Subject, InvalidId> {
    Ok(match who {
        Who::All => Subject::Whole,
        Who::Rest => Subject::Unset,
        Who::Key(key) => Subject::Named(key_id(book, key)?.to_string()),
        Who::User(of) => Subject::Named(user(of)),
        Who::Model => Subject::Named(MODEL.to_owned()),
    })
}

pub(super) fn zone(zone: Zone) -> ferry_ledger::Zone {
    let name = match zone {
        Zone::Utc => "UTC",
        Zone::Kolkata => "Asia/Kolkata",
        Zone::NewYork => "America/New_York",
    };
    name.parse().unwrap_or(ferry_ledger::Zone::UTC)
}
