//! The model's steps in the ledger's words, and the ledger's answers in the model's. Nothing is decided here.

mod limits;
mod orders;
mod tally;
mod told;

pub use limits::subject;
pub use tally::Tally;
pub use told::told;

use crate::caller::{Caller, Gateway, Key};
use crate::evidence::{Evidence, Served, Source};
use crate::naive::{CONTEXT, MEDIAN, limit_of_settle};
use crate::order::GrantName;
use crate::request::{Facts, Request};
use crate::step::{Offered, Step};
use ferry_ledger::{
    Candidate, Command, Expire, Lifeless, ModelLimits, Offer, Owner, Release, Renew, Reserve,
    Settle, Transfer,
};
use ferry_types::{
    Amount, Attempt, Currency, EndCause, Endpoint, GrantId, InvalidId, KeyId, LimitId, Mode, Price,
    PrincipalName, Rates, RequestFacts, ReservationId, Settlement, Tags, TenantId, Usage,
    UsageSource,
};
use std::collections::BTreeSet;
use std::sync::Arc;

const MODEL: &str = "small";
/// Who ends what others made.
const RECOVERY: &str = "operator";
const PROVIDER: &str = "openai";
/// The provider's own name of the model.
const SENT: &str = "small-2026";

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
    Arc::new(offer_of(Lifeless::Release))
}

fn offer_for(offered: Offered) -> Option<Arc<Offer>> {
    match offered {
        Offered::Nothing => None,
        Offered::Releasing => Some(offer()),
        Offered::Charging => Some(Arc::new(offer_of(Lifeless::Charge))),
    }
}

fn offer_of(lifeless: Lifeless) -> Offer {
    Offer {
        price_version: "naive-1".into(),
        policy_version: "1".into(),
        model: MODEL.into(),
        candidates: vec![Candidate {
            provider: PROVIDER.into(),
            model: SENT.into(),
            aliases: BTreeSet::new(),
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
        lifeless,
    }
}

/// The characters of a key's id, as numbers.
#[must_use]
pub fn key_digits(book: usize, key: Key) -> [u8; 8] {
    let digit = |number: usize, place: usize| (number / place % 10) as u8;
    let book = |place| digit(book, place);
    let key = |place| digit(key.0.into(), place);
    [
        book(1_000),
        book(100),
        book(10),
        book(1),
        key(1_000),
        key(100),
        key(10),
        key(1),
    ]
}

fn key_id(book: usize, key: Key) -> Result<KeyId, InvalidId> {
    let digits = key_digits(book, key).map(|digit| char::from(b'0' + digit));
    format!("key_{}", String::from_iter(digits)).parse()
}

fn owner(book: usize, by: Caller) -> Result<Owner, InvalidId> {
    let name = match by.gateway {
        Gateway::Usual => "edge",
        Gateway::Other => "other",
        Gateway::Recovery => RECOVERY,
    };
    Ok(Owner {
        principal: name.parse()?,
        key: key_id(book, by.key)?,
    })
}

/// Who says so in the owner's place.
fn in_place(by: Caller) -> Result<Option<PrincipalName>, InvalidId> {
    by.recovered.then(|| RECOVERY.parse()).transpose()
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
pub fn grant_id(name: GrantName) -> Result<GrantId, InvalidId> {
    let name = match name {
        GrantName::After { request, part } => format!("{}-{part}", reservation_id(request)),
        GrantName::InsteadOf { correction, part } => format!("c{correction:06}-{part}"),
        GrantName::Ordered(number) => format!("g{number:06}"),
    };
    name.parse()
}

/// A limit's name.
///
/// # Errors
/// None: it is a name.
pub fn limit_id(name: u8) -> Result<LimitId, InvalidId> {
    format!("l{name}").parse()
}

/// An end user, as clients name it.
fn user(user: u8) -> String {
    format!("u{user}")
}

/// A tenant's name, by the number of its book.
///
/// # Errors
/// None: it is a name.
pub fn tenant(book: usize) -> Result<TenantId, InvalidId> {
    format!("tenant-{book}").parse()
}

fn facts(request: Request, said: Facts) -> RequestFacts {
    let asks = request.asks();
    let unsupported = |why| asks.unsupported == Some(why);
    RequestFacts {
        endpoint: Endpoint::ChatCompletions,
        model: MODEL.into(),
        stream: true,
        input_tokens_max: asks.input.cast_unsigned(),
        input_tokens_estimate: request.estimate().cast_unsigned(),
        input_unbounded: false,
        output_tokens_max: asks.limit.map(i64::cast_unsigned),
        choices: asks.choices.unsigned_abs() as u32,
        output_audio: unsupported("audio_not_priced"),
        service_tier: if unsupported("service_tier_not_priced") {
            "flex".into()
        } else {
            String::new()
        },
        route: match said {
            Facts::Elsewhere => "elsewhere".into(),
            Facts::Usual | Facts::Switched | Facts::Offline => "openai".into(),
        },
        mode: if request.is_shadow(said) {
            Mode::Shadow
        } else {
            Mode::Enforce
        },
        tags: Tags {
            end_user: request.user().map_or_else(String::new, user),
            ..Tags::default()
        },
        idempotency_key_digest: request.under().map(|byte| [byte; 32]),
        admitted_offline: said == Facts::Offline,
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
        facts: facts(request, evidence.facts),
        output_tokens_max: limit_of_settle().cast_unsigned(),
        cause: EndCause::Complete,
        attempts: vec![Attempt {
            provider: match evidence.served {
                Served::OtherProvider => "nobody".into(),
                Served::AsSent | Served::OtherModel | Served::OtherTier => PROVIDER.into(),
            },
            model: match evidence.served {
                Served::OtherModel => "large-2027".into(),
                Served::AsSent | Served::OtherTier | Served::OtherProvider => SENT.into(),
            },
            status: 200,
            usage: usage(evidence.input, evidence.output),
            source,
            provider_request_id: "req_1".into(),
            service_tier: match evidence.served {
                Served::OtherTier => "priority".into(),
                Served::AsSent | Served::OtherModel | Served::OtherProvider => "default".into(),
            },
            latency_ms: 900,
            first_byte_ms: Some(200),
        }],
        latency_ms: 1_000,
        status: 200,
    }
}

/// What a step is to the ledger.
#[derive(Clone, Debug)]
pub enum Spoken {
    /// For one book.
    Command(Command),
    /// For two.
    Transfer(Transfer),
}

/// A step in the ledger's words; the keys are those of this book.
///
/// # Errors
/// None: every name is a name.
pub fn speak(step: Step, book: usize) -> Result<Spoken, InvalidId> {
    Ok(Spoken::Command(match step {
        Step::Reserve {
            request,
            by,
            facts: said,
            offered,
        } => Command::Reserve(Box::new(Reserve {
            id: reservation_id(request),
            owner: owner(book, by)?,
            facts: facts(request, said),
            offer: offer_for(offered),
        })),
        Step::Renew {
            request,
            by,
            output,
            target,
        } => Command::Renew(Renew {
            id: reservation_id(request),
            owner: owner(book, by)?,
            usage: usage(0, output),
            output_tokens_target: target.unsigned_abs(),
        }),
        Step::Settle {
            request,
            by,
            evidence,
            offered,
            beyond_cap,
        } => Command::Settle(Box::new(Settle {
            id: reservation_id(request),
            owner: owner(book, by)?,
            settlement: settlement(request, evidence),
            offer: offer_for(offered),
            by: in_place(by)?,
            beyond_cap,
        })),
        Step::Release { request, by } => Command::Release(Release {
            id: reservation_id(request),
            owner: owner(book, by)?,
            by: in_place(by)?,
        }),
        Step::Expire { request } => Command::Expire(Expire {
            id: reservation_id(request),
        }),
        Step::TopUp(order) => Command::TopUp(orders::top_up(order)),
        Step::Grant(order) => Command::IssueGrant(Box::new(orders::grant(order)?)),
        Step::EndGrant { name } => Command::ExpireGrant(grant_id(name)?),
        Step::Correct(order) => Command::Correct(Box::new(orders::correction(order)?)),
        Step::Transfer(order) => return orders::transfer(order).map(Spoken::Transfer),
        Step::Pause(paused) => Command::SetTenantState(orders::tenant_state(paused)),
        Step::SetLimit(order) => Command::SetLimit(Box::new(limits::limit(order, book)?)),
        Step::RemoveLimit(name) => Command::RemoveLimit(limit_id(name)?),
        Step::Zone(zone) => Command::SetZone(limits::zone(zone)),
        Step::IssueKey(order) => Command::IssueKey(orders::key(key_id(book, order.key)?, order)),
        Step::SetKey(key, to) => Command::SetKeyState(orders::key_state(key_id(book, key)?, to)),
        Step::Overage(policy) => Command::SetOverage(orders::overage(policy)),
        Step::Reseller(share) => Command::SetReseller(orders::reseller(share)?),
    }))
}
