//! The model's steps in the ledger's words, and the ledger's answers in the model's. Nothing is decided here.

use crate::naive::{CONTEXT, MEDIAN, limit_of_settle};
use crate::step::{Evidence, Gateway, GrantKind, GrantOrder, Policy, Request, Source, Step};
use crate::told::Told;
use ferry_ledger::{
    AdminAnswer, Answer, Candidate, Command, Expire, ExpireAnswer, GrantScope, IssueGrant,
    KeyState, ModelLimits, Offer, Overage, Owner, Release, ReleaseAnswer, Renew, RenewAnswer,
    Reserve, ReserveAnswer, SetKeyState, Settle, SettleAnswer, Share, TenantState, TopUp, UnixMs,
};
use ferry_types::{
    Amount, Attempt, Currency, EndCause, Endpoint, GrantId, InvalidId, KeyId, Mode, Price, Rates,
    RequestFacts, ReservationId, Settlement, Tags, Usage, UsageSource,
};
use std::sync::Arc;

const MODEL: &str = "small";
const PROVIDER: &str = "openai";

/// The price table that [`offer`] is taken from.
pub const PRICES: &str = "
version = 'naive-1'
currency = 'USD'

[[model]]
name = 'small'
provider = 'openai'
provider_model = 'small-2026'
context_tokens_max = 1000
output_tokens_max = 200
output_limit_field = 'max_tokens'
price = { input = '0.001', output = '0.002' }
cost = { input = '0.0005', output = '0.001' }
";

#[expect(
    clippy::expect_used,
    reason = "a step of less than nothing is a fault of the test's own, and must not pass for one of nothing"
)]
fn amount(units: i64) -> Amount {
    Amount::from_units(units).expect("nothing or more")
}

fn rates(input: i64, output: i64) -> Rates {
    Rates {
        input: Price::per_million(amount(input)),
        output: Price::per_million(amount(output)),
        cached_input: None,
        cache_write: None,
        audio_input: None,
        reasoning: None,
        audio_output: None,
        per_request: Amount::ZERO,
    }
}

/// What the model's prices are in the ledger's words.
#[must_use]
pub fn offer() -> Arc<Offer> {
    Arc::new(Offer {
        price_version: "naive-1".into(),
        policy_version: "1".into(),
        model: MODEL.into(),
        candidates: vec![Candidate {
            provider: PROVIDER.into(),
            model: "small-2026".into(),
            output_limit_field: "max_tokens".into(),
            cost: rates(500_000, 1_000_000),
        }],
        currency: Currency::Usd,
        exchange: None,
        customer: rates(1_000_000, 2_000_000),
        limits: ModelLimits {
            context_tokens_max: CONTEXT.cast_unsigned(),
            output_tokens_max: 200,
            output_tokens_floor: 10,
            choices_max: 4,
        },
        clamp_ceiling: 50,
        output_tokens_median: MEDIAN.cast_unsigned(),
    })
}

/// The gateway's name and the customer's key.
///
/// # Errors
/// None: the names are names.
pub fn owner(by: Gateway, key: &KeyId) -> Result<Owner, InvalidId> {
    let name = match by {
        Gateway::Usual => "edge",
        Gateway::Other => "other",
    };
    Ok(Owner {
        principal: name.parse()?,
        key: key.clone(),
    })
}

/// A request's id. Ids are in the order of the requests.
#[must_use]
pub const fn reservation_id(request: Request) -> ReservationId {
    let [_, _, _, _, a, b, c, d, e, f] = {
        let [n0, n1, n2, n3, n4, n5, n6, n7] = request.number.to_be_bytes();
        [0, 0, n0, n1, n2, n3, n4, n5, n6, n7]
    };
    ReservationId::new(request.drawn_ms, [0, 0, 0, 0, a, b, c, d, e, f])
}

/// A grant's name.
///
/// # Errors
/// None: it is a name.
pub fn grant_id(number: u64) -> Result<GrantId, InvalidId> {
    format!("g{number:06}").parse()
}

fn facts(request: Request, other: bool) -> RequestFacts {
    let (input, limit) = request.asks();
    RequestFacts {
        endpoint: Endpoint::ChatCompletions,
        model: MODEL.into(),
        stream: true,
        input_tokens_max: input.cast_unsigned(),
        input_tokens_estimate: request.estimate().cast_unsigned(),
        input_unbounded: false,
        output_tokens_max: limit.map(i64::cast_unsigned),
        choices: 1,
        output_audio: false,
        service_tier: String::new(),
        route: if other { "elsewhere" } else { "openai" }.into(),
        mode: Mode::Enforce,
        tags: Tags::default(),
        idempotency_key_digest: request.under().map(|byte| [byte; 32]),
        admitted_offline: false,
    }
}

fn usage(input: i64, output: i64) -> Usage {
    Usage {
        input_tokens: input.cast_unsigned(),
        output_tokens: output.cast_unsigned(),
        ..Usage::default()
    }
}

fn settlement(request: Request, evidence: Evidence) -> Settlement {
    let source = match evidence.source {
        Source::Estimated => UsageSource::Estimated,
        Source::Unreadable => UsageSource::Unreadable,
        Source::Counted => UsageSource::Counted,
        Source::Nothing => UsageSource::None,
        Source::Reported => UsageSource::Reported,
    };
    Settlement {
        facts: facts(request, evidence.other),
        output_tokens_max: limit_of_settle().cast_unsigned(),
        cause: EndCause::Complete,
        attempts: vec![Attempt {
            provider: PROVIDER.into(),
            model: "small-2026".into(),
            status: 200,
            usage: usage(evidence.input, evidence.output),
            source,
            provider_request_id: "req_1".into(),
            service_tier: "default".into(),
            latency_ms: 900,
            first_byte_ms: Some(200),
        }],
        latency_ms: 1_000,
        status: 200,
    }
}

fn grant(order: GrantOrder) -> Result<IssueGrant, InvalidId> {
    let listed = |ours: &str, count: u8| {
        let others = (1..count).map(|n| format!("another-{n}"));
        let ours = (count > 0).then(|| ours.to_owned());
        ours.into_iter().chain(others).collect()
    };
    let mut scope = GrantScope {
        models: listed(MODEL, order.models),
        providers: listed(PROVIDER, order.providers),
    };
    if order.elsewhere {
        scope.models = ["large".to_owned()].into();
    }
    Ok(IssueGrant {
        id: grant_id(order.number)?,
        kind: match order.kind {
            GrantKind::Paid => ferry_ledger::GrantKind::Paid,
            GrantKind::Promotional => ferry_ledger::GrantKind::Promotional,
            GrantKind::Refund => ferry_ledger::GrantKind::Refund,
        },
        priority: order.priority,
        scope,
        starts_at: order.starts_ms.map(UnixMs),
        expires_at: order.ends_ms.map(UnixMs),
        amount: amount(order.units),
        note: String::new(),
    })
}

/// A step in the ledger's words, of the tenant that has this key.
///
/// # Errors
/// None: every name is a name.
pub fn command(step: Step, key: &KeyId) -> Result<Command, InvalidId> {
    Ok(match step {
        Step::Reserve {
            request,
            by,
            other,
            priced,
        } => Command::Reserve(Box::new(Reserve {
            id: reservation_id(request),
            owner: owner(by, key)?,
            facts: facts(request, other),
            offer: priced.then(offer),
        })),
        Step::Renew {
            request,
            by,
            output,
            target,
        } => Command::Renew(Renew {
            id: reservation_id(request),
            owner: owner(by, key)?,
            usage: usage(0, output),
            output_tokens_target: target.unsigned_abs(),
        }),
        Step::Settle {
            request,
            by,
            evidence,
        } => Command::Settle(Box::new(Settle {
            id: reservation_id(request),
            owner: owner(by, key)?,
            settlement: settlement(request, evidence),
            offer: Some(offer()),
            by: None,
            beyond_cap: false,
        })),
        Step::Release { request, by } => Command::Release(Release {
            id: reservation_id(request),
            owner: owner(by, key)?,
            by: None,
        }),
        Step::Expire { request } => Command::Expire(Expire {
            id: reservation_id(request),
        }),
        Step::TopUp(order) => Command::TopUp(TopUp {
            amount: amount(order.units),
            source: "bank".into(),
            external_reference: order.number.to_string(),
            note: String::new(),
        }),
        Step::Grant(order) => Command::IssueGrant(Box::new(grant(order)?)),
        Step::EndGrant { number } => Command::ExpireGrant(grant_id(number)?),
        Step::Pause(true) => Command::SetTenantState(TenantState::Paused),
        Step::Pause(false) => Command::SetTenantState(TenantState::Active),
        Step::PauseKey(paused) => Command::SetKeyState(SetKeyState {
            key: key.clone(),
            to: key_state(paused),
        }),
        Step::Overage(policy) => Command::SetOverage(match policy {
            Policy::Debt => Overage::Debt,
            Policy::Credit(credit) => Overage::CreditLine(amount(credit)),
            Policy::Absorb => Overage::Absorb,
        }),
        Step::Reseller(share) => {
            let share = share.and_then(Share::from_basis_points);
            let named = share.map(|share| Ok(("partner".parse()?, share)));
            Command::SetReseller(named.transpose()?)
        }
    })
}

const fn key_state(paused: bool) -> KeyState {
    if paused {
        KeyState::Paused
    } else {
        KeyState::Active
    }
}

/// An answer of the ledger's in the model's words.
#[must_use]
pub fn told(answer: &Answer) -> Told {
    match answer {
        Answer::Admin(AdminAnswer::Done { seq, changed }) => Told::Done {
            seq: *seq,
            changed: *changed,
        },
        Answer::Admin(AdminAnswer::NeverValid) => Told::NeverValid,
        Answer::Reserve(ReserveAnswer::Granted(granted)) => Told::Granted {
            units: granted.reserved.units(),
            limit: granted.output_tokens_max.cast_signed(),
            clamped: granted.clamped,
            lease_ms: granted.lease_ms,
        },
        Answer::Reserve(ReserveAnswer::Refused(refusal)) => Told::Refused(refusal.name()),
        Answer::Reserve(ReserveAnswer::Ended(state)) | Answer::Renew(RenewAnswer::Ended(state)) => {
            Told::Ended(state.name())
        }
        Answer::Admin(AdminAnswer::Conflict { .. })
        | Answer::Reserve(ReserveAnswer::Conflict { .. })
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
        Answer::Admin(_)
        | Answer::Renew(RenewAnswer::Frozen)
        | Answer::Settle(SettleAnswer::Frozen)
        | Answer::Release(ReleaseAnswer::Frozen)
        | Answer::Expire(ExpireAnswer::Frozen) => Told::Unexpected,
    }
}
