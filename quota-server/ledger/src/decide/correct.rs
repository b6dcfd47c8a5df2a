//! What a person puts right: how much of it can be, and what money it moves. The same id stands for the same correction.

use super::admin::unchanged_unless;
use super::settle::unparked;
use crate::answer::{AdminAnswer, Decision};
use crate::book::{Book, TopUpRef};
use crate::command::Correct;
use crate::correction::{Corrected, Correction, Remedy};
use crate::event::Event;
use crate::grant::{self, Grant, GrantKind, GrantSlice};
use crate::reissue::Reissued;
use crate::reservation::{Posting, Reservation, State};
use crate::time::UnixMs;
use ferry_types::{Amount, Balance, CorrectionId, GrantId, Overflow, ReservationId};

type Found<T> = Result<T, AdminAnswer>;

pub(super) fn correct(book: &Book, order: &Correct, now: UnixMs) -> Decision<AdminAnswer> {
    let Correction {
        remedy,
        amount,
        reason,
        approver,
        note,
    } = &order.correction;
    if let Some(posted) = book.corrections.get(&order.id) {
        let differs = [
            ("remedy", posted.correction.remedy != *remedy),
            ("amount", posted.correction.amount != *amount),
            ("reason", posted.correction.reason != *reason),
            ("approver", posted.correction.approver != *approver),
            ("note", posted.correction.note != *note),
        ];
        return unchanged_unless(&differs, posted.seq);
    }
    if book.frozen {
        return Decision::answer(AdminAnswer::Frozen);
    }
    match events(book, order, now) {
        Ok(events) => Decision {
            events,
            refused: None,
            answer: AdminAnswer::Done {
                seq: book.head.next_seq(),
                changed: true,
            },
        },
        Err(answer) => Decision::answer(answer),
    }
}

fn events(book: &Book, order: &Correct, now: UnixMs) -> Found<Vec<Event>> {
    let corrected = corrected(book, &order.id, &order.correction, now)?;
    let corrected = Event::Corrected(Box::new(corrected));
    let Remedy::ParkedAccepted(id) = order.correction.remedy else {
        return Ok(vec![corrected]);
    };
    // The judgement is an entry, and the settlement that it lets through is the next.
    let settled = accepted(book, order, id, now)?;
    Ok([corrected].into_iter().chain(settled).collect())
}

/// A correction with what it moves, if it can be carried out.
pub(crate) fn corrected(
    book: &Book,
    id: &CorrectionId,
    correction: &Correction,
    now: UnixMs,
) -> Found<Corrected> {
    let amount = correction.amount;
    let Funds {
        grants,
        absorbed,
        reissued,
    } = match &correction.remedy {
        Remedy::Refund(request) => refunded(book, charged(book, *request)?, id, amount, now)?,
        Remedy::TopUpRefund(reference) => {
            let left = left_of(book, reference)?;
            let free = book.posted.to_amount();
            let free = free.map_or(Amount::ZERO, |free| free.excess_over(book.held));
            from_balance(amount, left.min(free))?
        }
        Remedy::Chargeback(reference) => from_balance(amount, left_of(book, reference)?)?,
        Remedy::GrantRefund(id) => {
            let grant = paid_for(book, id)?;
            let free = match grant.has_ended(now) {
                true => Amount::ZERO,
                false => grant.free(),
            };
            from_grant(id, grant, amount, free)?
        }
        Remedy::GrantChargeback(id) => from_grant(id, paid_for(book, id)?, amount, Amount::MAX)?,
        Remedy::WriteOff { entry } => {
            if *entry == 0 || *entry > book.head.seq {
                return Err(AdminAnswer::UnknownEntry);
            }
            from_balance(amount, debt(book)?)?
        }
        Remedy::Charge(request) => {
            within(amount, Amount::MAX)?;
            charged_more(book, *request, amount, now)?
        }
        Remedy::SuspenseCharge(request) => {
            within(amount, charged(book, *request)?.suspended())?;
            charged_more(book, *request, amount, now)?
        }
        Remedy::SuspenseWaiver(request) => {
            from_balance(amount, charged(book, *request)?.suspended())?
        }
        Remedy::ParkedAccepted(request) | Remedy::ParkedDiscarded(request) => {
            parked(book, *request, amount)?;
            Funds::default()
        }
    };
    let corrected = Corrected {
        id: id.clone(),
        correction: correction.clone(),
        grants,
        absorbed,
        reissued,
    };
    let moves = corrected.moves_balance();
    let fits = moves.and_then(|(given, taken)| book.posted_after(given, taken));
    fits.map_err(|Overflow| AdminAnswer::AmountOutOfRange)?;
    Ok(corrected)
}

/// What a correction moves beside the balance.
struct Funds {
    grants: Vec<GrantSlice>,
    absorbed: Amount,
    reissued: Vec<Reissued>,
}

impl Default for Funds {
    fn default() -> Self {
        Self {
            grants: Vec::new(),
            absorbed: Amount::ZERO,
            reissued: Vec::new(),
        }
    }
}

/// Something, and not more than that.
fn within(amount: Amount, most: Amount) -> Found<()> {
    if amount > most {
        Err(AdminAnswer::Exceeds { most })
    } else if amount.is_zero() {
        Err(AdminAnswer::AmountOutOfRange)
    } else {
        Ok(())
    }
}

fn from_balance(amount: Amount, most: Amount) -> Found<Funds> {
    within(amount, most).map(|()| Funds::default())
}

/// A grant that somebody paid for.
fn paid_for<'a>(book: &'a Book, id: &GrantId) -> Found<&'a Grant> {
    let grant = book.grants.get(id).ok_or(AdminAnswer::UnknownGrant)?;
    match grant.kind {
        GrantKind::Paid => Ok(grant),
        GrantKind::Promotional | GrantKind::Refund => Err(AdminAnswer::NotPaidFor),
    }
}

/// What is free of a grant pays first, and then the balance. What is held of it stays held.
fn from_grant(id: &GrantId, grant: &Grant, amount: Amount, most: Amount) -> Found<Funds> {
    within(amount, grant.left_of_payment().min(most))?;
    let slice = GrantSlice {
        grant: id.clone(),
        amount: amount.min(grant.free()),
    };
    Ok(Funds {
        grants: { Some(slice) }
            .into_iter()
            .filter(|slice| !slice.amount.is_zero())
            .collect(),
        ..Funds::default()
    })
}

/// What of a top-up was not given back yet.
fn left_of(book: &Book, reference: &TopUpRef) -> Found<Amount> {
    let posted = book.top_ups.get(reference);
    let posted = posted.ok_or(AdminAnswer::UnknownTopUp)?;
    Ok(posted.amount.excess_over(posted.taken_back))
}

/// How far the balance is below zero.
fn debt(book: &Book) -> Found<Amount> {
    if book.posted >= Balance::ZERO {
        return Ok(Amount::ZERO);
    }
    let owed = book.posted.units().checked_neg();
    let owed = owed.and_then(Amount::from_units);
    owed.ok_or(AdminAnswer::AmountOutOfRange)
}

/// A request that was charged, if only nothing.
fn charged(book: &Book, id: ReservationId) -> Found<&Posting> {
    let row = book.reservations.get(&id);
    let posting = row.and_then(Reservation::posting);
    posting.ok_or(AdminAnswer::UnknownRequest)
}

/// A refund goes back the way the money came: to the balance first, which had paid last, then to the grants from the last.
fn refunded(
    book: &Book,
    posting: &Posting,
    id: &CorrectionId,
    amount: Amount,
    now: UnixMs,
) -> Found<Funds> {
    let out_of_range = |Overflow| AdminAnswer::AmountOutOfRange;
    let standing = posting.standing().map_err(out_of_range)?;
    let of_grants = grant::total(&standing.grants).map_err(out_of_range)?;
    let most = standing.on_balance.plus(of_grants).map_err(out_of_range)?;
    within(amount, most)?;
    let mut funds = Funds::default();
    let mut left = amount.excess_over(standing.on_balance);
    for paid in standing.grants.iter().rev() {
        let part = left.min(paid.amount);
        left = left.excess_over(part);
        if part.is_zero() {
            break;
        }
        let was = book.grants.get(&paid.grant);
        let was = was.ok_or(AdminAnswer::UnknownGrant)?;
        // Of what an ended one gets back it keeps nothing, but what the balance has paid in its place passes through it.
        let (back, new) = match was.has_ended(now) {
            true => (
                part.min(was.balance_paid),
                part.excess_over(was.balance_paid),
            ),
            false => (part, Amount::ZERO),
        };
        if !back.is_zero() {
            funds.grants.push(GrantSlice {
                grant: paid.grant.clone(),
                amount: back,
            });
        }
        if new.is_zero() {
            continue;
        }
        let number = funds.reissued.len().saturating_add(1);
        let id: Result<GrantId, _> = format!("{id}-{number}").parse();
        // A new grant needs a name that no other has.
        let id = id.ok().filter(|id| !book.grants.contains_key(id));
        funds.reissued.push(Reissued {
            id: id.ok_or(AdminAnswer::Conflict { field: "id" })?,
            grant: was.reissued(&paid.grant, new, now),
        });
    }
    Ok(funds)
}

/// A charge by a person is paid like any other: by the grants that suit, by the balance, by the overage policy.
fn charged_more(book: &Book, id: ReservationId, amount: Amount, now: UnixMs) -> Found<Funds> {
    let out_of_range = |Overflow| AdminAnswer::AmountOutOfRange;
    let standing = charged(book, id)?.standing().map_err(out_of_range)?;
    let after = grant::total(&standing.grants).and_then(|sum| sum.plus(standing.on_balance));
    let after = after.and_then(|sum| sum.plus(amount));
    after.map_err(out_of_range)?;
    let row = book.reservations.get(&id);
    let row = row.filter(|row| !row.is_shadow());
    let offer = row.ok_or(AdminAnswer::UnknownRequest)?.offer.as_deref();
    let payment = book.pay(None, amount, offer, now);
    let payment = payment.map_err(out_of_range)?;
    Ok(Funds {
        grants: payment.grants,
        absorbed: payment.absorbed,
        reissued: Vec::new(),
    })
}

fn parked(book: &Book, id: ReservationId, amount: Amount) -> Found<&Reservation> {
    if !amount.is_zero() {
        return Err(AdminAnswer::Exceeds { most: Amount::ZERO });
    }
    let row = book.reservations.get(&id);
    let row = row.filter(|row| matches!(row.state, State::Parked(_)));
    row.ok_or(AdminAnswer::NotParked)
}

fn accepted(book: &Book, order: &Correct, id: ReservationId, now: UnixMs) -> Found<Vec<Event>> {
    let row = parked(book, id, order.correction.amount)?;
    let State::Parked(parked) = &row.state else {
        return Err(AdminAnswer::NotParked);
    };
    let settled = unparked(book, row, parked, order.offer.as_ref(), now);
    if settled.is_empty() {
        return Err(AdminAnswer::AmountOutOfRange);
    }
    Ok(settled)
}
