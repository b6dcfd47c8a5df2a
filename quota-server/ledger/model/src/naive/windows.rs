//! When a limit begins anew: by counting days.

use crate::limit::{Span, Zone};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// From when until when, in milliseconds; the end of time if it never ends.
pub type Window = (u64, u64);

/// The one that everything lies in.
pub(super) const ALWAYS: Window = (0, u64::MAX);

/// The window that a moment lies in.
pub(super) fn window(span: Span, zone: Zone, now: u64) -> Window {
    let (day, date) = (local_day(zone, now), date_of(local_day(zone, now)));
    let days = |first, next| (beginning(zone, first), beginning(zone, next));
    match span {
        Span::AtOnce | Span::Lifetime => ALWAYS,
        Span::Minute => (now / MINUTE * MINUTE, now / MINUTE * MINUTE + MINUTE),
        Span::Hour => (now / HOUR * HOUR, now / HOUR * HOUR + HOUR),
        Span::Day => days(day, day + 1),
        Span::Week => {
            // The first day of 1970 was a Thursday.
            let monday = day - (day + 3) % 7;
            days(monday, monday + 7)
        }
        Span::Month => {
            let first = day - (date.day - 1);
            let next = (first..).find(|day| date_of(*day).month != date.month);
            days(first, next.unwrap_or(first))
        }
    }
}

/// A date, each of its parts from 1.
#[derive(Clone, Copy)]
struct Date {
    year: u64,
    month: u64,
    day: u64,
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn length(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The date that is so many days after the first of 1970.
fn date_of(mut days: u64) -> Date {
    let (mut year, mut month) = (1970, 1);
    while days >= length(year, month) {
        days -= length(year, month);
        (year, month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
    }
    Date {
        year,
        month,
        day: days + 1,
    }
}

/// How many days after the first of 1970 it is there.
fn local_day(zone: Zone, now: u64) -> u64 {
    match zone {
        Zone::Utc => now / DAY,
        Zone::Kolkata => (now + 5 * HOUR + HOUR / 2) / DAY,
        Zone::NewYork => (now - behind(now)) / DAY,
    }
}

/// When a day begins there.
fn beginning(zone: Zone, day: u64) -> u64 {
    match zone {
        Zone::Utc => day * DAY,
        Zone::Kolkata => day * DAY - 5 * HOUR - HOUR / 2,
        // Clocks change at two in the morning, so that midnight is as the evening before.
        Zone::NewYork => day * DAY + behind(day * DAY + 4 * HOUR - MINUTE),
    }
}

/// How far New York is behind: five hours, but four from the second Sunday of March at seven in UTC to the first of November at six.
fn behind(now: u64) -> u64 {
    let date = date_of(now / DAY);
    let of_year = |month, nth: u64| {
        let first = (now / DAY).saturating_sub(400)..;
        let is_it = |day: &u64| {
            let found = date_of(*day);
            let sunday = (*day + 4).is_multiple_of(7);
            found.year == date.year && found.month == month && sunday
        };
        { first }.filter(is_it).nth(nth as usize).unwrap_or(0) * DAY
    };
    let summer = of_year(3, 1) + 7 * HOUR..of_year(11, 0) + 6 * HOUR;
    if summer.contains(&now) {
        4 * HOUR
    } else {
        5 * HOUR
    }
}
