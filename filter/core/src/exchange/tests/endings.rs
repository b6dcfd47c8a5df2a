use ferry_api::v1::{EndCause, UsageSource};

use super::*;

const ANSWER: &str = r#"{"id":"c","model":"gpt-1-2024","service_tier":"default","choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#;
const EVENT: &str = "data: {\"model\":\"gpt-1-2024\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":null}]}\n\n";
const LAST: &str = "data: {\"model\":\"gpt-1-2024\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"model\":\"gpt-1-2024\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}\n\n";

#[test]
fn a_complete_answer_is_settled_with_what_the_provider_reported() {
    let mut rig = Rig::new("deny");
    let reserve = rig.reserve(BODY);
    rig.grant();
    rig.now.monotonic_ms += 500;
    rig.response(200, "application/json", "via_upstream");
    rig.now.monotonic_ms += 20;
    rig.chunk(ANSWER, true);
    rig.now.monotonic_ms += 80;
    rig.end(
        "via_upstream",
        200,
        "openai 1100 500 1200,azure 1300 200 1500",
    );
    let (settled, released) = rig.told();
    assert_eq!((settled.len(), released.len()), (1, 0));
    let item = &settled[0];
    assert_eq!(item.reservation_id, reserve.reservation_id);
    assert_eq!(item.facts, reserve.facts);
    assert_eq!(
        (
            item.cause(),
            item.status,
            item.latency_ms,
            item.output_tokens_max
        ),
        (EndCause::Complete, 200, 600, 100)
    );
    let [failed, served] = item.attempts.as_slice() else {
        panic!("two attempts: {:?}", item.attempts);
    };
    assert_eq!(
        (
            failed.provider.as_str(),
            failed.status,
            failed.latency_ms,
            failed.source()
        ),
        ("openai", 500, 100, UsageSource::None)
    );
    assert_eq!(
        (served.provider.as_str(), served.status, served.source()),
        ("azure", 200, UsageSource::Reported)
    );
    assert_eq!((served.latency_ms, served.first_byte_ms), (300, Some(220)));
    assert_eq!(
        (served.model.as_str(), served.service_tier.as_str()),
        ("gpt-1-2024", "default")
    );
    assert_eq!(served.provider_request_id, "req_1");
    assert_eq!(
        served
            .usage
            .map(|usage| (usage.input_tokens, usage.output_tokens)),
        Some((7, 3))
    );
    assert!(rig.worker.outbox.leases().is_empty());
}

/// The chunks that came, how Envoy names the end; cause and evidence.
const STREAMS: [(&[&str], &str, EndCause, UsageSource); 12] = {
    use EndCause::{ClientGone, Complete, Gateway, ProviderError, ProviderReset, Timeout};
    use UsageSource::{Counted, None, Reported};
    const RESET: &str = "upstream_reset_after_response_started{connection_termination}";
    [
        (&[EVENT, LAST], "via_upstream", Complete, Reported),
        (
            &[EVENT, LAST],
            "downstream_remote_disconnect",
            ClientGone,
            Reported,
        ),
        // Some SDKs hang up as soon as they have read the last event.
        (
            &[EVENT, LAST, "data: [DONE]\n\n"],
            "downstream_remote_disconnect",
            Complete,
            Reported,
        ),
        (
            &[EVENT],
            "downstream_remote_disconnect",
            ClientGone,
            Counted,
        ),
        (&[EVENT], "http2.remote_reset", ClientGone, Counted),
        (&[EVENT], RESET, ProviderReset, Counted),
        (&[EVENT], "stream_idle_timeout", Timeout, Counted),
        (
            &[EVENT],
            "upstream_max_stream_duration_reached",
            Timeout,
            Counted,
        ),
        (&[EVENT], "via_upstream", Complete, Counted),
        (&[EVENT], "wasm_fail_stream", Gateway, Counted),
        (&[EVENT], "", Gateway, Counted),
        (
            &["data: {\"error\":{\"message\":\"overloaded\"}}\n\n"],
            "via_upstream",
            ProviderError,
            None,
        ),
    ]
};

#[test]
fn every_end_of_a_stream_has_its_cause_and_its_evidence() {
    for (chunks, details, cause, source) in STREAMS {
        let mut rig = Rig::new("deny");
        rig.reserve(STREAM);
        rig.grant();
        rig.response(200, "text/event-stream", "via_upstream");
        for chunk in chunks {
            rig.chunk(chunk, false);
        }
        rig.end(details, 200, "openai 1 200 2");
        let (settled, released) = rig.told();
        assert_eq!((settled.len(), released.len()), (1, 0), "{details}");
        let attempt = &settled[0].attempts[0];
        assert_eq!(
            (settled[0].cause(), attempt.source()),
            (cause, source),
            "{details}"
        );
        let usage = attempt.usage.expect("usage");
        let counted = source != UsageSource::None;
        assert_eq!(
            (usage.input_tokens > 0, usage.output_tokens > 0),
            (counted, counted),
            "{details}: {usage:?}"
        );
    }
}

/// How Envoy names the end, the attempts noted; cause and evidence if it is settled, else it is released.
type Settled = Option<(EndCause, UsageSource)>;
const UNANSWERED: [(&str, &str, Settled); 13] = {
    use EndCause::{ClientGone, ProviderLost, Timeout};
    const LOST: &str = "upstream_reset_before_response_started{connection_termination}";
    const REFUSED: &str =
        "upstream_reset_before_response_started{remote_connection_failure|refused}";
    const NOTED: &str = "openai 1 0 0";
    [
        (LOST, NOTED, Some((ProviderLost, UsageSource::Estimated))),
        (
            "upstream_per_try_timeout",
            NOTED,
            Some((Timeout, UsageSource::Estimated)),
        ),
        (
            "response_timeout",
            NOTED,
            Some((Timeout, UsageSource::Estimated)),
        ),
        (
            "downstream_remote_disconnect",
            NOTED,
            Some((ClientGone, UsageSource::Estimated)),
        ),
        (REFUSED, NOTED, None),
        (
            "upstream_reset_before_response_started{local_connection_failure}",
            NOTED,
            None,
        ),
        (
            "upstream_reset_before_response_started{connection_timeout}",
            NOTED,
            None,
        ),
        (
            "upstream_reset_before_response_started{overflow}",
            NOTED,
            None,
        ),
        ("downstream_remote_disconnect", "", None),
        ("no_healthy_upstream", "", None),
        ("cluster_not_found", "", None),
        ("", "", None),
        // Both attempts failed, the second without reaching anybody: there is a record, and no charge.
        (
            REFUSED,
            "openai 1 500 2,azure 3 0 0",
            Some((ProviderLost, UsageSource::None)),
        ),
    ]
};

#[test]
fn without_an_answer_it_depends_on_whether_the_provider_was_reached() {
    for (details, attempts, expected) in UNANSWERED {
        let mut rig = Rig::new("deny");
        let reserve = rig.reserve(BODY);
        rig.grant();
        rig.end(details, 503, attempts);
        let (settled, released) = rig.told();
        let last = |item: &SettleItem| {
            (
                item.cause(),
                item.attempts.last().expect("attempts").source(),
            )
        };
        assert_eq!(settled.first().map(last), expected, "{details}");
        let expected = if expected.is_none() {
            vec![reserve.reservation_id]
        } else {
            vec![]
        };
        assert_eq!(released, expected, "{details}");
        assert!(rig.worker.outbox.leases().is_empty());
    }
}

#[test]
fn an_error_of_the_providers_is_settled_without_a_charge() {
    for status in [400, 404, 429, 500, 503] {
        let mut rig = Rig::new("deny");
        rig.reserve(BODY);
        rig.grant();
        rig.response(status, "application/json", "via_upstream");
        assert_eq!(rig.chunk(r#"{"error":{}}"#, true), Effects::none());
        rig.end("via_upstream", status, &format!("openai 1 {status} 2"));
        let (settled, _) = rig.told();
        let attempt = &settled[0].attempts[0];
        assert_eq!(
            (settled[0].cause(), attempt.status, attempt.source()),
            (EndCause::ProviderError, status, UsageSource::None)
        );
        assert_eq!(attempt.usage, Some(ferry_api::v1::Usage::default()));
    }
}

#[test]
fn a_client_that_leaves_early_leaves_a_release() {
    // Before the Reserve there is nothing to say.
    let mut rig = Rig::new("deny");
    rig.head();
    rig.end("downstream_remote_disconnect", 0, "");
    assert_eq!(
        (rig.worker.outbox.depth(), rig.told()),
        (0, (vec![], vec![]))
    );
    // While it is under way: a release, and the answer that comes later changes nothing.
    let mut rig = Rig::new("deny");
    let reserve = rig.reserve(BODY);
    rig.end("downstream_remote_disconnect", 0, "");
    assert_eq!(rig.grant(), Effects::none());
    assert_eq!(rig.told(), (vec![], vec![reserve.reservation_id]));
}

#[test]
fn a_grant_that_comes_after_envoys_own_answer_is_released() {
    let mut rig = Rig::new("deny");
    let reserve = rig.reserve(BODY);
    rig.response(408, "text/plain", "request_overall_timeout");
    let effects = rig.grant();
    assert_eq!(effects, Effects::hold());
    rig.end("request_overall_timeout", 408, "");
    assert_eq!(rig.told(), (vec![], vec![reserve.reservation_id]));
}

#[test]
fn an_end_without_a_beginning_is_tolerated() {
    let mut rig = Rig::new("deny");
    rig.end("", 0, "");
    rig.end("", 0, "");
    assert!(rig.exchange.is_over());
    assert_eq!(rig.told(), (vec![], vec![]));
}

#[test]
fn long_streams_tell_their_usage_with_their_renewals() {
    let mut rig = Rig::new("deny");
    rig.reserve(STREAM);
    rig.grant();
    rig.response(200, "text/event-stream", "via_upstream");
    rig.now.monotonic_ms += 15_000;
    rig.chunk(EVENT, false);
    rig.now.monotonic_ms += 6_000;
    let calls = rig.worker.due(rig.now);
    let renew = ferry_api::v1::RenewRequest::decode(calls[0].message.as_slice()).expect("Renew");
    let usage = renew.items[0].usage.expect("usage");
    assert!(usage.output_tokens > 0 && usage.input_tokens > 0);
}
