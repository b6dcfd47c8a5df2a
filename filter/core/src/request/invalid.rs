//! Why a request is refused before anybody is asked. Every variant is the client's to mend.

use crate::json::InvalidJson;
use thiserror::Error;

/// A request that the filter refuses itself. The message is for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidRequest {
    /// The body is not JSON.
    #[error("The request body is not valid JSON: {0}.")]
    NotJson(#[from] InvalidJson),
    /// The body is JSON, but not an object.
    #[error("The request body must be a JSON object.")]
    NotAnObject,
    /// The body is larger than this gateway reads.
    #[error("The request body is larger than {bytes_max} bytes.")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// A member that every request has is not there.
    #[error("You must provide '{param}'.")]
    Missing {
        /// The member.
        param: &'static str,
    },
    /// A member stands there twice.
    #[error("'{param}' is given more than once.")]
    Duplicate {
        /// The member.
        param: &'static str,
    },
    /// A member's name in other letters, which some providers take for the member and others ignore.
    #[error("'{param}' must be spelled in lower case.")]
    Misspelled {
        /// The member that was probably meant.
        param: &'static str,
    },
    /// A value of the wrong type.
    #[error("'{param}' must be {expected}.")]
    WrongType {
        /// The member.
        param: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// A number that is not a plain integer in the range.
    #[error(
        "'{param}' must be an integer between {min} and {max}, without a fraction or an exponent."
    )]
    OutOfRange {
        /// The member.
        param: &'static str,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
    },
    /// A text that is empty or too long.
    #[error("'{param}' must have between 1 and {bytes_max} bytes.")]
    WrongLength {
        /// The member.
        param: &'static str,
        /// The most allowed.
        bytes_max: usize,
    },
    /// What it asks for has a cost that cannot be bounded, or outlives the request.
    #[error(
        "'{param}' is not supported by this gateway, since its cost cannot be known in advance."
    )]
    Unsupported {
        /// The member.
        param: &'static str,
    },
}

impl InvalidRequest {
    /// The HTTP status of the refusal.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            Self::NotJson(_)
            | Self::NotAnObject
            | Self::Missing { .. }
            | Self::Duplicate { .. }
            | Self::Misspelled { .. }
            | Self::WrongType { .. }
            | Self::OutOfRange { .. }
            | Self::WrongLength { .. }
            | Self::Unsupported { .. } => 400,
        }
    }

    /// The member at fault, as `param` in OpenAI's error object.
    #[must_use]
    pub const fn param(&self) -> Option<&'static str> {
        match self {
            Self::NotJson(_) | Self::NotAnObject | Self::TooLarge { .. } => None,
            Self::Missing { param }
            | Self::Duplicate { param }
            | Self::Misspelled { param }
            | Self::WrongType { param, .. }
            | Self::OutOfRange { param, .. }
            | Self::WrongLength { param, .. }
            | Self::Unsupported { param } => Some(param),
        }
    }

    /// `code` in OpenAI's error object.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::TooLarge { .. } => Some("request_too_large"),
            Self::NotJson(_)
            | Self::NotAnObject
            | Self::Missing { .. }
            | Self::Duplicate { .. }
            | Self::Misspelled { .. }
            | Self::WrongType { .. }
            | Self::OutOfRange { .. }
            | Self::WrongLength { .. }
            | Self::Unsupported { .. } => None,
        }
    }
}
