//! Calendar months in UTC, as books are sealed by.

use crate::time::UnixMs;
use core::fmt;
use core::str::FromStr;

const DAY_MS: u64 = 86_400_000;
const FIRST_YEAR: u64 = 1970;
/// Four digits are enough for any book.
const LAST_YEAR: u64 = 9_999;
/// Days before each month of a year that is no leap year.
const DAYS_BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// A calendar month in UTC, from 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: u64,
    /// From 1.
    month: u64,
}

/// The text is no month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a month such as 2026-10, from 1970-01 to 9999-12")]
pub struct InvalidMonth;

impl Month {
    /// Year and month, from 1.
    ///
    /// # Errors
    /// [`InvalidMonth`] if there is no such month here.
    pub const fn new(year: u64, month: u64) -> Result<Self, InvalidMonth> {
        let year_is_good = FIRST_YEAR <= year && year <= LAST_YEAR;
        if year_is_good && 1 <= month && month <= 12 {
            Ok(Self { year, month })
        } else {
            Err(InvalidMonth)
        }
    }

    /// Its year, and its number in it from 1.
    #[must_use]
    pub const fn parts(self) -> (u64, u64) {
        (self.year, self.month)
    }

    /// Its first millisecond.
    #[must_use]
    pub fn start(self) -> UnixMs {
        let years = self.year.saturating_sub(FIRST_YEAR);
        let leap_days = leap_days_before(self.year).saturating_sub(leap_days_before(FIRST_YEAR));
        let months = self.month.saturating_sub(1);
        let before = usize::try_from(months)
            .ok()
            .and_then(|at| DAYS_BEFORE.get(at));
        let this_leap = u64::from(is_leap(self.year) && self.month > 2);
        let days = years
            .saturating_mul(365)
            .saturating_add(leap_days)
            .saturating_add(before.copied().unwrap_or(0))
            .saturating_add(this_leap);
        UnixMs(days.saturating_mul(DAY_MS))
    }

    /// The first millisecond after it.
    #[must_use]
    pub fn end(self) -> UnixMs {
        let next = if self.month == 12 {
            Self {
                year: self.year.saturating_add(1),
                month: 1,
            }
        } else {
            Self {
                year: self.year,
                month: self.month.saturating_add(1),
            }
        };
        next.start()
    }
}

/// Leap days in all years before this one, since year 1.
const fn leap_days_before(year: u64) -> u64 {
    let past = year.saturating_sub(1);
    (past / 4)
        .saturating_sub(past / 100)
        .saturating_add(past / 400)
}

const fn is_leap(year: u64) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let (year, month) = text.split_once('-').ok_or(InvalidMonth)?;
        let digits = |text: &str, count| {
            let all = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
            all.then(|| text.parse().ok()).flatten().ok_or(InvalidMonth)
        };
        Self::new(digits(year, 4)?, digits(month, 2)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other_without_a_gap() {
        for (text, start) in [
            ("1970-01", 0),
            ("2000-03", 951_868_800_000),
            ("2024-02", 1_706_745_600_000),
            ("2024-03", 1_709_251_200_000),
            ("2026-10", 1_790_812_800_000),
            ("2100-03", 4_107_542_400_000),
        ] {
            let month: Month = text.parse().unwrap();
            assert_eq!(month.start().0, start, "{text}");
            assert_eq!(month.to_string(), text);
        }
        let mut end = UnixMs(0);
        for year in 1970..=2405 {
            for month in 1..=12 {
                let month = Month::new(year, month).unwrap();
                assert_eq!(month.start(), end, "{month}");
                end = month.end();
            }
        }
        for bad in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "1969-12",
            "26-10",
            "2026-1",
            "2026-+1",
            "2026-10-01",
        ] {
            assert_eq!(bad.parse::<Month>(), Err(InvalidMonth), "{bad}");
        }
    }
}
