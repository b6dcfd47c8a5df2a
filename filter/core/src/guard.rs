//! The upstream instance's decisions: no marker, no provider.
//!
//! It stands before `credential_injector` in each provider cluster's chain. Without the marker that the gateway instance left in
//! filter state the request ends here, so that no neighbour route, disabled filter or crafted header spends the provider's
//! credential. With it, the request gets this provider's path and host, and loses every credential it still carries: header
//! changes of an earlier attempt persist into this one.

use crate::config::UpstreamConfig;
use crate::effect::Effect;
use crate::endpoint;
use crate::headers::Headers;
use crate::reply::{Reason, Reply};
use crate::tags;

/// Filter state in which the gateway instance leaves its marker: written as property `ferry.marker`, read as the same, shown
/// in access logs as `%FILTER_STATE(wasm.ferry.marker)%`.
pub const MARKER: &str = "ferry.marker";
/// Filter state in which provider chains note their attempts; see [`crate::attempts`].
pub const ATTEMPTS: &str = "ferry.attempts";

/// What the marker says before the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// A reservation holds what the request can cost.
    Reservation,
    /// The request is only watched.
    Shadow,
    /// Admitted while the quota server did not answer.
    Offline,
}

impl Admission {
    const ALL: [Self; 3] = [Self::Reservation, Self::Shadow, Self::Offline];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Reservation => "reservation:",
            Self::Shadow => "shadow:",
            Self::Offline => "offline:",
        }
    }

    /// The marker of a request.
    #[must_use]
    pub fn marker(self, id: &ferry_types::ReservationId) -> String {
        format!("{}{id}", self.prefix())
    }

    /// What a marker admits; `None` if it is none of ours.
    #[must_use]
    pub fn of_marker(marker: &str) -> Option<Self> {
        let admits = |kind: &Self| {
            marker
                .strip_prefix(kind.prefix())
                .is_some_and(|id| id.parse::<ferry_types::ReservationId>().is_ok())
        };
        Self::ALL.into_iter().find(admits)
    }
}

/// What is done with a request that is about to leave for this provider; `Err` with the answer if it may not.
///
/// # Errors
/// The refusal, for a request without a marker.
pub fn admit(
    config: &UpstreamConfig,
    marker: Option<&str>,
    headers: &Headers,
) -> Result<Vec<Effect>, Reply> {
    if marker.and_then(Admission::of_marker).is_none() {
        return Err(Reply::reason(Reason::NotAdmitted));
    }
    let mut effects = Vec::new();
    for name in headers.names(|name| is_credential(name) || tags::is_ours(name)) {
        effects.push(Effect::RemoveRequestHeader(name));
    }
    if let Some(path) = headers
        .text(":path")
        .and_then(|path| endpoint::path_at_provider(path, &config.path_prefix))
    {
        effects.push(Effect::SetRequestHeader(":path".to_owned(), path));
    }
    if let Some(authority) = &config.authority {
        effects.push(Effect::SetRequestHeader(
            ":authority".to_owned(),
            authority.clone(),
        ));
    }
    Ok(effects)
}

/// Headers in which some provider or proxy takes a credential or an identity.
fn is_credential(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "authorization",
        "proxy-authorization",
        "api-key",
        "x-api-key",
        "x-goog-api-key",
        "x-auth-token",
        "cookie",
        "openai-organization",
        "openai-project",
        "x-amz-security-token",
    ];
    NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

    fn config() -> UpstreamConfig {
        UpstreamConfig {
            provider: "openai".into(),
            authority: Some("api.openai.com".into()),
            path_prefix: "/v1".into(),
        }
    }

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        Headers::new(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
        )
    }

    #[test]
    fn without_a_marker_nothing_goes_out() {
        let forged = [
            "",
            "reservation:",
            "reservation:1",
            "other:0190163d-8694-739b-aea5-966c26f8ad91",
            ID,
        ];
        for marker in forged.into_iter().map(Some).chain([None]) {
            let refused = admit(&config(), marker, &headers(&[])).expect_err("must be refused");
            assert_eq!(refused.status, 503, "{marker:?}");
        }
        for kind in ["reservation", "shadow", "offline"] {
            assert!(admit(&config(), Some(&format!("{kind}:{ID}")), &headers(&[])).is_ok());
        }
    }

    #[test]
    fn the_request_gets_this_providers_path_and_loses_every_credential() {
        let request = headers(&[
            (":path", "/gw/v1/chat/completions?x=y"),
            (":authority", "gateway"),
            ("authorization", "Bearer fk_customer"),
            ("api-key", "provider-1"),
            ("x-ferry-provider-1", "openai"),
            ("x-envoy-attempt-count", "1"),
            ("content-type", "application/json"),
        ]);
        let effects =
            admit(&config(), Some(&format!("reservation:{ID}")), &request).expect("admitted");
        let removed = |name: &str| Effect::RemoveRequestHeader(name.to_owned());
        let set =
            |name: &str, value: &str| Effect::SetRequestHeader(name.to_owned(), value.to_owned());
        let expected = [
            removed("authorization"),
            removed("api-key"),
            removed("x-ferry-provider-1"),
            removed("x-envoy-attempt-count"),
            set(":path", "/v1/chat/completions"),
            set(":authority", "api.openai.com"),
        ];
        assert_eq!(effects, expected);
    }
}
