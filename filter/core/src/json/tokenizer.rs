//! The tokenizer's state machine. Invariant: after a fault it stays at that fault.

use super::error::{InvalidJson, InvalidJsonKind};
use super::nesting::{Container, Nesting};
use super::number::Phase;
use super::string::StringReader;
use super::text::BoundedText;
use super::{Sink, Span, Token};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value has to follow.
    Value,
    /// After `[`.
    FirstElement,
    /// After `{`.
    FirstKey,
    /// After a comma in an object.
    NextKey,
    /// After a name.
    Colon,
    /// After a value inside a container.
    AfterValue,
    /// After the document's value.
    Done,
    InKey,
    InString,
    InNumber(Phase),
    InLiteral(Literal, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Literal {
    True,
    False,
    Null,
}

impl Literal {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::True => b"true",
            Self::False => b"false",
            Self::Null => b"null",
        }
    }
}

/// A push tokenizer.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    at: u64,
    state: State,
    nesting: Nesting,
    /// Where the piece that is being read begins.
    start: u64,
    /// The comma before the name that is being read.
    comma: Option<u64>,
    string: StringReader,
    text: BoundedText,
    fault: Option<InvalidJson>,
}

impl Default for Tokenizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Tokenizer {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            at: 0,
            state: State::Value,
            nesting: Nesting::default(),
            start: 0,
            comma: None,
            string: StringReader::default(),
            text: BoundedText::default(),
            fault: None,
        }
    }

    /// The offset of the next byte.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.at
    }

    /// Says that the next byte stands at `offset`, where bytes that are no part of the document lie between.
    pub const fn set_offset(&mut self, offset: u64) {
        self.at = offset;
    }

    /// Whether the document's value is complete. A number at the top never is before the end.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == State::Done && self.fault.is_none()
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// The first fault; the same on every later call.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<(), InvalidJson> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            match self.step(byte, rest, sink) {
                Ok(taken) => {
                    self.at = self.at.saturating_add(taken as u64);
                    rest = rest.get(taken..).unwrap_or_default();
                }
                Err(fault) => {
                    self.fault = Some(fault);
                    return Err(fault);
                }
            }
        }
        Ok(())
    }

    /// Says that there are no more bytes.
    ///
    /// # Errors
    /// The document is empty or ends in the middle.
    pub fn finish(&mut self, sink: &mut impl Sink) -> Result<(), InvalidJson> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if let State::InNumber(phase) = self.state
            && phase.is_whole()
        {
            self.end_number(sink);
        }
        let kind = match self.state {
            State::Done => return Ok(()),
            State::Value if self.nesting.innermost().is_none() => InvalidJsonKind::Empty,
            State::Value
            | State::FirstElement
            | State::FirstKey
            | State::NextKey
            | State::Colon
            | State::AfterValue
            | State::InKey
            | State::InString
            | State::InNumber(_)
            | State::InLiteral(..) => InvalidJsonKind::Truncated,
        };
        let fault = InvalidJson { kind, at: self.at };
        self.fault = Some(fault);
        Err(fault)
    }

    /// Reads some bytes, and says how many. None only where a number ends, which the next step goes on from.
    fn step(&mut self, byte: u8, rest: &[u8], sink: &mut impl Sink) -> Result<usize, InvalidJson> {
        match self.state {
            State::InString => self.in_string(rest, sink),
            State::InKey => self.in_key(rest, sink),
            State::InNumber(phase) => self.in_number(phase, byte, sink),
            State::InLiteral(literal, matched) => self.in_literal(literal, matched, byte, sink),
            State::Value
            | State::FirstElement
            | State::FirstKey
            | State::NextKey
            | State::Colon
            | State::AfterValue
            | State::Done => {
                if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                    self.structure(byte, sink)?;
                }
                Ok(1)
            }
        }
    }

    fn structure(&mut self, byte: u8, sink: &mut impl Sink) -> Result<(), InvalidJson> {
        match (self.state, byte) {
            (State::FirstElement, b']') => self.close(Token::EndArray, sink),
            (State::FirstKey, b'}') => self.close(Token::EndObject, sink),
            (State::Value | State::FirstElement, _) => return self.value(byte, sink),
            (State::FirstKey | State::NextKey, b'"') => {
                self.start = self.at;
                self.text.clear();
                self.state = State::InKey;
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::AfterValue, _) => match (self.nesting.innermost(), byte) {
                (Some(Container::Object), b',') => {
                    self.comma = Some(self.at);
                    self.state = State::NextKey;
                }
                (Some(Container::Array), b',') => self.state = State::Value,
                (Some(Container::Object), b'}') => self.close(Token::EndObject, sink),
                (Some(Container::Array), b']') => self.close(Token::EndArray, sink),
                _ => return Err(self.wrong(InvalidJsonKind::Unexpected)),
            },
            _ => return Err(self.wrong(InvalidJsonKind::Unexpected)),
        }
        Ok(())
    }

    fn value(&mut self, byte: u8, sink: &mut impl Sink) -> Result<(), InvalidJson> {
        self.start = self.at;
        match byte {
            b'{' => {
                self.open(Container::Object, Token::BeginObject, sink)?;
                self.comma = None;
                self.state = State::FirstKey;
            }
            b'[' => {
                self.open(Container::Array, Token::BeginArray, sink)?;
                self.state = State::FirstElement;
            }
            b'"' => {
                sink.token(Token::BeginString, self.byte_span());
                self.state = State::InString;
            }
            b't' => self.state = State::InLiteral(Literal::True, 1),
            b'f' => self.state = State::InLiteral(Literal::False, 1),
            b'n' => self.state = State::InLiteral(Literal::Null, 1),
            _ => {
                let phase = Phase::first(byte).ok_or(self.wrong(InvalidJsonKind::Unexpected))?;
                self.text.clear();
                self.text.push(&[byte]);
                self.state = State::InNumber(phase);
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        container: Container,
        token: Token<'_>,
        sink: &mut impl Sink,
    ) -> Result<(), InvalidJson> {
        if !self.nesting.open(container) {
            return Err(self.wrong(InvalidJsonKind::TooDeep));
        }
        sink.token(token, self.byte_span());
        Ok(())
    }

    fn close(&mut self, token: Token<'_>, sink: &mut impl Sink) {
        self.nesting.close();
        sink.token(token, self.byte_span());
        self.after_value();
    }

    fn in_string(&mut self, rest: &[u8], sink: &mut impl Sink) -> Result<usize, InvalidJson> {
        let span = Span {
            start: self.start,
            end: self.at,
        };
        let step = self.string.read(rest, self.at, &mut |text| {
            sink.token(Token::Text(text), span);
        })?;
        if step.closed {
            sink.token(Token::EndString, self.span_with(step.taken));
            self.after_value();
        }
        Ok(step.taken)
    }

    fn in_key(&mut self, rest: &[u8], sink: &mut impl Sink) -> Result<usize, InvalidJson> {
        let Self {
            string, text, at, ..
        } = self;
        let step = string.read(rest, *at, &mut |piece| text.push(piece.as_bytes()))?;
        if step.closed {
            let key = Token::Key {
                name: self.text.get(),
                comma: self.comma,
            };
            sink.token(key, self.span_with(step.taken));
            self.state = State::Colon;
        }
        Ok(step.taken)
    }

    fn in_number(
        &mut self,
        phase: Phase,
        byte: u8,
        sink: &mut impl Sink,
    ) -> Result<usize, InvalidJson> {
        if let Some(next) = phase.next(byte) {
            self.text.push(&[byte]);
            self.state = State::InNumber(next);
            return Ok(1);
        }
        if !phase.is_whole() || Phase::looks_like_more(byte) {
            return Err(self.wrong(InvalidJsonKind::Number));
        }
        self.end_number(sink);
        Ok(0)
    }

    fn end_number(&mut self, sink: &mut impl Sink) {
        let span = Span {
            start: self.start,
            end: self.at,
        };
        sink.token(Token::Number(self.text.get()), span);
        self.after_value();
    }

    fn in_literal(
        &mut self,
        literal: Literal,
        matched: usize,
        byte: u8,
        sink: &mut impl Sink,
    ) -> Result<usize, InvalidJson> {
        let text = literal.text();
        if text.get(matched) != Some(&byte) {
            return Err(self.wrong(InvalidJsonKind::Unexpected));
        }
        let matched = matched.saturating_add(1);
        self.state = State::InLiteral(literal, matched);
        if matched == text.len() {
            let token = match literal {
                Literal::True => Token::Bool(true),
                Literal::False => Token::Bool(false),
                Literal::Null => Token::Null,
            };
            sink.token(token, self.span_with(1));
            self.after_value();
        }
        Ok(1)
    }

    const fn after_value(&mut self) {
        self.state = if self.nesting.innermost().is_none() {
            State::Done
        } else {
            State::AfterValue
        };
    }

    const fn byte_span(&self) -> Span {
        Span {
            start: self.at,
            end: self.at.saturating_add(1),
        }
    }

    /// From where the piece begins, over the next `taken` bytes.
    const fn span_with(&self, taken: usize) -> Span {
        Span {
            start: self.start,
            end: self.at.saturating_add(taken as u64),
        }
    }

    const fn wrong(&self, kind: InvalidJsonKind) -> InvalidJson {
        InvalidJson { kind, at: self.at }
    }
}
