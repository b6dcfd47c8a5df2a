//! Lines of server-sent events: which bytes are data, where a line ends, where an event ends. Any split, any line end.

use memchr::memchr2;

/// Bytes of a byte order mark and of the longest name that matters.
const NAME_BYTES_MAX: usize = 7;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// In a field's name, of which so many bytes are kept.
    Name(usize),
    /// In the value of `data`.
    Data,
    /// In anything else.
    Other,
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The value of a data field begins after them.
    DataBegin,
    /// They belong to the value of a data field.
    Data,
    /// They belong to a line end that was seen already: a line feed after a carriage return.
    LineFeed,
    /// They are an empty line: the event is complete.
    EventEnd,
    /// They mean nothing here.
    Other,
}

#[derive(Clone, Debug)]
pub(super) struct LineReader {
    line: Line,
    name: [u8; NAME_BYTES_MAX],
    is_first_line: bool,
    after_return: bool,
}

impl Default for LineReader {
    fn default() -> Self {
        Self {
            line: Line::Name(0),
            name: [0; NAME_BYTES_MAX],
            is_first_line: true,
            after_return: false,
        }
    }
}

impl LineReader {
    /// What the first of `bytes` are, and how many; `None` if there are none.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<(Part, usize)> {
        let byte = *bytes.first()?;
        if core::mem::take(&mut self.after_return) && byte == b'\n' {
            return Some((Part::LineFeed, 1));
        }
        if let Line::Name(length) = self.line {
            return Some((self.name(length, byte), 1));
        }
        let length = memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len());
        if length == 0 {
            self.end_line(byte);
            return Some((Part::Other, 1));
        }
        let part = match self.line {
            Line::Data => Part::Data,
            Line::Name(_) | Line::Other => Part::Other,
        };
        Some((part, length))
    }

    fn name(&mut self, length: usize, byte: u8) -> Part {
        match byte {
            b'\n' | b'\r' if length == 0 => {
                self.end_line(byte);
                Part::EventEnd
            }
            b'\n' | b'\r' => {
                // A name without a colon has an empty value.
                let is_data = self.is_data(length);
                self.end_line(byte);
                if is_data {
                    Part::DataBegin
                } else {
                    Part::Other
                }
            }
            b':' if self.is_data(length) => {
                self.line = Line::Data;
                Part::DataBegin
            }
            _ => {
                self.line = match self.name.get_mut(length) {
                    Some(room) if byte != b':' => {
                        *room = byte;
                        Line::Name(length.saturating_add(1))
                    }
                    _ => Line::Other,
                };
                Part::Other
            }
        }
    }

    fn is_data(&self, length: usize) -> bool {
        let name = self.name.get(..length).unwrap_or_default();
        let name = match name.strip_prefix(BYTE_ORDER_MARK) {
            Some(name) if self.is_first_line => name,
            _ => name,
        };
        name == b"data"
    }

    const fn end_line(&mut self, byte: u8) {
        self.line = Line::Name(0);
        self.is_first_line = false;
        self.after_return = byte == b'\r';
    }
}
