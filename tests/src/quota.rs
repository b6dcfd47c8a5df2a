//! A gateway without an Envoy: the quota server's gRPC calls, made by hand.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use ferry_api::v1;
use ferry_api::v1::quota_service_client::QuotaServiceClient;
use ferry_examples::gateway::{Customer, Server};
use ferry_quota_server::grpc::{TOKEN_METADATA, TOKEN_SCHEME};
use ferry_quota_server::key_directory::sha256;
use ferry_types::{KeyText, ReservationId};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// A connection to the quota server.
pub type Quota = QuotaServiceClient<InterceptedService<Channel, Token>>;

/// Shows the gateway's token with each call.
#[derive(Clone)]
pub struct Token(MetadataValue<Ascii>);

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert(TOKEN_METADATA, self.0.clone());
        Ok(request)
    }
}

/// Connects with the token of a gateway that the server knows.
///
/// # Errors
/// The server is not there.
pub async fn connect(server: &Server, token: &str) -> anyhow::Result<Quota> {
    connect_to(&server.quota_socket(), token).await
}

/// Connects to the server behind this socket.
///
/// # Errors
/// The server is not there.
pub async fn connect_to(socket: &Path, token: &str) -> anyhow::Result<Quota> {
    let target = format!("unix:{}", socket.display());
    let channel = Endpoint::try_from(target)?.connect().await?;
    let token = Token(format!("{TOKEN_SCHEME}{token}").parse()?);
    Ok(QuotaServiceClient::with_interceptor(channel, token))
}

/// A new request's id, the nth of its test.
///
/// # Errors
/// The clock stands before 1970.
pub fn draw(n: u8) -> anyhow::Result<ReservationId> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(ReservationId::new(
        u64::try_from(since.as_millis())?,
        [n; 10],
    ))
}

/// Who calls for this customer.
///
/// # Errors
/// Its key is none.
pub fn caller(customer: &Customer) -> anyhow::Result<v1::Caller> {
    let key = KeyText::parse(&customer.api_key, sha256).context("the customer's key")?;
    Ok(v1::Caller {
        filter_version: env!("CARGO_PKG_VERSION").to_owned(),
        key_digest: key.digest(sha256).as_bytes().to_vec(),
        tenant_id: String::new(),
    })
}

/// A request of so many tokens in and, at most, out.
pub fn facts(model: &str, input_tokens: u64, output_tokens_max: u64) -> v1::RequestFacts {
    v1::RequestFacts {
        endpoint: v1::Endpoint::ChatCompletions.into(),
        model: model.to_owned(),
        input_tokens_max: input_tokens,
        input_tokens_estimate: input_tokens,
        output_tokens_max: Some(output_tokens_max),
        choices: 1,
        route: "chat".to_owned(),
        mode: v1::Mode::Enforce.into(),
        tags: Some(v1::Tags::default()),
        ..v1::RequestFacts::default()
    }
}

/// The settlement of such a request, as the provider reported it.
pub fn settlement(
    id: ReservationId,
    caller: v1::Caller,
    facts: v1::RequestFacts,
    usage: v1::Usage,
) -> v1::SettleRequest {
    let attempt = v1::Attempt {
        provider: "simulator".to_owned(),
        status: 200,
        usage: Some(usage),
        source: v1::UsageSource::Reported.into(),
        ..v1::Attempt::default()
    };
    let item = v1::SettleItem {
        reservation_id: id.as_bytes().to_vec(),
        caller: Some(caller),
        output_tokens_max: facts.output_tokens_max.unwrap_or_default(),
        facts: Some(facts),
        cause: v1::EndCause::Complete.into(),
        attempts: vec![attempt],
        latency_ms: 1,
        status: 200,
    };
    v1::SettleRequest { items: vec![item] }
}
