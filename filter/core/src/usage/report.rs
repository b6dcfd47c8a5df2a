//! A usage block as OpenAI's dialect has it, and the disjoint classes it stands for. Whatever contradicts itself is no usage.

use ferry_types::Usage;

/// A number in a usage block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportField {
    Prompt,
    Completion,
    Total,
    Cached,
    CacheWrite,
    AudioInput,
    Reasoning,
    AudioOutput,
    AcceptedPrediction,
    RejectedPrediction,
}

impl ReportField {
    pub(super) fn of_prompt_details(name: &str) -> Option<Self> {
        match name {
            "cached_tokens" => Some(Self::Cached),
            "cache_write_tokens" => Some(Self::CacheWrite),
            "audio_tokens" => Some(Self::AudioInput),
            _ => None,
        }
    }

    pub(super) fn of_completion_details(name: &str) -> Option<Self> {
        match name {
            "reasoning_tokens" => Some(Self::Reasoning),
            "audio_tokens" => Some(Self::AudioOutput),
            "accepted_prediction_tokens" => Some(Self::AcceptedPrediction),
            "rejected_prediction_tokens" => Some(Self::RejectedPrediction),
            _ => None,
        }
    }
}

/// The report contradicts itself, or cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contradiction;

/// The numbers of a usage block, as reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: u64,
    cache_write: u64,
    audio_input: u64,
    reasoning: u64,
    audio_output: u64,
    /// Predicted tokens, accepted or not: part of the completion.
    predicted: u64,
    /// There is a number that is none: negative, broken, too large, of another type.
    is_broken: bool,
}

impl Report {
    /// A number as written; `None` if what stands there is none.
    pub(super) fn set(&mut self, field: ReportField, text: Option<&str>) {
        let Some(tokens) = text.and_then(|text| text.parse::<u64>().ok()) else {
            self.is_broken = true;
            return;
        };
        match field {
            ReportField::Prompt => self.prompt = Some(tokens),
            ReportField::Completion => self.completion = Some(tokens),
            ReportField::Total => self.total = Some(tokens),
            ReportField::Cached => self.cached = tokens,
            ReportField::CacheWrite => self.cache_write = tokens,
            ReportField::AudioInput => self.audio_input = tokens,
            ReportField::Reasoning => self.reasoning = tokens,
            ReportField::AudioOutput => self.audio_output = tokens,
            ReportField::AcceptedPrediction | ReportField::RejectedPrediction => {
                self.predicted = self.predicted.saturating_add(tokens);
            }
        }
    }

    /// Whether it says nothing, as `{}` does.
    pub(super) const fn is_empty(&self) -> bool {
        self.prompt.is_none() && self.completion.is_none() && !self.is_broken
    }

    /// Whether no side is lower than it was in `earlier`: reports of one answer are cumulative.
    pub(super) fn continues(&self, earlier: &Self) -> bool {
        self.prompt >= earlier.prompt && self.completion >= earlier.completion
    }

    /// The classes, of which each token is in one.
    pub(super) fn usage(&self) -> Result<Usage, Contradiction> {
        let (Some(prompt), Some(completion), false) =
            (self.prompt, self.completion, self.is_broken)
        else {
            return Err(Contradiction);
        };
        let sum = prompt.checked_add(completion).ok_or(Contradiction)?;
        if self.total.is_some_and(|total| total != sum) || self.predicted > completion {
            return Err(Contradiction);
        }
        let input = [self.cached, self.cache_write, self.audio_input];
        let output = [self.reasoning, self.audio_output];
        Ok(Usage {
            input_tokens: remainder(prompt, &input)?,
            cached_input_tokens: self.cached,
            cache_write_tokens: self.cache_write,
            audio_input_tokens: self.audio_input,
            output_tokens: remainder(completion, &output)?,
            reasoning_tokens: self.reasoning,
            audio_output_tokens: self.audio_output,
        })
    }
}

/// What is left of `whole` without its `parts`.
fn remainder(whole: u64, parts: &[u64]) -> Result<u64, Contradiction> {
    parts
        .iter()
        .try_fold(whole, |rest, part| rest.checked_sub(*part))
        .ok_or(Contradiction)
}

#[cfg(test)]
mod tests {
    use super::ReportField::*;
    use super::*;

    fn report(fields: &[(ReportField, &str)]) -> Report {
        let mut report = Report::default();
        for (field, text) in fields {
            report.set(*field, Some(text));
        }
        report
    }

    #[test]
    fn classes_are_disjoint() {
        let usage = report(&[
            (Prompt, "100"),
            (Completion, "50"),
            (Total, "150"),
            (Cached, "40"),
            (CacheWrite, "10"),
            (AudioInput, "5"),
            (Reasoning, "20"),
            (AudioOutput, "3"),
            (AcceptedPrediction, "4"),
            (RejectedPrediction, "6"),
        ])
        .usage()
        .unwrap();
        let expected = Usage {
            input_tokens: 45,
            cached_input_tokens: 40,
            cache_write_tokens: 10,
            audio_input_tokens: 5,
            output_tokens: 27,
            reasoning_tokens: 20,
            audio_output_tokens: 3,
        };
        assert_eq!(usage, expected);
        assert_eq!(usage.input_total(), Some(100));
        assert_eq!(usage.output_total(), Some(50));
    }

    #[test]
    fn contradictions_are_no_usage() {
        for extra in [
            (Cached, "11"),
            (CacheWrite, "11"),
            (AudioInput, "11"),
            (Reasoning, "6"),
            (AudioOutput, "6"),
            (AcceptedPrediction, "6"),
            (RejectedPrediction, "6"),
            (Total, "14"),
            (Total, "0"),
            (Prompt, "-10"),
            (Prompt, "10.0"),
            (Prompt, "1e1"),
            (Prompt, "18446744073709551616"),
            (Completion, "18446744073709551615"),
        ] {
            let report = report(&[(Prompt, "10"), (Completion, "5"), extra]);
            assert_eq!(report.usage(), Err(Contradiction), "{extra:?}");
            assert!(!report.is_empty());
        }
        for half in [(Prompt, "10"), (Completion, "5")] {
            assert_eq!(report(&[half]).usage(), Err(Contradiction), "{half:?}");
        }
        assert!(report(&[]).is_empty());
    }
}
