//! What a usage costs: 1 for a token of input, 2 for a token of output. What is beyond what the request could have cost is not charged, but
//! lies in suspense.

use crate::step::{Evidence, Request, Source};

/// The most tokens of input and output together.
pub(crate) const CONTEXT: i64 = 1_000;
/// What a request usually writes, charged where nothing tells.
pub(crate) const MEDIAN: i64 = 7;
/// A provider's count may lie this much above its limit, in parts of a hundred.
const TOLERANCE: i64 = 2;

/// The limit that a settle names, which counts where nothing was ever held.
pub(crate) const fn limit_of_settle() -> i64 {
    30
}

/// What is asked for a usage.
pub(super) struct Price {
    /// What is charged.
    pub(super) due: i64,
    /// What lies in suspense.
    pub(super) suspended: i64,
}

impl Price {
    pub(super) const NOTHING: Self = Self {
        due: 0,
        suspended: 0,
    };
}

pub(super) fn price(request: Request, evidence: Evidence, held: Option<i64>, limit: i64) -> Price {
    let Evidence {
        source,
        input,
        output,
        other: _,
    } = evidence;
    let guessed = matches!(source, Source::Estimated | Source::Unreadable);
    let estimate = request.estimate().min(request.asks().0);
    let input = match input {
        0 if guessed || source == Source::Counted => estimate,
        input => input,
    };
    let output = match output {
        0 if guessed => MEDIAN.min(limit),
        output => output,
    };
    let asked = input + 2 * output;
    let most = (CONTEXT + 2 * limit) * (100 + TOLERANCE) / 100;
    let due = match (source, held) {
        (Source::Nothing, _) => return Price::NOTHING,
        (Source::Estimated, Some(held)) => asked.min(held),
        _ => asked.min(most),
    };
    let suspended = asked - due;
    Price { due, suspended }
}
