//! What a platform sees: health over HTTP and gRPC, metrics, reflection.

use crate::ferry::{EDGE_TOKEN, Ferry};
use crate::gateway::{digest, facts, granted, id, outcome, reserve};
use ferry_api::v1;
use tonic::codegen::tokio_stream::{self, StreamExt};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ListServiceResponse, ServerReflectionRequest};

impl Ferry {
    /// Status and body of a path of the platform's listener.
    pub(crate) async fn probe(&self, path: &str) -> (u16, String) {
        let client = reqwest::Client::builder()
            .unix_socket(self.path("http.sock"))
            .build();
        let answer = client
            .expect("a client")
            .get(format!("http://ferry{path}"))
            .send()
            .await;
        let answer = answer.expect("an answer");
        (
            answer.status().as_u16(),
            answer.text().await.expect("a body"),
        )
    }
}

#[tokio::test]
async fn health_is_told_over_http_and_grpc_without_a_credential() {
    let ferry = Ferry::start();
    assert_eq!(ferry.probe("/healthz").await, (200, "ok\n".into()));
    assert_eq!(ferry.probe("/readyz").await, (200, "ready\n".into()));
    assert_eq!(ferry.probe("/elsewhere").await.0, 404);
    let mut health = HealthClient::new(ferry.channel().await);
    for service in ["", "ferry.quota.v1.QuotaService"] {
        let service = service.to_owned();
        let answer = health
            .check(HealthCheckRequest { service })
            .await
            .expect("an answer");
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    }
}

#[tokio::test]
async fn reflection_names_the_services() {
    let ferry = Ferry::start();
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(ferry.channel().await);
    let answers = client
        .server_reflection_info(tokio_stream::once(request))
        .await;
    let answer = answers.expect("answers").into_inner().next().await;
    let answer = answer
        .expect("one answer")
        .expect("no status")
        .message_response;
    let Some(MessageResponse::ListServicesResponse(ListServiceResponse { service })) = answer
    else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert!(names.contains(&"ferry.quota.v1.QuotaService"), "{names:?}");
    assert!(names.contains(&"grpc.health.v1.Health"), "{names:?}");
}

#[tokio::test]
async fn metrics_count_what_was_answered_and_name_no_customer() {
    let ferry = Ferry::start();
    let text = ferry.tenant_with("acme", "5");
    let key = digest(&text);
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    granted(&mut gateway, reserve(id(1), key, facts())).await;
    let mut unpriced = facts();
    unpriced.model = "gpt-9".into();
    outcome(&mut gateway, reserve(id(2), key, unpriced)).await;
    let items = vec![v1::ReleaseItem::default()];
    gateway
        .release(v1::ReleaseRequest { items })
        .await
        .expect("an answer");
    ferry
        .gateway(None)
        .await
        .renew(v1::RenewRequest::default())
        .await
        .expect_err("refused");

    let (status, page) = ferry.probe("/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "ferry_answers_total{call=\"reserve\",outcome=\"granted\",reason=\"\"} 1",
        "ferry_answers_total{call=\"reserve\",outcome=\"refused\",reason=\"model_not_found\"} 1",
        "ferry_answers_total{call=\"release\",outcome=\"error\",reason=\"invalid\"} 1",
        "ferry_filter_calls_total{version=\"0.1.0\"} 2",
        "ferry_unauthenticated_calls_total 1",
        "ferry_open_reservations 1",
        "ferry_tenants 1",
        "ferry_call_seconds_count{call=\"reserve\"} 2",
        "ferry_unknown_keys_total 0",
    ] {
        assert!(page.lines().any(|l| l == line), "{line}\n{page}");
    }
    let secrets = ["acme", EDGE_TOKEN, text.as_str(), "gpt-9"];
    assert!(
        secrets.iter().all(|secret| !page.contains(secret)),
        "{page}"
    );
}

#[tokio::test]
async fn invented_filter_versions_do_not_fill_the_metrics() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    for n in 0..20 {
        let mut request = reserve(id(n), key, facts());
        request.caller.as_mut().expect("a caller").filter_version = format!("9.9.{n}");
        granted(&mut gateway, request).await;
    }
    let (_, page) = ferry.probe("/metrics").await;
    let versions = page
        .lines()
        .filter(|l| l.starts_with("ferry_filter_calls_total{"))
        .count();
    assert_eq!(versions, 17, "{page}");
    assert!(
        page.contains("ferry_filter_calls_total{version=\"other\"} 4"),
        "{page}"
    );
}
