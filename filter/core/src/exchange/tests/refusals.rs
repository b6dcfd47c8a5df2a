use ferry_api::v1::{
    Conflict, Ended, ListModelsResponse, Model, ModelList, Refused, list_models_response,
};

use super::*;

/// Route, method, path, headers; status and code of the refusal. `KEY` stands for a good key.
type Pairs = &'static [(&'static str, &'static str)];
const REFUSED: [(&str, &str, &str, Pairs, u32, &str); 9] = [
    (
        "unlisted",
        "POST",
        CHAT,
        &[KEY],
        503,
        "route_not_configured",
    ),
    ("", "POST", CHAT, &[KEY], 503, "route_not_configured"),
    (
        "deny",
        "POST",
        "/v1/embeddings",
        &[KEY],
        403,
        "endpoint_not_supported",
    ),
    ("deny", "GET", CHAT, &[KEY], 403, "endpoint_not_supported"),
    ("deny", "POST", CHAT, &[], 401, "invalid_api_key"),
    (
        "deny",
        "POST",
        CHAT,
        &[("authorization", "Bearer sk-1")],
        401,
        "invalid_api_key",
    ),
    (
        "deny",
        "GET",
        "/v1/models",
        &[("x-api-key", "fk_1")],
        401,
        "invalid_api_key",
    ),
    (
        "deny",
        "POST",
        CHAT,
        &[KEY, ("content-encoding", "gzip")],
        415,
        "content_encoding_not_supported",
    ),
    (
        "deny",
        "POST",
        CHAT,
        &[KEY, ("content-length", "4097")],
        413,
        "request_too_large",
    ),
];
const CHAT: &str = "/v1/chat/completions";
const KEY: (&str, &str) = ("authorization", "KEY");

#[test]
fn what_the_filter_refuses_by_itself() {
    let bearer = format!("Bearer {}", key().reveal());
    for (route, method, path, headers, status, code) in REFUSED {
        let with_key = |pair: &(&'static str, &'static str)| {
            if *pair == KEY {
                (pair.0, bearer.as_str())
            } else {
                *pair
            }
        };
        let headers: Vec<(&str, &str)> = headers.iter().map(with_key).collect();
        let mut rig = Rig::new(route);
        let effects = rig.request(method, path, &headers, false);
        assert_eq!(
            reply_of(&effects),
            Some((status, code.to_owned())),
            "{method} {path} {headers:?}"
        );
        assert_eq!(effects.flow, Flow::Hold);
        assert_eq!(rig.counted(Metric::Denied), 1);
        // Our own reply, with the request's id, comes by: it is let pass as it is.
        let id = shown_id(&effects).expect("shown");
        let own = pairs(&[(":status", "503"), (REQUEST_ID, &id)]);
        assert_eq!(
            rig.on(Event::ResponseHeaders {
                headers: &own,
                details: "",
                end: false
            }),
            Effects::none()
        );
        assert_eq!(rig.chunk("{}", true), Effects::none());
        rig.end("", status, "");
        assert_eq!(
            (rig.worker.outbox.depth(), rig.told()),
            (0, (vec![], vec![]))
        );
    }
}

#[test]
fn a_body_that_cannot_be_read_is_refused_before_anybody_is_asked() {
    let too_large = format!("{{\"model\":\"{}", "x".repeat(5_000));
    let cases = [
        ("not json", 400, ""),
        ("", 400, ""),
        (r#"{"messages":[]}"#, 400, ""),
        (&too_large, 413, "request_too_large"),
    ];
    for (body, status, code) in cases {
        let mut rig = Rig::new("deny");
        assert_eq!(rig.head().flow, Flow::Hold);
        assert_eq!(
            reply_of(&rig.body(body)),
            Some((status, code.to_owned())),
            "{body}"
        );
        rig.end("", status, "");
        assert_eq!(
            (rig.worker.outbox.depth(), rig.told()),
            (0, (vec![], vec![]))
        );
    }
    // A request without a body at all.
    let mut rig = Rig::new("deny");
    let bearer = format!("Bearer {}", key().reveal());
    let effects = rig.request(
        "POST",
        "/v1/chat/completions",
        &[("authorization", &bearer)],
        true,
    );
    assert_eq!(reply_of(&effects).map(|(status, _)| status), Some(400));
}

#[test]
fn what_a_client_may_not_say_goes_no_further() {
    let mut rig = Rig::new("deny");
    let bearer = format!("Bearer {}", key().reveal());
    let headers = [
        ("authorization", bearer.as_str()),
        ("x-ferry-feature", "search"),
        ("x-ferry-provider-1", "evil"),
        ("x-ferry-provider-1", "worse"),
        ("x-ferryapi-request-id", "forged"),
        ("x-envoy-attempt-count", "2"),
        ("idempotency-key", "k"),
        ("content-type", "application/json"),
    ];
    let effects = rig.request("POST", "/v1/chat/completions", &headers, false);
    let removed: Vec<&str> = effects
        .list
        .iter()
        .filter_map(|effect| {
            if let Effect::RemoveRequestHeader(name) = effect {
                Some(name.as_str())
            } else {
                None
            }
        })
        .collect();
    let expected = [
        "x-ferry-feature",
        "x-ferry-provider-1",
        "x-ferryapi-request-id",
        "x-envoy-attempt-count",
        "idempotency-key",
        "authorization",
    ];
    assert_eq!(removed, expected);
    assert!(
        effects
            .list
            .contains(&set_request("accept-encoding", "identity"))
    );
    let facts = reserve_of(&rig.body(BODY))
        .and_then(|reserve| reserve.facts)
        .expect("facts");
    assert_eq!(facts.tags.expect("tags").feature, "search");
    assert_eq!(facts.idempotency_key_digest.len(), 32);
    assert_eq!(
        (facts.route.as_str(), facts.model.as_str(), facts.mode),
        ("deny", "gpt", 1)
    );
}

#[test]
fn a_refusal_is_told_as_the_server_told_it_and_holds_nothing() {
    let mut rig = Rig::new("deny");
    rig.reserve(BODY);
    let refused = Refused {
        http_status: 429,
        code: "credit_balance_exhausted".into(),
        ..Refused::default()
    };
    let effects = rig.answer(reserve_response::Outcome::Refused(refused));
    assert_eq!(
        reply_of(&effects),
        Some((429, "credit_balance_exhausted".to_owned()))
    );
    rig.end("", 429, "");
    assert_eq!(
        (rig.worker.outbox.depth(), rig.told()),
        (0, (vec![], vec![]))
    );
    assert_eq!(rig.counted(Metric::Refused), 1);
}

#[test]
fn an_id_that_will_not_do_is_drawn_again_once() {
    let skewed = Refused {
        reason: "gateway_clock_skew".into(),
        http_status: 503,
        ..Refused::default()
    };
    let conflict = Conflict {
        field: "facts.model".into(),
    };
    for outcome in [
        reserve_response::Outcome::Refused(skewed),
        reserve_response::Outcome::Conflict(conflict),
    ] {
        let mut rig = Rig::new("deny");
        let first = rig.reserve(BODY);
        let second = reserve_of(&rig.answer(outcome.clone())).expect("another Reserve");
        assert_ne!(first.reservation_id, second.reservation_id);
        assert_eq!(first.facts, second.facts);
        let id = ReservationId::from_bytes(&second.reservation_id).expect("id");
        assert_eq!(id.unix_ms(), SERVER_MS, "drawn on the server's time");
        let effects = rig.answer(outcome);
        assert_eq!(
            reply_of(&effects),
            Some((503, "server_is_overloaded".to_owned()))
        );
        assert_eq!(shown_id(&effects), Some(id.to_string()));
        rig.end("", 503, "");
        assert_eq!(
            (rig.worker.outbox.depth(), rig.told()),
            (0, (vec![], vec![]))
        );
    }
}

#[test]
fn answers_that_admit_nothing() {
    let ended = reserve_response::Outcome::Ended(Ended { state: 4 });
    let no_candidate = reserve_response::Outcome::Granted(Granted {
        candidates: vec![],
        ..granted()
    });
    let unknown_field = Candidate {
        output_limit_field: "max_words".into(),
        ..candidate("openai")
    };
    let unwritable = reserve_response::Outcome::Granted(Granted {
        candidates: vec![unknown_field],
        ..granted()
    });
    // Whether the reservation may be held, and so is released.
    for (outcome, held) in [(ended, false), (no_candidate, true), (unwritable, true)] {
        let mut rig = Rig::new("deny");
        let reserve = rig.reserve(BODY);
        let effects = rig.answer(outcome.clone());
        assert_eq!(
            reply_of(&effects),
            Some((503, "server_is_overloaded".to_owned())),
            "{outcome:?}"
        );
        rig.end("", 503, "");
        let expected = if held {
            vec![reserve.reservation_id]
        } else {
            vec![]
        };
        assert_eq!(rig.told(), (vec![], expected), "{outcome:?}");
        assert!(rig.worker.outbox.leases().is_empty());
    }
}

#[test]
fn no_answer_means_503_and_a_release_for_what_may_be_held() {
    let cases = [
        (CallFailure::NotSent, false),
        (CallFailure::Status(14), true),
        (CallFailure::Status(4), true),
        (CallFailure::Status(2), true),
        (CallFailure::Status(3), false),
        (CallFailure::Status(7), false),
        (CallFailure::Status(8), false),
        (CallFailure::Status(16), false),
    ];
    for route in ["deny", "known"] {
        for (failure, held) in cases {
            let mut rig = Rig::new(route);
            let reserve = rig.reserve(BODY);
            let effects = rig.on(Event::Answered(Err(failure)));
            assert_eq!(
                reply_of(&effects),
                Some((503, "server_is_overloaded".to_owned()))
            );
            let expected = if held {
                vec![reserve.reservation_id]
            } else {
                vec![]
            };
            assert_eq!(rig.told(), (vec![], expected), "{route} {failure:?}");
            assert_eq!(rig.counted(Metric::Unreachable), 1);
        }
    }
    // Bytes that are no answer, or one that this filter does not know.
    for bytes in [b"\xff\xff".as_slice(), b""] {
        let mut rig = Rig::new("deny");
        let reserve = rig.reserve(BODY);
        assert_eq!(
            reply_of(&rig.on(Event::Answered(Ok(bytes)))).map(|(status, _)| status),
            Some(503)
        );
        assert_eq!(rig.told(), (vec![], vec![reserve.reservation_id]));
    }
}

#[test]
fn a_full_outbox_refuses_new_work() {
    let mut rig = Rig::new("deny");
    for _ in 0..4 {
        rig.reserve(BODY);
        rig.grant();
        rig.end("via_upstream", 200, "openai 1 0 0");
        rig = rig.again();
    }
    rig.head();
    assert_eq!(
        reply_of(&rig.body(BODY)),
        Some((503, "server_is_overloaded".to_owned()))
    );
    assert_eq!(rig.counted(Metric::OutboxFull), 1);
    assert_eq!(rig.worker.outbox.depth(), 4);
}

#[test]
fn the_model_list_comes_from_the_server() {
    let bearer = format!("Bearer {}", key().reveal());
    let model = Model {
        name: "gpt".into(),
        created_s: 1,
        owned_by: "x".into(),
    };
    let list = list_models_response::Outcome::Models(ModelList {
        models: vec![model],
        ..ModelList::default()
    });
    let refused = Refused {
        http_status: 403,
        code: "key_paused".into(),
        ..Refused::default()
    };
    let refused = list_models_response::Outcome::Refused(refused);
    let cases = [
        ("/v1/models", Some(list.clone()), 200, ""),
        ("/v1/models/gpt", Some(list.clone()), 200, ""),
        ("/v1/models/other", Some(list), 404, "model_not_found"),
        ("/v1/models", Some(refused), 403, "key_paused"),
        ("/v1/models", None, 503, "server_is_overloaded"),
    ];
    for (path, outcome, status, code) in cases {
        let mut rig = Rig::new("deny");
        let effects = rig.request("GET", path, &[("authorization", &bearer)], true);
        assert_eq!(effects.flow, Flow::Hold);
        assert!(
            matches!(effects.list.as_slice(), [Effect::Call(call)] if call.method == "ListModels")
        );
        let effects = match outcome {
            Some(outcome) => {
                let answer = ListModelsResponse {
                    server_time_unix_ms: SERVER_MS,
                    outcome: Some(outcome),
                };
                rig.on(Event::Answered(Ok(&answer.encode_to_vec())))
            }
            None => rig.on(Event::Answered(Err(CallFailure::Status(14)))),
        };
        assert_eq!(
            reply_of(&effects),
            Some((status, code.to_owned())),
            "{path}"
        );
        rig.end("", status, "");
        assert_eq!(
            (rig.worker.outbox.depth(), rig.told()),
            (0, (vec![], vec![]))
        );
    }
}

#[test]
fn an_effect_that_fails_keeps_the_request_from_going_on() {
    // Before the Reserve: nothing is owed. After it: it is released.
    let mut rig = Rig::new("deny");
    rig.head();
    assert_eq!(
        reply_of(&rig.on(Event::EffectFailed)),
        Some((503, "server_is_overloaded".to_owned()))
    );
    assert_eq!(rig.told(), (vec![], vec![]));
    for grant in [false, true] {
        let mut rig = Rig::new("deny");
        let reserve = rig.reserve(BODY);
        if grant {
            rig.grant();
        }
        assert_eq!(
            reply_of(&rig.on(Event::EffectFailed)),
            Some((503, "server_is_overloaded".to_owned()))
        );
        rig.end("", 503, "");
        assert_eq!(rig.told(), (vec![], vec![reserve.reservation_id]));
        assert!(rig.worker.outbox.leases().is_empty());
    }
}

#[test]
fn a_request_that_went_on_is_not_refused_for_a_failing_effect() {
    let mut rig = Rig::new("deny");
    rig.reserve(BODY);
    rig.grant();
    rig.response(200, "application/json", "via_upstream");
    assert_eq!(rig.on(Event::EffectFailed), Effects::none());
    rig.end("via_upstream", 200, "openai 1 200 2");
    assert_eq!(rig.told().0.len(), 1);
}
