//! Which entry an answer tells of, and when that was written.

use super::Naive;
use super::keys::UNKNOWN_KEY;
use super::requests::At;
use crate::request::Request;
use crate::step::Step;
use crate::told::Told;

impl Naive {
    /// The entry that an answer tells of, and its time; of a refusal the last entry before it, and when it was refused. `told` is what
    /// the step was just answered.
    #[must_use]
    pub fn place(&self, step: Step, told: Told) -> (u64, u64) {
        let entry = match (told, step.request()) {
            // A key that is not there made nothing.
            (Told::Refused(UNKNOWN_KEY), _) => return (self.seq, self.now),
            (Told::Refused(_), Some(request)) => {
                return self.refused_place(request).unwrap_or((self.seq, self.now));
            }
            (
                Told::Granted { .. }
                | Told::Ended(_)
                | Told::Settled { .. }
                | Told::Parked
                | Told::Released
                | Told::Conflict,
                Some(request),
            ) => match self.refused_place(request) {
                Some(place) => return place,
                None => self.rows.get(&request).map(|row| row.seq),
            },
            (Told::Done { seq, .. }, _) => Some(seq),
            _ => None,
        };
        let entry = entry.unwrap_or(self.seq);
        (entry, self.time_of(entry))
    }

    fn refused_place(&self, request: Request) -> Option<(u64, u64)> {
        let row = self.rows.get(&request);
        let refused = row.filter(|row| matches!(row.at, At::Refused(_)));
        refused.map(|row| (row.seq, row.refused_ms))
    }

    fn time_of(&self, entry: u64) -> u64 {
        let before = usize::try_from(entry.saturating_sub(1)).unwrap_or(usize::MAX);
        self.times.get(before).copied().unwrap_or(0)
    }

    /// Whatever was written since the last step was written now.
    pub(super) fn note_times(&mut self) {
        while (self.times.len() as u64) < self.seq {
            self.times.push(self.now);
        }
    }
}
