//! What the filter itself answers: refusals and errors, in the shape that OpenAI's SDKs act on.
//!
//! `{"error":{"message","type","param","code"}}`, always all four. A refusal that the quota server decided is shown as it was
//! told; the filter's own reasons are the variants of [`Reason`], each with its status, type, code and sentence.

mod reason;

pub use reason::Reason;

use ferry_api::v1::{Header, Refused};
use serde_json::{Value, json};

/// Our own answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u32,
    /// Headers besides what the host adds.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: Vec<u8>,
    /// Why, for `response.code_details` and the access log.
    pub details: String,
}

/// The members of OpenAI's error object.
#[derive(Debug, Clone, Copy)]
pub struct ErrorBody<'a> {
    /// For people.
    pub message: &'a str,
    /// OpenAI's `type`.
    pub kind: &'a str,
    /// The request's field that is to blame.
    pub param: Option<&'a str>,
    /// What programs act on.
    pub code: Option<&'a str>,
}

impl ErrorBody<'_> {
    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let error = json!({"message": self.message, "type": self.kind, "param": self.param, "code": self.code});
        json!({ "error": error }).to_string().into_bytes()
    }
}

impl Reply {
    /// An answer that is JSON.
    #[must_use]
    pub fn json(status: u32, body: &Value) -> Self {
        Self::with_body(status, body.to_string().into_bytes(), "ferry_answered")
    }

    /// An error of the filter's own.
    #[must_use]
    pub fn reason(reason: Reason) -> Self {
        let mut reply = Self::with_body(reason.status(), reason.body().to_json(), reason.details());
        if let Some(seconds) = reason.retry_after_s() {
            reply.push("retry-after", &seconds.to_string());
        }
        if let Some(retry) = reason.should_retry() {
            reply.push("x-should-retry", bool_text(retry));
        }
        reply
    }

    /// A request that could not be read: status, the field to blame, a code and a sentence.
    #[must_use]
    pub fn invalid_request(status: u32, error: ErrorBody<'_>) -> Self {
        Self::with_body(status, error.to_json(), "ferry_invalid_request")
    }

    /// A refusal exactly as the quota server told it.
    #[must_use]
    pub fn refused(refused: &Refused) -> Self {
        let status = if (400..=599).contains(&refused.http_status) {
            refused.http_status
        } else {
            503
        };
        let error = ErrorBody {
            message: &refused.message,
            kind: &refused.r#type,
            param: none_if_empty(&refused.param),
            code: none_if_empty(&refused.code),
        };
        let mut reply = Self::with_body(status, error.to_json(), "ferry_refused");
        if let Some(seconds) = refused.retry_after_s {
            reply.push("retry-after", &seconds.to_string());
        }
        if let Some(retry) = refused.should_retry {
            reply.push("x-should-retry", bool_text(retry));
        }
        reply.headers.extend(shown(&refused.headers));
        reply
    }

    /// Adds a header.
    pub fn push(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn with_body(status: u32, body: Vec<u8>, details: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self {
            status,
            headers,
            body,
            details: details.to_owned(),
        }
    }
}

/// The server's headers that may be shown: `x-…` with a plain value. What frames a message is not the server's to say.
#[must_use]
pub fn shown(headers: &[Header]) -> Vec<(String, String)> {
    let allowed = |header: &&Header| {
        let name = header.name.as_bytes();
        name.starts_with(b"x-")
            && name
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
            && header
                .value
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
    };
    headers
        .iter()
        .filter(allowed)
        .map(|header| (header.name.clone(), header.value.clone()))
        .collect()
}

fn none_if_empty(text: &str) -> Option<&str> {
    if text.is_empty() { None } else { Some(text) }
}

fn bool_text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

#[cfg(test)]
mod tests;
