//! The encoding of what is stored: one version byte, then fields of tag, length and bytes.
//!
//! Tags ascend, and what is zero or empty is left out, so that one content has exactly one encoding. A reader refuses a field
//! that it does not know: a verifier that skipped fields could not say that it has verified them. A new field is a new
//! version byte.

mod corrections;
mod event;
mod grants;
mod house;
mod limits;
pub(crate) mod message;
mod parked;
mod pinned;
mod row;

/// The bytes are not what this version writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEncoding {
    /// Another version wrote them.
    #[error("unknown version {0}")]
    Version(u8),
    /// There is no such kind.
    #[error("unknown kind {0}")]
    Kind(u8),
    /// They end too early.
    #[error("cut short")]
    Cut,
    /// A field that is not known, or not in its place.
    #[error("unexpected field {0}")]
    UnexpectedField(u8),
    /// A field that must be there is not.
    #[error("field {0} is missing")]
    MissingField(u8),
    /// The field's bytes are no value of its type.
    #[error("field {0} is not valid")]
    InvalidField(u8),
}

/// What most entries and rows fit in, so that few grow while they are written.
const CAPACITY: usize = 512;

/// Writes fields. The tags must ascend.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins with a version byte.
    pub(crate) fn versioned(version: u8) -> Self {
        let mut bytes = Vec::with_capacity(CAPACITY);
        bytes.push(version);
        Self { bytes }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A field, even if it is empty.
    pub(crate) fn field(&mut self, tag: u8, value: &[u8]) {
        self.bytes.push(tag);
        self.length(value.len());
        self.bytes.extend_from_slice(value);
    }

    /// A length in 7-bit groups, least first, in as few as it takes.
    fn length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.bytes.push(low_bits(length) | 0x80);
            length >>= 7;
        }
        self.bytes.push(low_bits(length));
    }

    /// Bytes, unless there are none.
    pub(crate) fn bytes(&mut self, tag: u8, value: &[u8]) {
        if !value.is_empty() {
            self.field(tag, value);
        }
    }

    /// Text, unless it is empty.
    pub(crate) fn text(&mut self, tag: u8, value: &str) {
        self.bytes(tag, value.as_bytes());
    }

    /// A number, unless it is zero.
    pub(crate) fn number(&mut self, tag: u8, value: u64) {
        if value != 0 {
            self.some_number(tag, Some(value));
        }
    }

    /// A number that may be absent; zero is present.
    pub(crate) fn some_number(&mut self, tag: u8, value: Option<u64>) {
        if let Some(value) = value {
            let bytes = value.to_be_bytes();
            let zeros = bytes.iter().take_while(|b| **b == 0).count();
            self.field(tag, bytes.get(zeros..).unwrap_or_default());
        }
    }

    /// A flag, unless it is false.
    pub(crate) fn flag(&mut self, tag: u8, value: bool) {
        self.number(tag, u64::from(value));
    }

    /// A message within.
    pub(crate) fn message<T: Message>(&mut self, tag: u8, value: &T) {
        self.bytes.push(tag);
        let from = self.bytes.len();
        value.write(self);
        // How long it is, is known only now: its length is written behind it, and brought before it.
        let until = self.bytes.len();
        self.length(until.saturating_sub(from));
        let groups = self.bytes.len().saturating_sub(until);
        if let Some(written) = self.bytes.get_mut(from..) {
            written.rotate_right(groups);
        }
    }

    /// A message within, if there is one.
    pub(crate) fn some_message<T: Message>(&mut self, tag: u8, value: Option<&T>) {
        if let Some(value) = value {
            self.message(tag, value);
        }
    }

    /// Messages within, in order.
    pub(crate) fn messages<T: Message>(&mut self, tag: u8, values: &[T]) {
        for value in values {
            self.message(tag, value);
        }
    }
}

fn low_bits(number: usize) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or(0)
}

/// Reads fields, in the order in which they were written.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads the version byte, which must be this one.
    pub(crate) fn versioned(bytes: &'a [u8], version: u8) -> Result<Self, InvalidEncoding> {
        match bytes.split_first() {
            Some((found, rest)) if *found == version => Ok(Self { rest }),
            Some((found, _)) => Err(InvalidEncoding::Version(*found)),
            None => Err(InvalidEncoding::Cut),
        }
    }

    /// Reads the version byte, which must be one of these two; says whether it is the newer.
    pub(crate) fn either(
        bytes: &'a [u8],
        [older, newer]: [u8; 2],
    ) -> Result<(Self, bool), InvalidEncoding> {
        let is_newer = bytes.first() == Some(&newer);
        let version = if is_newer { newer } else { older };
        Ok((Self::versioned(bytes, version)?, is_newer))
    }

    /// The next field, if it has this tag.
    pub(crate) fn some_field(&mut self, tag: u8) -> Result<Option<&'a [u8]>, InvalidEncoding> {
        let Some((found, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        if *found != tag {
            return Ok(None);
        }
        let (length, rest) = length(rest).ok_or(InvalidEncoding::InvalidField(tag))?;
        let (value, rest) = rest.split_at_checked(length).ok_or(InvalidEncoding::Cut)?;
        self.rest = rest;
        Ok(Some(value))
    }

    /// Bytes, empty if they were left out.
    pub(crate) fn bytes(&mut self, tag: u8) -> Result<&'a [u8], InvalidEncoding> {
        match self.some_field(tag)? {
            Some([]) => Err(InvalidEncoding::InvalidField(tag)),
            Some(value) => Ok(value),
            None => Ok(&[]),
        }
    }

    pub(crate) fn text(&mut self, tag: u8) -> Result<String, InvalidEncoding> {
        let bytes = self.bytes(tag)?;
        core::str::from_utf8(bytes)
            .map(String::from)
            .map_err(|_| InvalidEncoding::InvalidField(tag))
    }

    pub(crate) fn number(&mut self, tag: u8) -> Result<u64, InvalidEncoding> {
        match self.some_number(tag)? {
            Some(0) => Err(InvalidEncoding::InvalidField(tag)),
            Some(number) => Ok(number),
            None => Ok(0),
        }
    }

    pub(crate) fn some_number(&mut self, tag: u8) -> Result<Option<u64>, InvalidEncoding> {
        let Some(bytes) = self.some_field(tag)? else {
            return Ok(None);
        };
        if bytes.len() > 8 || bytes.first() == Some(&0) {
            return Err(InvalidEncoding::InvalidField(tag));
        }
        let number = bytes
            .iter()
            .fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        Ok(Some(number))
    }

    pub(crate) fn flag(&mut self, tag: u8) -> Result<bool, InvalidEncoding> {
        match self.number(tag)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(InvalidEncoding::InvalidField(tag)),
        }
    }

    pub(crate) fn some_message<T: Message>(
        &mut self,
        tag: u8,
    ) -> Result<Option<T>, InvalidEncoding> {
        let Some(rest) = self.some_field(tag)? else {
            return Ok(None);
        };
        let mut inner = Reader { rest };
        let value = T::read(&mut inner)?;
        inner.finish()?;
        Ok(Some(value))
    }

    pub(crate) fn message<T: Message>(&mut self, tag: u8) -> Result<T, InvalidEncoding> {
        self.some_message(tag)?
            .ok_or(InvalidEncoding::MissingField(tag))
    }

    pub(crate) fn messages<T: Message>(&mut self, tag: u8) -> Result<Vec<T>, InvalidEncoding> {
        let mut values = Vec::new();
        while let Some(value) = self.some_message(tag)? {
            values.push(value);
        }
        Ok(values)
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), InvalidEncoding> {
        match self.rest.first() {
            Some(tag) => Err(InvalidEncoding::UnexpectedField(*tag)),
            None => Ok(()),
        }
    }
}

/// A length in 7-bit groups, least first, in as few as it takes.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    /// 2^28 bytes: more than any entry has.
    const GROUPS_MAX: usize = 4;
    let mut length = 0usize;
    let mut rest = bytes;
    for group in 0..GROUPS_MAX {
        let (byte, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(byte & 0x7f) << group.checked_mul(7)?;
        if byte & 0x80 == 0 {
            let padded = group > 0 && *byte == 0;
            return (!padded).then_some((length, rest));
        }
    }
    None
}

/// Something that is written as fields.
pub(crate) trait Message: Sized {
    fn write(&self, to: &mut Writer);
    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding>;
}
