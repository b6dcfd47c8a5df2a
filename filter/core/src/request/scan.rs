//! The sink that reads a request: where in the body each token stands, and what follows from it there.
//!
//! Invariant: text is either measured, or known not to reach the model, or makes the input unbounded.

mod body;
mod content;
mod text;

use super::field::{BodyField, MessageField, PartField};
use super::invalid::InvalidRequest;
use super::scanned::ScannedRequest;
use crate::estimate::InputMeasure;
use crate::json::{Sink, Span, Token};
use body::Body;
use text::{TextReader, TextUse};

/// What the innermost open container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The request's object.
    Body,
    StreamOptions,
    Modalities,
    Messages,
    Message,
    /// A message's content in parts.
    Content,
    Part,
    Tools,
    Tool,
    /// Part of a schema, a call, or anything else that the model may be told.
    Schema,
    /// What the model does not see, or what made the input unbounded.
    Unmeasured,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Object,
    Array,
}

/// A value that is no container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scalar<'a> {
    /// Its text went to the [`TextReader`].
    String,
    Number(Option<&'a str>),
    Bool(bool),
    Null,
}

type Checked<T> = Result<T, InvalidRequest>;

/// Reads a request's tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct BodySink {
    /// The open containers, outermost first.
    places: Vec<Place>,
    body: Body,
    measure: InputMeasure,
    text: TextReader,
    /// The member of the message, part or tool that was named last.
    message_field: Option<MessageField>,
    part_field: Option<PartField>,
    /// Whether the part said what it is.
    part_has_type: bool,
    tool_field_is_type: bool,
    fault: Option<InvalidRequest>,
}

impl Sink for BodySink {
    fn token(&mut self, token: Token<'_>, span: Span) {
        if self.fault.is_none()
            && let Err(fault) = self.read(token, span)
        {
            self.fault = Some(fault);
        }
    }
}

impl BodySink {
    /// The first fault among the tokens so far.
    pub(super) fn take_fault(&self) -> Checked<()> {
        self.fault.map_or(Ok(()), Err)
    }

    pub(super) fn into_request(self) -> Checked<ScannedRequest> {
        self.body.into_request(&self.measure)
    }

    fn read(&mut self, token: Token<'_>, span: Span) -> Checked<()> {
        match token {
            Token::BeginObject => self.open(Container::Object, span),
            Token::BeginArray => self.open(Container::Array, span),
            Token::EndObject | Token::EndArray => {
                self.close(span);
                Ok(())
            }
            Token::Key { name, comma } => self.key(name, comma, span),
            Token::BeginString => {
                let used = self.text_use();
                self.text.begin(used);
                Ok(())
            }
            Token::Text(piece) => {
                self.text.piece(piece, &mut self.measure);
                Ok(())
            }
            Token::EndString => {
                self.text.end(span, &mut self.measure);
                self.scalar(Scalar::String, span)
            }
            Token::Number(text) => self.scalar(Scalar::Number(text), span),
            Token::Bool(value) => self.scalar(Scalar::Bool(value), span),
            Token::Null => self.scalar(Scalar::Null, span),
        }
    }

    fn open(&mut self, container: Container, span: Span) -> Checked<()> {
        let Some(&outer) = self.places.last() else {
            if container != Container::Object {
                return Err(InvalidRequest::NotAnObject);
            }
            self.body.begin(span);
            self.places.push(Place::Body);
            return Ok(());
        };
        let place = match outer {
            Place::Body => self.body.open(container, span, &mut self.measure)?,
            Place::StreamOptions => self.body.open_in_stream_options()?,
            Place::Modalities => return Err(body::wrong_modalities()),
            Place::Messages => self.open_message(container)?,
            Place::Message => self.open_in_message(container)?,
            Place::Content => self.open_part(container),
            Place::Part => self.open_in_part(),
            Place::Tools => self.open_tool(container)?,
            Place::Tool => self.open_in_tool()?,
            Place::Schema => {
                self.measure.schema_value();
                Place::Schema
            }
            Place::Unmeasured => Place::Unmeasured,
        };
        self.places.push(place);
        Ok(())
    }

    fn close(&mut self, span: Span) {
        let closed = self.places.pop();
        if closed == Some(Place::Part) && !self.part_has_type {
            self.measure.unmeasurable();
        }
        if self.places.last() == Some(&Place::Body) {
            self.body.close_member(span.end);
        }
    }

    fn key(&mut self, name: Option<&str>, comma: Option<u64>, span: Span) -> Checked<()> {
        // A name that is too long to be kept is none of those that matter.
        let known = super::field::folded(name.unwrap_or_default());
        match self.places.last() {
            Some(Place::Body) => {
                let field = self.body.key(name, &known, comma, span)?;
                if matches!(
                    field,
                    BodyField::Other | BodyField::Schema | BodyField::Tools
                ) {
                    self.text.schema_key(name, span, &mut self.measure);
                }
            }
            Some(Place::StreamOptions) => self.body.stream_option(name, &known)?,
            Some(Place::Message) => {
                let field = MessageField::of(&known);
                self.message_field = Some(field);
                if field == MessageField::Other {
                    self.text.schema_key(name, span, &mut self.measure);
                }
            }
            Some(Place::Part) => self.part_field = Some(PartField::of(&known)),
            Some(Place::Tool) => {
                self.tool_field_is_type = known == "type";
                self.text.schema_key(name, span, &mut self.measure);
            }
            Some(Place::Schema) => self.text.schema_key(name, span, &mut self.measure),
            Some(
                Place::Modalities
                | Place::Messages
                | Place::Content
                | Place::Tools
                | Place::Unmeasured,
            )
            | None => {}
        }
        Ok(())
    }

    /// What is to be done with a string that begins here.
    fn text_use(&self) -> TextUse {
        match self.places.last() {
            Some(Place::Body) => self.body.text_use(),
            Some(Place::Modalities) => TextUse::Name,
            Some(Place::Message) => match self.message_field {
                Some(MessageField::Content | MessageField::Role) => TextUse::Text,
                Some(MessageField::Other) => TextUse::Schema,
                Some(MessageField::Unmeasurable) | None => TextUse::Skip,
            },
            Some(Place::Content) => TextUse::Text,
            Some(Place::Part) => match self.part_field {
                Some(PartField::Type) => TextUse::Name,
                Some(PartField::Text) => TextUse::Text,
                Some(PartField::Unread | PartField::Unmeasurable) | None => TextUse::Skip,
            },
            Some(Place::Tool) if self.tool_field_is_type => TextUse::Name,
            Some(Place::Tool | Place::Schema) => TextUse::Schema,
            Some(Place::StreamOptions | Place::Messages | Place::Tools | Place::Unmeasured)
            | None => TextUse::Skip,
        }
    }

    fn scalar(&mut self, scalar: Scalar<'_>, span: Span) -> Checked<()> {
        match self.places.last() {
            None => Err(InvalidRequest::NotAnObject),
            Some(Place::Body) => self
                .body
                .scalar(scalar, span, &self.text, &mut self.measure),
            Some(Place::StreamOptions) => self.body.stream_option_value(scalar, span),
            Some(Place::Modalities) => self.body.modality(scalar, &self.text),
            Some(Place::Messages) => Err(content::wrong_messages()),
            Some(Place::Message) => self.scalar_in_message(scalar),
            Some(Place::Content) => self.scalar_in_content(scalar),
            Some(Place::Part) => {
                self.scalar_in_part(scalar);
                Ok(())
            }
            Some(Place::Tools) => Err(content::wrong_tools()),
            Some(Place::Tool) => self.scalar_in_tool(scalar),
            Some(Place::Schema) => {
                text::schema_scalar(scalar, span, &mut self.measure);
                Ok(())
            }
            Some(Place::Unmeasured) => Ok(()),
        }
    }
}
