//! Jobs that say what became of them.

use crate::engine::lanes::{Drained, Lane, Lanes, NotTaken, Weigh};
use crate::engine::metrics::EngineMetrics;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Which job: its lane, who asked, and the how manieth of theirs it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tag {
    pub(super) lane: Lane,
    pub(super) asker: usize,
    pub(super) number: usize,
}

/// What happened, in the order in which it did.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// A job is in its lane.
    Taken(Tag),
    /// A job is not.
    Refused(Tag, NotTaken),
    /// The writer looks.
    Looks,
    /// And this is what it got.
    Batch(Vec<Tag>),
    /// Nobody has this job any more: its asker is told.
    Gone(Tag),
}

/// A job of so many operations.
pub(super) struct Job {
    pub(super) tag: Tag,
    operations: usize,
    told: Arc<Events>,
}

impl Weigh for Job {
    fn operations(&self) -> usize {
        self.operations
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.told.note(Event::Gone(self.tag));
    }
}

/// Never held where threads can switch.
#[derive(Default)]
pub(super) struct Events(Mutex<Vec<Event>>);

impl Events {
    pub(super) fn note(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }

    pub(super) fn all(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

/// Lanes with everything that happens to their jobs.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) lanes: Arc<Lanes<Job>>,
    pub(super) events: Arc<Events>,
}

impl Watched {
    pub(super) fn new(metrics: &EngineMetrics) -> Self {
        Self {
            lanes: Arc::new(Lanes::new(1_000, 1_000, metrics.clone())),
            events: Arc::default(),
        }
    }

    pub(super) fn put(&self, tag: Tag, operations: usize) {
        let told = Arc::clone(&self.events);
        let job = Job {
            tag,
            operations,
            told,
        };
        match self.lanes.put(tag.lane, job) {
            Ok(()) => self.events.note(Event::Taken(tag)),
            Err(why) => self.events.note(Event::Refused(tag, why)),
        }
    }

    /// Looks once, as the writer does, with all the patience there is; `false` if the lanes are closed.
    pub(super) fn look(&self) -> bool {
        self.events.note(Event::Looks);
        match self.lanes.drain(Duration::MAX) {
            Drained::Closed => false,
            Drained::Batch(jobs) => {
                let tags = jobs.iter().map(|job| job.tag);
                self.events.note(Event::Batch(tags.collect()));
                true
            }
        }
    }
}
