//! The five attribution tags, and which headers of a client's go no further than the filter.

use ferry_api::v1::Tags;
use ferry_types::request::TAG_BYTES_MAX;

use crate::headers::Headers;

/// Reads the tags. One that is too long or not visible ASCII counts as not sent: a tag only narrows, and never fails a request.
#[must_use]
pub fn read(headers: &Headers) -> Tags {
    let tag = |name: &str| {
        headers
            .text(name)
            .filter(|value| is_tag(value))
            .unwrap_or_default()
            .to_owned()
    };
    Tags {
        feature: tag("x-ferry-feature"),
        environment: tag("x-ferry-environment"),
        end_user: tag("x-ferry-end-user"),
        session: tag("x-ferry-session"),
        agent: tag("x-ferry-agent"),
    }
}

fn is_tag(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= TAG_BYTES_MAX
        && value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// Headers of a client's that steer billing, routing or Envoy itself: read by the filter, then removed.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    name.starts_with("x-ferry-")
        || name.starts_with("x-ferryapi-")
        || name.starts_with("x-envoy-")
        || name == "idempotency-key"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        Headers::new(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
        )
    }

    #[test]
    fn a_tag_is_at_most_64_bytes_of_visible_ascii() {
        let longest = "x".repeat(64);
        let pairs = [
            ("x-ferry-feature", longest.as_str()),
            ("x-ferry-environment", "prod eu"),
            ("x-ferry-end-user", "caf\u{e9}"),
            ("x-ferry-session", ""),
        ];
        let tags = read(&headers(&pairs));
        assert_eq!(
            (tags.feature.as_str(), tags.environment.as_str()),
            (longest.as_str(), "prod eu")
        );
        assert_eq!(
            (
                tags.end_user.as_str(),
                tags.session.as_str(),
                tags.agent.as_str()
            ),
            ("", "", "")
        );
        let too_long = "x".repeat(65);
        assert_eq!(
            read(&headers(&[("x-ferry-feature", &too_long)])).feature,
            ""
        );
    }

    #[test]
    fn what_steers_is_ours() {
        for name in [
            "x-ferry-provider-1",
            "x-ferry-feature",
            "x-ferryapi-request-id",
            "x-envoy-attempt-count",
            "idempotency-key",
        ] {
            assert!(is_ours(name), "{name}");
        }
        for name in [
            "x-request-id",
            "openai-organization",
            "authorization",
            "x-ferr",
        ] {
            assert!(!is_ours(name), "{name}");
        }
    }
}
