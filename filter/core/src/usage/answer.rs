//! The sink that reads one document of an answer: a whole completion, a chunk of one, or an error.

mod slot;

use super::count::Counted;
use super::report::Report;
use crate::json::{MemberSpan, Sink, Span, Token};
use slot::{Place, Slot};

/// Most bytes of an id or a model's name that are kept.
const NAME_BYTES_MAX: usize = 256;

/// What one document says.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) service_tier: String,
    /// The usage block, once it is complete.
    pub(super) report: Option<Report>,
    /// Where the usage stands, null or not.
    pub(super) usage: Option<MemberSpan>,
    /// It stands there more than once.
    pub(super) has_usage_twice: bool,
    /// Elements of `choices`; `None` if there is no such array.
    pub(super) choices: Option<u64>,
    pub(super) seen: ChoiceSet,
    pub(super) finished: ChoiceSet,
    pub(super) has_error: bool,
    places: Vec<Place>,
    /// What the value that comes next is for.
    slot: Slot,
    /// The same for the document's member that is being read.
    member: Slot,
    reading: Report,
    choice_index: u64,
    choice_is_finished: bool,
    /// The string that is being read, if it is a name.
    name: String,
    /// Decoded bytes of the string that is being read; zero outside of strings.
    length: u64,
    /// What the strings before it were.
    counted: Counted,
}

/// Choices by their index. Those beyond what may be asked for are not told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ChoiceSet(u128);

impl ChoiceSet {
    fn insert(&mut self, index: u64) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        self.0 |= 1u128.checked_shl(index).unwrap_or(1 << 127);
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) const fn len(self) -> u32 {
        self.0.count_ones()
    }
}

impl Sink for Answer {
    fn token(&mut self, token: Token<'_>, span: Span) {
        match token {
            Token::BeginObject => self.open(true),
            Token::BeginArray => self.open(false),
            Token::EndObject | Token::EndArray => self.close(span),
            Token::Key { name, comma } => self.key(name.unwrap_or_default(), comma, span),
            Token::BeginString => {
                self.length = 0;
                self.name.clear();
            }
            Token::Text(piece) => self.text(piece),
            Token::EndString => self.string(span),
            Token::Number(text) => self.number(text, span),
            Token::Bool(_) => self.value(false, span),
            Token::Null => self.value(true, span),
        }
    }
}

impl Answer {
    /// Ready for another document, with the room that it has.
    pub(super) fn reset(&mut self) {
        let mut last = core::mem::take(self);
        for text in [
            &mut last.id,
            &mut last.model,
            &mut last.service_tier,
            &mut last.name,
        ] {
            text.clear();
        }
        last.places.clear();
        *self = Self {
            id: last.id,
            model: last.model,
            service_tier: last.service_tier,
            name: last.name,
            places: last.places,
            ..Self::default()
        };
    }

    /// What was generated so far, the string that is being read included.
    pub(super) const fn counted(&self) -> Counted {
        let mut counted = self.counted;
        match self.slot {
            Slot::Text => counted.text.piece(self.length),
            Slot::ReasoningContent => counted.reasoning_content.piece(self.length),
            Slot::Reasoning => counted.reasoning.piece(self.length),
            Slot::AudioData => counted.audio.piece(self.length),
            Slot::Id
            | Slot::Model
            | Slot::ServiceTier
            | Slot::Usage
            | Slot::Choices
            | Slot::Error
            | Slot::PromptDetails
            | Slot::CompletionDetails
            | Slot::Tokens(_)
            | Slot::Index
            | Slot::FinishReason
            | Slot::Message
            | Slot::Calls
            | Slot::Audio
            | Slot::Ignored => {}
        }
        counted
    }

    fn open(&mut self, is_object: bool) {
        let place = match (self.places.last(), is_object) {
            (None, true) => Place::Document,
            (None, false) => Place::Other,
            (Some(Place::Choices), true) => {
                self.choice_index = self.choices.unwrap_or_default();
                self.choice_is_finished = false;
                self.choices = Some(self.choice_index.saturating_add(1));
                Place::Choice
            }
            (Some(_), _) => self.slot.container(is_object),
        };
        if place == Place::Choices {
            self.choices = Some(0);
        }
        if place == Place::Usage {
            self.reading = Report::default();
        }
        if let Slot::Tokens(field) = self.slot {
            self.reading.set(field, None);
        }
        self.has_error |= self.slot == Slot::Error;
        self.slot = place.element();
        self.places.push(place);
    }

    fn close(&mut self, span: Span) {
        match self.places.pop() {
            Some(Place::Choice) => {
                self.seen.insert(self.choice_index);
                if self.choice_is_finished {
                    self.finished.insert(self.choice_index);
                }
            }
            Some(Place::Usage) => self.report = Some(self.reading),
            Some(
                Place::Document
                | Place::PromptDetails
                | Place::CompletionDetails
                | Place::Choices
                | Place::Message
                | Place::Calls
                | Place::Parts
                | Place::Audio
                | Place::Other,
            )
            | None => {}
        }
        self.slot = self
            .places
            .last()
            .map_or(Slot::Ignored, |place| place.element());
        self.end_member(span.end);
    }

    fn key(&mut self, name: &str, comma: Option<u64>, span: Span) {
        let Some(place) = self.places.last() else {
            return;
        };
        self.slot = place.member(name);
        if *place != Place::Document {
            return;
        }
        if self.member == Slot::Usage
            && let Some(usage) = &mut self.usage
        {
            usage.next_key = Some(span.start);
        }
        self.member = self.slot;
        if self.slot == Slot::Usage {
            self.has_usage_twice |= self.usage.is_some();
            self.usage = Some(MemberSpan::new(comma, span));
        }
    }

    /// A value has ended, perhaps one of the document's own.
    fn end_member(&mut self, end: u64) {
        if self.places.last() == Some(&Place::Document)
            && self.member == Slot::Usage
            && let Some(usage) = &mut self.usage
        {
            usage.value.end = end;
        }
    }

    fn text(&mut self, piece: &str) {
        self.length = self.length.saturating_add(piece.len() as u64);
        let is_name = matches!(self.slot, Slot::Id | Slot::Model | Slot::ServiceTier);
        if is_name && self.name.len().saturating_add(piece.len()) <= NAME_BYTES_MAX {
            self.name.push_str(piece);
        }
    }

    fn string(&mut self, span: Span) {
        match self.slot {
            Slot::Id => self.id.clone_from(&self.name),
            Slot::Model => self.model.clone_from(&self.name),
            Slot::ServiceTier => self.service_tier.clone_from(&self.name),
            Slot::FinishReason => self.choice_is_finished = self.length > 0,
            Slot::Text | Slot::ReasoningContent | Slot::Reasoning | Slot::AudioData => {
                self.counted = self.counted();
            }
            Slot::Usage
            | Slot::Choices
            | Slot::Error
            | Slot::PromptDetails
            | Slot::CompletionDetails
            | Slot::Tokens(_)
            | Slot::Index
            | Slot::Message
            | Slot::Calls
            | Slot::Audio
            | Slot::Ignored => {}
        }
        self.length = 0;
        self.value(false, span);
    }

    fn number(&mut self, text: Option<&str>, span: Span) {
        if let Slot::Tokens(field) = self.slot {
            self.reading.set(field, text);
            return;
        }
        if self.slot == Slot::Index
            && let Some(index) = text.and_then(|text| text.parse().ok())
        {
            self.choice_index = index;
        }
        self.value(false, span);
    }

    /// A value that is neither a container nor a number that counts.
    fn value(&mut self, is_null: bool, span: Span) {
        if let Slot::Tokens(field) = self.slot
            && !is_null
        {
            self.reading.set(field, None);
        }
        self.has_error |= self.slot == Slot::Error && !is_null;
        self.end_member(span.end);
    }
}
