//! That a limit leaves no room, and everything that the client is told about it.

use super::counter::{Counted, Counter, Subject};
use super::measure::Measure;
use super::window::Span;
use super::{Each, Limit};
use crate::time::UnixMs;
use ferry_types::{Amount, Currency, LimitId};
use jiff::Timestamp;

/// A limit leaves no room for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitReached {
    /// Which.
    pub limit: LimitId,
    /// What it counts.
    pub measure: Measure,
    /// How long.
    pub span: Span,
    /// Whether it counts all that the tenant does.
    pub of_tenant: bool,
    /// What it counts apart.
    pub each: Option<Each>,
    /// For whom there is no room.
    pub subject: Subject,
    /// The most that it lets through.
    pub bound: u64,
    /// What counts against that by now.
    pub counted: u64,
    /// The part of that which requests in flight hold.
    pub held: u64,
    /// What the request needs at least.
    pub requested: u64,
    /// When it begins anew; `None` if it never does, or if it counts what is in flight only.
    pub resets_at: Option<UnixMs>,
    /// How long that was away.
    pub resets_in_ms: Option<u64>,
    /// What the tenant's money is in.
    pub currency: Currency,
}

/// What the SDKs wait at most; a longer wait they take for no advice at all.
const RETRY_AFTER_S_MAX: u64 = 60;
const SECOND_MS: u64 = 1_000;

impl LimitReached {
    pub(crate) fn new(
        (id, limit): (&LimitId, &Limit),
        counted: &Counted,
        (counter, requested): (Counter, u64),
        (currency, now): (Currency, UnixMs),
    ) -> Self {
        let terms = &limit.terms;
        let most = |count: u128| u64::try_from(count).unwrap_or(u64::MAX);
        Self {
            limit: id.clone(),
            measure: terms.measure,
            span: terms.span,
            of_tenant: terms.scope.is_everything() && terms.each.is_none(),
            each: terms.each,
            subject: counted.subject.clone(),
            bound: terms.bound,
            counted: most(counter.total()),
            held: most(counter.held),
            requested,
            resets_at: counted.window.end,
            resets_in_ms: counted.window.end.map(|end| end.since_ms(now)),
            currency,
        }
    }

    /// Whether it leaves no room for longer than another. Of two that end together the first stands.
    pub(crate) fn outlasts(&self, other: &Self) -> bool {
        let ends = |reached: &Self| match (reached.span, reached.resets_at) {
            (Span::AtOnce, _) => 0,
            (_, Some(end)) => end.0,
            (_, None) => u64::MAX,
        };
        ends(self) > ends(other)
    }

    /// Whether it is a rate: it leaves room again within a minute.
    #[must_use]
    pub const fn is_rate(&self) -> bool {
        match self.span {
            Span::AtOnce | Span::Minute => true,
            Span::Hour | Span::Day | Span::Week | Span::Month | Span::Lifetime => false,
        }
    }

    /// Whether waiting helps: the request fits where nothing else counts.
    #[must_use]
    pub const fn fits_alone(&self) -> bool {
        self.requested <= self.bound
    }

    /// OpenAI's `type`.
    pub(crate) const fn openai_type(&self, quota: &'static str) -> &'static str {
        if !self.is_rate() {
            return quota;
        }
        match self.measure {
            Measure::Requests | Measure::Money => "requests",
            Measure::InputTokens | Measure::OutputTokens | Measure::Tokens => "tokens",
        }
    }

    /// OpenAI's `code`.
    pub(crate) const fn openai_code(&self) -> &'static str {
        match self.measure {
            Measure::Requests
            | Measure::InputTokens
            | Measure::OutputTokens
            | Measure::Tokens
            | Measure::Money
                if self.is_rate() =>
            {
                "rate_limit_exceeded"
            }
            Measure::Money if self.of_tenant => "organization_spend_limit_exceeded",
            Measure::Money => "project_spend_limit_exceeded",
            Measure::Requests | Measure::InputTokens | Measure::OutputTokens | Measure::Tokens => {
                "organization_usage_limit_exceeded"
            }
        }
    }

    /// Seconds after which the same request may do better, where that is soon.
    pub(crate) fn retry_after_s(&self) -> Option<u32> {
        if !self.is_rate() || !self.fits_alone() {
            return None;
        }
        let wait_ms = self.resets_in_ms.unwrap_or(SECOND_MS);
        let wait_s = wait_ms.div_ceil(SECOND_MS).clamp(1, RETRY_AFTER_S_MAX);
        u32::try_from(wait_s).ok()
    }

    /// What `x-should-retry` says.
    pub(crate) const fn should_retry(&self) -> Option<bool> {
        if self.is_rate() && self.fits_alone() {
            None
        } else {
            Some(false)
        }
    }

    /// The sentence for the client.
    pub(crate) fn message(&self) -> String {
        let counts = format!(
            "Limit {}, used {}, requested {}",
            self.show(self.bound),
            self.show(self.counted),
            self.show(self.requested)
        );
        let held = if self.held == 0 {
            String::new()
        } else {
            format!(" ({} of it by requests in progress)", self.show(self.held))
        };
        format!(
            "Limit '{}' on {} {}{} is reached: {counts}{held}. {}",
            self.limit,
            self.measure_in_words(),
            self.span_in_words(),
            self.subject_in_words(),
            self.advice()
        )
    }

    fn show(&self, count: u64) -> String {
        match self.measure {
            Measure::Money => {
                let units = i64::try_from(count).unwrap_or(i64::MAX);
                let amount = Amount::from_units(units).unwrap_or(Amount::MAX);
                format!("{} {}", amount.display(self.currency), self.currency)
            }
            Measure::Requests | Measure::InputTokens | Measure::OutputTokens | Measure::Tokens => {
                count.to_string()
            }
        }
    }

    const fn measure_in_words(&self) -> &'static str {
        match self.measure {
            Measure::Requests => "requests",
            Measure::InputTokens => "input tokens",
            Measure::OutputTokens => "output tokens",
            Measure::Tokens => "tokens",
            Measure::Money => "spending",
        }
    }

    const fn span_in_words(&self) -> &'static str {
        match self.span {
            Span::AtOnce => "at once",
            Span::Minute => "per minute",
            Span::Hour => "per hour",
            Span::Day => "per day",
            Span::Week => "per week",
            Span::Month => "per month",
            Span::Lifetime => "in all",
        }
    }

    fn subject_in_words(&self) -> String {
        let Some(each) = self.each else {
            return String::new();
        };
        let each = each.name().replace('_', " ");
        match &self.subject {
            Subject::Named(name) => format!(" for {each} '{name}'"),
            Subject::Whole | Subject::Unset => format!(" for requests without a known {each}"),
        }
    }

    fn advice(&self) -> String {
        if !self.fits_alone() {
            return "The request is larger than the limit: lower its output limit, or have the limit raised.".into();
        }
        match (self.span, self.resets_at) {
            (Span::AtOnce, _) => "Please retry when other requests have ended.".into(),
            (_, None) => "It does not begin anew.".into(),
            (_, Some(end)) => {
                let millis = i64::try_from(end.0).unwrap_or(i64::MAX);
                match Timestamp::from_millisecond(millis) {
                    Ok(end) => format!("It begins anew at {end}."),
                    Err(_) => "It does not begin anew.".into(),
                }
            }
        }
    }
}
