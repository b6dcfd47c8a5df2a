//! The routes of corrections: what a person puts right, and the list of it.

use super::asked::{Done, bounded, done, json, parse, reason};
use super::failure::Failed;
use super::routes::{AdminState, Answer, REFERENCE_BYTES_MAX};
use super::{view, wire};
use crate::store::view::TenantView;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use ferry_ledger::{Correct, Correction, Offer, Remedy, State as Stands, TopUpRef};
use ferry_types::{Amount, CorrectionId, Currency, GrantId, ReservationId, TenantId};
use std::sync::Arc;

/// Grants that a refund issues carry its id and a number.
const ID_BYTES_MAX: usize = 58;
/// A name.
const APPROVER_BYTES_MAX: usize = 200;
/// A note is a sentence or two.
const NOTE_BYTES_MAX: usize = 1_000;

pub(super) async fn list(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
) -> Answer<wire::Corrections> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let currency = state.engine.tenant(tenant.clone()).await?.currency;
    let found = state.engine.corrections(tenant).await?;
    let corrections = found.iter().map(|found| view::correction(found, currency));
    Ok(Json(wire::Corrections {
        corrections: corrections.collect(),
    }))
}

pub(super) async fn correct(
    State(state): State<AdminState>,
    Path(tenant): Path<String>,
    body: Result<Json<wire::CreateCorrection>, JsonRejection>,
) -> Answer<wire::PostedCorrection> {
    let asked = json(body)?;
    let tenant: TenantId = parse("tenant", &tenant)?;
    let found = state.engine.tenant(tenant.clone()).await?;
    let id = id(&asked.id)?;
    let engine = &state.engine;
    let known = engine.correction(tenant.clone(), id.clone()).await?;
    // Sent again, it means the entry that it meant.
    let known = known.and_then(|known| known.posted.correction.remedy.entry());
    let correction = correction(asked, found.currency, known.unwrap_or(found.seq))?;
    let offer = offer(&state, &found, &correction.remedy).await?;
    let order = Correct {
        id: id.clone(),
        correction,
        offer,
    };
    let answered = engine.correct(tenant.clone(), order).await?;
    let Done { changed, position } = done(&answered, &tenant, "a correction of this id")?;
    let posted = engine.correction(tenant, id).await?;
    let posted = posted.map(|posted| view::correction(&posted, found.currency));
    Ok(Json(wire::PostedCorrection {
        correction: posted.ok_or_else(Failed::unread)?,
        posted_now: changed,
        position,
    }))
}

fn id(text: &str) -> Result<CorrectionId, Failed> {
    let id = parse("id", text)?;
    if text.len() > ID_BYTES_MAX {
        return Err(Failed::invalid(format!(
            "id: longer than {ID_BYTES_MAX} characters"
        )));
    }
    Ok(id)
}

fn correction(
    asked: wire::CreateCorrection,
    currency: Currency,
    newest: u64,
) -> Result<Correction, Failed> {
    let remedy = remedy(&asked, newest)?;
    let reason = reason(&asked.reason)?;
    if asked.approver.trim().is_empty() {
        return Err(Failed::invalid("approver: missing: who approved it?"));
    }
    Ok(Correction {
        amount: amount(asked.amount.as_deref(), &remedy, currency)?,
        remedy,
        reason,
        approver: bounded("approver", asked.approver, APPROVER_BYTES_MAX)?,
        note: bounded("note", asked.note, NOTE_BYTES_MAX)?,
    })
}

fn amount(text: Option<&str>, remedy: &Remedy, currency: Currency) -> Result<Amount, Failed> {
    let says_itself = matches!(
        remedy,
        Remedy::ParkedAccepted(_) | Remedy::ParkedDiscarded(_)
    );
    match text {
        None if says_itself => Ok(Amount::ZERO),
        Some(_) if says_itself => Err(Failed::invalid(
            "amount: a parked settlement says itself what it comes to: leave it out",
        )),
        None => Err(Failed::invalid("amount: missing: how much?")),
        Some(text) => Amount::parse(text, currency)
            .map_err(|problem| Failed::invalid(format!("amount: {problem}"))),
    }
}

fn remedy(asked: &wire::CreateCorrection, newest: u64) -> Result<Remedy, Failed> {
    let request = || -> Result<ReservationId, Failed> {
        let text = asked.request.as_deref();
        let text = text.ok_or_else(|| Failed::invalid("request: missing: which one?"))?;
        parse("request", text)
    };
    let top_up = || {
        let (Some(source), Some(reference)) = (&asked.source, &asked.external_reference) else {
            let message = "source and external_reference: missing: which top-up?";
            return Err(Failed::invalid(message));
        };
        let bounded = |field, text: &String| bounded(field, text.clone(), REFERENCE_BYTES_MAX);
        Ok(TopUpRef {
            source: bounded("source", source)?,
            external_reference: bounded("external_reference", reference)?,
        })
    };
    let grant = || -> Result<GrantId, Failed> {
        let text = asked.grant.as_deref();
        let text = text.ok_or_else(|| Failed::invalid("grant: missing: which one?"))?;
        parse("grant", text)
    };
    let remedy = match asked.remedy.as_str() {
        "refund" => Remedy::Refund(request()?),
        "charge" => Remedy::Charge(request()?),
        "suspense_charge" => Remedy::SuspenseCharge(request()?),
        "suspense_waiver" => Remedy::SuspenseWaiver(request()?),
        "parked_accepted" => Remedy::ParkedAccepted(request()?),
        "parked_discarded" => Remedy::ParkedDiscarded(request()?),
        "top_up_refund" => Remedy::TopUpRefund(top_up()?),
        "chargeback" => Remedy::Chargeback(top_up()?),
        "grant_refund" => Remedy::GrantRefund(grant()?),
        "grant_chargeback" => Remedy::GrantChargeback(grant()?),
        "write_off" => Remedy::WriteOff {
            entry: asked.entry.unwrap_or(newest),
        },
        other => {
            return Err(Failed::invalid(format!(
                "remedy: '{other}' is none of refund, top_up_refund, chargeback, grant_refund, grant_chargeback, write_off, \
                 charge, suspense_charge, suspense_waiver, parked_accepted, parked_discarded"
            )));
        }
    };
    only_what_it_needs(asked, &remedy)?;
    Ok(remedy)
}

/// What would be ignored is refused: whoever wrote it meant something else.
fn only_what_it_needs(asked: &wire::CreateCorrection, remedy: &Remedy) -> Result<(), Failed> {
    let given = [
        (
            "request",
            asked.request.is_some(),
            remedy.request().is_some(),
        ),
        ("source", asked.source.is_some(), remedy.top_up().is_some()),
        (
            "external_reference",
            asked.external_reference.is_some(),
            remedy.top_up().is_some(),
        ),
        ("grant", asked.grant.is_some(), remedy.grant().is_some()),
        ("entry", asked.entry.is_some(), remedy.entry().is_some()),
    ];
    match given.iter().find(|(_, given, needed)| *given && !needed) {
        None => Ok(()),
        Some((field, ..)) => Err(Failed::invalid(format!(
            "{field}: a {} does not take it",
            remedy.name()
        ))),
    }
}

/// What a parked settlement is priced by, if its reservation pinned nothing: its model's price as of now.
async fn offer(
    state: &AdminState,
    of: &TenantView,
    remedy: &Remedy,
) -> Result<Option<Arc<Offer>>, Failed> {
    let Remedy::ParkedAccepted(id) = remedy else {
        return Ok(None);
    };
    let row = state.engine.reservation(of.tenant.clone(), *id).await?;
    let Some(Stands::Parked(parked)) = row.map(|row| row.state) else {
        return Ok(None);
    };
    let offers = state.offers.of(&parked.settlement.facts.model);
    Ok(offers.and_then(|offers| offers.in_currency(of.currency).cloned()))
}
