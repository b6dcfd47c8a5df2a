//! What requests to a model usually write, learned from what providers reported: the median of the newest.
//!
//! It is charged only where nothing tells what was written, never above what was held, and marked as provisional. It is pinned by
//! each offer, so that a charge can be derived again from its journal.

use std::collections::VecDeque;

/// Reports that are remembered: enough to be calm, few enough to follow a change within minutes.
const REMEMBERED: usize = 255;
/// Reports before anything is said: fewer are an anecdote.
const REPORTS_MIN: usize = 16;

/// The newest reports of one model.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    newest: VecDeque<u64>,
}

impl Learned {
    /// One more report: so many tokens were written.
    pub fn report(&mut self, output_tokens: u64) {
        if self.newest.len() >= REMEMBERED {
            self.newest.pop_front();
        }
        self.newest.push_back(output_tokens);
    }

    /// The median; of an even number the lower of the two in the middle. `None` while too little was reported.
    #[must_use]
    pub fn median(&self) -> Option<u64> {
        if self.newest.len() < REPORTS_MIN {
            return None;
        }
        let mut sorted: Vec<u64> = self.newest.iter().copied().collect();
        let middle = (sorted.len() - 1) / 2;
        let (_, median, _) = sorted.select_nth_unstable(middle);
        Some(*median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_follows_the_newest_reports() {
        let mut learned = Learned::default();
        for tokens in 1..REPORTS_MIN as u64 {
            learned.report(tokens);
            assert_eq!(learned.median(), None);
        }
        learned.report(1_000_000);
        assert_eq!(learned.median(), Some(8), "one outlier moves nothing");
        for _ in 0..REMEMBERED {
            learned.report(300);
        }
        assert_eq!(learned.median(), Some(300), "what is old is forgotten");
    }
}
