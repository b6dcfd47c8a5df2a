//! Messages, their content in parts, and tools.

use super::super::field::{CLIENT_TOOL_TYPES, MessageField, PartField, TEXT_PART_TYPES};
use super::{BodySink, Checked, Container, InvalidRequest, Place, Scalar};

pub(super) const fn wrong_messages() -> InvalidRequest {
    InvalidRequest::WrongType {
        param: "messages",
        expected: "an array of messages, each with a string or an array of parts as its content",
    }
}

pub(super) const fn wrong_tools() -> InvalidRequest {
    InvalidRequest::WrongType {
        param: "tools",
        expected: "an array of tools, each an object with a type",
    }
}

impl BodySink {
    pub(super) fn open_message(&mut self, container: Container) -> Checked<Place> {
        if container != Container::Object {
            return Err(wrong_messages());
        }
        self.measure.message();
        self.body.has_message = true;
        self.message_field = None;
        Ok(Place::Message)
    }

    pub(super) fn open_in_message(&mut self, container: Container) -> Checked<Place> {
        match (self.message_field, container) {
            (Some(MessageField::Content), Container::Array) => Ok(Place::Content),
            (Some(MessageField::Content | MessageField::Role), _) => Err(wrong_messages()),
            (Some(MessageField::Unmeasurable), _) | (None, _) => Ok(self.unmeasurable()),
            (Some(MessageField::Other), _) => {
                self.measure.schema_value();
                Ok(Place::Schema)
            }
        }
    }

    pub(super) fn scalar_in_message(&mut self, scalar: Scalar<'_>) -> Checked<()> {
        match (self.message_field, scalar) {
            (Some(MessageField::Content | MessageField::Role), Scalar::String | Scalar::Null) => {
                Ok(())
            }
            (Some(MessageField::Content | MessageField::Role), _) => Err(wrong_messages()),
            (Some(MessageField::Unmeasurable), Scalar::Null) | (None, _) => Ok(()),
            (Some(MessageField::Unmeasurable), _) => {
                self.measure.unmeasurable();
                Ok(())
            }
            (Some(MessageField::Other), _) => {
                self.measure.schema_value();
                Ok(())
            }
        }
    }

    pub(super) fn open_part(&mut self, container: Container) -> Place {
        if container != Container::Object {
            return self.unmeasurable();
        }
        self.part_has_type = false;
        self.part_field = None;
        // What a template puts between two parts.
        self.measure.schema_value();
        Place::Part
    }

    pub(super) fn scalar_in_content(&mut self, scalar: Scalar<'_>) -> Checked<()> {
        if scalar != Scalar::String {
            return Err(wrong_messages());
        }
        self.measure.schema_value();
        Ok(())
    }

    pub(super) fn open_in_part(&mut self) -> Place {
        match self.part_field {
            Some(PartField::Unread) => Place::Unmeasured,
            Some(PartField::Type | PartField::Text | PartField::Unmeasurable) | None => {
                self.unmeasurable()
            }
        }
    }

    pub(super) fn scalar_in_part(&mut self, scalar: Scalar<'_>) {
        match (self.part_field, scalar) {
            (Some(PartField::Type), Scalar::String)
                if TEXT_PART_TYPES.contains(&self.text.name()) =>
            {
                self.part_has_type = true;
            }
            (Some(PartField::Text), Scalar::String | Scalar::Null)
            | (Some(PartField::Unmeasurable), Scalar::Null)
            | (Some(PartField::Unread) | None, _) => {}
            (Some(PartField::Type | PartField::Text | PartField::Unmeasurable), _) => {
                self.measure.unmeasurable();
            }
        }
    }

    pub(super) fn open_tool(&mut self, container: Container) -> Checked<Place> {
        if container != Container::Object {
            return Err(wrong_tools());
        }
        self.tool_field_is_type = false;
        self.measure.schema_value();
        Ok(Place::Tool)
    }

    pub(super) fn open_in_tool(&mut self) -> Checked<Place> {
        if self.tool_field_is_type {
            return Err(wrong_tools());
        }
        self.measure.schema_value();
        Ok(Place::Schema)
    }

    pub(super) fn scalar_in_tool(&mut self, scalar: Scalar<'_>) -> Checked<()> {
        self.measure.schema_value();
        if !self.tool_field_is_type {
            return Ok(());
        }
        match scalar {
            Scalar::String if CLIENT_TOOL_TYPES.contains(&self.text.name()) => {
                // Rendered with the schema.
                self.measure.schema_text(self.text.name());
                Ok(())
            }
            Scalar::String => Err(InvalidRequest::Unsupported { param: "tools" }),
            Scalar::Number(_) | Scalar::Bool(_) | Scalar::Null => Err(wrong_tools()),
        }
    }

    fn unmeasurable(&mut self) -> Place {
        self.measure.unmeasurable();
        Place::Unmeasured
    }
}
