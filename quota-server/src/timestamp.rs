//! Points in time as text for people and programs: RFC 3339 in UTC, to the millisecond.

const DAY_MS: u64 = 86_400_000;

/// `2026-11-23T23:52:26.123Z` of so many milliseconds since 1970.
#[must_use]
pub fn rfc3339(unix_ms: u64) -> String {
    let (year, month, day) = civil(unix_ms / DAY_MS);
    let ms = unix_ms % DAY_MS;
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, milli) = (ms / 1_000 % 60, ms % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The beginning of a day in UTC, written as `2026-12-31`, in milliseconds since 1970; `None` if it is none.
#[must_use]
pub fn from_date(text: &str) -> Option<u64> {
    let read: toml::value::Datetime = text.parse().ok()?;
    let date = read.date.filter(|_| read.time.is_none())?;
    let seconds = crate::document::unix_seconds(date.year, date.month, date.day)?;
    seconds.checked_mul(1_000)
}

/// Year, month and day of so many days since 1970. Counts in eras of 400 years that begin in March, so that the leap day is
/// the last of its year.
const fn civil(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_FROM_YEAR_0: u64 = 719_468;
    const DAYS_AN_ERA: u64 = 146_097;
    let days = days_since_1970 + DAYS_FROM_YEAR_0;
    let (era, day_of_era) = (days / DAYS_AN_ERA, days % DAYS_AN_ERA);
    let leap_days = day_of_era / 1_460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let january_or_february = if month <= 2 { 1 } else { 0 };
    (era * 400 + year_of_era + january_or_february, month, day)
}

#[cfg(test)]
mod tests {
    use super::{from_date, rfc3339};

    #[test]
    fn a_date_is_the_beginning_of_its_day() {
        assert_eq!(from_date("1970-01-02"), Some(86_400_000));
        assert_eq!(from_date("2000-02-29"), Some(951_782_400_000));
        for text in [
            "",
            "2001-02-29",
            "2026-12-31T00:00:00Z",
            "tomorrow",
            "12:00:00",
        ] {
            assert_eq!(from_date(text), None, "{text}");
        }
    }

    #[test]
    fn milliseconds_become_text() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_721_304_306_789, "2024-07-18T12:05:06.789Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (4_133_980_799_000, "2100-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339(unix_ms), text);
        }
    }
}
