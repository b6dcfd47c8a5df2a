//! The customer's key in a request: found, checked, and turned into its digest. The text goes no further.

use ferry_types::{KeyDigest, KeyText};
use sha2::{Digest, Sha256};

use crate::headers::Headers;

/// What an idempotency key's digest begins with, so that it is a digest of nothing else.
const IDEMPOTENCY_DOMAIN: &[u8] = b"ferry idempotency v1\0";

/// The digest of the key in `authorization: Bearer …`; `None` if there is none, more than one, or none of ours.
#[must_use]
pub fn digest_of_bearer(headers: &Headers) -> Option<KeyDigest> {
    let (scheme, text) = headers.only("authorization")?.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    KeyText::parse(text.trim(), sha256)
        .ok()
        .map(|key| key.digest(sha256))
}

/// The digest of the client's idempotency key; empty if it sent none.
#[must_use]
pub fn digest_of_idempotency_key(headers: &Headers) -> Vec<u8> {
    match headers.all("idempotency-key").next() {
        Some(key) if !key.is_empty() => sha256(&[IDEMPOTENCY_DOMAIN, key]).to_vec(),
        Some(_) | None => Vec::new(),
    }
}

/// SHA-256 over the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> Headers {
        Headers::new(
            values
                .iter()
                .map(|value| ("authorization".to_owned(), value.as_bytes().to_vec()))
                .collect(),
        )
    }

    #[test]
    fn a_key_is_taken_only_as_one_bearer_token() {
        let key = KeyText::new([1; 8], [2; 32], sha256);
        let good = format!("Bearer {}", key.reveal());
        assert_eq!(
            digest_of_bearer(&headers(&[&good])),
            Some(key.digest(sha256))
        );
        assert_eq!(
            digest_of_bearer(&headers(&[&format!("bearer  {} ", key.reveal())])),
            Some(key.digest(sha256))
        );
        let mut mistyped = good.clone();
        mistyped.replace_range(20..21, if &good[20..21] == "0" { "1" } else { "0" });
        let cases: [&[&str]; 7] = [
            &[],
            &[""],
            &[key.reveal()],
            &["Basic abc"],
            &["Bearer sk-1234"],
            &[&mistyped],
            &[&good, &good],
        ];
        for case in cases {
            assert_eq!(digest_of_bearer(&headers(case)), None, "{case:?}");
        }
    }

    #[test]
    fn sha256_is_sha256() {
        let [first, second, ..] = sha256(&[b"a", b"bc"]);
        assert_eq!((first, second), (0xba, 0x78));
    }
}
