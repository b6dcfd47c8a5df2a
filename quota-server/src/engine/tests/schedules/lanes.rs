//! The lanes between askers and the writer.

use super::jobs::{Event, Tag, Watched};
use super::{JoinHandle, every_schedule, spawn};
use crate::engine::lanes::{BATCH_MAX, Lane, NotTaken};
use crate::engine::metrics::EngineMetrics;

/// Switches between threads where nothing demands one. Most faults need one or two.
const PREEMPTIONS: usize = 2;
const ASKERS: usize = 2;

/// What an asker puts: lanes and operations.
type Jobs = &'static [(Lane, usize)];

fn ask(watched: &Watched, asker: usize, jobs: Jobs) {
    for (number, (lane, operations)) in jobs.iter().enumerate() {
        let tag = Tag {
            lane: *lane,
            asker,
            number,
        };
        watched.put(tag, *operations);
    }
}

/// Two askers put their jobs, while a writer runs and the lanes' owner does something. What happened, in every order.
fn explore(
    jobs: [Jobs; ASKERS],
    writer: fn(&Watched),
    owner: fn(&Watched, Vec<JoinHandle<()>>),
    check: fn(&[Event]),
) {
    let metrics = EngineMetrics::default();
    every_schedule(PREEMPTIONS, move || {
        let watched = Watched::new(&metrics);
        let writes = spawn({
            let watched = watched.clone();
            move || writer(&watched)
        });
        let asks = jobs.into_iter().enumerate().map(|(asker, jobs)| {
            let watched = watched.clone();
            spawn(move || ask(&watched, asker, jobs))
        });
        let asks = asks.collect();
        owner(&watched, asks);
        writes.join().unwrap();
        check(&watched.events.all());
    });
}

fn until_closed(watched: &Watched) {
    while watched.look() {}
}

fn close_behind_them(watched: &Watched, asks: Vec<JoinHandle<()>>) {
    for ask in asks {
        ask.join().unwrap();
    }
    watched.lanes.close();
}

fn close_among_them(watched: &Watched, asks: Vec<JoinHandle<()>>) {
    watched.lanes.close();
    for ask in asks {
        ask.join().unwrap();
    }
}

fn only_join(_: &Watched, asks: Vec<JoinHandle<()>>) {
    for ask in asks {
        ask.join().unwrap();
    }
}

fn taken(events: &[Event]) -> Vec<Tag> {
    let taken = events.iter().filter_map(|event| match event {
        Event::Taken(tag) => Some(*tag),
        Event::Refused(..) | Event::Looks | Event::Batch(_) | Event::Gone(_) => None,
    });
    taken.collect()
}

fn batches(events: &[Event]) -> impl Iterator<Item = &Vec<Tag>> {
    events.iter().filter_map(|event| match event {
        Event::Batch(tags) => Some(tags),
        Event::Taken(_) | Event::Refused(..) | Event::Looks | Event::Gone(_) => None,
    })
}

/// Every job that was taken is handed out once, in the order of its lane, and settlements before reservations.
fn all_are_handed_out(events: &[Event]) {
    let out: Vec<Tag> = batches(events).flatten().copied().collect();
    let taken = taken(events);
    assert_eq!(out.len(), taken.len(), "{events:?}");
    for tag in &taken {
        assert!(out.contains(tag), "{tag:?} is lost: {events:?}");
    }
    for lane in [Lane::Reserve, Lane::Settlement] {
        for asker in 0..ASKERS {
            let own = out
                .iter()
                .filter(|tag| tag.lane == lane && tag.asker == asker);
            assert!(
                own.is_sorted_by_key(|tag| tag.number),
                "out of order: {events:?}"
            );
        }
    }
    for batch in batches(events) {
        assert!(
            batch.is_sorted_by_key(|tag| tag.lane == Lane::Reserve),
            "{batch:?}"
        );
    }
}

/// A reservation that was in its lane before the writer looked is in what it got, whatever else waited.
fn no_reservation_waits_for_a_second_look(events: &[Event]) {
    all_are_handed_out(events);
    let mut waiting: Vec<Tag> = Vec::new();
    let mut before_the_look = Vec::new();
    let mut out: Vec<Tag> = Vec::new();
    for event in events {
        match event {
            // Its asker may learn that it was taken when it has been handed out.
            Event::Taken(tag) if out.contains(tag) => {}
            Event::Taken(tag) if tag.lane == Lane::Reserve => waiting.push(*tag),
            Event::Looks => before_the_look.clone_from(&waiting),
            Event::Batch(tags) => {
                for tag in &before_the_look {
                    assert!(tags.contains(tag), "{tag:?} was passed over: {events:?}");
                }
                waiting.retain(|tag| !tags.contains(tag));
                before_the_look.clear();
                out.extend(tags);
            }
            Event::Taken(_) | Event::Refused(..) | Event::Gone(_) => {}
        }
    }
}

#[test]
fn jobs_are_handed_out_once_and_in_order_and_the_writer_is_always_woken() {
    use Lane::{Reserve, Settlement};
    explore(
        [
            &[(Settlement, 1), (Settlement, 1)],
            &[(Reserve, 1), (Reserve, 1)],
        ],
        until_closed,
        close_behind_them,
        |events| {
            all_are_handed_out(events);
            assert_eq!(taken(events).len(), 4);
        },
    );
    explore(
        [
            &[(Reserve, 1), (Settlement, 1)],
            &[(Settlement, 1), (Reserve, 1)],
        ],
        until_closed,
        close_behind_them,
        all_are_handed_out,
    );
}

#[test]
fn closed_lanes_hand_out_what_they_took_and_the_writer_learns_of_it() {
    use Lane::{Reserve, Settlement};
    explore(
        [&[(Settlement, 1), (Reserve, 1)], &[(Reserve, 1)]],
        until_closed,
        close_among_them,
        |events| {
            all_are_handed_out(events);
            for event in events {
                if let Event::Refused(tag, why) = event {
                    assert_eq!(*why, NotTaken::Closed, "{tag:?}");
                }
            }
        },
    );
}

/// As the writer's thread ends when the store fails: it looks once, and is gone.
#[test]
fn abandoned_lanes_tell_every_asker() {
    use Lane::{Reserve, Settlement};
    explore(
        [
            &[(Settlement, 1), (Reserve, 1)],
            &[(Reserve, 1), (Settlement, 1)],
        ],
        |watched| {
            watched.look();
            watched.lanes.abandon();
        },
        only_join,
        |events| {
            let gone = |tag: &Tag| {
                let gone = events.iter().filter(|event| **event == Event::Gone(*tag));
                gone.count()
            };
            for event in events {
                if let Event::Taken(tag) | Event::Refused(tag, _) = event {
                    assert_eq!(gone(tag), 1, "{tag:?} waits for ever: {events:?}");
                }
            }
        },
    );
}

#[test]
fn settlements_that_fill_a_batch_leave_reservations_their_share() {
    use Lane::{Reserve, Settlement};
    explore(
        [
            &[
                (Settlement, BATCH_MAX / 2),
                (Settlement, BATCH_MAX / 2),
                (Settlement, BATCH_MAX / 2),
            ],
            &[(Reserve, 1)],
        ],
        until_closed,
        close_behind_them,
        no_reservation_waits_for_a_second_look,
    );
}
