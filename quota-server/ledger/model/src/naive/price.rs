//! What a usage costs: 1 for a token of input, 2 for a token of output. What is beyond what the request could have cost is not charged, but
//! lies in suspense.

use super::requests::Row;
use crate::evidence::{Evidence, Source};
use crate::request::{Facts, Request};

/// The most tokens of input and output together.
pub(crate) const CONTEXT: i64 = 1_000;
/// What a request usually writes, charged where nothing tells.
pub(crate) const MEDIAN: i64 = 7;
/// Most tokens of output of the model's one model.
pub(super) const LIMIT_MAX: i64 = 200;
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
    /// What lies in suspense; of a request in shadow mode, what would.
    pub(super) suspended: i64,
    /// The usage comes to more than can be counted.
    pub(super) out_of_range: bool,
}

impl Price {
    pub(super) const NOTHING: Self = Self {
        due: 0,
        suspended: 0,
        out_of_range: false,
    };
}

/// What a usage is priced by.
pub(super) struct Billed {
    request: Request,
    pub(super) facts: Facts,
    pub(super) shadow: bool,
    pub(super) priced: bool,
    held: Option<i64>,
    limit: i64,
}

impl Billed {
    pub(super) fn of(row: &Row, request: Request, facts: Facts) -> Self {
        let held = row.held.as_ref();
        Self {
            request,
            facts,
            shadow: request.is_shadow(facts),
            priced: row.priced,
            held: held.map(|held| held.units),
            limit: held.map_or(limit_of_settle(), |held| held.limit),
        }
    }

    pub(super) fn price(&self, evidence: Evidence) -> Price {
        if evidence.source == Source::Nothing || !self.priced {
            return Price::NOTHING;
        }
        let (input, output) = self.tokens(evidence);
        let used = input + 2 * output;
        let asked = used.min(i64::MAX.into()) as i64;
        let due = match (evidence.source, self.held) {
            (Source::Estimated, Some(held)) => asked.min(held),
            _ => asked.min(self.most()),
        };
        Price {
            due: if self.shadow { 0 } else { due },
            suspended: asked - due,
            out_of_range: used > i64::MAX.into(),
        }
    }

    /// The tokens that are billed, with what stands in for what is not known. Without a price nothing is known of the model.
    pub(super) fn tokens(&self, evidence: Evidence) -> (i128, i128) {
        let Evidence {
            source,
            input,
            output,
            facts: _,
            served: _,
        } = evidence;
        let asks = self.request.asks();
        let guessed = matches!(source, Source::Estimated | Source::Unreadable);
        let input = match input {
            0 if guessed || source == Source::Counted => match self.priced {
                true => self.request.estimate().min(asks.input).min(CONTEXT),
                false => self.request.estimate(),
            },
            input => input,
        };
        let output = match output {
            0 if guessed && self.priced => MEDIAN.min(self.limit * asks.choices),
            output => output,
        };
        if source == Source::Nothing {
            return (0, 0);
        }
        (input.into(), output.into())
    }

    /// The most that it could have cost. Of one in shadow mode nothing lowers the model's own limit.
    fn most(&self) -> i64 {
        let limit = if self.shadow { LIMIT_MAX } else { self.limit };
        let choices = self.request.asks().choices;
        (CONTEXT + 2 * limit * choices) * (100 + TOLERANCE) / 100
    }
}
