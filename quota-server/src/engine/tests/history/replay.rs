//! The history in the journal's order. An entry says which step made it, whether somebody was told of it or not; between two
//! entries stand the answers that changed nothing.

use super::by;
use crate::engine::LeaseConfig;
use crate::engine::tests::conformance::side::Seen;
use crate::engine::tests::fixture::START_MS;
use ferry_ledger::{Entry, Event};
use ferry_model::{
    Evidence, Facts, Naive, Offered, Request, Rules, Served, Source, Step, Told, TopUpOrder,
};
use ferry_types::{ReservationId, Settlement, UsageSource};
use std::collections::{BTreeMap, BTreeSet};

/// Entries with which the book begins: its opening and its key.
const FIRST: u64 = 2;

/// A step, and what somebody was told.
#[derive(Debug)]
pub(super) struct Acknowledged {
    pub(super) step: Step,
    pub(super) seen: Seen,
}

/// A step that nobody was told about, and the furthest place in the journal that was known before.
#[derive(Debug)]
pub(super) struct Unseen {
    pub(super) step: Step,
    pub(super) from: u64,
}

pub(super) struct Replay {
    book: Naive,
    by_seq: BTreeMap<u64, Vec<Acknowledged>>,
    unseen: Vec<Unseen>,
    requests: BTreeMap<ReservationId, Request>,
    /// Why requests whose reserve nobody was told about may have been refused.
    reasons: BTreeMap<Request, BTreeSet<&'static str>>,
}

impl Replay {
    pub(super) fn of(acknowledged: Vec<Acknowledged>, mut unseen: Vec<Unseen>) -> Self {
        let lease = LeaseConfig::default();
        let rules = Rules {
            lease_ms: lease.ttl_ms,
            margin_ms: lease.margin_ms,
            window_ms: lease.remembered_ms(),
        };
        let steps = acknowledged.iter().map(|acknowledged| acknowledged.step);
        let steps = steps.chain(unseen.iter().map(|unseen| unseen.step));
        let requests = steps.filter_map(Step::request);
        let requests = requests.map(|request| (ferry_model::reservation_id(request), request));
        let requests = requests.collect();
        let mut by_seq: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for acknowledged in acknowledged {
            by_seq
                .entry(acknowledged.seen.seq())
                .or_default()
                .push(acknowledged);
        }
        unseen.retain(|unseen| matches!(unseen.step, Step::Reserve { .. }));
        Self {
            book: Naive::new(rules, START_MS, FIRST),
            by_seq,
            unseen,
            requests,
            reasons: BTreeMap::new(),
        }
    }

    /// Plays everything, and gives the book as it must be then.
    pub(super) fn play(mut self, journal: &[Entry]) -> Naive {
        let rest = self.by_seq.remove(&FIRST).unwrap_or_default();
        self.without_a_trace(rest);
        for entry in &journal[FIRST as usize..] {
            let step = self.step_of(entry);
            let told = self.book.step(step);
            assert_eq!(self.book.seq, entry.seq, "{step:?} leaves no entry");
            let mut here = self.by_seq.remove(&entry.seq).unwrap_or_default();
            // Whoever was told something else came behind the one that made it, or is wrong: that shows below.
            let made = |answer: &Acknowledged| made(answer.step, step) && answer.seen.told == told;
            if let Some(made) = here.iter().position(made) {
                self.compare(&here.swap_remove(made), told);
            }
            self.without_a_trace(here);
        }
        assert!(
            self.by_seq.is_empty(),
            "beyond the journal: {:?}",
            self.by_seq
        );
        self.book
    }

    /// Answers that changed nothing, given while the journal stood where it is now. Only a refusal may come before another answer.
    fn without_a_trace(&mut self, mut answers: Vec<Acknowledged>) {
        for Unseen { step, from } in &self.unseen {
            let Some(request) = step
                .request()
                .filter(|request| !self.book.rows.contains_key(request))
            else {
                continue;
            };
            if *from <= self.book.seq {
                let reasons = self.reasons.entry(request).or_default();
                reasons.extend(self.book.refusal(request, by(request).key));
            }
        }
        answers.sort_by_key(|answer| !matches!(answer.step, Step::Reserve { .. }));
        for answer in answers {
            if let (Step::Reserve { request, .. }, Told::Refused(reason)) =
                (answer.step, answer.seen.told)
                && !self.book.rows.contains_key(&request)
                && (self.refusal(request), answer.seen.place().0) != (Some(reason), self.book.seq)
            {
                // Somebody asked before whom nobody waited for, and was refused then.
                let reasons = self.reasons.get(&request);
                let known = reasons.is_some_and(|reasons| reasons.contains(reason));
                assert!(known, "never a reason: {answer:?}");
                let (after, _) = answer.seen.place();
                assert!(after <= self.book.seq, "refused later: {answer:?}");
                self.book.refuse(request, by(request), reason, after);
            }
            let before = self.book.seq;
            let told = self.book.step(answer.step);
            assert_eq!(self.book.seq, before, "{answer:?} changes something");
            self.compare(&answer, told);
        }
    }

    fn compare(&self, answer: &Acknowledged, told: Told) {
        let expected = Seen::expected(&self.book, answer.step, told);
        assert_eq!(answer.seen, expected, "{:?}", answer.step);
    }

    fn refusal(&self, request: Request) -> Option<&'static str> {
        self.book.refusal(request, by(request).key)
    }

    fn request(&self, id: ReservationId) -> Request {
        self.requests[&id]
    }

    /// The step that made an entry.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "no client asks for what makes the other events"
    )]
    fn step_of(&self, entry: &Entry) -> Step {
        let event = Event::decode(entry.kind, &entry.content).unwrap();
        match event {
            Event::Reserved(reserved) => {
                let request = self.request(reserved.id);
                Step::Reserve {
                    request,
                    by: by(request),
                    facts: Facts::Usual,
                    offered: Offered::Releasing,
                }
            }
            Event::Renewed {
                id, used, raised, ..
            } => {
                let request = self.request(id);
                Step::Renew {
                    request,
                    by: by(request),
                    output: used.unwrap().output_tokens.cast_signed(),
                    target: raised.map_or(0, |raised| raised.output_tokens_max.cast_signed()),
                }
            }
            Event::Settled(settled) | Event::Adjusted(settled) => {
                let request = self.request(settled.id);
                Step::Settle {
                    request,
                    by: by(request),
                    evidence: evidence(&settled.settlement),
                    offered: Offered::Releasing,
                    beyond_cap: false,
                }
            }
            Event::Released { id, .. } => {
                let request = self.request(id);
                Step::Release {
                    request,
                    by: by(request),
                }
            }
            Event::ToppedUp(order) => Step::TopUp(TopUpOrder {
                number: order.external_reference.parse().unwrap(),
                units: order.amount.units(),
            }),
            other => panic!("nobody asked for this: {other:?}"),
        }
    }
}

/// Whether a step is the one that made an entry. A renewal's entry tells the most that was ever said.
fn made(step: Step, entry: Step) -> bool {
    match (step, entry) {
        (Step::Renew { request, .. }, Step::Renew { request: other, .. }) => request == other,
        _ => step == entry,
    }
}

fn evidence(settlement: &Settlement) -> Evidence {
    let attempt = &settlement.attempts[0];
    Evidence {
        source: match attempt.source {
            UsageSource::Estimated => Source::Estimated,
            UsageSource::Unreadable => Source::Unreadable,
            UsageSource::Counted => Source::Counted,
            UsageSource::None => Source::Nothing,
            UsageSource::Reported => Source::Reported,
        },
        input: attempt.usage.input_tokens.cast_signed(),
        output: attempt.usage.output_tokens.cast_signed(),
        facts: Facts::Usual,
        served: Served::AsSent,
    }
}
