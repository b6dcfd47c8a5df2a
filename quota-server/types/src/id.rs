//! Ids, each its own type, made by parsing.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

/// The text or bytes are not an id of this kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId {
    kind: &'static str,
    expected: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a {}: expected {}", self.kind, self.expected)
    }
}

impl core::error::Error for InvalidId {}

/// Id of a reservation, and of the request that it is for: a UUID of version 7, drawn by the filter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationId([u8; 16]);

impl ReservationId {
    /// Builds the id of a request that starts at `unix_ms`, out of 10 random bytes.
    #[must_use]
    pub const fn new(unix_ms: u64, random: [u8; 10]) -> Self {
        let [_, _, t0, t1, t2, t3, t4, t5] = unix_ms.to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        let version = 0x70 | (r0 & 0x0f);
        let variant = 0x80 | (r2 & 0x3f);
        Self([
            t0, t1, t2, t3, t4, t5, version, r1, variant, r3, r4, r5, r6, r7, r8, r9,
        ])
    }

    /// Reads the 16 bytes of the wire and of the store.
    ///
    /// # Errors
    /// [`InvalidId`] unless they are a UUID of version 7.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidId> {
        let invalid = InvalidId {
            kind: "reservation id",
            expected: "a UUID of version 7",
        };
        let id: [u8; 16] = bytes.try_into().map_err(|_| invalid.clone())?;
        let [_, _, _, _, _, _, version, _, variant, ..] = id;
        if version >> 4 == 7 && variant >> 6 == 2 {
            Ok(Self(id))
        } else {
            Err(invalid)
        }
    }

    /// The 16 bytes of the wire and of the store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// When the filter drew it, in Unix milliseconds.
    #[must_use]
    pub const fn unix_ms(&self) -> u64 {
        let [t0, t1, t2, t3, t4, t5, ..] = self.0;
        u64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5])
    }
}

impl fmt::Display for ReservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ReservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ReservationId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            kind: "reservation id",
            expected: "a UUID of version 7",
        };
        let mut bytes = [0u8; 16];
        let mut digits = text.bytes().filter(|b| *b != b'-');
        for byte in &mut bytes {
            let high = digits.next().and_then(hex_digit).ok_or_else(invalid)?;
            let low = digits.next().and_then(hex_digit).ok_or_else(invalid)?;
            *byte = (high << 4) | low;
        }
        let id = Self::from_bytes(&bytes)?;
        // Only the canonical form: hyphens where they belong, nothing behind.
        if alloc::string::ToString::to_string(&id) == text.to_ascii_lowercase() {
            Ok(id)
        } else {
            Err(invalid())
        }
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|d| u8::try_from(d).ok())
}

/// Most bytes in a name that an operator chooses: what a DNS label allows.
pub const NAME_BYTES_MAX: usize = 63;

fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let first = text.bytes().next().is_some_and(plain);
    first && text.len() <= NAME_BYTES_MAX && text.bytes().all(|b| plain(b) || b == b'-')
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let expected = "1 to 63 of a-z, 0-9 and '-', not beginning with '-'";
                if is_name(text) { Ok(Self(text.into())) } else { Err(InvalidId { kind: $kind, expected }) }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The customer that pays: a name chosen by the operator, never changed.
    TenantId,
    "tenant id"
);
name!(
    /// Credit that was granted to a tenant: a name chosen by whoever granted it, never changed.
    GrantId,
    "grant id"
);
name!(
    /// A limit that was set for a tenant: a name chosen by whoever set it.
    LimitId,
    "limit id"
);
name!(
    /// Something that a person put right in a book: a name chosen by whoever did, never changed.
    CorrectionId,
    "correction id"
);
name!(
    /// Money that goes from one book to another: a name chosen by whoever moves it, never changed.
    TransferId,
    "transfer id"
);
name!(
    /// Something that happened in the house's own book: a name chosen by whoever posts it, never changed.
    MovementId,
    "movement id"
);
name!(
    /// Whoever brought a tenant, and gets a share of what it pays: a name chosen by the operator, never changed.
    ResellerName,
    "reseller's name"
);
name!(
    /// A gateway deployment, as its credential shows it.
    PrincipalName,
    "principal's name"
);

/// What the house's own book is kept under.
const HOUSE: &str = "house";

impl TenantId {
    /// What the house's own book is kept under, where each tenant's is under the tenant's id. No tenant has it.
    #[must_use]
    pub fn house() -> Self {
        Self(HOUSE.into())
    }

    /// Whether this is the house, and no tenant.
    #[must_use]
    pub fn is_house(&self) -> bool {
        self.0 == HOUSE
    }
}

/// Characters of a key's readable part.
pub const KEY_PREFIX_CHARS: usize = 8;

/// Id of a customer's API key: `key_` and the readable part of the key, which is no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The id of the key with this readable part, which the caller has checked.
    pub(crate) fn from_readable(readable: &str) -> Self {
        Self(alloc::format!("key_{readable}"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rest = text.strip_prefix("key_");
        match rest {
            Some(rest)
                if rest.len() == KEY_PREFIX_CHARS
                    && rest.bytes().all(|b| b.is_ascii_alphanumeric()) =>
            {
                Ok(Self(text.into()))
            }
            Some(_) | None => Err(InvalidId {
                kind: "key id",
                expected: "key_ and 8 letters or digits",
            }),
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_id_keeps_its_time_and_survives_text_and_bytes() {
        let id = ReservationId::new(0x0123_4567_89ab, [0xff; 10]);
        assert_eq!(id.to_string(), "01234567-89ab-7fff-bfff-ffffffffffff");
        assert_eq!(id.unix_ms(), 0x0123_4567_89ab);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(ReservationId::from_bytes(id.as_bytes()), Ok(id));
    }

    #[test]
    fn other_ids_are_refused() {
        for text in [
            "",
            "01234567-89ab-4fff-bfff-ffffffffffff",
            "01234567-89ab-7fff-0fff-ffffffffffff",
            "0123456789ab7fffbfffffffffffffff",
            "01234567-89ab-7fff-bfff-ffffffffffff0",
            "01234567-89ab-7fff-bfff-fffffffffffg",
        ] {
            assert!(text.parse::<ReservationId>().is_err(), "{text}");
        }
        assert!(ReservationId::from_bytes(&[0; 15]).is_err());
    }

    #[test]
    fn names_are_dns_labels() {
        for good in ["acme", "a", "0-9", &"x".repeat(63)] {
            assert_eq!(
                good.parse::<TenantId>().map(|t| t.to_string()),
                Ok(good.to_string())
            );
        }
        for bad in ["", "-a", "Acme", "a b", "a_b", "é", &"x".repeat(64)] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad}");
        }
        assert_eq!("house".parse(), Ok(TenantId::house()));
        assert!(TenantId::house().is_house());
        assert!("key_7Hq2mX4c".parse::<KeyId>().is_ok());
        for bad in ["key_7Hq2mX4", "7Hq2mX4c", "key_7Hq2mX4_"] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }
}
