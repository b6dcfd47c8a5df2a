//! How many tokens an input can count, and how many it probably does: two sums over the pieces of a request, never its text.
//!
//! **The bound.** A text token is at least one byte, so text counts its bytes. What the provider renders into the prompt around
//! it (roles, tool schemas as JSON or as some language's types) counts what its widest rendering takes. Tokenizers differ by
//! model, and the exact one costs 27 ms for 800 KB on Envoy's worker: the bound holds for all of them instead.
//!
//! **The estimate.** What byte pair encodings of today's models take on average, by the length of a character in UTF-8: a quarter
//! of a token for ASCII, half a token for two bytes (Latin with accents, Greek, Cyrillic, Hebrew, Arabic), three quarters for
//! three (Chinese, Japanese, Korean, Indic), two for four (emoji). It is never above the bound.
//!
//! Sums saturate: a bound beyond what can be counted is the largest that can.

/// What a chat template adds around each message: its role, separators, the end of the turn. OpenAI's take 3 or 4 tokens, Llama's 5;
/// the widest known, with a channel and a recipient, take a dozen.
pub const MESSAGE_OVERHEAD_TOKENS_MAX: u64 = 16;

/// What a chat template adds to the whole: the opening of the answer, and a default system prompt where the client sent none.
/// The widest known (a date, a knowledge cutoff, the reasoning effort, the valid channels) takes about 120 tokens.
pub const REQUEST_OVERHEAD_TOKENS_MAX: u64 = 256;

/// What is added once if there are tools, functions or an output format: how to call them. The providers' published figures go up to 530.
pub const TOOLS_OVERHEAD_TOKENS_MAX: u64 = 1024;

/// What a value of a schema takes besides its text when it is rendered: four quotes, a colon, a space, a comma, a line break
/// and its indent, which is one token however deep.
pub const VALUE_OVERHEAD_TOKENS_MAX: u64 = 9;

/// In a schema, what a byte of a character beyond ASCII can take: `\u00e9` is six bytes for two.
const ESCAPED_BYTES_PER_BYTE: u64 = 3;

const MESSAGE_OVERHEAD_TOKENS: u64 = 4;
const REQUEST_OVERHEAD_TOKENS: u64 = 3;
const QUARTERS_PER_TOKEN: u64 = 4;
/// Punctuation around a value of a schema: two tokens.
const VALUE_QUARTERS: u64 = 8;

/// Characters by their length in UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct CharCounts {
    ascii: u64,
    two_bytes: u64,
    three_bytes: u64,
    four_bytes: u64,
}

impl CharCounts {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        if bytes.is_ascii() {
            return Self {
                ascii: bytes.len() as u64,
                ..Self::default()
            };
        }
        let (words, tail) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        if let Some(room) = last.get_mut(..tail.len()) {
            room.copy_from_slice(tail);
        }
        let mut leads = [0u64; 3];
        let mut beyond_ascii = 0u64;
        for word in words.iter().chain([&last]) {
            let (beyond, found) = leads_in(u64::from_le_bytes(*word));
            beyond_ascii = beyond_ascii.saturating_add(beyond);
            for (sum, count) in leads.iter_mut().zip(found) {
                *sum = sum.saturating_add(count);
            }
        }
        // Each count includes the longer characters.
        let [two_or_more, three_or_more, four_bytes] = leads;
        Self {
            ascii: (bytes.len() as u64).saturating_sub(beyond_ascii),
            two_bytes: two_or_more.saturating_sub(three_or_more),
            three_bytes: three_or_more.saturating_sub(four_bytes),
            four_bytes,
        }
    }

    /// The estimate, in quarters of a token.
    const fn quarters(self) -> u64 {
        self.ascii
            .saturating_add(self.two_bytes.saturating_mul(2))
            .saturating_add(self.three_bytes.saturating_mul(3))
            .saturating_add(self.four_bytes.saturating_mul(8))
    }
}

/// Of eight bytes: how many are beyond ASCII, and how many begin a character of at least two, three and four bytes.
///
/// A character's first byte has as many leading ones as the character has bytes; the bytes that follow have a single one.
fn leads_in(word: u64) -> (u64, [u64; 3]) {
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    let first = word & TOPS;
    let second = first & (word << 1);
    let third = second & (word << 2);
    let fourth = third & (word << 3);
    let count = |bits: u64| u64::from(bits.count_ones());
    (count(first), [count(second), count(third), count(fourth)])
}

/// The measure of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputMeasure {
    bound: u64,
    quarters: u64,
    messages: u64,
    has_tools: bool,
    is_unbounded: bool,
}

impl InputMeasure {
    /// Text that reaches the model as it is.
    pub fn text(&mut self, text: &str) {
        self.add_bound(text.len() as u64);
        self.add_quarters(CharCounts::of(text).quarters());
    }

    /// Text that is rendered as part of a schema or a call, perhaps escaped again.
    pub fn schema_text(&mut self, text: &str) {
        let counts = CharCounts::of(text);
        let beyond_ascii = (text.len() as u64).saturating_sub(counts.ascii);
        self.add_bound(counts.ascii);
        self.add_bound(beyond_ascii.saturating_mul(ESCAPED_BYTES_PER_BYTE));
        self.add_quarters(counts.quarters());
    }

    /// Bytes that the client spent on escapes in a schema, and that a renderer may spend again.
    pub const fn schema_escapes(&mut self, bytes: u64) {
        self.add_bound(bytes);
    }

    /// A value of a schema, of whatever kind, besides its text.
    pub const fn schema_value(&mut self) {
        self.add_bound(VALUE_OVERHEAD_TOKENS_MAX);
        self.add_quarters(VALUE_QUARTERS);
    }

    /// Another message.
    pub const fn message(&mut self) {
        self.messages = self.messages.saturating_add(1);
    }

    /// There are tools, or another schema that the model is told of.
    pub const fn tools(&mut self) {
        self.has_tools = true;
    }

    /// There is input that cannot be measured here.
    pub const fn unmeasurable(&mut self) {
        self.is_unbounded = true;
    }

    /// Whether there is input that cannot be measured here: an image, a sound, a file.
    #[must_use]
    pub const fn is_unbounded(&self) -> bool {
        self.is_unbounded
    }

    /// Most tokens that the measured input can count.
    #[must_use]
    pub const fn tokens_max(&self) -> u64 {
        let tools = if self.has_tools {
            TOOLS_OVERHEAD_TOKENS_MAX
        } else {
            0
        };
        self.bound
            .saturating_add(self.messages.saturating_mul(MESSAGE_OVERHEAD_TOKENS_MAX))
            .saturating_add(REQUEST_OVERHEAD_TOKENS_MAX)
            .saturating_add(tools)
    }

    /// What the measured input will probably count.
    #[must_use]
    pub fn tokens_estimate(&self) -> u64 {
        self.quarters
            .div_ceil(QUARTERS_PER_TOKEN)
            .saturating_add(self.messages.saturating_mul(MESSAGE_OVERHEAD_TOKENS))
            .saturating_add(REQUEST_OVERHEAD_TOKENS)
            .min(self.tokens_max())
    }

    const fn add_bound(&mut self, tokens: u64) {
        self.bound = self.bound.saturating_add(tokens);
    }

    const fn add_quarters(&mut self, quarters: u64) {
        self.quarters = self.quarters.saturating_add(quarters);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> InputMeasure {
        let mut measure = InputMeasure::default();
        measure.message();
        measure.text(text);
        measure
    }

    #[test]
    fn the_estimate_follows_the_script_and_the_bound_the_bytes() {
        for (text, tokens, bytes) in [
            ("", 0, 0),
            ("hello world!", 3, 12),
            ("hello world!!", 4, 13),
            ("дом", 2, 6),
            ("你好世界", 3, 12),
            ("🚀", 2, 4),
            ("a🚀", 3, 5),
        ] {
            let measure = of_text(text);
            assert_eq!(measure.tokens_estimate(), tokens + 4 + 3, "{text}");
            assert_eq!(measure.tokens_max(), bytes + 16 + 256, "{text}");
        }
    }

    #[test]
    fn characters_are_told_apart_wherever_they_stand() {
        for offset in 0..9 {
            for (text, counts) in [
                ("éé", [0, 2, 0, 0]),
                ("世x界", [1, 0, 2, 0]),
                ("🚀é世a🚀", [1, 1, 1, 2]),
                (
                    "\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}",
                    [0, 2, 2, 2],
                ),
            ] {
                let text = "a".repeat(offset) + &text.repeat(3);
                let [ascii, two_bytes, three_bytes, four_bytes] = counts.map(|count| 3 * count);
                let expected = CharCounts {
                    ascii: ascii + offset as u64,
                    two_bytes,
                    three_bytes,
                    four_bytes,
                };
                assert_eq!(CharCounts::of(&text), expected, "{text}");
            }
        }
    }

    #[test]
    fn a_schema_may_be_rendered_with_every_character_escaped() {
        let mut measure = InputMeasure::default();
        measure.schema_text("aé世🚀");
        assert_eq!(measure.tokens_max(), 256 + 1 + 3 * (2 + 3 + 4));
        measure.schema_value();
        measure.schema_escapes(5);
        measure.tools();
        assert_eq!(measure.tokens_max(), 256 + 28 + 9 + 5 + 1024);
    }

    #[test]
    fn sums_saturate() {
        let mut measure = of_text("x");
        measure.schema_escapes(u64::MAX);
        measure.schema_text("x");
        assert_eq!(measure.tokens_max(), u64::MAX);
        assert!(measure.tokens_estimate() < 100);
    }
}
