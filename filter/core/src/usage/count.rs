//! Counting what passed by, for want of a report. It is a floor: a provider sends at least a token a piece, and text of any script
//! takes at least a token for four bytes on average.

/// ASCII bytes to a token, as for the input's estimate. Other scripts take more tokens a byte.
const BYTES_PER_TOKEN: u64 = 4;

/// Base64 characters of the most voluminous sound (PCM, 24 kHz, 16 bit: 64,000 a second) to one of its tokens (20 a second).
const AUDIO_CHARS_PER_TOKEN: u64 = 3_200;

/// Strings that were not empty, and their decoded bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pieces: u64,
    bytes: u64,
}

impl Count {
    /// A string that is complete.
    pub(super) const fn piece(&mut self, bytes: u64) {
        if bytes > 0 {
            self.pieces = self.pieces.saturating_add(1);
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    const fn add(&mut self, other: Self) {
        self.pieces = self.pieces.saturating_add(other.pieces);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// At least one where there was anything.
    fn tokens(self, bytes_per_token: u64) -> u64 {
        let by_bytes = self.bytes.checked_div(bytes_per_token).unwrap_or_default();
        let rest = self.bytes.checked_rem(bytes_per_token).unwrap_or_default();
        let by_bytes = by_bytes.saturating_add(u64::from(rest > 0));
        self.pieces.max(by_bytes)
    }
}

/// What was generated, as far as it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Content, refusals, calls.
    pub(super) text: Count,
    /// Thoughts, in the two spellings that providers use; some send both with the same text.
    pub(super) reasoning_content: Count,
    pub(super) reasoning: Count,
    /// Sound, in base64.
    pub(super) audio: Count,
}

impl Counted {
    pub(super) const fn add(&mut self, other: &Self) {
        self.text.add(other.text);
        self.reasoning_content.add(other.reasoning_content);
        self.reasoning.add(other.reasoning);
        self.audio.add(other.audio);
    }

    /// Tokens of everything but sound.
    pub(super) fn text_tokens(&self) -> u64 {
        let first = self.reasoning_content.tokens(BYTES_PER_TOKEN);
        let second = self.reasoning.tokens(BYTES_PER_TOKEN);
        self.text
            .tokens(BYTES_PER_TOKEN)
            .saturating_add(first.max(second))
    }

    pub(super) fn audio_tokens(&self) -> u64 {
        self.audio.tokens(AUDIO_CHARS_PER_TOKEN)
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_the_larger_of_pieces_and_quarters_of_bytes() {
        for (pieces, tokens) in [
            (&[][..], 0),
            (&[0][..], 0),
            (&[1], 1),
            (&[4], 1),
            (&[5], 2),
            (&[1, 1, 1], 3),
            (&[40, 0, 1], 11),
        ] {
            let mut counted = Counted::default();
            pieces.iter().for_each(|bytes| counted.text.piece(*bytes));
            assert_eq!(counted.text_tokens(), tokens, "{pieces:?}");
            counted.reasoning = counted.text;
            counted.reasoning_content = counted.text;
            assert_eq!(counted.text_tokens(), 2 * tokens, "{pieces:?}");
        }
        let mut counted = Counted::default();
        counted.audio.piece(6_401);
        assert_eq!((counted.text_tokens(), counted.audio_tokens()), (0, 3));
    }
}
