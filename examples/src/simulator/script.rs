//! What the simulator is told to do with a request.

use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::watch;

/// How one chat completion is answered. The default answers at once, in 16 tokens or fewer if fewer are allowed.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What is answered.
    pub reply: Reply,
    /// How long each choice is, within the request's limit.
    pub output: Output,
    /// Input tokens that are reported; counted from the request if absent.
    pub input_tokens: Option<u64>,
    /// How many of them are reported as cached.
    pub cached_input_tokens: u64,
    /// How many of each choice's output tokens are reported as reasoning; they are not shown.
    pub reasoning_tokens: u64,
    /// Leaves the usage out.
    pub without_usage: bool,
    /// Passes before the answer begins.
    pub delay: Duration,
    /// Passes after each event of a stream.
    pub pace: Duration,
    /// Writes an event in pieces of so many bytes.
    pub piece_bytes: Option<usize>,
    /// What happens on the way. Of those at one point, in their order.
    pub acts: Vec<(Point, Act)>,
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub enum Reply {
    /// A completion, in the form that the request asks for.
    #[default]
    Completion,
    /// An error with this status, in OpenAI's shape.
    Error(u16),
    /// These bytes.
    Raw {
        /// Status.
        status: u16,
        /// Content type.
        content_type: String,
        /// The body.
        body: Bytes,
    },
}

/// How long a choice is.
#[derive(Debug, Clone, Copy)]
pub enum Output {
    /// So many tokens, or the request's limit if that is less.
    Tokens(u64),
    /// Exactly the request's limit; 16 tokens if it has none.
    Limit,
}

impl Default for Output {
    fn default() -> Self {
        Self::Tokens(16)
    }
}

/// A place in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Before anything of the answer, its headers included.
    Start,
    /// After so many whole events of the body: 0 is between the headers and the body. A JSON answer is one event.
    Event(usize),
    /// After so many bytes of the body.
    Byte(usize),
}

/// What happens there.
#[derive(Debug, Clone)]
pub enum Act {
    /// Nothing, for so long.
    Wait(Duration),
    /// Nothing, until the gate is opened: for ever, if nobody does.
    Hold(Gate),
    /// The connection is closed in order, in the middle of the answer.
    Close,
    /// The connection is reset.
    Reset,
}

impl Script {
    /// The same, with an act on the way.
    #[must_use]
    pub fn at(mut self, point: Point, act: Act) -> Self {
        self.acts.push((point, act));
        self
    }

    /// An error with this status.
    pub fn error(status: u16) -> Self {
        Self {
            reply: Reply::Error(status),
            ..Self::default()
        }
    }

    /// A completion whose choices have so many tokens, within the request's limit.
    pub fn tokens(tokens: u64) -> Self {
        Self {
            output: Output::Tokens(tokens),
            ..Self::default()
        }
    }
}

/// A gate in an answer's way. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<Traffic>);

#[derive(Debug, Clone, Copy, Default)]
struct Traffic {
    open: bool,
    arrived: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self::shut()
    }
}

impl Gate {
    /// A gate that is shut.
    pub fn shut() -> Self {
        Self(watch::Sender::new(Traffic::default()))
    }

    /// Opens it for good.
    pub fn open(&self) {
        self.0.send_modify(|traffic| traffic.open = true);
    }

    /// Waits until so many answers have come to it.
    pub async fn arrived(&self, answers: usize) {
        self.until(|traffic| traffic.arrived >= answers).await;
    }

    pub(super) async fn pass(&self) {
        self.0.send_modify(|traffic| traffic.arrived += 1);
        self.until(|traffic| traffic.open).await;
    }

    async fn until(&self, holds: impl FnMut(&Traffic) -> bool) {
        // The sender is this gate itself, so that it cannot be gone.
        drop(self.0.subscribe().wait_for(holds).await);
    }
}
