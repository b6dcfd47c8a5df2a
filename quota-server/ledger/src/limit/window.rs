//! The window of a limit: an interval of time in which it counts.

use crate::time::UnixMs;
use crate::zone::Zone;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// How long a limit counts before it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// It does not count what is over: only what is in flight.
    AtOnce,
    /// A minute of UTC.
    Minute,
    /// An hour of UTC.
    Hour,
    /// A day in the tenant's zone.
    Day,
    /// A week in the tenant's zone, from Monday on.
    Week,
    /// A calendar month in the tenant's zone.
    Month,
    /// It never begins anew.
    Lifetime,
}

/// An interval of time: from its start until before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first moment.
    pub start: UnixMs,
    /// The first moment after it; `None` if it never ends.
    pub end: Option<UnixMs>,
}

impl Span {
    /// Every span, in the order of their stored codes.
    pub const ALL: [Self; 7] = [
        Self::AtOnce,
        Self::Minute,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Lifetime,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Lifetime => "lifetime",
        }
    }

    /// Whether the zone says where its windows begin.
    #[must_use]
    pub const fn goes_by_zone(self) -> bool {
        match self {
            Self::Day | Self::Week | Self::Month => true,
            Self::AtOnce | Self::Minute | Self::Hour | Self::Lifetime => false,
        }
    }

    /// The window that this moment lies in, by the rules of a zone. It begins where `last` ended, if it would begin before.
    #[must_use]
    pub fn window(self, zone: &Zone, at: UnixMs, last: Option<Window>) -> Window {
        let whole = match self {
            Self::AtOnce | Self::Lifetime => Window::ALWAYS,
            Self::Minute => fixed(at, MINUTE_MS),
            Self::Hour => fixed(at, HOUR_MS),
            Self::Day | Self::Week | Self::Month => {
                civil(self, zone, at).unwrap_or_else(|| fixed(at, DAY_MS))
            }
        };
        let ended = last.and_then(|last| last.end);
        Window {
            start: ended.map_or(whole.start, |end| whole.start.max(end)),
            end: whole.end,
        }
    }
}

impl Window {
    /// The window that everything lies in.
    pub const ALWAYS: Self = Self {
        start: UnixMs::ZERO,
        end: None,
    };

    /// Whether a moment lies in it.
    #[must_use]
    pub fn has(&self, at: UnixMs) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }
}

fn fixed(at: UnixMs, length_ms: u64) -> Window {
    let into = at.0.checked_rem(length_ms).unwrap_or(0);
    let start = UnixMs(at.0.saturating_sub(into));
    Window {
        start,
        end: Some(start.plus_ms(length_ms)),
    }
}

/// Days, weeks and months begin with the first moment of their first date in the zone. `None` beyond the calendar.
fn civil(span: Span, zone: &Zone, at: UnixMs) -> Option<Window> {
    let millis = i64::try_from(at.0).ok()?;
    let now = Timestamp::from_millisecond(millis).ok()?;
    let date = now.to_zoned(zone.rules().clone()).date();
    let first = match span {
        Span::Week => date.checked_sub(days_since_monday(date).days()).ok()?,
        Span::Month => date.first_of_month(),
        Span::AtOnce | Span::Minute | Span::Hour | Span::Day | Span::Lifetime => date,
    };
    let next = following(span, first)?;
    let window = between(first, next, zone)?;
    if window.has(at) {
        return Some(window);
    }
    // Clocks that go back over midnight show the evening before once more: the next day has begun already.
    let again = between(next, following(span, next)?, zone)?;
    again.has(at).then_some(again)
}

/// The first date after a window that begins with this one.
fn following(span: Span, first: Date) -> Option<Date> {
    let next = match span {
        Span::Week => first.checked_add(1.week()),
        Span::Month => first.checked_add(1.month()),
        Span::AtOnce | Span::Minute | Span::Hour | Span::Day | Span::Lifetime => first.tomorrow(),
    };
    next.ok()
}

fn between(first: Date, next: Date, zone: &Zone) -> Option<Window> {
    Some(Window {
        start: beginning(first, zone)?,
        end: Some(beginning(next, zone)?),
    })
}

fn days_since_monday(date: Date) -> i64 {
    i64::from(date.weekday().to_monday_zero_offset())
}

/// The first moment of a date. Where midnight does not exist, the first one after it.
fn beginning(date: Date, zone: &Zone) -> Option<UnixMs> {
    let midnight = date.to_zoned(zone.rules().clone()).ok()?;
    let first = midnight.start_of_day().ok()?;
    let millis = first.timestamp().as_millisecond();
    // Before 1970 there is nothing to count.
    Some(UnixMs(u64::try_from(millis).unwrap_or(0)))
}
