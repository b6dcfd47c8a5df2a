//! The evidence of what was used, added up document by document.
//!
//! A report is final only after every choice has finished. Before, it is a floor under what was counted. A contradiction is
//! `Unreadable`, with what was counted: never zero where something was generated.

use super::answer::{Answer, ChoiceSet};
use super::count::Counted;
use super::report::Report;
use ferry_types::{Usage, UsageSource};

/// What is known of what an answer used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Tokens by class. What was only counted has no input: that is the caller's to estimate.
    pub usage: Usage,
    /// Where that comes from. `Estimated` if nothing was seen, and so all is to be estimated; `None` if the provider told of an error
    /// and generated nothing.
    pub source: UsageSource,
    /// The model as the provider names it; empty if it did not.
    pub model: String,
    /// The tier that was served; empty if the provider did not say.
    pub service_tier: String,
    /// The answer's id at the provider; empty if it gave none. Not every provider's are unique.
    pub provider_response_id: String,
    /// Choices that have finished.
    pub choices_finished: u32,
    /// The answer is complete by its own account: its document, or `[DONE]`.
    pub done: bool,
    /// Something was generated.
    pub generated: bool,
    /// The provider told of an error, in the answer itself.
    pub has_error: bool,
    /// Documents that could not be read.
    pub unread: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    model: String,
    service_tier: String,
    id: String,
    choices_expected: u32,
    seen: ChoiceSet,
    finished: ChoiceSet,
    counted: Counted,
    last: Option<Reported>,
    /// Reports went back.
    is_contradicted: bool,
    is_done: bool,
    has_error: bool,
    unread: u64,
}

#[derive(Clone, Copy, Debug)]
struct Reported {
    report: Report,
    /// Every choice had finished.
    was_finished: bool,
    /// More was generated since.
    is_stale: bool,
}

impl Tally {
    pub(super) const fn expect(&mut self, choices: u32) {
        self.choices_expected = choices;
    }

    pub(super) const fn set_done(&mut self) {
        self.is_done = true;
    }

    pub(super) const fn add_unread(&mut self) {
        self.unread = self.unread.saturating_add(1);
    }

    /// Adds what a document says. What is not complete can hold a report, though no final one.
    pub(super) fn add(&mut self, answer: &Answer, is_complete: bool) {
        replace(&mut self.model, &answer.model);
        replace(&mut self.service_tier, &answer.service_tier);
        if self.id.is_empty() {
            self.id.clone_from(&answer.id);
        }
        self.seen.add(answer.seen);
        self.finished.add(answer.finished);
        let counted = answer.counted();
        self.counted.add(&counted);
        self.has_error |= answer.has_error;
        match answer.report {
            Some(report) if !report.is_empty() => self.report(report, is_complete),
            Some(_) | None => {
                if let Some(last) = &mut self.last {
                    last.is_stale |= !counted.is_nothing();
                }
            }
        }
    }

    fn report(&mut self, report: Report, is_complete: bool) {
        if let Some(last) = &self.last {
            self.is_contradicted |= !report.continues(&last.report);
        }
        self.last = Some(Reported {
            report,
            was_finished: is_complete && self.is_finished(),
            is_stale: false,
        });
    }

    fn is_finished(&self) -> bool {
        let finished = self.finished.len();
        finished >= self.seen.len().max(self.choices_expected).max(1)
    }

    pub(super) fn evidence(self) -> Evidence {
        let (usage, source) = self.usage();
        Evidence {
            usage,
            source,
            choices_finished: self.finished.len(),
            done: self.is_done,
            generated: !self.counted.is_nothing() || usage.output_total() != Some(0),
            has_error: self.has_error,
            unread: self.unread,
            model: self.model,
            service_tier: self.service_tier,
            provider_response_id: self.id,
        }
    }

    fn usage(&self) -> (Usage, UsageSource) {
        let counted = self.counted_above(&Usage::default());
        let Some(last) = self.last else {
            let source = match (counted.is_zero(), self.has_error, self.unread > 0) {
                (true, true, _) => UsageSource::None,
                (true, false, _) => UsageSource::Estimated,
                (false, _, true) => UsageSource::Unreadable,
                (false, _, false) => UsageSource::Counted,
            };
            return (counted, source);
        };
        let is_final = !last.is_stale && (last.was_finished || self.is_done);
        let reported = last.report.usage().ok();
        let reported = reported.filter(|_| !self.is_contradicted);
        let reported = reported.filter(|usage| !is_final || self.agrees(usage));
        match reported {
            Some(usage) if is_final => (usage, UsageSource::Reported),
            Some(usage) => (self.counted_above(&usage), UsageSource::Counted),
            None => (at_least_one(counted), UsageSource::Unreadable),
        }
    }

    /// Whether a final report goes with what was seen: neither an answer nor its question is empty.
    fn agrees(&self, usage: &Usage) -> bool {
        self.counted.is_nothing()
            || (usage.output_total() != Some(0) && usage.input_total() != Some(0))
    }

    /// What was counted, with `floor` under it. The count does not tell thoughts from text: what it has above the floor is output.
    fn counted_above(&self, floor: &Usage) -> Usage {
        let text = self
            .counted
            .text_tokens()
            .saturating_sub(floor.reasoning_tokens);
        Usage {
            output_tokens: floor.output_tokens.max(text),
            audio_output_tokens: floor.audio_output_tokens.max(self.counted.audio_tokens()),
            ..*floor
        }
    }
}

/// A report that cannot be read still says that there was something.
fn at_least_one(counted: Usage) -> Usage {
    let one = Usage {
        output_tokens: u64::from(counted.is_zero()),
        ..Usage::default()
    };
    counted.max(&one)
}

fn replace(known: &mut String, told: &str) {
    if !told.is_empty() && known != told {
        told.clone_into(known);
    }
}
