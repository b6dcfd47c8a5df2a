//! Where windows begin and end: days, weeks and months of a zone, and what a change of zone does to them.

use crate::limits::is_made_again;
use crate::world::{START, World};
use ferry_ledger::*;

/// The window of a moment, in milliseconds from START.
fn window(zone: &str, span: Span, at: u64, last: Option<Window>) -> (i64, Option<i64>) {
    let from_start = |at: UnixMs| at.0.cast_signed() - START.cast_signed();
    let zone: Zone = zone.parse().expect("a zone");
    let window = span.window(&zone, UnixMs(at), last);
    assert!(window.has(UnixMs(at)), "{window:?}");
    (from_start(window.start), window.end.map(from_start))
}

const HOUR: i64 = 3_600_000;

/// START is 2027-01-15 08:00 in UTC, a Friday: 09:00 in Berlin, 03:00 in New York, 13:30 in Kolkata.
#[test]
fn days_weeks_and_months_begin_where_the_tenant_is() {
    let day = |zone| window(zone, Span::Day, START, None);
    assert_eq!(day("UTC"), (-8 * HOUR, Some(16 * HOUR)));
    assert_eq!(day("Europe/Berlin"), (-9 * HOUR, Some(15 * HOUR)));
    assert_eq!(day("America/New_York"), (-3 * HOUR, Some(21 * HOUR)));
    assert_eq!(day("Asia/Kolkata"), (-27 * HOUR / 2, Some(21 * HOUR / 2)));
    let week = window("Europe/Berlin", Span::Week, START, None);
    assert_eq!(week, ((-4 * 24 - 9) * HOUR, Some((2 * 24 + 15) * HOUR)));
    let month = window("Europe/Berlin", Span::Month, START, None);
    assert_eq!(month, ((-14 * 24 - 9) * HOUR, Some((16 * 24 + 15) * HOUR)));
    assert_eq!(window("UTC", Span::Lifetime, START, None).1, None);
    assert_eq!(window("UTC", Span::AtOnce, START, None).1, None);
}

/// 2027-03-28 has 23 hours in Berlin, 2027-10-31 has 25; 2011-12-30 does not exist in Samoa.
#[test]
fn a_day_is_as_long_as_the_zone_says() {
    let length = |zone, at| {
        let (start, end) = window(zone, Span::Day, at, None);
        end.map(|end| (end - start) / HOUR)
    };
    let march = 1_806_192_000_000;
    assert_eq!(length("Europe/Berlin", march + 12 * HOUR as u64), Some(23));
    let october = 1_824_940_800_000;
    assert_eq!(
        length("Europe/Berlin", october + 12 * HOUR as u64),
        Some(25)
    );
    // The 29th at noon: the 31st follows at once.
    let samoa = 1_325_239_200_000 - 12 * HOUR as u64;
    assert_eq!(length("Pacific/Apia", samoa), Some(24));
}

/// A zone that is changed in a day counts from that day's end on, and no moment lies in two windows.
#[test]
fn a_change_of_zone_begins_where_a_window_ends() {
    let mut world = World::with(100_000);
    world.play("limit a 1 requests day, reserve, settle, zone America/New_York");
    // Midnight in UTC is over, but New York's day has begun hours before it: the window is the rest of that day.
    let midnight = 16 * HOUR;
    world.play(&format!("clock {}", midnight - 1));
    assert_eq!(
        world.play(&format!("request {}, reserve", midnight - 1)),
        "refused limit_reached"
    );
    world.play(&format!("clock {midnight}"));
    assert_eq!(
        world.play(&format!("request {midnight}, reserve, settle")),
        "settled 30 released 70"
    );
    let id = "a".parse().expect("an id");
    let own = world.book.limits[&id].window.expect("it counts");
    let end = midnight + 5 * HOUR;
    assert_eq!(own.start.0.cast_signed(), START.cast_signed() + midnight);
    assert_eq!(
        own.end.map(|end| end.0.cast_signed()),
        Some(START.cast_signed() + end)
    );
    world.play(&format!("clock {end}"));
    assert_eq!(
        world.play(&format!("request {end}, reserve")),
        "granted 100 for 30"
    );
    let next = world.book.limits[&id].window.expect("it counts");
    assert_eq!(
        (next.start, next.end),
        (
            own.end.expect("an end"),
            Some(UnixMs(own.end.expect("an end").0 + 24 * HOUR as u64))
        )
    );
    // Which version of the zones made a window is in the entry that began it.
    let versions =
        world
            .entries
            .iter()
            .filter_map(|entry| match Event::decode(entry.kind, &entry.content) {
                Ok(Event::Reserved(reserved)) => Some(reserved.counts.zones_version),
                _ => None,
            });
    let version = Zone::database_version();
    assert_eq!(versions.collect::<Vec<_>>(), ["", version, version]);
    is_made_again(&world);
}

/// Where clocks do strange things: they skip a day, go back over midnight, are behind by a part of an hour, or change by half of one.
const STRANGE: [&str; 8] = [
    "America/St_Johns",
    "America/Havana",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Europe/Berlin",
];

/// When it is yesterday once more, where clocks go back a minute after midnight.
const HALF_AN_HOUR: u64 = HOUR as u64 / 2;

/// Every window begins where the one before ends, and a moment lies in the one that it is said to lie in.
#[test]
fn windows_leave_no_moment_out_and_take_none_twice() {
    let begin = 946_684_800_000; // 2000
    for name in STRANGE {
        let zone: Zone = name.parse().expect("a zone");
        for (span, count, longest) in [
            (Span::Day, 10_000, 26),
            (Span::Week, 1_400, 8 * 24),
            (Span::Month, 330, 32 * 24),
        ] {
            let mut window = span.window(&zone, UnixMs(begin), None);
            for _ in 0..count {
                let end = window.end.expect("it ends");
                let length = end.since_ms(window.start);
                let hours = length / HOUR as u64;
                assert!((20..=longest).contains(&hours), "{name}: {window:?}");
                for within in [0, 1, HALF_AN_HOUR, length / 2, length - 1] {
                    let at = window.start.plus_ms(within);
                    assert_eq!(span.window(&zone, at, None), window, "{name} at {at:?}");
                }
                let next = span.window(&zone, end, Some(window));
                assert_eq!(next.start, end, "{name}: {window:?}");
                window = next;
            }
        }
    }
}

/// Whatever the clock says, a window ends: a limit that never began anew would shut a tenant out for good.
#[test]
fn beyond_the_calendar_windows_still_end() {
    let far = UnixMs(u64::MAX / 2);
    let window = Span::Month.window(&Zone::UTC, far, None);
    assert!(window.has(far) && window.end.is_some(), "{window:?}");
}
