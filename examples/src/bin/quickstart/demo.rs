//! The five requests, sent as a customer's program would, and what the ledger says of each.

use crate::report::{Report, Request, Verify};
use anyhow::{Context as _, bail, ensure};
use ferry_examples::gateway::Gateway;
use ferry_examples::simulator::{Output, Script};
use ferry_quota_server::admin::Client;
use ferry_quota_server::admin::wire::UsageRecord;
use reqwest::Response;
use serde_json::{Value, json};
use std::time::Duration;

/// A cheap model that every table of ours lists.
const MODEL: &str = "gpt-4o-mini";
/// A request that can cost more than the five dollars there are: 64 × 16,384 tokens at 10 dollars a million or more.
const DEAR_MODEL: &str = "gpt-4o";
const DEAR_CHOICES: u32 = 64;
const DEAR_OUTPUT_TOKENS: u32 = 16_384;
/// Pieces of the last answer that the client reads before it hangs up.
const PIECES_READ: usize = 5;
/// Between two tokens of the last answer.
const PACE: Duration = Duration::from_millis(30);
/// Nothing.
const NO_MONEY: &str = "0.000000000";

/// Sends the five requests, one after the other.
pub async fn run(gateway: &Gateway) -> anyhow::Result<Report> {
    let customer = Customer::new(gateway)?;
    let requests = vec![
        customer.models().await.context("the model list")?,
        customer.chat().await.context("the chat completion")?,
        customer
            .stream()
            .await
            .context("the streamed chat completion")?,
        customer
            .refused()
            .await
            .context("the request that the balance refuses")?,
        customer
            .hangup()
            .await
            .context("the request whose client hangs up")?,
    ];
    let balance = customer.admin.balance(&gateway.customer().tenant).await?;
    let verdict = customer.admin.verify().await?;
    Ok(Report {
        currency: balance.currency,
        requests,
        open_reservations: balance.open_reservations,
        verify: Verify {
            clean: verdict.clean,
        },
        base_url: gateway.base_url(),
        api_key: gateway.customer().api_key.clone(),
    })
}

struct Customer<'a> {
    gateway: &'a Gateway,
    admin: &'a Client,
    http: reqwest::Client,
}

impl<'a> Customer<'a> {
    fn new(gateway: &'a Gateway) -> anyhow::Result<Self> {
        Ok(Self {
            gateway,
            admin: gateway.admin(),
            http: reqwest::Client::new(),
        })
    }

    async fn models(&self) -> anyhow::Result<Request> {
        let url = format!("{}/models", self.gateway.base_url());
        let response = self
            .http
            .get(url)
            .bearer_auth(&self.gateway.customer().api_key)
            .send()
            .await?;
        let (status, list) = (response.status().as_u16(), body(response).await?);
        let names: Vec<&str> = list["data"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|m| m["id"].as_str())
            .collect();
        ensure!(!names.is_empty(), "no model is listed: {list}");
        self.free(
            "models",
            status,
            format!("this key may use {}", names.join(", ")),
        )
        .await
    }

    async fn chat(&self) -> anyhow::Result<Request> {
        let request = json!({"model": MODEL, "max_completion_tokens": 100, "messages": messages()});
        let response = self.post(&request).await?;
        let id = request_id(&response)?;
        let status = response.status().as_u16();
        let answer = body(response).await?;
        ensure!(status == 200, "answered with {status}: {answer}");
        self.paid("chat", status, &id, |record| {
            format!(
                "at most 100 tokens were held for, {} were written",
                record.usage.output_tokens
            )
        })
        .await
    }

    async fn stream(&self) -> anyhow::Result<Request> {
        let request = json!({"model": MODEL, "stream": true, "messages": messages()});
        let mut response = self.post(&request).await?;
        let id = request_id(&response)?;
        let status = response.status().as_u16();
        let limit = header(&response, "x-ai-quota-output-tokens-limit")?;
        let mut bytes = 0;
        while let Some(piece) = response.chunk().await? {
            bytes += piece.len();
        }
        ensure!(status == 200, "answered with {status}");
        self.paid("stream", status, &id, |_| {
            format!("the client set no limit: {limit} output tokens were written into its request; {bytes} bytes streamed")
        })
        .await
    }

    async fn refused(&self) -> anyhow::Result<Request> {
        let request = json!({
            "model": DEAR_MODEL, "n": DEAR_CHOICES, "max_completion_tokens": DEAR_OUTPUT_TOKENS, "messages": messages(),
        });
        let response = self.post(&request).await?;
        let (status, answer) = (response.status().as_u16(), body(response).await?);
        ensure!(
            status == 429,
            "answered with {status}, not refused: {answer}"
        );
        let code = answer["error"]["code"].as_str().unwrap_or("no code");
        let message = answer["error"]["message"].as_str().unwrap_or("no message");
        self.free("refused", status, format!("{code}: {message}"))
            .await
    }

    async fn hangup(&self) -> anyhow::Result<Request> {
        let request = json!({"model": MODEL, "stream": true, "max_completion_tokens": 2_000, "messages": messages()});
        self.answer_slowly();
        let mut response = self.post(&request).await?;
        let id = request_id(&response)?;
        let status = response.status().as_u16();
        for _ in 0..PIECES_READ {
            ensure!(
                response.chunk().await?.is_some(),
                "the answer was over before the client hung up"
            );
        }
        drop(response);
        self.paid("hangup", status, &id, |record| {
            format!(
                "the client hung up: what had been written by then is charged ({})",
                record.source.as_deref().unwrap_or("unknown")
            )
        })
        .await
    }

    /// Has the simulator write as slowly as a large model; a real provider needs no telling.
    fn answer_slowly(&self) {
        if let Ok(simulator) = self.gateway.simulator() {
            let script = Script {
                pace: PACE,
                output: Output::Limit,
                ..Script::default()
            };
            simulator.next([script]);
        }
    }

    async fn post(&self, request: &Value) -> anyhow::Result<Response> {
        let url = format!("{}/chat/completions", self.gateway.base_url());
        Ok(self
            .http
            .post(url)
            .bearer_auth(&self.gateway.customer().api_key)
            .json(request)
            .send()
            .await?)
    }

    /// A row for a request that no provider saw.
    async fn free(&self, name: &'static str, status: u16, said: String) -> anyhow::Result<Request> {
        Ok(Request {
            name,
            status,
            reserved: NO_MONEY.into(),
            charged: NO_MONEY.into(),
            released: NO_MONEY.into(),
            balance: self.available().await?,
            input_tokens: 0,
            output_tokens: 0,
            said,
        })
    }

    /// A row for a request that was settled: waits for its record.
    async fn paid(
        &self,
        name: &'static str,
        status: u16,
        id: &str,
        said: impl Fn(&UsageRecord) -> String,
    ) -> anyhow::Result<Request> {
        let record = self.gateway.usage(id).await?;
        Ok(Request {
            name,
            status,
            reserved: record
                .reserved
                .clone()
                .context("the record does not say what was held")?,
            charged: record.charged.clone(),
            released: record.released.clone(),
            balance: self.available().await?,
            input_tokens: record.usage.input_tokens + record.usage.cached_input_tokens,
            output_tokens: record.usage.output_tokens + record.usage.reasoning_tokens,
            said: said(&record),
        })
    }

    async fn available(&self) -> anyhow::Result<String> {
        Ok(self
            .admin
            .balance(&self.gateway.customer().tenant)
            .await?
            .available)
    }
}

fn messages() -> Value {
    json!([{"role": "user", "content": "What does a ferry do, in one sentence?"}])
}

fn request_id(response: &Response) -> anyhow::Result<String> {
    header(response, "x-ferryapi-request-id")
}

fn header(response: &Response, name: &str) -> anyhow::Result<String> {
    match response.headers().get(name).map(|value| value.to_str()) {
        Some(Ok(value)) => Ok(value.to_owned()),
        Some(Err(_)) | None => bail!(
            "the answer (status {}) has no header {name}",
            response.status()
        ),
    }
}

async fn body(response: Response) -> anyhow::Result<Value> {
    let text = response.text().await?;
    serde_json::from_str(&text).with_context(|| format!("the answer is not JSON: {text}"))
}
