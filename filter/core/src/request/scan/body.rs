//! The members of the request's own object, and of `stream_options`.

use super::super::field::BodyField;
use super::super::scanned::{Limit, ScannedRequest, Spans, StreamOptions, StreamOptionsKind};
use super::super::{CHOICES_MAX, MODEL_BYTES_MAX, SERVICE_TIER_BYTES_MAX};
use super::text::{TextReader, TextUse, schema_scalar};
use super::{Checked, Container, InvalidRequest, Place, Scalar};
use crate::estimate::InputMeasure;
use crate::json::{MemberSpan, Span};

const INCLUDE_USAGE: &str = "stream_options.include_usage";

pub(super) const fn wrong_modalities() -> InvalidRequest {
    wrong_type("modalities", "an array of strings")
}

const fn wrong_type(param: &'static str, expected: &'static str) -> InvalidRequest {
    InvalidRequest::WrongType { param, expected }
}

/// What has been read of the request's own members.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    /// At least one message stands there.
    pub(super) has_message: bool,
    request: ScannedRequest,
    seen: Vec<&'static str>,
    has_model: bool,
    has_messages: bool,
    /// The member that is being read.
    open: Option<(BodyField, MemberSpan)>,
    /// Whether the option that is being read is `include_usage`; none was read yet if absent.
    option_is_usage: Option<bool>,
    include_usage: Option<(Span, bool)>,
}

impl Body {
    pub(super) const fn begin(&mut self, brace: Span) {
        self.request.spans.inside = brace.end;
        self.request.choices = 1;
    }

    /// A member's name; `known` is its folded form.
    pub(super) fn key(
        &mut self,
        name: Option<&str>,
        known: &str,
        comma: Option<u64>,
        span: Span,
    ) -> Checked<BodyField> {
        if let Some((last, _)) = self.open
            && let Some(limit) = self.limit(last)
        {
            limit.member.next_key = Some(span.start);
        }
        let field = BodyField::of(known);
        if let Some(param) = field.param() {
            if name != Some(known) {
                return Err(InvalidRequest::Misspelled { param });
            }
            if self.seen.contains(&param) {
                return Err(InvalidRequest::Duplicate { param });
            }
            self.seen.push(param);
        }
        self.open = Some((field, MemberSpan::new(comma, span)));
        Ok(field)
    }

    const fn limit(&mut self, field: BodyField) -> Option<&mut Limit> {
        let spans = &mut self.request.spans;
        if matches!(field, BodyField::MaxTokens) {
            spans.max_tokens.as_mut()
        } else if matches!(field, BodyField::MaxCompletionTokens) {
            spans.max_completion_tokens.as_mut()
        } else {
            None
        }
    }

    /// A container as the member's value.
    pub(super) fn open(
        &mut self,
        container: Container,
        span: Span,
        measure: &mut InputMeasure,
    ) -> Checked<Place> {
        let Some((field, member)) = &mut self.open else {
            return Ok(Place::Unmeasured);
        };
        member.value = span;
        match (*field, container) {
            (BodyField::Messages, Container::Array) => {
                self.has_messages = true;
                Ok(Place::Messages)
            }
            (BodyField::StreamOptions, Container::Object) => Ok(Place::StreamOptions),
            (BodyField::Modalities, Container::Array) => Ok(Place::Modalities),
            (BodyField::Tools, Container::Array) => {
                measure.tools();
                Ok(Place::Tools)
            }
            (BodyField::Schema, _) => {
                measure.tools();
                measure.schema_value();
                Ok(Place::Schema)
            }
            (BodyField::Other, _) => {
                measure.schema_value();
                Ok(Place::Schema)
            }
            (BodyField::Unread, _) => Ok(Place::Unmeasured),
            (BodyField::Unbounded(param), _) => Err(InvalidRequest::Unsupported { param }),
            (field, _) => Err(wrong_value(field)),
        }
    }

    /// A container that was a member's value ends.
    pub(super) fn close_member(&mut self, end: u64) {
        let Some((BodyField::StreamOptions, mut member)) = self.open else {
            return;
        };
        member.value.end = end;
        let kind = match self.include_usage {
            Some((value, is_true)) => StreamOptionsKind::With { value, is_true },
            None => StreamOptionsKind::Without {
                is_empty: self.option_is_usage.is_none(),
            },
        };
        self.request.spans.stream_options = Some(StreamOptions { member, kind });
    }

    pub(super) fn text_use(&self) -> TextUse {
        match self.open {
            Some((BodyField::Model | BodyField::ServiceTier, _)) => TextUse::Name,
            Some((BodyField::Other | BodyField::Schema, _)) => TextUse::Schema,
            _ => TextUse::Skip,
        }
    }

    /// A scalar as the member's value.
    pub(super) fn scalar(
        &mut self,
        scalar: Scalar<'_>,
        span: Span,
        text: &TextReader,
        measure: &mut InputMeasure,
    ) -> Checked<()> {
        let Some((field, mut member)) = self.open else {
            return Ok(());
        };
        member.value = span;
        match (field, scalar) {
            (BodyField::Model, Scalar::String) => {
                self.has_model = true;
                self.request.model = bounded("model", text.name(), MODEL_BYTES_MAX)?;
                self.request.spans.model = Some(member);
            }
            (BodyField::ServiceTier, Scalar::String) => {
                let tier = bounded("service_tier", text.name(), SERVICE_TIER_BYTES_MAX)?;
                self.request.service_tier = tier;
            }
            (BodyField::Stream, Scalar::Bool(stream)) => self.request.stream = stream,
            (BodyField::StreamOptions, Scalar::Null) => {
                let kind = StreamOptionsKind::Null;
                self.request.spans.stream_options = Some(StreamOptions { member, kind });
            }
            (BodyField::Choices, Scalar::Number(number)) => {
                let choices = integer("n", number, u64::from(CHOICES_MAX))?;
                self.request.choices = u32::try_from(choices).unwrap_or(CHOICES_MAX);
            }
            (BodyField::MaxTokens, _) => {
                let tokens = limit("max_tokens", scalar)?;
                self.request.spans.max_tokens = Some(Limit { member, tokens });
            }
            (BodyField::MaxCompletionTokens, _) => {
                let tokens = limit("max_completion_tokens", scalar)?;
                self.request.spans.max_completion_tokens = Some(Limit { member, tokens });
            }
            (BodyField::Outlives(_), Scalar::Bool(false)) | (BodyField::Unread, _) => {}
            (BodyField::Outlives(param), Scalar::Bool(true)) => {
                return Err(InvalidRequest::Unsupported { param });
            }
            (BodyField::Other | BodyField::Schema, _) => schema_scalar(scalar, span, measure),
            (BodyField::Model | BodyField::Messages, Scalar::Null) => {
                return Err(wrong_value(field));
            }
            (_, Scalar::Null) => {}
            (BodyField::Unbounded(param), _) => return Err(InvalidRequest::Unsupported { param }),
            (field, _) => return Err(wrong_value(field)),
        }
        Ok(())
    }

    pub(super) fn stream_option(&mut self, name: Option<&str>, known: &str) -> Checked<()> {
        let is_usage = known == "include_usage";
        self.option_is_usage = Some(is_usage);
        if !is_usage {
            return Ok(());
        }
        let param = INCLUDE_USAGE;
        if name != Some(known) {
            return Err(InvalidRequest::Misspelled { param });
        }
        if self.include_usage.is_some() {
            return Err(InvalidRequest::Duplicate { param });
        }
        Ok(())
    }

    pub(super) fn open_in_stream_options(&self) -> Checked<Place> {
        if self.option_is_usage == Some(true) {
            return Err(wrong_type(INCLUDE_USAGE, "true or false"));
        }
        Ok(Place::Unmeasured)
    }

    pub(super) fn stream_option_value(&mut self, scalar: Scalar<'_>, span: Span) -> Checked<()> {
        if self.option_is_usage != Some(true) {
            return Ok(());
        }
        let is_true = match scalar {
            Scalar::Bool(value) => value,
            Scalar::Null => false,
            Scalar::String | Scalar::Number(_) => {
                return Err(wrong_type(INCLUDE_USAGE, "true or false"));
            }
        };
        self.include_usage = Some((span, is_true));
        Ok(())
    }

    pub(super) fn modality(&mut self, scalar: Scalar<'_>, text: &TextReader) -> Checked<()> {
        if scalar != Scalar::String {
            return Err(wrong_modalities());
        }
        if text.name().eq_ignore_ascii_case("audio") {
            self.request.output_audio = true;
        }
        Ok(())
    }

    pub(super) fn into_request(self, measure: &InputMeasure) -> Checked<ScannedRequest> {
        if !self.has_model {
            return Err(InvalidRequest::Missing { param: "model" });
        }
        if !self.has_messages || !self.has_message {
            return Err(InvalidRequest::Missing { param: "messages" });
        }
        let tokens = |limit: Option<Limit>| limit.and_then(|limit| limit.tokens);
        let Spans {
            max_tokens,
            max_completion_tokens,
            ..
        } = self.request.spans;
        let limits = [tokens(max_tokens), tokens(max_completion_tokens)];
        Ok(ScannedRequest {
            output_tokens_max: limits.into_iter().flatten().min(),
            input_tokens_max: measure.tokens_max(),
            input_tokens_estimate: measure.tokens_estimate(),
            input_unbounded: measure.is_unbounded(),
            include_usage: self.request.stream && matches!(self.include_usage, Some((_, true))),
            ..self.request
        })
    }
}

/// What each member has to be.
const fn wrong_value(field: BodyField) -> InvalidRequest {
    match field {
        BodyField::Model => wrong_type("model", "a string"),
        BodyField::ServiceTier => wrong_type("service_tier", "a string"),
        BodyField::Messages => super::content::wrong_messages(),
        BodyField::Tools => super::content::wrong_tools(),
        BodyField::Modalities => wrong_modalities(),
        BodyField::Stream => wrong_type("stream", "true or false"),
        BodyField::StreamOptions => wrong_type("stream_options", "an object"),
        BodyField::Choices => out_of_range("n", CHOICES_MAX as u64),
        BodyField::MaxTokens => out_of_range("max_tokens", u64::MAX),
        BodyField::MaxCompletionTokens => out_of_range("max_completion_tokens", u64::MAX),
        BodyField::Outlives(param) => wrong_type(param, "true or false"),
        BodyField::Unbounded(param) => InvalidRequest::Unsupported { param },
        BodyField::Schema | BodyField::Unread | BodyField::Other => InvalidRequest::NotAnObject,
    }
}

const fn out_of_range(param: &'static str, max: u64) -> InvalidRequest {
    InvalidRequest::OutOfRange { param, min: 1, max }
}

/// A limit's value. Zero is refused: some providers take it for none.
fn limit(param: &'static str, scalar: Scalar<'_>) -> Checked<Option<u64>> {
    match scalar {
        Scalar::Null => Ok(None),
        Scalar::Number(number) => integer(param, number, u64::MAX).map(Some),
        Scalar::String | Scalar::Bool(_) => Err(out_of_range(param, u64::MAX)),
    }
}

/// A plain integer from 1 to `max`. Readers differ on what `1e3` and `1.0` are.
fn integer(param: &'static str, number: Option<&str>, max: u64) -> Checked<u64> {
    number
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|value| (1..=max).contains(value))
        .ok_or(out_of_range(param, max))
}

fn bounded(param: &'static str, text: &str, bytes_max: usize) -> Checked<String> {
    if text.is_empty() || text.len() > bytes_max {
        return Err(InvalidRequest::WrongLength { param, bytes_max });
    }
    Ok(text.to_owned())
}
