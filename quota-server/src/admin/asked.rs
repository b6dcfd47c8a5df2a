//! What the routes share: reading what was asked, and telling what the ledger answered.

use super::failure::Failed;
use super::{closing, view, wire};
use crate::engine::{Answered, Engine, EngineError};
use crate::timestamp;
use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::StatusCode;
use ferry_ledger::{AdminAnswer, Reason, UnixMs};
use ferry_types::{Amount, Currency, KeyId, TenantId};
use std::str::FromStr;

/// Rows of one answer: more is a report, not a look.
const ROWS_MAX: usize = 10_000;
/// Rows where nobody said how many.
const ROWS_DEFAULT: usize = 100;

/// A change that stands in the journal.
pub(super) struct Done {
    /// Whether this call made it.
    pub(super) changed: bool,
    /// Where it stands.
    pub(super) position: wire::Position,
}

/// What the ledger answered, if it did it.
pub(super) fn done(
    answered: &Answered<AdminAnswer>,
    tenant: &TenantId,
    what: &str,
) -> Result<Done, Failed> {
    match &answered.answer {
        AdminAnswer::Done { seq: _, changed } => {
            let book = answered.book.as_ref().ok_or(EngineError::Unavailable)?;
            let position = view::position(book);
            Ok(Done {
                changed: *changed,
                position,
            })
        }
        AdminAnswer::Conflict { field: "id" } => {
            let message = "id: something else that this would write has it already: choose another";
            conflict("conflict", message)
        }
        AdminAnswer::Conflict { field } => Err(Failed::conflict(field, what)),
        AdminAnswer::UnknownKey => Err(Failed::unknown_key()),
        AdminAnswer::Revoked => {
            let message = "the key is revoked, and stays so: make a new one";
            conflict("key_revoked", message)
        }
        AdminAnswer::Reserved => invalid(format!(
            "id: '{tenant}' is the house's own book: choose another"
        )),
        AdminAnswer::Closed => Err(closing::closed(tenant)),
        AdminAnswer::OtherClosed => Err(closing::other_closed()),
        AdminAnswer::Remains(left) => Err(closing::remains(tenant, left, answered.book.as_ref())),
        AdminAnswer::UnknownGrant => {
            let message = "there is no such grant: see `ferry grant list`";
            not_found("unknown_grant", message)
        }
        AdminAnswer::TooManyLimits { most } => too_many_limits(*most),
        AdminAnswer::NotPaidFor => {
            let message = "nobody paid for this grant: there is no payment to take back";
            conflict("not_paid_for", message)
        }
        AdminAnswer::NeverValid => {
            let message = "expires_at: the grant would end before it begins, or has ended already: choose a later day";
            invalid(message)
        }
        AdminAnswer::AmountOutOfRange => Err(Failed::out_of_range("amount")),
        AdminAnswer::UnknownRequest => {
            let message =
                "there is no such request, or nothing was charged for it: see `ferry usage`";
            not_found("unknown_request", message)
        }
        AdminAnswer::UnknownTopUp => {
            let message = "there is no top-up of this source and reference: give both as they were when it was posted";
            not_found("unknown_top_up", message)
        }
        AdminAnswer::OtherCurrency => {
            let message = "to: the two tenants are in different currencies: money goes only where it stays what it is";
            conflict("other_currency", message)
        }
        AdminAnswer::CreditedElsewhere { tenant: other } => credited_elsewhere(other, tenant),
        AdminAnswer::UnknownEntry => {
            let message = "entry: the tenant's journal has no such entry: leave it out, and the newest is meant";
            not_found("unknown_entry", message)
        }
        AdminAnswer::NotParked => {
            let message =
                "no settlement of this request waits for a person: see `ferry reservations`";
            conflict("not_parked", message)
        }
        AdminAnswer::Exceeds { most } => exceeds(answered, *most),
        AdminAnswer::MonthNotOver => Err(Failed::month_not_over()),
        AdminAnswer::Frozen => Err(Failed::frozen(tenant.as_str())),
    }
}

fn too_many_limits(most: usize) -> Result<Done, Failed> {
    let message = format!(
        "id: the tenant has {most} limits already, and each is looked at on every request: take one away first"
    );
    conflict("too_many_limits", message)
}

fn credited_elsewhere(other: &TenantId, tenant: &TenantId) -> Result<Done, Failed> {
    let message = format!(
        "external_reference: this payment was credited to '{other}' already: `ferry transfer create` moves its money to '{tenant}'"
    );
    conflict("credited_elsewhere", message)
}

fn exceeds(answered: &Answered<AdminAnswer>, most: Amount) -> Result<Done, Failed> {
    let currency = answered.book.as_ref().map(|book| book.currency);
    let most = currency.map_or_else(String::new, |currency| {
        format!(": at most {} {currency}", most.display(currency))
    });
    let message = format!("amount: more than there is to move{most}");
    conflict("exceeds", message)
}

fn not_found(code: &'static str, message: impl Into<String>) -> Result<Done, Failed> {
    Err(Failed::new(StatusCode::NOT_FOUND, code, message))
}

fn conflict(code: &'static str, message: impl Into<String>) -> Result<Done, Failed> {
    Err(Failed::new(StatusCode::CONFLICT, code, message))
}

fn invalid(message: impl Into<String>) -> Result<Done, Failed> {
    Err(Failed::invalid(message))
}

pub(super) async fn one_key(
    engine: &Engine,
    tenant: TenantId,
    key: KeyId,
) -> Result<wire::Key, Failed> {
    let mut keys = engine.keys(tenant).await?.into_iter();
    let found = keys.find(|view| view.key == key).map(view::key);
    found.ok_or_else(Failed::unknown_key)
}

pub(super) async fn known_tenant(
    engine: &Engine,
    tenant: Option<String>,
) -> Result<Option<TenantId>, Failed> {
    let Some(tenant) = tenant else {
        return Ok(None);
    };
    let tenant: TenantId = parse("tenant", &tenant)?;
    engine.tenant(tenant.clone()).await?;
    Ok(Some(tenant))
}

/// The same, or the house's own book.
pub(super) async fn known_book(
    engine: &Engine,
    book: Option<String>,
) -> Result<Option<TenantId>, Failed> {
    let house = TenantId::house();
    if book.as_deref() == Some(house.as_str()) {
        return Ok(Some(house));
    }
    known_tenant(engine, book).await
}

pub(super) fn rows(limit: Option<usize>) -> Result<usize, Failed> {
    let limit = limit.unwrap_or(ROWS_DEFAULT);
    if (1..=ROWS_MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(Failed::invalid(format!(
            "limit: {limit} is not from 1 to {ROWS_MAX}"
        )))
    }
}

pub(super) fn json<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Failed> {
    body.map(|Json(value)| value)
        .map_err(|problem| Failed::invalid(problem.body_text()))
}

pub(super) fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Failed> {
    query
        .map(|Query(value)| value)
        .map_err(|problem| Failed::invalid(problem.body_text()))
}

pub(super) fn parse<T>(field: &str, text: &str) -> Result<T, Failed>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|problem| Failed::invalid(format!("{field}: {problem}")))
}

pub(super) fn bounded(field: &str, text: String, bytes_max: usize) -> Result<String, Failed> {
    if text.len() > bytes_max {
        return Err(Failed::invalid(format!(
            "{field}: longer than {bytes_max} bytes"
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(Failed::invalid(format!("{field}: has a control character")));
    }
    Ok(text)
}

/// Why something is put right, or closed.
pub(super) fn reason(text: &str) -> Result<Reason, Failed> {
    let found = Reason::ALL.into_iter().find(|known| known.name() == text);
    found.ok_or_else(|| {
        let names = Reason::ALL.map(Reason::name).join(", ");
        Failed::invalid(format!("reason: none of {names}"))
    })
}

/// The beginning of a day in UTC.
pub(super) fn day(field: &str, text: Option<String>) -> Result<Option<UnixMs>, Failed> {
    let Some(text) = text else {
        return Ok(None);
    };
    let read = timestamp::from_date(&text).map(UnixMs);
    read.map(Some).ok_or_else(|| {
        Failed::invalid(format!(
            "{field}: '{text}' is not a date such as 2026-12-31, whose beginning in UTC counts"
        ))
    })
}

/// A currency that there are prices in; the first if nobody said which.
pub(super) fn one_of(asked: Option<&str>, priced: &[Currency]) -> Result<Currency, Failed> {
    let mut all = priced.iter();
    let found = all.find(|currency| asked.is_none_or(|asked| asked == currency.code()));
    found.copied().ok_or_else(|| {
        let codes: Vec<_> = priced.iter().map(|currency| currency.code()).collect();
        Failed::invalid(format!(
            "currency: '{}' is none of {}, which there are prices in: others need a rate in the price table's [exchange]",
            asked.unwrap_or_default(),
            codes.join(", ")
        ))
    })
}

pub(super) fn check_currency(asked: &str, is: Currency) -> Result<(), Failed> {
    if asked == is.code() {
        Ok(())
    } else {
        let message = format!("currency: '{asked}' is not {is}, which the tenant's money is in");
        Err(Failed::invalid(message))
    }
}
