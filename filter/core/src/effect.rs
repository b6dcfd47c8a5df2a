//! What goes into the core, and what comes out.
//!
//! An event is what the host saw; an effect is what the host is to do, in order. The shell carries out effects without
//! judging; the one thing it reports back is that an effect of the request failed.

use crate::clock::Random;
use crate::headers::Headers;
use crate::reply::Reply;
use crate::request::Rewrite;

/// Something that happened to one request.
pub enum Event<'a> {
    /// The request's headers.
    RequestHeaders {
        /// Name of Envoy's route; empty if it has none.
        route: &'a str,
        /// All of them.
        headers: &'a Headers,
        /// There is no body.
        end: bool,
        /// For the ids that may have to be drawn.
        random: [Random; 2],
    },
    /// New bytes of the request's body.
    RequestBody {
        /// Only what was not seen before.
        chunk: &'a [u8],
        /// The body is complete.
        end: bool,
    },
    /// How the request's own call to the quota server went: the answer's bytes, or what stood in its way.
    Answered(Result<&'a [u8], CallFailure>),
    /// An effect of the request could not be carried out, nor were those after it.
    EffectFailed,
    /// The answer's headers, from a provider or from Envoy itself.
    ResponseHeaders {
        /// All of them.
        headers: &'a Headers,
        /// Envoy's `response.code_details`; empty if it does not tell.
        details: &'a str,
        /// There is no body.
        end: bool,
    },
    /// The next bytes of the answer's body.
    ResponseBody {
        /// As they passed.
        chunk: &'a [u8],
        /// The body is complete.
        end: bool,
    },
    /// The exchange is over. Comes last, once, with what [`crate::exchange::Exchange::asks_at_end`] asks for.
    Ended {
        /// Envoy's `response.code_details`; empty if it does not tell, or was not asked.
        details: &'a str,
        /// The client's HTTP status; 0 if there was none, or if it was not asked for.
        status: u32,
        /// The notes of the provider chains; empty if they were not asked for.
        attempts: &'a str,
    },
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFailure {
    /// The call was never sent.
    NotSent,
    /// A gRPC status other than OK.
    Status(u32),
}

/// Something to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Set, or add, a header of the request.
    SetRequestHeader(String, String),
    /// Remove every such header of the request.
    RemoveRequestHeader(String),
    /// Change the body that is held, and its `content-length`.
    RewriteBody(Rewrite),
    /// Write filter state `ferry.marker`.
    SetMarker(String),
    /// Call the quota server; the answer comes as [`Event::Answered`].
    Call(Call),
    /// Choose the route anew, and let the held request go on.
    Resume,
    /// Answer the request here.
    Reply(Reply),
    /// Set a header of the answer.
    SetResponseHeader(String, String),
    /// Remove every such header of the answer.
    RemoveResponseHeader(String),
    /// Let these bytes pass instead of the chunk.
    ReplaceChunk(Vec<u8>),
}

/// A call to the quota server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Method of the quota service.
    pub method: &'static str,
    /// The encoded request.
    pub message: Vec<u8>,
    /// How long it may take.
    pub timeout_ms: u32,
}

/// Whether the message goes on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Continue,
    /// It stays until [`Effect::Resume`] or [`Effect::Reply`].
    Hold,
}

/// What follows from an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// For the callback that brought the event.
    pub flow: Flow,
    /// In order.
    pub list: Vec<Effect>,
}

impl Effects {
    /// Nothing to do.
    pub const fn none() -> Self {
        Self {
            flow: Flow::Continue,
            list: Vec::new(),
        }
    }

    /// Nothing to do but wait.
    pub const fn hold() -> Self {
        Self {
            flow: Flow::Hold,
            list: Vec::new(),
        }
    }

    /// These, while the message waits.
    pub const fn holding(list: Vec<Effect>) -> Self {
        Self {
            flow: Flow::Hold,
            list,
        }
    }

    /// These, while the message goes on.
    pub const fn passing(list: Vec<Effect>) -> Self {
        Self {
            flow: Flow::Continue,
            list,
        }
    }
}
