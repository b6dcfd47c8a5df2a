//! The load generator: a closed loop over a fixed number of kept-alive HTTP/1.1 connections.
//!
//! Each connection sends its next request when it has the whole answer to the last one. Every answer is checked, and every
//! latency is kept: percentiles are of what was measured, not of buckets. One wrong answer fails the run, since a refusal is
//! faster than an answer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::target::Kind;

/// What may pass beyond a round's time until its last answer is there.
const GRACE: Duration = Duration::from_secs(30);
/// Requests of one connection in one round: a bound on memory, far above what one connection can do.
const EXCHANGES_MAX: usize = 1_000_000;

/// The question: some hundred words of context, as a support assistant has them, and a limit on the answer.
const MESSAGES: &str = r#"[{"role":"system","content":"You are the support assistant of a shop that sells bicycles, parts and tools. Answer briefly and exactly, in the language of the question. If a part does not fit, say which one does. Never promise a date of delivery; name the page where the customer finds it. Prices include tax. Returns are free within thirty days if the part was not mounted."},{"role":"user","content":"I have a 2019 gravel bike with a 12 x 142 mm rear axle and an eleven-speed cassette. Does the wheel set that you sell as WS-700 fit, do I need another freehub body, and which tubeless tape is right for a rim of 23 mm inside width?"}]"#;

/// One exchange as the client saw it.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// From the request's sending to the first byte of the answer's body.
    pub first_byte: Duration,
    /// From the request's sending to the last byte.
    pub total: Duration,
    /// Server-sent events in the answer; 0 if it was no stream.
    pub events: u64,
}

/// Open connections, each of which has carried one exchange.
pub struct Connections {
    request: Request<Full<Bytes>>,
    kind: Kind,
    open: Vec<SendRequest<Full<Bytes>>>,
}

impl Connections {
    /// Opens `count` connections and proves each with one exchange that does not count.
    pub async fn open(address: SocketAddr, key: &str, kind: Kind, count: usize) -> Result<Self> {
        let request = request(address, key, kind)?;
        let mut open = Vec::with_capacity(count);
        for _ in 0..count {
            let socket = TcpStream::connect(address)
                .await
                .with_context(|| format!("failed to connect to {address}"))?;
            socket.set_nodelay(true)?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
            tokio::spawn(connection);
            exchange(&mut sender, request.clone(), kind).await?;
            open.push(sender);
        }
        Ok(Self {
            request,
            kind,
            open,
        })
    }

    /// Keeps all connections busy for `time`. Tells the exchanges, and how long they took together.
    pub async fn drive(self, time: Duration) -> Result<(Vec<Exchange>, Duration)> {
        let start = Instant::now();
        let mut loops = JoinSet::new();
        for sender in self.open {
            loops.spawn(keep_busy(
                sender,
                self.request.clone(),
                self.kind,
                start + time,
            ));
        }
        let finished = tokio::time::timeout(time + GRACE, loops.join_all());
        let finished = finished.await.context("answers did not come")?;
        let elapsed = start.elapsed();
        let exchanges = finished.into_iter().collect::<Result<Vec<_>>>()?;
        Ok((exchanges.concat(), elapsed))
    }
}

/// Sends one request after the other until `deadline`.
async fn keep_busy(
    mut sender: SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    kind: Kind,
    deadline: Instant,
) -> Result<Vec<Exchange>> {
    let mut exchanges = Vec::new();
    while Instant::now() < deadline && exchanges.len() < EXCHANGES_MAX {
        exchanges.push(exchange(&mut sender, request.clone(), kind).await?);
    }
    Ok(exchanges)
}

/// One request and its whole answer.
async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    kind: Kind,
) -> Result<Exchange> {
    sender.ready().await.context("the connection was closed")?;
    let start = Instant::now();
    let response = sender
        .send_request(request)
        .await
        .context("no answer came")?;
    let (parts, mut body) = Response::into_parts(response);
    let mut answer = Answer::default();
    let mut first_byte = None;
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame.context("the answer broke off")?.data_ref() {
            first_byte.get_or_insert_with(|| start.elapsed());
            answer.take(data);
        }
    }
    let total = start.elapsed();
    let events = answer.check(parts.status, kind)?;
    let Some(first_byte) = first_byte else {
        bail!("the answer had no body")
    };
    Ok(Exchange {
        first_byte,
        total,
        events,
    })
}

/// The request, with the headers that the official SDK for Python sends.
fn request(address: SocketAddr, key: &str, kind: Kind) -> Result<Request<Full<Bytes>>> {
    let stream = match kind {
        Kind::Json => "",
        Kind::Stream => r#","stream":true"#,
    };
    let body =
        format!(r#"{{"messages":{MESSAGES},"model":"gpt-4o-mini","max_tokens":256{stream}}}"#);
    Request::post("/v1/chat/completions")
        .header(header::HOST, address.to_string())
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "OpenAI/Python 2.7.0")
        .header("x-stainless-lang", "python")
        .header("x-stainless-os", "Linux")
        .header("x-stainless-runtime", "CPython")
        .header("x-stainless-retry-count", "0")
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .body(Full::new(Bytes::from(body)))
        .context("failed to make the request")
}
