//! One request of a run: what its client sends, what its provider does, and what really became of it.

use ferry_types::ReservationId;
use serde_json::json;

use crate::chance::Chance;

/// What is decided beforehand.
pub struct Script {
    /// Which customer sends it.
    pub customer: usize,
    /// Through which gateway.
    pub gateway: usize,
    prompt_bytes: usize,
    limit: Option<u64>,
    stream: bool,
    include_usage: Option<bool>,
    /// Tokens that the provider would write if nothing stopped it; one a piece.
    pub pieces: u64,
    /// Between two pieces.
    pub pace_ms: u64,
    /// How it ends.
    pub ending: Ending,
}

/// How a request ends, if it is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The answer is complete.
    Complete,
    /// The client hangs up after so many pieces.
    ClientGone(u64),
    /// The provider resets after so many pieces.
    ProviderReset(u64),
    /// The provider resets before it answers.
    ProviderLost,
    /// The provider answers with an error.
    ProviderError,
    /// No provider is there.
    Unsent,
    /// The client hangs up while the quota server is still being asked.
    Impatient,
}

impl Script {
    pub fn drawn(chance: &mut Chance, customers: u64, gateways: u64) -> Self {
        let pieces = chance.between(1, 24);
        let ending = match chance.between(0, 15) {
            0 | 1 => Ending::ClientGone(chance.between(1, pieces)),
            2 => Ending::ProviderReset(chance.between(1, pieces)),
            3 => Ending::ProviderLost,
            4 => Ending::ProviderError,
            5 => Ending::Unsent,
            6 => Ending::Impatient,
            _ => Ending::Complete,
        };
        let breaks_off = matches!(ending, Ending::ClientGone(_) | Ending::ProviderReset(_));
        Self {
            customer: usize::try_from(chance.between(0, customers - 1)).unwrap(),
            gateway: usize::try_from(chance.between(0, gateways - 1)).unwrap(),
            prompt_bytes: usize::try_from(chance.between(0, 400)).unwrap(),
            limit: chance.per_mille(600).then(|| chance.between(1, 32)),
            stream: breaks_off || chance.per_mille(600),
            include_usage: [None, Some(false), Some(true)]
                [usize::try_from(chance.between(0, 2)).unwrap()],
            pieces,
            // A few streams outlive several leases.
            pace_ms: if chance.per_mille(150) { 900 } else { 20 },
            ending,
        }
    }

    pub fn body(&self) -> Vec<u8> {
        let mut body = json!({
            "model": "plain",
            "messages": [{"role": "user", "content": "x".repeat(self.prompt_bytes)}],
            "stream": self.stream,
        });
        if let Some(limit) = self.limit {
            body["max_tokens"] = limit.into();
        }
        if let Some(include_usage) = self.include_usage
            && self.stream
        {
            body["stream_options"] = json!({"include_usage": include_usage});
        }
        body.to_string().into_bytes()
    }

    pub const fn is_stream(&self) -> bool {
        self.stream
    }

    /// What the provider counts for the prompt: never more than its bytes.
    pub fn prompt_tokens(&self) -> u64 {
        1 + u64::try_from(self.prompt_bytes / 6).unwrap()
    }
}

/// What really became of it.
#[derive(Debug, Default)]
pub struct Truth {
    /// Every id that was reserved for it; the last is the one that went on.
    pub ids: Vec<ReservationId>,
    /// What the gateway took the prompt for.
    pub estimate: u64,
    /// The output limit that the provider was sent; `None` if it never saw the request.
    pub sent: Option<u64>,
    /// The code of the refusal that the client got.
    pub refused: Option<String>,
    /// Pieces that the provider wrote and the gateway saw.
    pub pieces: u64,
    /// The provider's own count was seen.
    pub reported: bool,
    /// The gateway saw its end.
    pub ended: bool,
    /// Its gateway died before everything about it was known to have been acknowledged.
    pub orphaned: bool,
}
