//! The journal: only appended, each entry chained to the one before by its hash. The stored bytes are hashed, never an
//! encoding made anew.

pub mod codec;

use crate::book::Head;
use crate::time::UnixMs;
use ferry_types::TenantId;
use sha2::{Digest, Sha256};

/// What a hash's input begins with, so that it is the hash of nothing else.
const DOMAIN: &[u8] = b"ferry journal v1\0";

/// An entry of a book's journal, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// The server's time; never before the entry before.
    pub time: UnixMs,
    /// What kind of event, by its stored code.
    pub kind: u8,
    /// The event: a version byte, and its fields.
    pub content: Vec<u8>,
    /// Hash of the entry before; zeros before the first.
    pub previous_hash: [u8; 32],
    /// Hash over all of the above and the book's name.
    pub hash: [u8; 32],
}

impl Entry {
    /// The entry that follows this end of a book's journal. Its time is `at`, but never before the last entry's.
    pub(crate) fn after(
        head: &Head,
        book: &TenantId,
        at: UnixMs,
        kind: u8,
        content: Vec<u8>,
    ) -> Self {
        let mut entry = Self {
            seq: head.next_seq(),
            time: at.max(head.time),
            kind,
            content,
            previous_hash: head.hash,
            hash: [0; 32],
        };
        entry.hash = entry.computed_hash(book);
        entry
    }

    /// The end of the journal once it is written.
    pub const fn end(&self) -> Head {
        Head {
            seq: self.seq,
            time: self.time,
            hash: self.hash,
        }
    }

    /// The hash that this entry should have in this book.
    #[must_use]
    pub fn computed_hash(&self, book: &TenantId) -> [u8; 32] {
        let book = book.as_str().as_bytes();
        let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes();
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(length(book));
        hash.update(book);
        hash.update(self.seq.to_be_bytes());
        hash.update(self.time.0.to_be_bytes());
        hash.update([self.kind]);
        hash.update(length(&self.content));
        hash.update(&self.content);
        hash.update(self.previous_hash);
        hash.finalize().into()
    }
}
