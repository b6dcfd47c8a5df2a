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
