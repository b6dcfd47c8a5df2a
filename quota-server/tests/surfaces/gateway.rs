//! A gateway: a gRPC client with a credential, and the requests that a filter would make.

use crate::ferry::Ferry;
use ferry_api::v1::{self, quota_service_client::QuotaServiceClient};
use ferry_api::{Caller, Release, Renew, Reserve, Settle};
use ferry_quota_server::grpc::{TOKEN_METADATA, TOKEN_SCHEME};
use ferry_quota_server::key_directory::sha256;
use ferry_types::{
    Attempt, EndCause, Endpoint, KeyDigest, KeyText, Mode, RequestFacts, ReservationId, Settlement,
    Tags, Usage, UsageSource,
};
use std::time::{SystemTime, UNIX_EPOCH};
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint as Target};
use tonic::{Request, Status};

pub(crate) type Gateway = QuotaServiceClient<InterceptedService<Channel, Token>>;

/// Shows a token with each call, as Envoy's credential_injector does.
#[derive(Clone)]
pub(crate) struct Token(Option<String>);

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            let value = format!("{TOKEN_SCHEME}{token}");
            let value = MetadataValue::try_from(value).expect("a header value");
            request.metadata_mut().insert(TOKEN_METADATA, value);
        }
        Ok(request)
    }
}

impl Ferry {
    /// A connection to the gateways' socket.
    pub(crate) async fn channel(&self) -> Channel {
        let target = Target::try_from(format!("unix:{}", self.path("quota.sock")));
        target.expect("a target").connect().await.expect("connect")
    }

    /// A gateway with this token.
    pub(crate) async fn gateway(&self, token: Option<&str>) -> Gateway {
        let token = Token(token.map(str::to_owned));
        QuotaServiceClient::with_interceptor(self.channel().await, token)
    }
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.expect("after 1970").as_millis()).expect("in range")
}

/// The nth reservation id of a test.
pub(crate) fn id(n: u8) -> ReservationId {
    ReservationId::new(now_ms(), [n; 10])
}

pub(crate) fn digest(key: &str) -> KeyDigest {
    KeyText::parse(key, sha256).expect("a key").digest(sha256)
}

pub(crate) fn caller(key: KeyDigest) -> Caller {
    Caller {
        filter_version: "0.1.0".into(),
        key_digest: key,
        tenant: None,
    }
}

/// 100 tokens in, 50 out: 0.0002 USD.
pub(crate) fn facts() -> RequestFacts {
    RequestFacts {
        endpoint: Endpoint::ChatCompletions,
        model: "echo".into(),
        stream: false,
        input_tokens_max: 100,
        input_tokens_estimate: 25,
        input_unbounded: false,
        output_tokens_max: Some(50),
        choices: 1,
        output_audio: false,
        service_tier: String::new(),
        route: "openai".into(),
        mode: Mode::Enforce,
        tags: Tags::default(),
        idempotency_key_digest: None,
        admitted_offline: false,
    }
}

pub(crate) fn reserve(
    id: ReservationId,
    key: KeyDigest,
    facts: RequestFacts,
) -> v1::ReserveRequest {
    let call = Reserve {
        id,
        caller: caller(key),
        facts,
    };
    (&call).into()
}

pub(crate) fn renew(id: ReservationId, key: KeyDigest) -> v1::RenewItem {
    let call = Renew {
        id,
        caller: caller(key),
        usage: Usage::default(),
        output_tokens_target: 0,
    };
    (&call).into()
}

pub(crate) fn release(id: ReservationId, key: KeyDigest) -> v1::ReleaseItem {
    let call = Release {
        id,
        caller: caller(key),
    };
    (&call).into()
}

/// 80 tokens in, 20 out: 0.00012 USD charged, half of it cost.
pub(crate) fn settle(id: ReservationId, key: KeyDigest) -> v1::SettleItem {
    let attempt = Attempt {
        provider: "simulator".into(),
        model: "echo-1".into(),
        status: 200,
        usage: Usage {
            input_tokens: 80,
            output_tokens: 20,
            ..Usage::default()
        },
        source: UsageSource::Reported,
        provider_request_id: "req_1".into(),
        service_tier: String::new(),
        latency_ms: 90,
        first_byte_ms: Some(40),
    };
    let call = Settle {
        id,
        caller: caller(key),
        settlement: Settlement {
            facts: facts(),
            output_tokens_max: 50,
            cause: EndCause::Complete,
            attempts: vec![attempt],
            latency_ms: 100,
            status: 200,
        },
    };
    (&call).into()
}

/// Asks for a reservation.
pub(crate) async fn outcome(
    gateway: &mut Gateway,
    request: v1::ReserveRequest,
) -> v1::reserve_response::Outcome {
    let response = gateway
        .reserve(request)
        .await
        .expect("an answer")
        .into_inner();
    assert!(response.server_time_unix_ms.abs_diff(now_ms()) < 60_000);
    response.outcome.expect("an outcome")
}

/// Asks for a reservation that has to be granted.
pub(crate) async fn granted(gateway: &mut Gateway, request: v1::ReserveRequest) -> v1::Granted {
    match outcome(gateway, request).await {
        v1::reserve_response::Outcome::Granted(granted) => granted,
        other => panic!("not granted: {other:?}"),
    }
}
