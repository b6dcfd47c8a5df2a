//! Shadow mode, and admission while the server does not answer.

use ferry_api::v1::Refused;

use super::*;

#[test]
fn shadow_decides_and_records_and_touches_nothing() {
    let mut rig = Rig::new("shadow");
    let effects = rig.head();
    assert_eq!(effects.flow, Flow::Continue);
    let id = rig.exchange.id.expect("id");
    let marker = Effect::SetMarker(Admission::Shadow.marker(&id));
    assert_eq!(
        effects.list,
        [set_request("accept-encoding", "identity"), marker]
    );
    let (first, second) = BODY.split_at(10);
    assert_eq!(
        rig.on(Event::RequestBody {
            chunk: first.as_bytes(),
            end: false
        }),
        Effects::none()
    );
    let effects = rig.body(second);
    assert_eq!(effects.flow, Flow::Continue);
    let reserve = reserve_of(&effects).expect("a Reserve");
    assert_eq!(reserve.facts.map(|facts| facts.mode), Some(2));
    let refused = Refused {
        http_status: 429,
        ..Refused::default()
    };
    assert_eq!(
        rig.answer(reserve_response::Outcome::Refused(refused)),
        Effects::none()
    );
    let effects = rig.response(200, "application/json", "via_upstream");
    assert_eq!(effects.list, [set_response(REQUEST_ID, &id.to_string())]);
    rig.chunk(ANSWER, true);
    rig.end("via_upstream", 200, "");
    let (settled, released) = rig.told();
    assert_eq!((settled.len(), released.len()), (1, 0));
    assert_eq!(
        settled[0].attempts[0]
            .usage
            .map(|usage| usage.output_tokens),
        Some(3)
    );
}

const ANSWER: &str = r#"{"id":"c","model":"gpt-1","choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#;

#[test]
fn shadow_never_refuses() {
    let bearer = format!("Bearer {}", key().reveal());
    let good = ("authorization", bearer.as_str());
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 5] = [
        ("POST", "/v1/embeddings", &[good], "{}"),
        ("POST", "/v1/chat/completions", &[], BODY),
        ("POST", "/v1/chat/completions", &[good], "not json"),
        (
            "POST",
            "/v1/chat/completions",
            &[good, ("content-encoding", "gzip")],
            "\u{1f}",
        ),
        ("GET", "/v1/models", &[good], ""),
    ];
    for (method, path, headers, body) in cases {
        let mut rig = Rig::new("shadow");
        let effects = rig.request(method, path, headers, false);
        assert_eq!(
            (effects.flow, reply_of(&effects)),
            (Flow::Continue, None),
            "{method} {path}"
        );
        assert!(
            effects
                .list
                .iter()
                .any(|effect| matches!(effect, Effect::SetMarker(_)))
        );
        assert_eq!(rig.body(body), Effects::none(), "{method} {path}");
        assert_eq!(
            rig.response(500, "text/plain", "via_upstream"),
            Effects::none()
        );
        assert_eq!(rig.chunk("oops", true), Effects::none());
        rig.end("via_upstream", 500, "");
        assert_eq!(
            (rig.worker.outbox.depth(), rig.told()),
            (0, (vec![], vec![]))
        );
    }
}

#[test]
fn shadow_without_room_is_not_recorded() {
    let mut rig = Rig::new("shadow");
    let mut slots = Vec::new();
    while let Some(slot) = rig.worker.outbox.take_slot() {
        slots.push(slot);
    }
    rig.head();
    assert_eq!(rig.body(BODY), Effects::none());
    assert_eq!(rig.counted(Metric::ShadowUnrecorded), 1);
    rig.end("via_upstream", 200, "");
    assert_eq!(rig.worker.outbox.depth(), slots.len());
}

#[test]
fn a_tenant_in_shadow_mode_is_routed_but_its_body_is_not_touched() {
    let mut rig = Rig::new("deny");
    rig.reserve(STREAM);
    let effects = rig.answer(reserve_response::Outcome::Granted(Granted {
        mode: 2,
        ..granted()
    }));
    assert!(
        !effects
            .list
            .iter()
            .any(|effect| matches!(effect, Effect::RewriteBody(_)))
    );
    let marker = Admission::Shadow.marker(&rig.exchange.id.expect("id"));
    assert!(effects.list.contains(&Effect::SetMarker(marker)));
}

/// A worker whose key was granted a request, which is over.
fn known() -> Rig {
    let mut rig = Rig::new("known");
    rig.reserve(BODY);
    rig.grant();
    rig.end("no_healthy_upstream", 503, "");
    rig.told();
    rig.again()
}

#[test]
fn a_known_key_goes_on_while_the_server_does_not_answer() {
    let mut rig = known();
    let reserve = rig.reserve(BODY);
    let effects = rig.on(Event::Answered(Err(CallFailure::Status(14))));
    let id = rig.exchange.id.expect("id");
    assert_ne!(reserve.reservation_id, id.as_bytes());
    assert!(
        effects
            .list
            .contains(&Effect::SetMarker(Admission::Offline.marker(&id)))
    );
    assert_eq!(effects.list.last(), Some(&Effect::Resume));
    assert_eq!(rig.counted(Metric::Offline), 1);
    rig.response(200, "application/json", "via_upstream");
    rig.chunk(ANSWER, true);
    rig.end("via_upstream", 200, "openai 1 200 2");
    let (settled, released) = rig.told();
    // The Reserve without an answer may be held; the request is settled under its own id.
    assert_eq!(released, [reserve.reservation_id]);
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].reservation_id, id.as_bytes());
    assert_eq!(
        settled[0]
            .facts
            .as_ref()
            .map(|facts| facts.admitted_offline),
        Some(true)
    );
    assert_eq!(
        settled[0]
            .caller
            .as_ref()
            .map(|caller| caller.tenant_id.as_str()),
        Some("acme")
    );
    assert_eq!(settled[0].output_tokens_max, 4_096);
}

#[test]
fn offline_caps_and_what_cannot_be_bounded() {
    let image = r#"{"model":"gpt","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}"#;
    let other = r#"{"model":"other","messages":[{"role":"user","content":"hello"}]}"#;
    let greedy =
        r#"{"model":"gpt","max_tokens":20000,"messages":[{"role":"user","content":"hello"}]}"#;
    for body in [image, other, greedy] {
        let mut rig = known();
        rig.reserve(body);
        let effects = rig.on(Event::Answered(Err(CallFailure::Status(14))));
        assert_eq!(
            reply_of(&effects).map(|(status, _)| status),
            Some(503),
            "{body}"
        );
    }
    // Each asks for about 4,400 tokens; the cap is 20,000. Slots are given back in between.
    let mut rig = known();
    let mut admitted = 0;
    for _ in 0..8 {
        rig.reserve(BODY);
        let effects = rig.on(Event::Answered(Err(CallFailure::NotSent)));
        admitted += u32::from(reply_of(&effects).is_none());
        rig.on(Event::EffectFailed);
        let released = rig.worker.due(Now {
            monotonic_ms: 5_000,
            ..rig.now
        });
        for call in released {
            rig.worker.outbox_answered(call.id, Err(3), rig.now, 0);
        }
        rig = rig.again();
    }
    assert_eq!(admitted, 4);
}

#[test]
fn a_refused_key_is_known_no_more() {
    let mut rig = known();
    rig.reserve(BODY);
    rig.answer(reserve_response::Outcome::Refused(Refused {
        http_status: 429,
        ..Refused::default()
    }));
    let mut rig = rig.again();
    rig.reserve(BODY);
    let effects = rig.on(Event::Answered(Err(CallFailure::Status(14))));
    assert_eq!(reply_of(&effects).map(|(status, _)| status), Some(503));
}
