//! QuotaService over a real Unix socket: who may call, what a grant says, batches answered per item.

use crate::ferry::{EDGE_TOKEN, Ferry, MESH_TOKEN};
use crate::gateway::{
    self, Gateway, caller, digest, facts, granted, id, outcome, release, renew, reserve, settle,
};
use ferry_api::v1::reserve_response::Outcome;
use ferry_api::v1::{self, release_result, renew_result, settle_result};
use ferry_types::KeyDigest;
use tonic::Code;

#[tokio::test]
async fn without_a_known_credential_nothing_is_answered() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    for token in [
        None,
        Some(""),
        Some("wrong"),
        Some("edge-token-of-this-tes"),
    ] {
        let mut gateway = ferry.gateway(token).await;
        let code = |status: tonic::Status| status.code();
        let codes = [
            gateway
                .reserve(reserve(id(1), key, facts()))
                .await
                .map_err(code)
                .err(),
            gateway
                .renew(v1::RenewRequest::default())
                .await
                .map_err(code)
                .err(),
            gateway
                .settle(v1::SettleRequest::default())
                .await
                .map_err(code)
                .err(),
            gateway
                .release(v1::ReleaseRequest::default())
                .await
                .map_err(code)
                .err(),
            gateway
                .list_models(v1::ListModelsRequest::default())
                .await
                .map_err(code)
                .err(),
        ];
        assert_eq!(codes, [Some(Code::Unauthenticated); 5], "{token:?}");
    }
    assert_eq!(ferry.json(&["balance", "acme"])["held"], "0.000000000");
}

#[tokio::test]
async fn a_grant_says_all_that_the_filter_needs() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let told = granted(&mut gateway, reserve(id(1), key, facts())).await;
    let header = |name: &str, value: &str| v1::Header {
        name: name.into(),
        value: value.into(),
    };
    let expected = v1::Granted {
        tenant_id: "acme".into(),
        policy_version: "default-1".into(),
        price_version: "test-1".into(),
        candidates: vec![v1::Candidate {
            provider: "simulator".into(),
            model: "echo-1".into(),
            output_limit_field: "max_completion_tokens".into(),
        }],
        output_tokens_max: 50,
        clamped: false,
        lease_ms: 60_000,
        mode: v1::Mode::Enforce.into(),
        headers: vec![
            header("x-ai-quota-policy", "default-1"),
            header("x-ai-quota-remaining-usd", "4.999800000"),
        ],
        reserved: "0.000200000".into(),
        currency: "USD".into(),
    };
    assert_eq!(told, expected);

    let mut unlimited = facts();
    unlimited.output_tokens_max = None;
    let told = granted(&mut gateway, reserve(id(2), key, unlimited)).await;
    assert_eq!((told.output_tokens_max, told.clamped), (500, true));
}

#[tokio::test]
async fn another_gateways_reservation_is_denied() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut edge = ferry.gateway(Some(EDGE_TOKEN)).await;
    let mut mesh = ferry.gateway(Some(MESH_TOKEN)).await;
    let one = id(1);
    granted(&mut edge, reserve(one, key, facts())).await;

    let status = mesh
        .reserve(reserve(one, key, facts()))
        .await
        .expect_err("denied");
    assert_eq!(status.code(), Code::PermissionDenied);
    let denied = u32::try_from(i32::from(Code::PermissionDenied)).expect("a code");
    let renewed = renews(&mut mesh, vec![renew(one, key)]).await;
    assert!(
        matches!(&renewed[..], [renew_result::Outcome::Error(error)] if error.code == denied),
        "{renewed:?}"
    );
    let settled = settles(&mut mesh, vec![settle(one, key)]).await;
    assert!(
        matches!(&settled[..], [settle_result::Outcome::Error(error)] if error.code == denied),
        "{settled:?}"
    );
    let released = releases(&mut mesh, vec![release(one, key)]).await;
    assert!(
        matches!(&released[..], [release_result::Outcome::Error(error)] if error.code == denied),
        "{released:?}"
    );
    assert_eq!(ferry.json(&["balance", "acme"])["held"], "0.000200000");
}

#[tokio::test]
async fn batches_are_answered_per_item_in_order() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let (settled, unseen) = (id(1), id(2));
    granted(&mut gateway, reserve(settled, key, facts())).await;

    let mut unreadable = settle(id(3), key);
    unreadable.attempts.clear();
    let nobodys = KeyDigest::from_bytes(&[0; 32]).expect("32 bytes");
    let batch = vec![unreadable, settle(settled, key), settle(id(4), nobodys)];
    let results = settles(&mut gateway, batch).await;
    let [
        settle_result::Outcome::Error(invalid),
        settle_result::Outcome::Settled(good),
        settle_result::Outcome::Error(denied),
    ] = &results[..]
    else {
        panic!("{results:?}");
    };
    assert_eq!(
        (invalid.code, invalid.message.as_str()),
        (3, "attempts: none")
    );
    assert_eq!(denied.code, 7);
    assert_eq!(good.charged, "0.000120000");
    assert_eq!(good.released, "0.000080000");
    assert_eq!(good.currency, "USD");

    let mut anonymous = renew(unseen, key);
    anonymous.caller = None;
    let results = renews(
        &mut gateway,
        vec![renew(settled, key), anonymous, renew(unseen, key)],
    )
    .await;
    let [
        renew_result::Outcome::Ended(ended),
        renew_result::Outcome::Error(invalid),
        renew_result::Outcome::Error(missing),
    ] = &results[..]
    else {
        panic!("{results:?}");
    };
    assert_eq!(ended.state(), v1::ReservationState::Settled);
    assert_eq!(
        (invalid.code, invalid.message.as_str()),
        (3, "caller: missing")
    );
    assert_eq!(missing.code, 5);

    let results = releases(
        &mut gateway,
        vec![release(settled, key), release(unseen, key)],
    )
    .await;
    let [
        release_result::Outcome::Conflict(conflict),
        release_result::Outcome::Released(_),
    ] = &results[..]
    else {
        panic!("{results:?}");
    };
    assert_eq!(conflict.field, "state");
    let too_late = outcome(&mut gateway, reserve(unseen, key, facts())).await;
    assert!(matches!(too_late, Outcome::Ended(e) if e.state() == v1::ReservationState::Released));
}

#[tokio::test]
async fn calls_are_idempotent_by_id_and_content() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let one = id(1);
    let first = granted(&mut gateway, reserve(one, key, facts())).await;
    let mut again = granted(&mut gateway, reserve(one, key, facts())).await;
    assert!(
        again.lease_ms <= first.lease_ms,
        "what is left of the lease"
    );
    again.lease_ms = first.lease_ms;
    assert_eq!(first, again);
    let mut other = facts();
    other.input_tokens_max = 101;
    match outcome(&mut gateway, reserve(one, key, other)).await {
        Outcome::Conflict(conflict) => assert_eq!(conflict.field, "facts.input_tokens_max"),
        other => panic!("{other:?}"),
    }
    let settled = settles(&mut gateway, vec![settle(one, key)]).await;
    let again = settles(&mut gateway, vec![settle(one, key)]).await;
    assert_eq!(settled, again);
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_bounded() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let mut request = reserve(id(1), key, facts());
    request.facts.as_mut().expect("facts").model = "m".repeat(257);
    let status = gateway.reserve(request).await.expect_err("too long");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "facts.model: longer than 256 bytes");

    let items = vec![v1::ReleaseItem::default(); 1025];
    let status = gateway
        .release(v1::ReleaseRequest { items })
        .await
        .expect_err("too many");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "items: more than 1024");
    assert_eq!(releases(&mut gateway, Vec::new()).await, []);
}

#[tokio::test]
async fn a_key_lists_its_models() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let request = v1::ListModelsRequest {
        caller: Some((&caller(key)).into()),
    };
    let response = gateway
        .list_models(request)
        .await
        .expect("an answer")
        .into_inner();
    let Some(v1::list_models_response::Outcome::Models(list)) = response.outcome else {
        panic!("{response:?}");
    };
    assert_eq!(list.tenant_id, "acme");
    let model = v1::Model {
        name: "echo".into(),
        created_s: 1_721_260_800,
        owned_by: "simulator".into(),
    };
    assert_eq!(list.models, [model]);
    let names: Vec<_> = list.headers.iter().map(|h| h.name.as_str()).collect();
    assert_eq!(names, ["x-ai-quota-policy", "x-ai-quota-remaining-usd"]);
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_told() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let mut request = tonic::Request::new(reserve(id(1), key, facts()));
    let timeout = "1n".parse().expect("metadata");
    request.metadata_mut().insert("grpc-timeout", timeout);
    let status = gateway.reserve(request).await.expect_err("too late");
    assert!(
        matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
        "{status:?}"
    );
    assert_eq!(ferry.json(&["balance", "acme"])["held"], "0.000000000");
}

async fn renews(gateway: &mut Gateway, items: Vec<v1::RenewItem>) -> Vec<renew_result::Outcome> {
    let response = gateway
        .renew(v1::RenewRequest { items })
        .await
        .expect("an answer");
    let response = response.into_inner();
    assert!(response.server_time_unix_ms.abs_diff(gateway::now_ms()) < 60_000);
    response
        .results
        .into_iter()
        .filter_map(|result| result.outcome)
        .collect()
}

async fn settles(gateway: &mut Gateway, items: Vec<v1::SettleItem>) -> Vec<settle_result::Outcome> {
    let response = gateway
        .settle(v1::SettleRequest { items })
        .await
        .expect("an answer");
    let response = response.into_inner();
    assert!(response.server_time_unix_ms.abs_diff(gateway::now_ms()) < 60_000);
    response
        .results
        .into_iter()
        .filter_map(|result| result.outcome)
        .collect()
}

async fn releases(
    gateway: &mut Gateway,
    items: Vec<v1::ReleaseItem>,
) -> Vec<release_result::Outcome> {
    let response = gateway
        .release(v1::ReleaseRequest { items })
        .await
        .expect("an answer");
    let response = response.into_inner();
    assert!(response.server_time_unix_ms.abs_diff(gateway::now_ms()) < 60_000);
    response
        .results
        .into_iter()
        .filter_map(|result| result.outcome)
        .collect()
}
