//! Events in any order: nothing panics, and each Reserve that may be held ends exactly once.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Head(&'static str, bool),
    Body(&'static str, bool),
    Grant,
    Answer(u8),
    Garbage(Vec<u8>),
    Failure(u32),
    EffectFailed,
    Response(u32, &'static str),
    Chunk(Vec<u8>, bool),
    Ended(&'static str, &'static str),
}

const DETAILS: [&str; 6] = [
    "",
    "via_upstream",
    "downstream_remote_disconnect",
    "no_healthy_upstream",
    "upstream_reset_before_response_started{x}",
    "?",
];

fn step() -> impl Strategy<Value = Step> {
    let route = prop::sample::select(vec!["deny", "known", "shadow", "unlisted"]);
    let body = prop::sample::select(vec![BODY, STREAM, "", "{", "no"]);
    let details = prop::sample::select(DETAILS.to_vec());
    let attempts = prop::sample::select(vec![
        "",
        "openai 1 0 0",
        "openai 1 500 2,azure 3 200 4",
        ",,",
    ]);
    let bytes = prop::collection::vec(any::<u8>(), 0..20);
    prop_oneof![
        3 => (route, any::<bool>()).prop_map(|(route, end)| Step::Head(route, end)),
        3 => (body, any::<bool>()).prop_map(|(body, end)| Step::Body(body, end)),
        3 => Just(Step::Grant),
        1 => (0..4u8).prop_map(Step::Answer),
        1 => bytes.clone().prop_map(Step::Garbage),
        1 => prop::sample::select(vec![0, 3, 4, 8, 14, 16, 99]).prop_map(Step::Failure),
        1 => Just(Step::EffectFailed),
        2 => (prop::sample::select(vec![0, 200, 401, 500]), details.clone()).prop_map(|(status, details)| Step::Response(status, details)),
        2 => (bytes, any::<bool>()).prop_map(|(bytes, end)| Step::Chunk(bytes, end)),
        1 => (details, attempts).prop_map(|(details, attempts)| Step::Ended(details, attempts)),
    ]
}

/// Any steps; in most cases after a good request, so that what follows a Reserve is tried often.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = prop::collection::vec(step(), 0..24);
    let route = prop::sample::select(vec!["deny", "known", "shadow"]);
    let body = prop::sample::select(vec![BODY, STREAM]);
    let good = (route, body)
        .prop_map(|(route, body)| vec![Step::Head(route, false), Step::Body(body, true)]);
    let granted = good.clone().prop_map(|mut steps| {
        steps.push(Step::Grant);
        steps
    });
    let start = prop_oneof![1 => Just(Vec::new()), 2 => good, 2 => granted];
    let few = prop::collection::vec(step(), 0..4);
    (start, prop_oneof![any, few]).prop_map(|(start, rest)| [start, rest].concat())
}

fn outcome(number: u8) -> reserve_response::Outcome {
    use ferry_api::v1::{Conflict, Ended, Refused};
    match number {
        0 => reserve_response::Outcome::Refused(Refused {
            http_status: 429,
            ..Refused::default()
        }),
        1 => reserve_response::Outcome::Conflict(Conflict::default()),
        2 => reserve_response::Outcome::Ended(Ended::default()),
        _ => reserve_response::Outcome::Refused(Refused {
            reason: "gateway_clock_skew".into(),
            ..Refused::default()
        }),
    }
}

/// The ids that may be held at the server: reserved, and neither refused nor told to be another's.
fn apply(rig: &mut Rig, step: Step, pending: &mut Option<Vec<u8>>, held: &mut Vec<Vec<u8>>) {
    let answers_pending = |rig: &Rig| matches!(rig.exchange.phase, Phase::Deciding(_));
    let deciding = answers_pending(rig);
    let unheld = |failure: u32| [3, 7, 8, 12, 16].contains(&failure);
    let effects = match step {
        Step::Head(route, end) => {
            rig.route = route;
            let bearer = format!("Bearer {}", key().reveal());
            rig.request(
                "POST",
                "/v1/chat/completions",
                &[("authorization", &bearer)],
                end,
            )
        }
        Step::Body(body, end) => rig.on(Event::RequestBody {
            chunk: body.as_bytes(),
            end,
        }),
        Step::Grant => rig.grant(),
        Step::Answer(number) => {
            if deciding {
                held.retain(|id| Some(id) != pending.as_ref());
            }
            rig.answer(outcome(number))
        }
        Step::Garbage(bytes) => {
            let admits = ReserveResponse::decode(bytes.as_slice())
                .is_ok_and(|answer| answer.outcome.is_some());
            if admits {
                Effects::none()
            } else {
                rig.on(Event::Answered(Ok(&bytes)))
            }
        }
        Step::Failure(status) => {
            if deciding && unheld(status) {
                held.retain(|id| Some(id) != pending.as_ref());
            }
            rig.on(Event::Answered(Err(CallFailure::Status(status))))
        }
        Step::EffectFailed => rig.on(Event::EffectFailed),
        Step::Response(status, details) => rig.response(status, "text/event-stream", details),
        Step::Chunk(bytes, end) => rig.on(Event::ResponseBody { chunk: &bytes, end }),
        Step::Ended(details, attempts) => rig.on(Event::Ended {
            details,
            status: 1,
            attempts,
        }),
    };
    if let Some(reserve) = reserve_of(&effects) {
        held.push(reserve.reservation_id.clone());
        *pending = Some(reserve.reservation_id);
    }
    // Admitted offline: an id that was never reserved, and is settled.
    for effect in &effects.list {
        if let Effect::SetMarker(marker) = effect
            && let Some(id) = marker.strip_prefix("offline:")
        {
            held.push(id.parse::<ReservationId>().expect("id").as_bytes().to_vec());
        }
    }
}

proptest! {
    #[test]
    fn every_reserve_ends_exactly_once(steps in steps(), known in any::<bool>()) {
        let mut rig = Rig::new("known");
        if known {
            rig.reserve(BODY);
            rig.grant();
            rig.end("no_healthy_upstream", 503, "");
            let calls = rig.worker.due(Now { monotonic_ms: 2_000, ..rig.now });
            for call in calls {
                rig.worker.outbox_answered(call.id, Err(3), rig.now, 0);
            }
            rig = rig.again();
        }
        let (mut pending, mut held) = (None, Vec::new());
        for step in steps {
            apply(&mut rig, step, &mut pending, &mut held);
            rig.now.monotonic_ms += 1;
        }
        rig.on(Event::Ended { details: "via_upstream", status: 200, attempts: "" });
        prop_assert!(rig.exchange.is_over());
        prop_assert!(rig.worker.outbox.leases().is_empty());
        prop_assert!(rig.worker.outbox.depth() <= 4);
        rig.now.monotonic_ms += 100;
        let (settled, released) = rig.told();
        let mut told: Vec<Vec<u8>> = settled.into_iter().map(|item| item.reservation_id).chain(released).collect();
        prop_assert_eq!(rig.worker.outbox.depth(), told.len());
        told.sort();
        held.sort();
        prop_assert_eq!(told, held);
    }
}
