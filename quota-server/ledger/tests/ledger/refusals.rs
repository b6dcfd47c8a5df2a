//! What the client is told, against the contract of the SDKs.

use crate::samples;
use crate::world::{START, World, facts, id, owner};
use ferry_ledger::{
    Answer, Command, KeyState, Refusal, Reserve, ReserveAnswer, TenantState, UnixMs,
};
use ferry_types::{Mode, RequestFacts};

/// name | status | type | code | param | retry after | should retry
const CONTRACT: &str = "
    unknown_key             | 401 | invalid_request_error     | invalid_api_key          | null         | -    | -
    gateway_out_of_scope    | 403 | invalid_request_error     | not_served_here          | null         | -    | -
    key_revoked             | 401 | invalid_request_error     | invalid_api_key          | null         | -    | -
    key_expired             | 401 | invalid_request_error     | invalid_api_key          | null         | -    | -
    key_paused              | 403 | invalid_request_error     | key_paused               | null         | -    | -
    tenant_closed           | 403 | invalid_request_error     | tenant_closed            | null         | -    | -
    tenant_paused           | 403 | invalid_request_error     | tenant_paused            | null         | -    | -
    book_frozen             | 503 | service_unavailable_error | book_frozen              | null         | -    | false
    gateway_clock_skew      | 503 | service_unavailable_error | gateway_clock_skew       | null         | 1    | true
    model_not_found         | 404 | invalid_request_error     | model_not_found          | null         | -    | -
    too_many_choices        | 400 | invalid_request_error     | null                     | n            | -    | -
    service_tier_not_priced | 400 | invalid_request_error     | null                     | service_tier | -    | -
    audio_not_priced        | 400 | invalid_request_error     | null                     | modalities   | -    | -
    context_length_exceeded | 400 | invalid_request_error     | context_length_exceeded  | messages     | -    | -
    idempotency_key_in_use  | 409 | invalid_request_error     | idempotency_key_in_use   | null         | -    | false
    tenant_in_debt          | 429 | insufficient_quota        | credit_balance_exhausted | null         | -    | false
    limit_reached           | 429 | insufficient_quota        | organization_spend_limit_exceeded | null | -   | false
    insufficient_funds      | 429 | insufficient_quota        | credit_balance_exhausted | null         | -    | false
";

fn row(refusal: &Refusal) -> Vec<String> {
    let or = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.into());
    vec![
        refusal.name().into(),
        refusal.http_status().to_string(),
        refusal.openai_type().into(),
        or(refusal.openai_code().map(String::from), "null"),
        or(refusal.openai_param().map(String::from), "null"),
        or(refusal.retry_after_s().map(|s| s.to_string()), "-"),
        or(refusal.should_retry().map(|retry| retry.to_string()), "-"),
    ]
}

#[test]
fn every_refusal_is_told_as_the_sdks_expect() {
    let contract: Vec<Vec<String>> = CONTRACT
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.split('|').map(|cell| cell.trim().into()).collect())
        .collect();
    let told: Vec<Vec<String>> = samples::refusals().iter().map(row).collect();
    assert_eq!(told, contract);
}

#[test]
fn every_sentence_says_what_would_help() {
    for (refusal, parts) in samples::refusals().iter().zip([
        &["Incorrect API key"][..],
        &["this address"],
        &["revoked"],
        &["expired"],
        &["key is paused"],
        &["account is closed"],
        &["account is paused"],
        &["frozen"],
        &["clock", "retry"],
        &["`gpt-9`"],
        &["9", "at most 4"],
        &["`flex`"],
        &["Audio"],
        &["1000 tokens", "1001"],
        &["idempotency key", "in progress", "again"],
        &["0.005000000 USD", "top up"],
        &[
            "'daily'",
            "end user 'ümlaut'",
            "5.000000000 USD",
            "used 4.9",
            "0.9",
            "2023-11-14T22:13:20",
        ],
        &["-0.000000007 USD", "12 output tokens", "top up"],
    ]) {
        let message = refusal.message();
        for part in parts {
            assert!(message.contains(part), "{message}: {part}");
        }
    }
}

#[test]
fn of_several_reasons_the_first_is_the_answer() {
    let mut world = World::with(10);
    world.id = id(START - 400_000);
    world.offer = None;
    world.book.frozen = true;
    world.book.state = TenantState::Paused;
    world.play("settle");
    // One reason after the other is taken away; the next one is then the answer.
    let key = |world: &mut World, state, expires_at| {
        for key in world.book.keys.values_mut() {
            (key.state, key.expires_at) = (state, expires_at);
        }
    };
    let keys = std::mem::take(&mut world.book.keys);
    assert_eq!(world.play("reserve"), "refused unknown_key");
    world.book.keys = keys;
    key(&mut world, KeyState::Revoked, Some(UnixMs(START)));
    assert_eq!(world.play("reserve"), "refused key_revoked");
    world.book.refused.clear();
    key(&mut world, KeyState::Paused, Some(UnixMs(START)));
    assert_eq!(world.play("reserve"), "refused key_expired");
    world.book.refused.clear();
    // A key works up to its end, not at it.
    key(&mut world, KeyState::Paused, Some(UnixMs(START + 1)));
    assert_eq!(world.play("reserve"), "refused key_paused");
    world.book.refused.clear();
    key(&mut world, KeyState::Active, None);
    assert_eq!(world.play("reserve"), "refused tenant_paused");
    world.book.refused.clear();
    world.book.state = TenantState::Closed;
    assert_eq!(world.play("reserve"), "refused tenant_closed");
    world.book.refused.clear();
    world.book.state = TenantState::Active;
    assert_eq!(world.play("reserve"), "refused book_frozen");
    world.book.frozen = false;
    assert_eq!(world.play("reserve"), "refused gateway_clock_skew");
    world.id = id(START);
    assert_eq!(world.play("reserve"), "refused model_not_found");
}

type Change = fn(&mut RequestFacts);

/// A refusal keeps no facts, and yet says which one differs: the same as an open request says.
#[test]
fn a_refused_request_with_other_facts_is_told_the_first_that_differs() {
    let changes: [(&str, Change); 14] = [
        ("model", |f| f.model = "o3".into()),
        ("stream", |f| f.stream = false),
        ("input_tokens_max", |f| f.input_tokens_max = 41),
        ("input_tokens_estimate", |f| f.input_tokens_estimate = 11),
        ("input_unbounded", |f| f.input_unbounded = true),
        ("output_tokens_max", |f| f.output_tokens_max = None),
        ("choices", |f| f.choices = 2),
        ("output_audio", |f| f.output_audio = true),
        ("service_tier", |f| f.service_tier = "flex".into()),
        ("route", |f| f.route = "elsewhere".into()),
        ("mode", |f| f.mode = Mode::Shadow),
        ("tags", |f| f.tags.feature = "search".into()),
        ("idempotency_key_digest", |f| {
            f.idempotency_key_digest = Some([3; 32]);
        }),
        ("admitted_offline", |f| f.admitted_offline = true),
    ];
    for steps in ["tenant paused, reserve", "reserve"] {
        let mut world = World::with(100);
        world.play(steps);
        for (field, change) in changes {
            let mut other = facts();
            change(&mut other);
            let answer = world.run(&Command::Reserve(Box::new(Reserve {
                id: world.id,
                owner: owner("edge"),
                facts: other,
                offer: world.offer.clone(),
            })));
            let told = ReserveAnswer::Conflict {
                field: format!("facts.{field}"),
            };
            assert_eq!(answer, Answer::Reserve(told), "{steps}");
        }
    }
}
