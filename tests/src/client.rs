//! A customer's client that shows every byte, and can leave at any moment. SDKs have their own tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use ferry_examples::gateway::{Customer, Gateway};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Where the client is shown the request's id.
const REQUEST_ID: &str = "x-ferryapi-request-id";
/// The attribution tag by which tests find a request of which the client never saw an answer.
const FEATURE: &str = "x-ferry-feature";

/// A client with a key. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
    headers: HeaderMap,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = out.debug_struct("Client");
        shown.field("url", &self.url).finish_non_exhaustive()
    }
}

impl Client {
    /// A customer's client at the gateway's first Envoy.
    ///
    /// # Errors
    /// No client can be made.
    pub fn of(gateway: &Gateway, customer: &Customer) -> anyhow::Result<Self> {
        Self::at(&gateway.base_url(), &customer.api_key)
    }

    /// A client at this base URL with this key.
    ///
    /// # Errors
    /// No client can be made.
    pub fn at(base_url: &str, api_key: &str) -> anyhow::Result<Self> {
        // Loopback is never behind a proxy.
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            http,
            url: base_url.to_owned(),
            key: api_key.to_owned(),
            headers: HeaderMap::new(),
        })
    }

    /// The same, and its requests are found by this tag, see [`crate::books::tagged`].
    ///
    /// # Errors
    /// The tag cannot stand in a header.
    pub fn tagged(&self, tag: &str) -> anyhow::Result<Self> {
        self.with(FEATURE, tag)
    }

    /// The same, with one more header.
    ///
    /// # Errors
    /// It is no header.
    pub fn with(&self, name: &str, value: &str) -> anyhow::Result<Self> {
        let mut client = self.clone();
        let name = HeaderName::from_bytes(name.as_bytes())?;
        client.headers.append(name, HeaderValue::from_str(value)?);
        Ok(client)
    }

    /// A chat completion from beginning to end.
    ///
    /// # Errors
    /// No answer begins.
    pub async fn chat(&self, body: &Value) -> anyhow::Result<Answer> {
        Ok(self.begin(body).await?.finish().await)
    }

    /// A chat completion whose answer has begun.
    ///
    /// # Errors
    /// No answer begins.
    pub async fn begin(&self, body: &Value) -> anyhow::Result<Begun> {
        self.send(body.to_string().into_bytes()).await
    }

    /// The same with these bytes as the body.
    ///
    /// # Errors
    /// No answer begins.
    pub async fn send(&self, body: Vec<u8>) -> anyhow::Result<Begun> {
        let request = self
            .http
            .post(format!("{}/chat/completions", self.url))
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .headers(self.headers.clone())
            .body(body);
        Self::begun(request).await
    }

    /// The model list.
    ///
    /// # Errors
    /// No answer begins.
    pub async fn models(&self) -> anyhow::Result<Answer> {
        let request = self
            .http
            .get(format!("{}/models", self.url))
            .bearer_auth(&self.key)
            .headers(self.headers.clone());
        Ok(Self::begun(request).await?.finish().await)
    }

    async fn begun(request: reqwest::RequestBuilder) -> anyhow::Result<Begun> {
        let response = request.send().await.context("no answer began")?;
        Ok(Begun {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            seen: Vec::new(),
            response,
        })
    }
}

/// Fires so many of the same requests, so many at a time, in turn through these clients. All answers, in no order.
///
/// # Errors
/// One of them gets no answer.
pub async fn fire(
    clients: &[Client],
    body: &Value,
    requests: usize,
    concurrency: usize,
) -> anyhow::Result<Vec<Answer>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut lanes = JoinSet::new();
    for lane in 0..concurrency {
        let client = clients
            .get(lane % clients.len())
            .context("there are no clients")?
            .clone();
        let (next, body) = (Arc::clone(&next), body.clone());
        lanes.spawn(async move {
            let mut answers = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < requests {
                answers.push(client.chat(&body).await?);
            }
            anyhow::Ok(answers)
        });
    }
    let mut answers = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        answers.extend(lane??);
    }
    Ok(answers)
}

/// A question of so many bytes, for this model.
pub fn question(model: &str, bytes: usize) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "?".repeat(bytes)}]})
}

/// A body with more members.
#[must_use]
pub fn with(mut body: Value, more: Value) -> Value {
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

/// An answer that has begun. Dropped, its client hangs up.
#[derive(Debug)]
pub struct Begun {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    seen: Vec<u8>,
    response: reqwest::Response,
}

impl Begun {
    /// Reads until so many bytes of the body are there.
    ///
    /// # Errors
    /// The answer ends before.
    pub async fn bytes(&mut self, bytes: usize) -> anyhow::Result<()> {
        self.until(|seen| seen.len() >= bytes).await
    }

    /// Reads until so many whole events of a stream are there.
    ///
    /// # Errors
    /// The answer ends before.
    pub async fn events(&mut self, events: usize) -> anyhow::Result<()> {
        self.until(|seen| whole_events(seen) >= events).await
    }

    async fn until(&mut self, holds: impl Fn(&[u8]) -> bool) -> anyhow::Result<()> {
        while !holds(&self.seen) {
            match self.response.chunk().await? {
                Some(chunk) => self.seen.extend_from_slice(&chunk),
                None => bail!(
                    "the answer ended early: {}",
                    String::from_utf8_lossy(&self.seen)
                ),
            }
        }
        Ok(())
    }

    /// Closes the connection in mid-answer; what was seen until then.
    pub fn hang_up(self) -> Answer {
        self.answer(true)
    }

    /// Reads to the end, be it good or bad.
    pub async fn finish(mut self) -> Answer {
        loop {
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.seen.extend_from_slice(&chunk),
                Ok(None) => return self.answer(false),
                Err(_) => return self.answer(true),
            }
        }
    }

    fn answer(self, broken: bool) -> Answer {
        Answer {
            status: self.status,
            headers: self.headers,
            body: self.seen,
            broken,
        }
    }
}

/// What a client saw of an answer.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, as far as it came.
    pub body: Vec<u8>,
    /// It did not come to its end.
    pub broken: bool,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = out.debug_struct("Answer");
        shown
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &self.text())
            .field("broken", &self.broken)
            .finish()
    }
}

impl Answer {
    /// The header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The request's id.
    ///
    /// # Errors
    /// It was not shown.
    pub fn request_id(&self) -> anyhow::Result<&str> {
        self.header(REQUEST_ID)
            .with_context(|| format!("the answer shows no request id: {self:?}"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The status, and the type and code of the error in OpenAI's shape; all four of its members must be there.
    pub fn error(&self) -> (u16, String, Option<String>) {
        let json = self.json();
        let error = &json["error"];
        let whole = ["message", "type", "param", "code"]
            .iter()
            .all(|member| error.get(member).is_some());
        let kind = if whole {
            error["type"].as_str().unwrap_or_default().to_owned()
        } else {
            format!("no error in OpenAI's shape: {}", self.text())
        };
        (self.status, kind, error["code"].as_str().map(str::to_owned))
    }

    /// The data of a stream's whole events.
    pub fn events(&self) -> Vec<String> {
        let whole = whole_events(&self.body);
        let text = self.text();
        let data = |event: &str| event.strip_prefix("data: ").unwrap_or(event).to_owned();
        text.split("\n\n").take(whole).map(data).collect()
    }
}

fn whole_events(bytes: &[u8]) -> usize {
    bytes.windows(2).filter(|pair| pair == b"\n\n").count()
}
