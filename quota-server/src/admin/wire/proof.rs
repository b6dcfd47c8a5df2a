//! The JSON of signed heads, of sealed months, and of a verification that tells how far it is.

use super::{Failure, Verdict};
use crate::heads::HeadLine;
use serde::{Deserialize, Serialize};

/// `POST seals`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealMonth {
    /// Such as `2026-10`.
    pub month: String,
    /// Frozen books that it is sealed without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

/// A sealed month. Its seal is an entry of every book, at the end of each, and so has no one place; `GET heads` tells where the journals
/// end since. Nothing becomes available or ceases to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Such as `2026-10`, in UTC.
    pub month: String,
    /// When it was sealed.
    pub sealed_at: String,
    /// Books with an entry before its end, but for those that it is without.
    pub books: u64,
    /// Books that it tells nothing of: frozen when it was made. Also when they are mended; a later month's seal tells of all their
    /// entries.
    #[serde(default)]
    pub without: Vec<String>,
    /// Over how every one of them stood at its end, and the names of those that it is without, hexadecimal.
    pub hash: String,
    /// Short name of the key that signed.
    pub public_key_id: String,
    /// Ed25519, hexadecimal.
    pub signature: String,
}

/// Books that a sealed month tells nothing of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedWithout {
    /// Such as `2026-10`.
    pub month: String,
    /// They.
    pub books: Vec<String>,
}

/// `GET seals`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seals {
    /// The oldest first.
    pub seals: Vec<Seal>,
}

/// `GET heads`: where every journal ends, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// Raised by each restore.
    pub epoch: u64,
    /// What they are signed with, hexadecimal: keep it where the server cannot reach it.
    pub public_key: String,
    /// Its short name.
    pub public_key_id: String,
    /// One a tenant.
    pub heads: Vec<HeadLine>,
}

/// `POST heads/check`: heads or receipts that somebody kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckHeads {
    /// What they have to be signed with; the server's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// They.
    pub heads: Vec<HeadLine>,
}

/// What was found of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadsVerdict {
    /// All of them hold.
    pub clean: bool,
    /// How many do.
    pub hold: u64,
    /// The first that does not, in a sentence.
    pub difference: Option<String>,
}

/// A line of `GET verify` for whoever accepts `application/x-ndjson`. The last is no progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum VerifyLine {
    /// It is over.
    Verdict(Verdict),
    /// The database could not be read to the end.
    Failure(Failure),
    /// It goes on.
    Progress(Progress),
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Journal entries replayed.
    pub entries: u64,
}
