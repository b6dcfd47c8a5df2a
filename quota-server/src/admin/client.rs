//! The client of `/admin/v1`: what the command line, the quickstart and the tests use.

mod house;
mod limits;
mod money;
mod proof;
mod requests;
mod tenants;

pub use requests::Show;

use super::wire::{Failure, Status};
use crate::listener::{Address, InvalidAddress};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

/// A client of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    server: String,
    token: Option<Token>,
}

/// The operator's token. Its Debug hides it.
#[derive(Clone)]
struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// The text names no server.
#[derive(Debug, thiserror::Error)]
pub enum InvalidServer {
    /// It is no address.
    #[error("{0}, nor http://HOST:PORT")]
    Address(InvalidAddress),
    /// The HTTP client cannot be made.
    #[error("failed to make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// A call that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers.
    #[error("cannot reach the server at {server}: is `ferry serve` running?")]
    Unreachable {
        /// Where it was looked for.
        server: String,
        /// Why it cannot be reached.
        source: reqwest::Error,
    },
    /// The server said no.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Stable code. Whatever is asked may be told `unauthorized`, `unavailable` (try again), `not_ready` (the database is not what was
        /// acknowledged) or `not_found` (a server of another version). What sends something may be told `invalid_request`, which names
        /// the field, and what changes a book `frozen`. What else a call may be told stands at its method.
        code: String,
        /// For people.
        message: String,
    },
    /// Something answers that is not the administration of a server of this version.
    #[error(
        "what answers at {server} is not Ferry's administration, or is that of another version (HTTP status {status}): look at \
         `ferry --version` on both sides"
    )]
    NotFerry {
        /// Where.
        server: String,
        /// HTTP status.
        status: u16,
    },
}

impl ClientError {
    /// The stable code of what the server refused, such as `unknown_tenant`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Unreachable { .. } | Self::NotFerry { .. } => None,
        }
    }
}

impl Client {
    /// A client of the server at `unix:/path`, `/path`, `127.0.0.1:9903` or `http://host:port`.
    ///
    /// # Errors
    /// [`InvalidServer`] if the text names none.
    pub fn new(server: &str, token: Option<&str>) -> Result<Self, InvalidServer> {
        let builder = reqwest::Client::builder();
        let (builder, base) = if server.starts_with("http://") {
            (builder, server.trim_end_matches('/').to_owned())
        } else if server.starts_with(['/', '.']) {
            (builder.unix_socket(server), "http://ferry".to_owned())
        } else {
            match server.parse().map_err(InvalidServer::Address)? {
                Address::Unix(path) => (builder.unix_socket(path), "http://ferry".to_owned()),
                Address::Tcp(address) => (builder, format!("http://{address}")),
            }
        };
        Ok(Self {
            http: builder.build().map_err(InvalidServer::Client)?,
            base: format!("{base}/admin/v1"),
            server: server.to_owned(),
            token: token.map(|token| Token(token.to_owned())),
        })
    }

    /// A client of the server at this address.
    ///
    /// # Errors
    /// [`InvalidServer`] if no client can be made.
    pub fn at(address: &Address, token: Option<&str>) -> Result<Self, InvalidServer> {
        Self::new(&address.to_string(), token)
    }

    /// What the server says about itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("status", &[]).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, ClientError> {
        let path = Self::with_query(path, query);
        self.send(self.request(Method::GET, &path)).await
    }

    fn with_query(path: &str, query: &[(&str, &str)]) -> String {
        let mut path = path.to_owned();
        for (i, (name, value)) in query.iter().enumerate() {
            path.push(if i == 0 { '?' } else { '&' });
            path.push_str(name);
            path.push('=');
            path.push_str(&segment(value));
        }
        path
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/{path}", self.base));
        match &self.token {
            Some(Token(token)) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let unreachable = |source| self.unreachable(source);
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        self.read(status, &answer.bytes().await.map_err(unreachable)?)
    }

    /// What an answer says.
    fn read<T: DeserializeOwned>(&self, status: StatusCode, body: &[u8]) -> Result<T, ClientError> {
        let not_ferry = |_| self.not_ferry(status);
        if status.is_success() {
            return serde_json::from_slice(body).map_err(not_ferry);
        }
        let failure: Failure = serde_json::from_slice(body).map_err(not_ferry)?;
        Err(Self::refused(status, failure))
    }

    fn unreachable(&self, source: reqwest::Error) -> ClientError {
        ClientError::Unreachable {
            server: self.server.clone(),
            source,
        }
    }

    fn not_ferry(&self, status: StatusCode) -> ClientError {
        ClientError::NotFerry {
            server: self.server.clone(),
            status: status.as_u16(),
        }
    }

    fn refused(status: StatusCode, failure: Failure) -> ClientError {
        ClientError::Refused {
            status: status.as_u16(),
            code: failure.error.code,
            message: failure.error.message,
        }
    }
}

/// Text as one segment of a path, or as a value in a query.
fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(byte.into()),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
