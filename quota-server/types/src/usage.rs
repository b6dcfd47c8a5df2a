//! What a request used, in disjoint classes of tokens.
//!
//! Providers report overlapping numbers (cached tokens are part of the prompt, reasoning is part of the completion). Here
//! every token is in exactly one class, so that a sum of classes is a sum of tokens.

/// A class of tokens with a price of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenClass {
    /// Read anew.
    Input,
    /// Read from the provider's cache.
    CachedInput,
    /// Written into the provider's cache.
    CacheWrite,
    /// Audio read.
    AudioInput,
    /// Text written.
    Output,
    /// Thought, and billed as output.
    Reasoning,
    /// Audio written.
    AudioOutput,
}

impl TokenClass {
    /// Every class, in the order of the wire's fields.
    pub const ALL: [Self; 7] = [
        Self::Input,
        Self::CachedInput,
        Self::CacheWrite,
        Self::AudioInput,
        Self::Output,
        Self::Reasoning,
        Self::AudioOutput,
    ];

    /// Classes that what is sent to the model can be billed as.
    pub const INPUT_SIDE: [Self; 4] = [
        Self::Input,
        Self::CachedInput,
        Self::CacheWrite,
        Self::AudioInput,
    ];

    /// Classes that what the model makes can be billed as.
    pub const OUTPUT_SIDE: [Self; 3] = [Self::Output, Self::Reasoning, Self::AudioOutput];

    /// The stable name, as in price tables and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CachedInput => "cached_input",
            Self::CacheWrite => "cache_write",
            Self::AudioInput => "audio_input",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::AudioOutput => "audio_output",
        }
    }

    /// The class that this one is priced as where a table gives it no price of its own.
    #[must_use]
    pub const fn parent(self) -> Self {
        match self {
            Self::Input | Self::CachedInput | Self::CacheWrite | Self::AudioInput => Self::Input,
            Self::Output | Self::Reasoning | Self::AudioOutput => Self::Output,
        }
    }
}

/// Tokens used, by class. Classes are disjoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// Read anew.
    pub input_tokens: u64,
    /// Read from the provider's cache.
    pub cached_input_tokens: u64,
    /// Written into the provider's cache.
    pub cache_write_tokens: u64,
    /// Audio read.
    pub audio_input_tokens: u64,
    /// Text written.
    pub output_tokens: u64,
    /// Thought, and billed as output.
    pub reasoning_tokens: u64,
    /// Audio written.
    pub audio_output_tokens: u64,
}

impl Usage {
    /// Tokens of one class.
    #[must_use]
    pub const fn of(&self, class: TokenClass) -> u64 {
        match class {
            TokenClass::Input => self.input_tokens,
            TokenClass::CachedInput => self.cached_input_tokens,
            TokenClass::CacheWrite => self.cache_write_tokens,
            TokenClass::AudioInput => self.audio_input_tokens,
            TokenClass::Output => self.output_tokens,
            TokenClass::Reasoning => self.reasoning_tokens,
            TokenClass::AudioOutput => self.audio_output_tokens,
        }
    }

    /// A usage with what `tokens` says of each class.
    #[must_use]
    pub fn from_classes(tokens: impl Fn(TokenClass) -> u64) -> Self {
        Self {
            input_tokens: tokens(TokenClass::Input),
            cached_input_tokens: tokens(TokenClass::CachedInput),
            cache_write_tokens: tokens(TokenClass::CacheWrite),
            audio_input_tokens: tokens(TokenClass::AudioInput),
            output_tokens: tokens(TokenClass::Output),
            reasoning_tokens: tokens(TokenClass::Reasoning),
            audio_output_tokens: tokens(TokenClass::AudioOutput),
        }
    }

    /// All input; `None` beyond what can be counted.
    #[must_use]
    pub fn input_total(&self) -> Option<u64> {
        self.total(&TokenClass::INPUT_SIDE)
    }

    /// All output; `None` beyond what can be counted.
    #[must_use]
    pub fn output_total(&self) -> Option<u64> {
        self.total(&TokenClass::OUTPUT_SIDE)
    }

    fn total(&self, classes: &[TokenClass]) -> Option<u64> {
        classes
            .iter()
            .try_fold(0u64, |sum, class| sum.checked_add(self.of(*class)))
    }

    /// The larger of both, class by class: how two pieces of partial evidence combine.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        Self::from_classes(|class| self.of(class).max(other.of(class)))
    }

    /// Whether nothing was used.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        TokenClass::ALL.iter().all(|class| self.of(*class) == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_on_one_side_and_has_its_own_field() {
        let usage = Usage::from_classes(|class| 1 << class as u32);
        assert_eq!(usage.input_total(), Some(0b000_1111));
        assert_eq!(usage.output_total(), Some(0b111_0000));
        for class in TokenClass::ALL {
            assert_eq!(usage.of(class), 1 << class as u32);
            assert!(
                TokenClass::INPUT_SIDE.contains(&class) != TokenClass::OUTPUT_SIDE.contains(&class)
            );
        }
    }

    #[test]
    fn a_sum_that_cannot_be_counted_is_none() {
        let usage = Usage {
            input_tokens: u64::MAX,
            cached_input_tokens: 1,
            ..Usage::default()
        };
        assert_eq!(usage.input_total(), None);
    }
}
