//! The routes of the house's own book.

use super::asked::{bounded, day, json, parse};
use super::failure::Failed;
use super::routes::{AdminState, Answer};
use super::view::house as view;
use super::wire;
use crate::engine::HouseAnswered;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use ferry_ledger::house::{Cause, Deviation, Money, NotReversible, Parts, PostMovement};
use ferry_ledger::{HouseAnswer, Move, Reason};
use ferry_types::{Amount, Currency, MovementId, TenantId};

/// A name.
const NAME_BYTES_MAX: usize = 200;
/// A note is a sentence or two.
const NOTE_BYTES_MAX: usize = 1_000;

pub(super) async fn list(State(state): State<AdminState>) -> Answer<wire::Movements> {
    let found = state.engine.movements().await?;
    let movements = found.iter().map(view::movement).collect();
    Ok(Json(wire::Movements { movements }))
}

pub(super) async fn post(
    State(state): State<AdminState>,
    body: Result<Json<wire::CreateMovement>, JsonRejection>,
) -> Answer<wire::PostedMovement> {
    let wire::CreateMovement {
        id,
        what,
        occurred_at,
        approver,
        note,
    } = json(body)?;
    let id: MovementId = parse("id", &id)?;
    if approver.trim().is_empty() {
        return Err(Failed::invalid("approver: missing: who approved it?"));
    }
    let order = PostMovement {
        id: id.clone(),
        what: read(what, &state).await?,
        occurred_at: day("occurred_at", occurred_at)?,
        approver: bounded("approver", approver, NAME_BYTES_MAX)?,
        note: bounded("note", note, NOTE_BYTES_MAX)?,
    };
    let answered = state.engine.post_movement(order.clone()).await?;
    let posted_now = done(&answered, &order.what)?;
    let posted = state.engine.movement(id).await?;
    let posted = posted.as_ref().map(view::movement);
    let signer = state.engine.signer();
    Ok(Json(wire::PostedMovement {
        movement: posted.ok_or_else(Failed::unread)?,
        posted_now,
        position: view::place(answered.place),
        receipt: signer.sign(&TenantId::house(), answered.head).line(),
    }))
}

/// Whether this call did it, or why it was not done.
fn done(answered: &HouseAnswered, what: &Move) -> Result<bool, Failed> {
    match &answered.answer {
        HouseAnswer::Done { changed, .. } => Ok(*changed),
        HouseAnswer::Conflict { field } => Err(Failed::conflict(field, "a movement of this id")),
        HouseAnswer::NothingMoves => {
            let message = format!("{}: nothing would move", nothing(what));
            Err(Failed::invalid(message))
        }
        HouseAnswer::OutOfRange => Err(Failed::invalid("amount: more than a balance can hold")),
        HouseAnswer::NotYet => Err(Failed::invalid(
            "occurred_at: a day that has not begun: post it once it has happened",
        )),
        HouseAnswer::SameCurrency => {
            let message = "bought: in the currency that pays for it: nothing is exchanged";
            Err(Failed::invalid(message))
        }
        HouseAnswer::Exceeds { most } => Err(exceeds(what, *most)),
        HouseAnswer::UnknownVariance => Err(Failed::new(
            StatusCode::NOT_FOUND,
            "unknown_variance",
            "no variance was posted under this id: see `ferry house list`",
        )),
        HouseAnswer::OtherCurrency { currency } => Err(Failed::invalid(format!(
            "currency: the variance is in {currency}"
        ))),
        HouseAnswer::VarianceReversed { by } => Err(Failed::new(
            StatusCode::CONFLICT,
            "reversed",
            format!("variance: '{by}' took it back: there is nothing to resolve"),
        )),
        HouseAnswer::NotReversible(why) => Err(not_reversible(what, why)),
        HouseAnswer::MonthNotOver => Err(Failed::month_not_over()),
        HouseAnswer::Frozen => Err(Failed::frozen(TenantId::house().as_str())),
    }
}

fn exceeds(what: &Move, most: Money) -> Failed {
    let Parts {
        provider, reversed, ..
    } = what.parts();
    let currency = most.currency;
    let most = most.amount.display(currency);
    let message = match (reversed, provider) {
        (Some(id), _) => format!(
            "movement: of what '{id}' paid in advance only {most} {currency} is left: \
             first reverse what was set off against it, see `ferry house list`"
        ),
        (None, Some(provider)) => {
            format!("amount: more than '{provider}' has in advance: at most {most} {currency}")
        }
        (None, None) => {
            format!("amount: more than is left of the variance: at most {most} {currency}")
        }
    };
    Failed::new(StatusCode::CONFLICT, "exceeds", message)
}

fn not_reversible(what: &Move, why: &NotReversible) -> Failed {
    let id = what.parts().reversed.map_or("", MovementId::as_str);
    match why {
        NotReversible::Unknown => unknown_movement(id),
        NotReversible::Differs => Failed::invalid(format!(
            "undone: not what '{id}' moved: leave it out, or say what `ferry house list` shows"
        )),
        NotReversible::IsReversal => {
            let message = format!(
                "movement: '{id}' is a reversal, and stays: post again what it took back, under a new id"
            );
            Failed::new(StatusCode::CONFLICT, "is_reversal", message)
        }
        NotReversible::Already { by } => {
            let message =
                format!("movement: '{by}' took '{id}' back already: nothing is left to reverse");
            Failed::new(StatusCode::CONFLICT, "reversed", message)
        }
        NotReversible::Resolved => {
            let message = format!(
                "movement: a part of the variance '{id}' was resolved: first reverse what resolved it, see `ferry house list`"
            );
            Failed::new(StatusCode::CONFLICT, "resolved", message)
        }
    }
}

fn unknown_movement(id: &str) -> Failed {
    let message = format!("movement: nothing was posted as '{id}': see `ferry house list`");
    Failed::new(StatusCode::NOT_FOUND, "unknown_movement", message)
}

/// The field whose amount is nothing.
fn nothing(what: &Move) -> &'static str {
    let parts = what.parts();
    match parts.bought {
        Some(_) if parts.money.amount.is_zero() => "sold.amount",
        Some(_) => "bought.amount",
        None => "amount",
    }
}

async fn read(what: wire::Move, state: &AdminState) -> Result<Move, Failed> {
    let usual = state.currencies.first().copied();
    let money = |of: wire::Money| money("", of, usual);
    Ok(match what {
        wire::Move::Pay {
            provider,
            money: of,
        } => Move::Pay {
            provider: named(provider)?,
            money: money(of)?,
        },
        wire::Move::Prepay {
            provider,
            money: of,
        } => Move::Prepay {
            provider: named(provider)?,
            money: money(of)?,
        },
        wire::Move::SetOff {
            provider,
            money: of,
        } => Move::SetOff {
            provider: named(provider)?,
            money: money(of)?,
        },
        wire::Move::PayReseller {
            reseller,
            money: of,
        } => Move::PayReseller {
            reseller: parse("reseller", &reseller)?,
            money: money(of)?,
        },
        wire::Move::Variance {
            provider,
            money: of,
            deviation,
        } => Move::Variance {
            provider: named(provider)?,
            money: money(of)?,
            deviation: one_of("deviation", &deviation, Deviation::ALL, Deviation::name)?,
        },
        wire::Move::Resolve {
            variance,
            money: of,
            cause,
        } => resolve(variance, of, &cause, state).await?,
        wire::Move::Exchange { sold, bought } => Move::Exchange {
            sold: self::money("sold.", sold, usual)?,
            bought: self::money("bought.", bought, None)?,
        },
        wire::Move::Reverse {
            movement,
            reason,
            undone,
        } => reverse(&movement, &reason, undone.as_deref(), state).await?,
    })
}

/// A reversal says what it takes back, whoever says it: the book knows.
async fn reverse(
    movement: &str,
    reason: &str,
    undone: Option<&wire::Move>,
    state: &AdminState,
) -> Result<Move, Failed> {
    let movement: MovementId = parse("movement", movement)?;
    let reason = one_of("reason", reason, Reason::ALL, Reason::name)?;
    let found = state.engine.movement(movement.clone()).await?;
    let found = found.ok_or_else(|| unknown_movement(movement.as_str()))?;
    let what = found.posted.movement.what;
    if undone.is_some_and(|told| *told != view::what(&what)) {
        let differs = NotReversible::Differs;
        let undone = Box::new(what);
        let asked = Move::Reverse {
            movement,
            undone,
            reason,
        };
        return Err(not_reversible(&asked, &differs));
    }
    Ok(Move::Reverse {
        movement,
        undone: Box::new(what),
        reason,
    })
}

/// A part of a variance is in the variance's currency, if nobody says otherwise.
async fn resolve(
    variance: String,
    of: wire::Money,
    cause: &str,
    state: &AdminState,
) -> Result<Move, Failed> {
    let variance: MovementId = parse("variance", &variance)?;
    let found = state.engine.movement(variance.clone()).await?;
    let currency = found.map(|found| found.posted.movement.what.parts().money.currency);
    let usual = currency.or_else(|| state.currencies.first().copied());
    Ok(Move::Resolve {
        money: money("", of, usual)?,
        variance,
        cause: one_of("cause", cause, Cause::ALL, Cause::name)?,
    })
}

fn named(provider: String) -> Result<String, Failed> {
    if provider.is_empty() {
        return Err(Failed::invalid("provider: an empty name"));
    }
    bounded("provider", provider, NAME_BYTES_MAX)
}

/// Reads money; `at` is what stands before the names of its fields, and `usual` the currency where none is said.
fn money(at: &str, of: wire::Money, usual: Option<Currency>) -> Result<Money, Failed> {
    let wire::Money { amount, currency } = of;
    let currency = match currency {
        None => usual,
        Some(code) => Currency::from_code(&code),
    };
    let currency = currency.ok_or_else(|| {
        let codes = Currency::ALL.map(Currency::code).join(", ");
        Failed::invalid(format!("{at}currency: missing, or none of {codes}"))
    })?;
    let amount = Amount::parse(&amount, currency);
    let amount = amount.map_err(|problem| Failed::invalid(format!("{at}amount: {problem}")))?;
    Ok(Money { amount, currency })
}

fn one_of<T: Copy, const N: usize>(
    field: &str,
    text: &str,
    all: [T; N],
    name: impl Fn(T) -> &'static str,
) -> Result<T, Failed> {
    let found = all.into_iter().find(|known| name(*known) == text);
    found.ok_or_else(|| {
        let names = all.map(name).join(", ");
        Failed::invalid(format!("{field}: '{text}' is none of {names}"))
    })
}
