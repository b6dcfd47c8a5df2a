//! Which endpoint a request is for. What cannot be metered is not known here, and so is refused.

/// An endpoint of OpenAI's API that the filter serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST …/v1/chat/completions`.
    ChatCompletions,
    /// `GET …/v1/models`, or `GET …/v1/models/{id}`.
    Models(Option<String>),
}

/// What stands after a provider's prefix in the path of a chat completion.
pub const CHAT_COMPLETIONS: &str = "/chat/completions";
const VERSION: &str = "/v1";
const MODELS: &str = "/v1/models";

impl Endpoint {
    /// The endpoint of a request; `None` if it is none that the filter serves.
    #[must_use]
    pub fn of(method: &str, path_and_query: &str) -> Option<Self> {
        let path = without_query(path_and_query);
        match method {
            "POST" => {
                let before = path.strip_suffix(CHAT_COMPLETIONS)?;
                before.ends_with(VERSION).then_some(Self::ChatCompletions)
            }
            "GET" if path.ends_with(MODELS) => Some(Self::Models(None)),
            "GET" => {
                let (_, id) = path.split_once("/v1/models/")?;
                (!id.is_empty()).then(|| Self::Models(Some(percent_decoded(id))))
            }
            _ => None,
        }
    }
}

/// The path of the same endpoint at a provider; `None` if it is none that the filter serves. The query is left out: it is the
/// client's, and the provider's path is not.
#[must_use]
pub fn path_at_provider(path_and_query: &str, prefix: &str) -> Option<String> {
    without_query(path_and_query)
        .ends_with(CHAT_COMPLETIONS)
        .then(|| format!("{prefix}{CHAT_COMPLETIONS}"))
}

fn without_query(path_and_query: &str) -> &str {
    path_and_query
        .split_once('?')
        .map_or(path_and_query, |(path, _)| path)
}

/// A path segment without its percent escapes; what is not an escape stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == b'%'
            && let Some((digits, tail)) = tail.split_at_checked(2)
            && let Some(byte) = core::str::from_utf8(digits)
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        {
            bytes.push(byte);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_and_what_is_not() {
        let models = |id: Option<&str>| Some(Endpoint::Models(id.map(str::to_owned)));
        let cases = [
            (
                "POST",
                "/v1/chat/completions",
                Some(Endpoint::ChatCompletions),
            ),
            (
                "POST",
                "/openai/v1/chat/completions?x=1",
                Some(Endpoint::ChatCompletions),
            ),
            ("GET", "/v1/models", models(None)),
            ("GET", "/v1/models?limit=2", models(None)),
            ("GET", "/v1/models/gpt-4o", models(Some("gpt-4o"))),
            ("GET", "/v1/models/org%2Fmodel", models(Some("org/model"))),
            ("GET", "/v1/models/a%zz%4", models(Some("a%zz%4"))),
            ("GET", "/v1/models/", None),
            ("GET", "/v1/chat/completions", None),
            ("DELETE", "/v1/models/gpt-4o", None),
            ("POST", "/v1/chat/completions/", None),
            ("POST", "/v1/chat/completions/abc", None),
            ("POST", "/chat/completions", None),
            ("POST", "/v1/embeddings", None),
            ("POST", "/v1/embeddings?/v1/chat/completions", None),
            ("", "", None),
        ];
        for (method, path, expected) in cases {
            assert_eq!(Endpoint::of(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn each_provider_has_its_own_path() {
        let cases = [
            (
                "/x/v1/chat/completions?a=b",
                "/v1",
                Some("/v1/chat/completions"),
            ),
            (
                "/api/openai/chat/completions",
                "",
                Some("/chat/completions"),
            ),
            ("/v1/embeddings", "/v1", None),
        ];
        for (path, prefix, expected) in cases {
            assert_eq!(
                path_at_provider(path, prefix).as_deref(),
                expected,
                "{path}"
            );
        }
    }
}
