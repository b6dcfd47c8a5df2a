//! Every refusal that a gateway can be told, on the wire: complete for a filter that does not know the reason.

use crate::ferry::{EDGE_TOKEN, Ferry, MESH_TOKEN, ON_A_SOCKET, config};
use crate::gateway::{
    Gateway, digest, facts, granted, id, now_ms, outcome, release, reserve, settle,
};
use ferry_api::v1::reserve_response::Outcome;
use ferry_api::v1::{self, list_models_response};
use ferry_quota_server::admin::wire::CreateKey;
use ferry_types::{KeyDigest, RequestFacts, ReservationId};

/// Reason, status, type, code, param, Retry-After and x-should-retry of a refusal.
pub(crate) fn shape(refused: &v1::Refused) -> String {
    let v1::Refused {
        reason,
        http_status,
        r#type,
        code,
        param,
        message,
        retry_after_s,
        should_retry,
        headers: _,
        tenant_id: _,
    } = refused;
    assert!(message.ends_with('.'), "{message}");
    let or_null = |text: &str| if text.is_empty() { "null" } else { text }.to_owned();
    let (code, param) = (or_null(code), or_null(param));
    let retry_after = retry_after_s.map_or("-".to_owned(), |s| s.to_string());
    let retry = should_retry.map_or("-".to_owned(), |retry| retry.to_string());
    format!("{reason} {http_status} {type} {code} {param} {retry_after} {retry}")
}

pub(crate) async fn refused(gateway: &mut Gateway, request: v1::ReserveRequest) -> v1::Refused {
    match outcome(gateway, request).await {
        Outcome::Refused(refused) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// A change to a good request.
type Change = fn(&mut RequestFacts);

/// How a changed request is refused.
const REQUESTS: &[(&str, Change)] = &[
    (
        "model_not_found 404 invalid_request_error model_not_found null - -",
        |f| f.model = "gpt-9".into(),
    ),
    (
        "too_many_choices 400 invalid_request_error null n - -",
        |f| f.choices = 5,
    ),
    (
        "service_tier_not_priced 400 invalid_request_error null service_tier - -",
        |f| f.service_tier = "priority".into(),
    ),
    (
        "audio_not_priced 400 invalid_request_error null modalities - -",
        |f| f.output_audio = true,
    ),
    (
        "context_length_exceeded 400 invalid_request_error context_length_exceeded messages - -",
        |f| {
            f.input_tokens_max = 10_000_000;
            f.input_tokens_estimate = 2_500_000;
        },
    ),
];

#[tokio::test]
async fn requests_that_cannot_be_priced() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    for (n, (expected, change)) in (1..).zip(REQUESTS) {
        let mut facts = facts();
        change(&mut facts);
        let refused = refused(&mut gateway, reserve(id(n), key, facts)).await;
        assert_eq!(shape(&refused), *expected);
        assert_eq!(refused.tenant_id, "acme");
        let headers = refused.headers.iter();
        let headers: Vec<_> = headers
            .map(|h| format!("{}: {}", h.name, h.value))
            .collect();
        let expected = [
            "x-ai-quota-policy: default-1",
            "x-ai-quota-remaining-usd: 5.000000000",
        ];
        assert_eq!(headers, expected);
    }
    let skewed = ReservationId::new(now_ms() - 360_000, [9; 10]);
    let refused = refused(&mut gateway, reserve(skewed, key, facts())).await;
    let expected =
        "gateway_clock_skew 503 service_unavailable_error gateway_clock_skew null 1 true";
    assert_eq!(shape(&refused), expected);
    assert_eq!(ferry.json(&["balance", "acme"])["held"], "0.000000000");
}

#[tokio::test]
async fn keys_that_are_nobodys_or_over() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let nobodys = KeyDigest::from_bytes(&[0; 32]).expect("32 bytes");
    let unknown = refused(&mut gateway, reserve(id(1), nobodys, facts())).await;
    let expected = "unknown_key 401 invalid_request_error invalid_api_key null - -";
    assert_eq!(shape(&unknown), expected);
    assert_eq!((unknown.tenant_id.as_str(), unknown.headers.len()), ("", 1));

    let over = CreateKey {
        label: "over".into(),
        expires_in_s: Some(0),
    };
    let created = ferry
        .admin()
        .create_key("acme", &over)
        .await
        .expect("a key");
    let request = reserve(id(2), digest(&created.api_key), facts());
    let expired = refused(&mut gateway, request).await;
    let expected = "key_expired 401 invalid_request_error invalid_api_key null - -";
    assert_eq!(shape(&expired), expected);
}

/// Commands in order (KEY stands for the key's id), and how the next request is refused, if it is.
const STATES: &[(&str, Option<&str>)] = &[
    (
        "key pause acme KEY",
        Some("key_paused 403 invalid_request_error key_paused null - -"),
    ),
    ("key resume acme KEY", None),
    (
        "tenant pause acme",
        Some("tenant_paused 403 invalid_request_error tenant_paused null - -"),
    ),
    ("tenant resume acme", None),
    (
        "key revoke acme KEY --yes",
        Some("key_revoked 401 invalid_request_error invalid_api_key null - -"),
    ),
];

#[tokio::test]
async fn keys_and_tenants_are_stopped_from_the_next_request_on() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let listed_key = ferry.json(&["key", "list", "acme"])["keys"][0]["id"].clone();
    let key_id = listed_key.as_str().expect("an id");
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    for (n, (command, expected)) in (1..).zip(STATES) {
        let command = command.replace("KEY", key_id);
        ferry.json(&command.split(' ').collect::<Vec<_>>());
        let request = reserve(id(n), key, facts());
        match expected {
            None => {
                granted(&mut gateway, request).await;
                assert_eq!(listed(&mut gateway, key).await, None);
            }
            Some(expected) => {
                let refused = refused(&mut gateway, request).await;
                assert_eq!(shape(&refused), *expected);
                assert_eq!(listed(&mut gateway, key).await, Some(refused.reason));
            }
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_that_is_in_use() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let facts = RequestFacts {
        idempotency_key_digest: Some([1; 32]),
        ..facts()
    };
    let first = id(1);
    granted(&mut gateway, reserve(first, key, facts.clone())).await;
    let second = refused(&mut gateway, reserve(id(2), key, facts.clone())).await;
    let expected =
        "idempotency_key_in_use 409 invalid_request_error idempotency_key_in_use null - false";
    assert_eq!(shape(&second), expected);
    let items = vec![release(first, key)];
    let released = gateway.release(v1::ReleaseRequest { items }).await;
    released.expect("released");
    granted(&mut gateway, reserve(id(3), key, facts)).await;
}

#[tokio::test]
async fn money_that_is_not_there() {
    let ferry = Ferry::start();
    // Two and a half of the holds below.
    let key = digest(&ferry.tenant_with("acme", "0.0005"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let first = id(1);
    granted(&mut gateway, reserve(first, key, facts())).await;
    granted(&mut gateway, reserve(id(2), key, facts())).await;
    let short = refused(&mut gateway, reserve(id(3), key, facts())).await;
    let expected =
        "insufficient_funds 429 insufficient_quota credit_balance_exhausted null - false";
    assert_eq!(shape(&short), expected);
    assert!(
        short.message.contains("0.000100000 USD"),
        "{}",
        short.message
    );

    // Far more than was held: recorded in full, as debt.
    let mut item = settle(first, key);
    item.attempts[0].usage.as_mut().expect("usage").input_tokens = 900;
    let items = vec![item];
    gateway
        .settle(v1::SettleRequest { items })
        .await
        .expect("settled");
    let owing = refused(&mut gateway, reserve(id(4), key, facts())).await;
    let expected = "tenant_in_debt 429 insufficient_quota credit_balance_exhausted null - false";
    assert_eq!(shape(&owing), expected);
    assert!(
        owing.message.contains("0.000440000 USD"),
        "{}",
        owing.message
    );
}

/// Why a key's models are not listed.
async fn listed(gateway: &mut Gateway, key: KeyDigest) -> Option<String> {
    let caller = Some((&crate::gateway::caller(key)).into());
    let response = gateway.list_models(v1::ListModelsRequest { caller }).await;
    match response.expect("an answer").into_inner().outcome {
        Some(list_models_response::Outcome::Refused(refused)) => Some(refused.reason),
        Some(list_models_response::Outcome::Models(_)) | None => None,
    }
}

#[tokio::test]
async fn what_a_gateway_may_not_serve() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(ON_A_SOCKET).replace("name = 'mesh'", "name = 'mesh'\ntenants = 'other'");
    let ferry = Ferry::start_with(folder, &config);
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut mesh = ferry.gateway(Some(MESH_TOKEN)).await;
    let refusal = refused(&mut mesh, reserve(id(1), key, facts())).await;
    let expected = "gateway_out_of_scope 403 invalid_request_error not_served_here null - -";
    assert_eq!(shape(&refusal), expected);
    assert_eq!(refusal.tenant_id, "", "it learns nothing of the tenant");
    assert_eq!(refusal.headers.len(), 1, "{:?}", refusal.headers);
    let settled = mesh.settle(v1::SettleRequest {
        items: vec![settle(id(2), key)],
    });
    let settled = settled.await.expect("an answer").into_inner().results;
    match settled.into_iter().next().and_then(|result| result.outcome) {
        Some(v1::settle_result::Outcome::Error(error)) => assert_eq!(error.code, 7),
        other => panic!("not denied: {other:?}"),
    }
    let mut edge = ferry.gateway(Some(EDGE_TOKEN)).await;
    granted(&mut edge, reserve(id(3), key, facts())).await;
    let (_, page) = ferry.probe("/metrics").await;
    let counted = "ferry_calls_out_of_scope_total{principal=\"mesh\"} 2";
    assert!(page.contains(counted), "{page}");
}
