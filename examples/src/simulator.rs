//! A provider that speaks OpenAI's API and does as it is told: for the quickstart, the tests and the benches.
//!
//! It asks for its key, answers chat completions as JSON and as server-sent events, lists its models, and remembers what it was
//! sent. A [`Script`] tells it what to answer and where to break. What it says never goes beyond the request's output limit.
//! It invents text and counts words; it is no measure of a model.

mod answer;
mod play;
mod record;
mod script;
mod socket;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use record::{End, Seen};
pub use script::{Act, Gate, Output, Point, Reply, Script};

use crate::envoy::config::Provider;
use record::Record;
use socket::{Breaker, Sockets};

/// Larger than any gateway lets through.
const BODY_BYTES_MAX: usize = 64 << 20;
/// The models it lists; it answers for any.
const MODELS: [&str; 2] = ["gpt-4o-mini", "gpt-4o"];

/// A running simulator. Dropped, it takes no more connections.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    key: String,
    scripts: Mutex<Scripts>,
    record: Record,
    answers: AtomicU64,
}

#[derive(Debug, Default)]
struct Scripts {
    usual: Arc<Script>,
    next: VecDeque<Arc<Script>>,
}

impl Simulator {
    /// Starts one on a port of loopback that the system chooses; it asks for this bearer key.
    ///
    /// # Errors
    /// It cannot listen.
    pub async fn start(key: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("the provider simulator cannot listen on loopback")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            key: key.to_owned(),
            scripts: Mutex::default(),
            record: Record::default(),
            answers: AtomicU64::new(0),
        });
        let service = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/models", get(models))
            .fallback(unknown)
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<Breaker>();
        let server = tokio::spawn(async move {
            // It serves until it is aborted.
            drop(axum::serve(Sockets::new(listener), service).await);
        });
        Ok(Self {
            address,
            shared,
            server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What an OpenAI client takes as its base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Itself, as Envoy's configuration takes it.
    pub fn provider(&self) -> Provider {
        Provider::Simulator {
            address: self.address,
            key: self.shared.key.clone(),
        }
    }

    /// What chat completions get from now on.
    pub fn script(&self, script: Script) {
        self.shared.scripts().usual = Arc::new(script);
    }

    /// What the next chat completions get, one each, before what they usually get.
    pub fn next(&self, scripts: impl IntoIterator<Item = Script>) {
        let scripts = scripts.into_iter().map(Arc::new);
        self.shared.scripts().next.extend(scripts);
    }

    /// Requests that have arrived, whatever became of them.
    pub fn count(&self) -> u64 {
        self.shared.record.count()
    }

    /// The requests that are remembered, in the order of their arrival.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.record.requests()
    }

    /// How many requests are remembered: the last 10,000 if nothing is said. None, for benches.
    pub fn remember(&self, requests: usize) {
        self.shared.record.keep(requests);
    }

    /// Forgets the requests seen so far, and the scripts that nobody has asked for.
    pub fn forget(&self) {
        self.shared.record.clear();
        self.shared.scripts().next.clear();
    }

    /// Waits until the remembered requests are as they should be.
    ///
    /// # Errors
    /// They are not, for a minute.
    pub async fn until(&self, holds: impl Fn(&[Seen]) -> bool) -> anyhow::Result<()> {
        self.shared.record.until(holds).await
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn scripts(&self) -> MutexGuard<'_, Scripts> {
        self.scripts
            .lock()
            .unwrap_or_else(|poison| poison.into_inner())
    }

    fn next_script(&self) -> Arc<Script> {
        let mut scripts = self.scripts();
        match scripts.next.pop_front() {
            Some(script) => script,
            None => Arc::clone(&scripts.usual),
        }
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .is_some_and(|key| key == self.key)
    }
}

async fn chat(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = match axum::body::to_bytes(body, BODY_BYTES_MAX).await {
        Ok(body) => body,
        // Whoever sent it is gone.
        Err(_) => return error(StatusCode::BAD_REQUEST, "the body cannot be read", None),
    };
    let entry = shared.record.enter(&parts, body.clone());
    if !shared.knows(&parts.headers) {
        entry.end(End::Complete);
        return refuse_key();
    }
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        entry.end(End::Complete);
        return error(StatusCode::BAD_REQUEST, "the body is not JSON", None);
    };
    let script = shared.next_script();
    let number = shared.answers.fetch_add(1, Ordering::Relaxed);
    let answer = answer::answer(&request, &script, number);
    play::play(answer, &script, breaker, entry).await
}

async fn models(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let entry = shared.record.enter(&parts, Bytes::new());
    entry.end(End::Complete);
    if !shared.knows(&parts.headers) {
        return refuse_key();
    }
    let models = MODELS.map(
        |model| json!({"id": model, "object": "model", "created": 1_715_367_049, "owned_by": "simulator"}),
    );
    json_response(StatusCode::OK, &json!({"object": "list", "data": models}))
}

async fn unknown(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    shared.record.enter(&parts, Bytes::new()).end(End::Complete);
    error(StatusCode::NOT_FOUND, "there is no such endpoint", None)
}

fn refuse_key() -> Response {
    error(
        StatusCode::UNAUTHORIZED,
        "the provider does not know this key",
        Some("invalid_api_key"),
    )
}

fn error(status: StatusCode, message: &str, code: Option<&str>) -> Response {
    let kind = if status.is_server_error() {
        "server_error"
    } else {
        "invalid_request_error"
    };
    json_response(
        status,
        &json!({"error": {"message": message, "type": kind, "param": null, "code": code}}),
    )
}

fn json_response(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response
}
