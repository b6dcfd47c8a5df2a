use super::*;

#[test]
fn a_granted_request_goes_on_as_it_was_decided() {
    let mut rig = Rig::new("deny");
    rig.reserve(STREAM);
    let effects = rig.grant();
    let id = rig.exchange.id.expect("id");
    let [Effect::RewriteBody(rewrite), rest @ ..] = effects.list.as_slice() else {
        panic!("no rewrite: {:?}", effects.list);
    };
    let end = usize::try_from(rewrite.prefix_end()).expect("small");
    let body = [
        rewrite.apply(&STREAM.as_bytes()[..end]).expect("applies"),
        STREAM.as_bytes()[end..].to_vec(),
    ]
    .concat();
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        (&body["max_tokens"], &body["model"]),
        (&100.into(), &"gpt-1".into())
    );
    assert_eq!(body["stream_options"]["include_usage"], true);
    let expected = [
        set_request("x-ferry-provider-1", "openai"),
        set_request("x-ferry-provider-2", "azure"),
        Effect::SetMarker(Admission::Reservation.marker(&id)),
        Effect::Resume,
    ];
    assert_eq!(rest, expected);
    assert_eq!(rig.worker.outbox.leases().len(), 1);
}

#[test]
fn a_provider_that_would_need_another_body_is_not_named() {
    let other = Candidate {
        model: "gpt-azure".into(),
        ..candidate("azure")
    };
    let mut rig = Rig::new("deny");
    rig.reserve(BODY);
    let candidates = vec![candidate("openai"), other, candidate("third")];
    let effects = rig.answer(reserve_response::Outcome::Granted(Granted {
        candidates,
        ..granted()
    }));
    assert!(
        effects
            .list
            .contains(&set_request("x-ferry-provider-2", "third"))
    );
    assert!(!effects.list.iter().any(
        |effect| matches!(effect, Effect::SetRequestHeader(name, _) if name == "x-ferry-provider-3")
    ));
}

#[test]
fn the_answer_shows_ours_and_hides_the_providers() {
    let mut rig = Rig::new("deny");
    rig.reserve(BODY);
    rig.grant();
    let id = rig.exchange.id.expect("id").to_string();
    let effects = rig.response(200, "application/json", "via_upstream");
    let removed = |name: &str| Effect::RemoveResponseHeader(name.to_owned());
    let expected = [
        removed("x-request-id"),
        removed("x-ratelimit-limit-requests"),
        removed("openai-organization"),
        set_response(REQUEST_ID, &id),
        set_response("x-ai-quota-policy", "default"),
        set_response("x-ai-quota-output-tokens-limit", "100"),
    ];
    assert_eq!(effects, Effects::passing(expected.to_vec()));
}

#[test]
fn a_limit_that_was_not_lowered_is_not_shown() {
    let mut rig = Rig::new("deny");
    rig.reserve(BODY);
    rig.answer(reserve_response::Outcome::Granted(Granted {
        clamped: false,
        ..granted()
    }));
    let effects = rig.response(200, "application/json", "via_upstream");
    assert!(
        !effects
            .list
            .contains(&set_response("x-ai-quota-output-tokens-limit", "100"))
    );
}

#[test]
fn envoys_own_errors_are_put_into_shape() {
    let cases = [
        ("no_healthy_upstream", 503, "provider_unavailable"),
        ("cluster_not_found", 503, "provider_unavailable"),
        (
            "upstream_reset_before_response_started{connection_termination}",
            503,
            "provider_connection_lost",
        ),
        (
            "upstream_reset_before_response_started{remote_connection_failure|x}",
            503,
            "provider_unavailable",
        ),
        ("upstream_per_try_timeout", 504, "provider_timeout"),
        ("response_timeout", 504, "provider_timeout"),
        ("request_payload_too_large", 413, "request_too_large"),
        ("stream_idle_timeout", 408, "request_timeout"),
        ("something_new", 400, "request_rejected"),
        ("something_new", 500, "provider_unavailable"),
    ];
    for (details, status, code) in cases {
        let mut rig = Rig::new("deny");
        rig.reserve(BODY);
        rig.grant();
        let effects = rig.response(status, "text/plain", details);
        let id = rig.exchange.id.expect("id").to_string();
        assert_eq!(shown_id(&effects), Some(id), "{details}");
        let effects = rig.chunk("upstream connect", false);
        let [Effect::ReplaceChunk(body)] = effects.list.as_slice() else {
            panic!("not replaced: {details}");
        };
        let body: serde_json::Value = serde_json::from_slice(body).expect("JSON");
        assert_eq!(body["error"]["code"], code, "{details}");
        assert_eq!(
            rig.chunk(" error", true).list,
            [Effect::ReplaceChunk(vec![])]
        );
    }
}

#[test]
fn an_error_without_a_body_gets_ours() {
    let mut rig = Rig::new("deny");
    let reserve = rig.reserve(BODY);
    rig.grant();
    let headers = pairs(&[(":status", "503")]);
    let effects = rig.on(Event::ResponseHeaders {
        headers: &headers,
        details: "cluster_not_found",
        end: true,
    });
    assert_eq!(
        (effects.flow, reply_of(&effects)),
        (Flow::Hold, Some((503, "provider_unavailable".to_owned())))
    );
    rig.end("ferry_provider_unavailable", 503, "");
    assert_eq!(rig.told(), (vec![], vec![reserve.reservation_id]));
}

#[test]
fn an_error_of_envoys_in_place_of_our_own_reply_is_put_into_shape() {
    let mut rig = Rig::new("deny");
    rig.head();
    rig.body(&"x".repeat(10));
    let effects = rig.response(413, "text/plain", "ferry_invalid_request");
    assert!(shown_id(&effects).is_some());
    assert!(matches!(
        rig.chunk("Payload Too Large", true).list.as_slice(),
        [Effect::ReplaceChunk(_)]
    ));
}

#[test]
fn a_provider_that_refuses_the_gateways_credential_says_nothing_to_the_client() {
    for status in [401, 403] {
        let mut rig = Rig::new("deny");
        rig.reserve(BODY);
        rig.grant();
        let effects = rig.response(status, "application/json", "via_upstream");
        assert!(
            effects.list.contains(&set_response(":status", "503")),
            "{status}"
        );
        let effects = rig.chunk("Incorrect API key provided: sk-prov", true);
        let [Effect::ReplaceChunk(body)] = effects.list.as_slice() else {
            panic!("not replaced");
        };
        assert!(!String::from_utf8_lossy(body).contains("sk-prov"));
        rig.end("via_upstream", 503, &format!("openai 1 {status} 2"));
        let (settled, _) = rig.told();
        assert_eq!(
            (
                settled[0].cause,
                settled[0].attempts[0].status,
                settled[0].attempts[0].source
            ),
            (5, status, 5)
        );
    }
}

#[test]
fn usage_that_the_client_did_not_ask_for_is_hidden() {
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}\n\n";
    let asked = r#"{"model":"gpt","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hello"}]}"#;
    for (body, hidden) in [(STREAM, true), (asked, false)] {
        let mut rig = Rig::new("deny");
        rig.reserve(body);
        rig.grant();
        let effects = rig.response(200, "text/event-stream; charset=utf-8", "via_upstream");
        let unframed = Effect::RemoveResponseHeader("content-length".to_owned());
        assert_eq!(effects.list.contains(&unframed), hidden);
        let mut seen = Vec::new();
        for (chunk, end) in [(usage, false), ("data: [DONE]\n\n", true)] {
            match rig.chunk(chunk, end).list.as_slice() {
                [Effect::ReplaceChunk(bytes)] => seen.extend_from_slice(bytes),
                [] => seen.extend_from_slice(chunk.as_bytes()),
                other => panic!("unexpected {other:?}"),
            }
        }
        let seen = String::from_utf8(seen).expect("UTF-8");
        assert_eq!(seen.contains("prompt_tokens"), !hidden);
        assert!(seen.ends_with("data: [DONE]\n\n"));
    }
}
