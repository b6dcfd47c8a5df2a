use super::*;

fn faults(text: &str) -> Vec<String> {
    match PluginConfig::parse(text.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(ConfigFaults(faults)) => faults
            .into_iter()
            .map(|fault| format!("{}: {}", fault.path, fault.message))
            .collect(),
    }
}

#[test]
fn smallest_gateway_has_the_defaults() {
    let text = r#"{"role":"gateway","quota_cluster":"ferry-quota","routes":{"r":{"mode":"enforce","on_quota_unreachable":"deny"}}}"#;
    let Ok(PluginConfig::Gateway(config)) = PluginConfig::parse(text.as_bytes()) else {
        panic!("refused: {:?}", faults(text));
    };
    assert_eq!(config.quota_cluster, "ferry-quota");
    let route = RouteConfig {
        mode: RouteMode::Enforce,
        on_quota_unreachable: OnQuotaUnreachable::Deny,
        on_lease_lost: OnLeaseLost::Finish,
    };
    assert_eq!(config.routes.get("r"), Some(&route));
    assert_eq!(
        config.timeouts,
        Timeouts {
            reserve_ms: 2_000,
            outbox_ms: 5_000
        }
    );
    assert_eq!(config.limits.body_bytes_max, 26_214_400);
    assert_eq!(config.limits.calls_in_flight, 2);
}

#[test]
fn everything_can_be_stated() {
    let text = r#"{"role":"gateway","quota_cluster":"q","routes":{"a.b":{"mode":"shadow","on_quota_unreachable":{"admit_known":
        {"known_for_s":5,"tokens_per_key":6,"tokens_per_worker":7}},"on_lease_lost":"end"}},"timeouts":{"reserve_ms":100,"outbox_ms":200.0},
        "limits":{"body_bytes_max":2048,"outbox_slots":3,"batch_items":4,"batch_delay_ms":5,"calls_in_flight":6}}"#;
    let Ok(PluginConfig::Gateway(config)) = PluginConfig::parse(text.as_bytes()) else {
        panic!("refused: {:?}", faults(text));
    };
    let caps = AdmitKnown {
        known_for_s: 5,
        tokens_per_key: 6,
        tokens_per_worker: 7,
    };
    let route = RouteConfig {
        mode: RouteMode::Shadow,
        on_quota_unreachable: OnQuotaUnreachable::AdmitKnown(caps),
        on_lease_lost: OnLeaseLost::End,
    };
    assert_eq!(config.routes.get("a.b"), Some(&route));
    assert_eq!(
        config.timeouts,
        Timeouts {
            reserve_ms: 100,
            outbox_ms: 200
        }
    );
    let limits = Limits {
        body_bytes_max: 2048,
        outbox_slots: 3,
        batch_items: 4,
        batch_delay_ms: 5,
        calls_in_flight: 6,
    };
    assert_eq!(config.limits, limits);
}

#[test]
fn upstream_is_read() {
    let text = r#"{"role":"upstream","provider":"openai","authority":"api.openai.com","path_prefix":"/v1"}"#;
    let expected = UpstreamConfig {
        provider: "openai".into(),
        authority: Some("api.openai.com".into()),
        path_prefix: "/v1".into(),
    };
    assert_eq!(
        PluginConfig::parse(text.as_bytes()),
        Ok(PluginConfig::Upstream(expected))
    );
}

#[test]
fn every_fault_is_told_with_its_path() {
    let unknown = "is not a field that is known here";
    let cases: [(&str, &[&str]); 10] = [
        ("[]", &[": must be a JSON object"]),
        ("{}", &["role: is missing"]),
        (
            r#"{"role":"x"}"#,
            &["role: must be \"gateway\" or \"upstream\""],
        ),
        (
            r#"{"role":"gateway"}"#,
            &["quota_cluster: is missing", "routes: is missing"],
        ),
        (
            r#"{"role":"gateway","quota_cluster":"q","routes":{}}"#,
            &["routes: must list at least one route"],
        ),
        (
            r#"{"role":"gateway","quota_cluster":"","routes":{"r":{"mode":"on","colour":1}},"limits":{"outbox_slots":0,"x":1},"y":2}"#,
            &[
                "quota_cluster: must be 1 to 120 visible ASCII characters without a comma",
                "routes.r.mode: must be \"enforce\" or \"shadow\"",
                "routes.r.on_quota_unreachable: is missing",
                &format!("routes.r.colour: {unknown}"),
                "limits.outbox_slots: must be a whole number from 1 to 1000000",
                &format!("limits.x: {unknown}"),
                &format!("y: {unknown}"),
            ],
        ),
        (
            r#"{"role":"gateway","quota_cluster":"q","routes":{"r":{"mode":"enforce","on_quota_unreachable":{"admit_known":{}}}}}"#,
            &[
                "routes.r.on_quota_unreachable.admit_known.tokens_per_key: is missing",
                "routes.r.on_quota_unreachable.admit_known.tokens_per_worker: is missing",
            ],
        ),
        (
            r#"{"role":"gateway","quota_cluster":"q","routes":{"r":{"mode":"enforce","on_quota_unreachable":"allow"}}}"#,
            &["routes.r.on_quota_unreachable: must be \"deny\" or {\"admit_known\": {…}}"],
        ),
        (
            r#"{"role":"gateway","quota_cluster":"q","routes":{"r":{"mode":"enforce","on_quota_unreachable":"deny","on_lease_lost":"stop"}}}"#,
            &["routes.r.on_lease_lost: must be \"finish\" or \"end\""],
        ),
        (
            r#"{"role":"upstream","provider":"a,b","authority":"","path_prefix":"v1/"}"#,
            &[
                "provider: must be 1 to 120 visible ASCII characters without a comma",
                "path_prefix: must be empty or a path such as \"/v1\", without a slash at its end",
                "authority: must be a host, with a port if needed",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(faults(text), expected, "{text}");
    }
    assert!(
        faults("{")
            .first()
            .is_some_and(|fault| fault.starts_with(": not JSON"))
    );
}
