//! Gateways: who they are, and how they show it.
//!
//! A gateway is known by its credential alone, a token or a client certificate, never by what a message says. Only digests
//! of credentials are kept; they are compared in constant time and never shown. What a gateway may ask for is its [`Scope`] and its
//! [`Role`].

mod scope;

pub use scope::{Role, Scope};

use ferry_types::PrincipalName;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;

/// SHA-256 of a credential. Its Debug hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CredentialDigest([u8; 32]);

impl fmt::Debug for CredentialDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialDigest(hidden)")
    }
}

/// The text is no SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 in 64 hexadecimal digits")]
pub struct InvalidDigest;

impl CredentialDigest {
    /// The digest of a credential as it was presented: a token's bytes, a certificate's DER.
    #[must_use]
    pub fn of(credential: &[u8]) -> Self {
        Self(Sha256::digest(credential).into())
    }

    /// Reads 64 hexadecimal digits; colons between bytes, as `openssl x509 -fingerprint` prints them, are allowed.
    ///
    /// # Errors
    /// [`InvalidDigest`] if it is something else.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        let mut bytes = [0; 32];
        let mut digits = text.chars().filter(|c| *c != ':').map(|c| c.to_digit(16));
        let mut next = || digits.next().flatten().and_then(|d| u8::try_from(d).ok());
        for byte in &mut bytes {
            let (Some(high), Some(low)) = (next(), next()) else {
                return Err(InvalidDigest);
            };
            *byte = high << 4 | low;
        }
        match digits.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(InvalidDigest),
        }
    }

    /// The 64 hexadecimal digits, for a configuration file.
    #[must_use]
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(other.0);
        let difference = pairs.fold(0u8, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
        difference == 0
    }
}

/// What a gateway shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A token in the call's metadata.
    Token(CredentialDigest),
    /// A client certificate.
    Certificate(CredentialDigest),
}

/// One gateway deployment, with every credential that it may show; several while one is being replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its name, which reservations belong to.
    pub name: PrincipalName,
    /// Its credentials; at least one.
    pub credentials: Vec<Credential>,
    /// What it is there for.
    pub role: Role,
    /// Whom it may serve.
    pub scope: Scope,
    /// How many settlements of which nothing was held are posted for it in a clock hour, by all servers together; what is beyond is
    /// kept for a person.
    pub unreserved_settles_per_hour_max: u64,
}

/// A token that is stolen can settle without a hold, and so take a tenant into debt. An outage of a busy gateway that admits
/// known keys stays below this; what does not is kept, not lost.
pub const UNRESERVED_SETTLES_PER_HOUR_MAX: u64 = 10_000;

impl Principal {
    /// A gateway for every tenant and route, with these credentials.
    #[must_use]
    pub fn gateway(name: PrincipalName, credentials: Vec<Credential>) -> Self {
        Self {
            name,
            credentials,
            role: Role::Gateway,
            scope: Scope::default(),
            unreserved_settles_per_hour_max: UNRESERVED_SETTLES_PER_HOUR_MAX,
        }
    }
}

/// Every gateway that may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principals(pub Vec<Arc<Principal>>);

impl Principals {
    /// Whose token this is.
    #[must_use]
    pub fn by_token(&self, token: &[u8]) -> Option<&Arc<Principal>> {
        let shown = CredentialDigest::of(token);
        self.find(|credential| match credential {
            Credential::Token(digest) => digest.matches(&shown),
            Credential::Certificate(_) => false,
        })
    }

    /// Whose certificate this is.
    #[must_use]
    pub fn by_certificate(&self, der: &[u8]) -> Option<&Arc<Principal>> {
        let shown = CredentialDigest::of(der);
        self.find(|credential| match credential {
            Credential::Certificate(digest) => digest.matches(&shown),
            Credential::Token(_) => false,
        })
    }

    /// Looks at every credential, whether or not an earlier one matched.
    fn find(&self, matches: impl Fn(&Credential) -> bool) -> Option<&Arc<Principal>> {
        let all = self.0.iter().flat_map(|principal| {
            principal
                .credentials
                .iter()
                .map(move |credential| (principal, credential))
        });
        all.fold(None, |found, (principal, credential)| {
            if matches(credential) {
                Some(principal)
            } else {
                found
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn a_digest_is_read_in_both_spellings_and_hidden() {
        let digest = CredentialDigest::of(b"hello");
        assert_eq!(digest.to_hex(), HELLO);
        assert_eq!(format!("{digest:?}"), "CredentialDigest(hidden)");
        let colons: Vec<_> = HELLO
            .as_bytes()
            .chunks(2)
            .map(String::from_utf8_lossy)
            .collect();
        for text in [HELLO.to_owned(), HELLO.to_uppercase(), colons.join(":")] {
            assert_eq!(CredentialDigest::parse(&text), Ok(digest), "{text}");
        }
        for text in [
            "",
            &HELLO[1..],
            &format!("{HELLO}0"),
            &HELLO.replace('2', "g"),
        ] {
            assert_eq!(CredentialDigest::parse(text), Err(InvalidDigest), "{text}");
        }
    }

    #[test]
    fn a_gateway_is_known_by_each_of_its_credentials_and_their_kind() {
        let principal = |name: &str, credentials: &[Credential]| {
            let name = name.parse().expect("a name");
            Arc::new(Principal::gateway(name, credentials.to_vec()))
        };
        let token = |text: &str| Credential::Token(CredentialDigest::of(text.as_bytes()));
        let certificate = Credential::Certificate(CredentialDigest::of(b"der"));
        let principals = Principals(vec![
            principal("one", &[token("old"), token("new")]),
            principal("two", &[certificate]),
        ]);
        let name =
            |found: Option<&Arc<Principal>>| found.map(|found| found.name.as_str().to_owned());
        assert_eq!(name(principals.by_token(b"old")), Some("one".into()));
        assert_eq!(name(principals.by_token(b"new")), Some("one".into()));
        assert_eq!(name(principals.by_certificate(b"der")), Some("two".into()));
        assert_eq!(name(principals.by_token(b"der")), None);
        assert_eq!(name(principals.by_certificate(b"new")), None);
        assert_eq!(name(principals.by_token(b"")), None);
    }
}
