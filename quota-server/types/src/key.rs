//! The text of a customer's API key, and the digest that stands for it everywhere but in Envoy.
//!
//! `fk_` + 8 readable characters + `_` + 43 characters (32 random bytes) + 6 characters of checksum; all base62. A key that was
//! mistyped or cut is recognised without asking anybody.

use crate::id::{KEY_PREFIX_CHARS, KeyId};
use alloc::string::String;
use core::fmt;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters that 32 bytes take in base62.
const SECRET_CHARS: usize = 43;
/// Characters that 4 bytes take in base62.
const CHECKSUM_CHARS: usize = 6;
/// What the digest's input begins with, so that it is a digest of nothing else.
pub const DIGEST_DOMAIN: &[u8] = b"ferry key v1\0";

/// Computes SHA-256. This crate has no dependencies: the caller brings the function.
pub type Sha256 = fn(&[&[u8]]) -> [u8; 32];

/// The text is not a key of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKey {
    /// It does not have the shape of a key.
    Shape,
    /// It has the shape, but was mistyped or cut.
    Checksum,
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "not shaped like a key",
            Self::Checksum => "the key's checksum does not match: it was mistyped or cut",
        })
    }
}

impl core::error::Error for InvalidKey {}

/// The secret text of a key. Its Debug hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(hidden)")
    }
}

impl KeyText {
    /// Makes a key out of random bytes: 8 for the readable part, 32 for the secret.
    #[must_use]
    pub fn new(readable: [u8; 8], secret: [u8; 32], sha256: Sha256) -> Self {
        let mut text = String::from("fk_");
        for byte in readable {
            push_digit(&mut text, usize::from(byte));
        }
        text.push('_');
        push_base62(&mut text, &secret, SECRET_CHARS);
        let checksum = checksum(&text, sha256);
        push_base62(&mut text, &checksum, CHECKSUM_CHARS);
        Self(text)
    }

    /// Reads a key.
    ///
    /// # Errors
    /// [`InvalidKey`] if it is none of ours.
    pub fn parse(text: &str, sha256: Sha256) -> Result<Self, InvalidKey> {
        let rest = text.strip_prefix("fk_").ok_or(InvalidKey::Shape)?;
        let (readable, secret) = rest.split_once('_').ok_or(InvalidKey::Shape)?;
        let base62 = |part: &str, chars: usize| {
            part.len() == chars && part.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        if !base62(readable, KEY_PREFIX_CHARS)
            || !base62(secret, SECRET_CHARS.saturating_add(CHECKSUM_CHARS))
        {
            return Err(InvalidKey::Shape);
        }
        let (body, told) = text
            .split_at_checked(text.len().saturating_sub(CHECKSUM_CHARS))
            .ok_or(InvalidKey::Shape)?;
        let mut right = String::new();
        push_base62(&mut right, &checksum(body, sha256), CHECKSUM_CHARS);
        if right == told {
            Ok(Self(text.into()))
        } else {
            Err(InvalidKey::Checksum)
        }
    }

    /// The secret text, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The id of the key: its readable part.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let readable: String = self
            .0
            .chars()
            .skip("fk_".len())
            .take(KEY_PREFIX_CHARS)
            .collect();
        KeyId::from_readable(&readable)
    }

    /// The digest that stands for the key.
    #[must_use]
    pub fn digest(&self, sha256: Sha256) -> KeyDigest {
        KeyDigest(sha256(&[DIGEST_DOMAIN, self.0.as_bytes()]))
    }
}

/// SHA-256 over a domain string and the key. It counts as a credential: its Debug hides it, and it is never logged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The bytes of the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the bytes of the wire.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(hidden)")
    }
}

fn checksum(body: &str, sha256: Sha256) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[body.as_bytes()]);
    [a, b, c, d]
}

fn push_digit(text: &mut String, value: usize) {
    if let Some(digit) = value
        .checked_rem(ALPHABET.len())
        .and_then(|i| ALPHABET.get(i))
    {
        text.push(char::from(*digit));
    }
}

/// Writes a big-endian number in base62, in a fixed number of characters.
fn push_base62(text: &mut String, bytes: &[u8], chars: usize) {
    const BASE: u32 = 62;
    let mut number: alloc::vec::Vec<u8> = bytes.into();
    let mut digits = alloc::vec::Vec::with_capacity(chars);
    for _ in 0..chars {
        let mut rest = 0u32;
        for byte in &mut number {
            let value = (rest << 8) | u32::from(*byte);
            let (quotient, remainder) = (value.checked_div(BASE), value.checked_rem(BASE));
            *byte = quotient
                .and_then(|q| u8::try_from(q).ok())
                .unwrap_or(u8::MAX);
            rest = remainder.unwrap_or(0);
        }
        digits.push(rest as usize);
    }
    for digit in digits.into_iter().rev() {
        push_digit(text, digit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands in for SHA-256: this crate only needs some function of the bytes.
    fn digest(parts: &[&[u8]]) -> [u8; 32] {
        let mut out = [7u8; 32];
        for (i, byte) in parts.concat().into_iter().enumerate() {
            out[i % 32] = out[i % 32].rotate_left(3).wrapping_mul(31) ^ byte;
            out[(i + 1) % 32] ^= out[i % 32];
        }
        out
    }

    #[test]
    fn a_key_is_read_back_and_names_its_id() {
        let key = KeyText::new([1, 2, 3, 4, 5, 6, 7, 61], [0xff; 32], digest);
        assert_eq!(key.reveal().len(), 3 + 8 + 1 + 43 + 6);
        assert_eq!(KeyText::parse(key.reveal(), digest), Ok(key.clone()));
        assert_eq!(key.id().as_str(), "key_1234567z");
        assert_eq!(
            format!("{key:?} {:?}", key.digest(digest)),
            "KeyText(hidden) KeyDigest(hidden)"
        );
    }

    #[test]
    fn base62_of_32_bytes_fits_its_characters() {
        let mut text = String::new();
        push_base62(&mut text, &[0xff; 32], SECRET_CHARS);
        assert_eq!(text, "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
        let mut checksum = String::new();
        push_base62(&mut checksum, &[0xff; 4], CHECKSUM_CHARS);
        assert_eq!(checksum, "4gfFC3");
    }

    #[test]
    fn what_is_not_a_key_is_told_apart_from_a_mistyped_one() {
        let key = KeyText::new([0; 8], [3; 32], digest);
        let good = key.reveal();
        let mut swapped = good.to_string();
        swapped.replace_range(20..21, if &good[20..21] == "0" { "1" } else { "0" });
        assert_eq!(KeyText::parse(&swapped, digest), Err(InvalidKey::Checksum));
        for bad in [
            "",
            "sk-abc",
            "fk_",
            "fk_short_x",
            &good[..good.len() - 1],
            &format!("{good}0"),
        ] {
            assert_eq!(KeyText::parse(bad, digest), Err(InvalidKey::Shape), "{bad}");
        }
    }
}
