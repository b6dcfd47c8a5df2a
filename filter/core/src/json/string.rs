//! The inside of a string: escapes, UTF-8 across splits, control characters.
//!
//! This is where a large body spends its time: plain text is passed over eight bytes a step.

use super::error::{InvalidJson, InvalidJsonKind};

/// Where in a string the reader stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    /// Not in an escape.
    #[default]
    None,
    /// After a backslash.
    Backslash,
    /// After `\u`, or after a second one that has to complete `high`.
    Unicode {
        high: Option<u16>,
        value: u16,
        digits: u8,
    },
    /// After the first half of a surrogate pair: `\` has to follow.
    LowBackslash(u16),
    /// After the first half and a backslash: `u` has to follow.
    LowU(u16),
}

/// Bytes of the longest UTF-8 character.
const CHAR_BYTES_MAX: usize = 4;

#[derive(Clone, Debug, Default)]
pub(super) struct StringReader {
    escape: Escape,
    /// Where the escape's backslash stands.
    escape_at: u64,
    /// The beginning of a character that was cut.
    carry: [u8; CHAR_BYTES_MAX],
    carried: usize,
}

/// What has been read.
pub(super) struct Step {
    pub(super) taken: usize,
    pub(super) closed: bool,
}

impl Step {
    const fn took(taken: usize) -> Self {
        Self {
            taken,
            closed: false,
        }
    }
}

impl StringReader {
    /// Reads `bytes`, of which the first stands at `at`, up to the closing quote.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        at: u64,
        emit: &mut impl FnMut(&str),
    ) -> Result<Step, InvalidJson> {
        let mut taken = 0usize;
        while let Some(rest) = bytes.get(taken..)
            && !rest.is_empty()
        {
            let step = self.step(rest, at.saturating_add(taken as u64), emit)?;
            taken = taken.saturating_add(step.taken);
            if step.closed {
                return Ok(Step {
                    taken,
                    closed: true,
                });
            }
        }
        Ok(Step::took(taken))
    }

    /// Reads some of `bytes`; never nothing if there are any.
    fn step(
        &mut self,
        bytes: &[u8],
        at: u64,
        emit: &mut impl FnMut(&str),
    ) -> Result<Step, InvalidJson> {
        let Some(&byte) = bytes.first() else {
            return Ok(Step::took(0));
        };
        if self.carried > 0 {
            return self.complete_char(byte, at, emit);
        }
        if self.escape != Escape::None {
            return self.escaped(byte, emit);
        }
        let length = plain_length(bytes);
        if length > 0 {
            let plain = bytes.get(..length).unwrap_or_default();
            self.plain(plain, length == bytes.len(), at, emit)?;
            return Ok(Step::took(length));
        }
        match byte {
            b'"' => Ok(Step {
                taken: 1,
                closed: true,
            }),
            b'\\' => {
                if let Some(text) = bytes.get(1).and_then(|byte| simple_escape(*byte)) {
                    emit(text);
                    return Ok(Step::took(2));
                }
                self.escape = Escape::Backslash;
                self.escape_at = at;
                Ok(Step::took(1))
            }
            _ => Err(InvalidJson {
                kind: InvalidJsonKind::Control,
                at,
            }),
        }
    }

    /// Text without quotes, escapes and control characters. Where it is all there is so far, its last character may be cut.
    fn plain(
        &mut self,
        plain: &[u8],
        is_last: bool,
        at: u64,
        emit: &mut impl FnMut(&str),
    ) -> Result<(), InvalidJson> {
        let fault = match core::str::from_utf8(plain) {
            Ok(text) => {
                emit(text);
                return Ok(());
            }
            Err(fault) => fault,
        };
        let (valid, rest) = plain
            .split_at_checked(fault.valid_up_to())
            .unwrap_or((plain, &[]));
        if let Ok(text) = core::str::from_utf8(valid)
            && !text.is_empty()
        {
            emit(text);
        }
        let is_cut = fault.error_len().is_none() && is_last;
        let room = self.carry.get_mut(..rest.len());
        let (true, Some(room)) = (is_cut, room) else {
            return Err(InvalidJson {
                kind: InvalidJsonKind::Utf8,
                at: at.saturating_add(valid.len() as u64),
            });
        };
        room.copy_from_slice(rest);
        self.carried = rest.len();
        Ok(())
    }

    /// One more byte of a character that was cut.
    fn complete_char(
        &mut self,
        byte: u8,
        at: u64,
        emit: &mut impl FnMut(&str),
    ) -> Result<Step, InvalidJson> {
        let fault = InvalidJson {
            kind: InvalidJsonKind::Utf8,
            at: at.saturating_sub(self.carried as u64),
        };
        *self.carry.get_mut(self.carried).ok_or(fault)? = byte;
        self.carried = self.carried.saturating_add(1);
        match core::str::from_utf8(self.carry.get(..self.carried).ok_or(fault)?) {
            Ok(text) => {
                emit(text);
                self.carried = 0;
                Ok(Step::took(1))
            }
            Err(error) if error.error_len().is_none() => Ok(Step::took(1)),
            Err(_) => Err(fault),
        }
    }

    /// One more byte of an escape.
    fn escaped(&mut self, byte: u8, emit: &mut impl FnMut(&str)) -> Result<Step, InvalidJson> {
        let wrong = |kind| InvalidJson {
            kind,
            at: self.escape_at,
        };
        self.escape = match (self.escape, byte) {
            (Escape::None, _) => Escape::None,
            (Escape::Backslash, b'u') => unicode(None),
            (Escape::Backslash, _) => {
                emit(simple_escape(byte).ok_or(wrong(InvalidJsonKind::Escape))?);
                Escape::None
            }
            (Escape::LowBackslash(high), b'\\') => Escape::LowU(high),
            (Escape::LowU(high), b'u') => unicode(Some(high)),
            (Escape::LowBackslash(_) | Escape::LowU(_), _) => {
                return Err(wrong(InvalidJsonKind::Surrogate));
            }
            (
                Escape::Unicode {
                    high,
                    value,
                    digits,
                },
                _,
            ) => {
                let digit = hex(byte).ok_or(wrong(InvalidJsonKind::Escape))?;
                let value = (value << 4) | digit;
                if digits < 3 {
                    Escape::Unicode {
                        high,
                        value,
                        digits: digits.saturating_add(1),
                    }
                } else {
                    unit(high, value, emit).ok_or(wrong(InvalidJsonKind::Surrogate))?
                }
            }
        };
        Ok(Step::took(1))
    }
}

const fn unicode(high: Option<u16>) -> Escape {
    Escape::Unicode {
        high,
        value: 0,
        digits: 0,
    }
}

/// What follows a complete UTF-16 unit; `None` if it is half of a pair whose other half is not there.
fn unit(high: Option<u16>, value: u16, emit: &mut impl FnMut(&str)) -> Option<Escape> {
    if high.is_none() && (0xD800..0xDC00).contains(&value) {
        return Some(Escape::LowBackslash(value));
    }
    let units = [high.unwrap_or(value), value];
    let units = if high.is_some() {
        units.as_slice()
    } else {
        units.get(1..)?
    };
    let mut buffer = [0; CHAR_BYTES_MAX];
    let mut characters = char::decode_utf16(units.iter().copied());
    let character = characters.next()?.ok()?;
    if characters.next().is_some() {
        return None;
    }
    emit(character.encode_utf8(&mut buffer));
    Some(Escape::None)
}

const fn simple_escape(byte: u8) -> Option<&'static str> {
    match byte {
        b'"' => Some("\""),
        b'\\' => Some("\\"),
        b'/' => Some("/"),
        b'b' => Some("\u{8}"),
        b'f' => Some("\u{c}"),
        b'n' => Some("\n"),
        b'r' => Some("\r"),
        b't' => Some("\t"),
        _ => None,
    }
}

fn hex(byte: u8) -> Option<u16> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u16::try_from(digit).ok())
}

/// How many bytes from the start are neither a quote, a backslash nor a control character.
fn plain_length(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = special_bytes(u64::from_le_bytes(*word));
        if found != 0 {
            let within = usize::try_from(found.trailing_zeros() / 8).unwrap_or(0);
            return index.saturating_mul(8).saturating_add(within);
        }
    }
    let within = tail
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
        .unwrap_or(tail.len());
    bytes
        .len()
        .saturating_sub(tail.len())
        .saturating_add(within)
}

/// A word whose lowest set bit is in the first byte, in memory's order, that is a quote, a backslash or a control character.
///
/// Subtracting borrows from the next byte only where a byte matched, so that what lies above the lowest set bit may be wrong.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    const SPACES: u64 = u64::from_le_bytes([b' '; 8]);
    let quote = word ^ QUOTES;
    let backslash = word ^ BACKSLASHES;
    let quotes = quote.wrapping_sub(ONES) & !quote;
    let backslashes = backslash.wrapping_sub(ONES) & !backslash;
    let controls = word.wrapping_sub(SPACES) & !word;
    (quotes | backslashes | controls) & TOPS
}

#[cfg(test)]
mod tests {
    use super::plain_length;

    #[test]
    fn plain_text_ends_at_the_first_byte_that_means_something() {
        for length in 0..24 {
            for special in [b'"', b'\\', 0, 1, 0x1f] {
                for filler in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff] {
                    let mut bytes = vec![filler; length];
                    assert_eq!(plain_length(&bytes), length);
                    bytes.push(special);
                    bytes.extend([b'"'; 9]);
                    assert_eq!(plain_length(&bytes), length, "{bytes:?}");
                }
            }
        }
    }
}
