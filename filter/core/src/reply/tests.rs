use super::*;

fn error_of(reply: &Reply) -> Value {
    serde_json::from_slice::<Value>(&reply.body).expect("JSON")["error"].clone()
}

#[test]
fn every_reason_has_openais_shape() {
    for reason in Reason::ALL {
        let reply = Reply::reason(reason);
        assert!((400..=599).contains(&reply.status), "{reason:?}");
        let error = error_of(&reply);
        assert!(
            error["message"].is_string() && error["type"].is_string() && error["code"].is_string(),
            "{reason:?}"
        );
        assert_eq!(
            error.as_object().map(serde_json::Map::len),
            Some(4),
            "{reason:?}"
        );
        assert!(reply.details.starts_with("ferry_"));
    }
}

#[test]
fn the_quota_server_cannot_be_reached() {
    let reply = Reply::reason(Reason::QuotaUnreachable);
    assert_eq!(reply.status, 503);
    assert_eq!(error_of(&reply)["type"], "service_unavailable_error");
    assert_eq!(error_of(&reply)["code"], "server_is_overloaded");
    assert!(reply.headers.contains(&("retry-after".into(), "1".into())));
    assert!(
        reply
            .headers
            .contains(&("x-should-retry".into(), "true".into()))
    );
}

#[test]
fn a_refusal_is_shown_as_told() {
    let header = |name: &str, value: &str| Header {
        name: name.into(),
        value: value.into(),
    };
    let refused = Refused {
        http_status: 429,
        r#type: "insufficient_quota".into(),
        code: "credit_balance_exhausted".into(),
        message: "No \"money\"".into(),
        retry_after_s: Some(7),
        should_retry: Some(false),
        headers: vec![
            header("x-ai-quota-remaining-usd", "0.000000000"),
            header("content-length", "3"),
            header(":status", "200"),
            header("x-bad", "a\r\nb: c"),
        ],
        ..Refused::default()
    };
    let reply = Reply::refused(&refused);
    assert_eq!(reply.status, 429);
    let expected = json!({"message": "No \"money\"", "type": "insufficient_quota", "param": null, "code": "credit_balance_exhausted"});
    assert_eq!(error_of(&reply), expected);
    let names: Vec<&str> = reply
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "content-type",
            "retry-after",
            "x-should-retry",
            "x-ai-quota-remaining-usd"
        ]
    );
}

#[test]
fn a_refusal_with_an_absurd_status_is_503() {
    for http_status in [0, 200, 399, 600, u32::MAX] {
        assert_eq!(
            Reply::refused(&Refused {
                http_status,
                ..Refused::default()
            })
            .status,
            503
        );
    }
}
