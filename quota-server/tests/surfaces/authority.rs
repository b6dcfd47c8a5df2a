//! What a principal may do beyond its own reservations: little without one, and the operator's recovery all of them.

use crate::ferry::{EDGE_TOKEN, Ferry, MESH_TOKEN, ON_A_SOCKET, config};
use crate::gateway::{
    Gateway, digest, facts, granted, id, outcome, release, renew, reserve, settle,
};
use ferry_api::v1::reserve_response::Outcome;
use ferry_api::v1::{self, release_result, renew_result, settle_result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A server of which the principal `mesh` has these settings.
fn start(mesh: &str) -> Ferry {
    let config = config(ON_A_SOCKET).replace("[http]", &format!("{mesh}\n[http]"));
    Ferry::start_with(tempfile::tempdir().expect("a folder"), &config)
}

/// The line of the metrics that begins so, without that beginning.
async fn metric(ferry: &Ferry, name: &str) -> Option<String> {
    let path = ferry.path("http.sock");
    let mut http = tokio::net::UnixStream::connect(path)
        .await
        .expect("connect");
    let request = b"GET /metrics HTTP/1.1\r\nhost: ferry\r\nconnection: close\r\n\r\n";
    http.write_all(request).await.expect("ask");
    let mut page = String::new();
    http.read_to_string(&mut page).await.expect("a page");
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    line.map(|value| value.trim().to_owned())
}

async fn settled(gateway: &mut Gateway, item: v1::SettleItem) -> settle_result::Outcome {
    let items = vec![item];
    let response = gateway.settle(v1::SettleRequest { items }).await;
    let mut results = response.expect("an answer").into_inner().results;
    let result = results.pop().expect("a result");
    result.outcome.expect("an outcome")
}

async fn renewed(gateway: &mut Gateway, item: v1::RenewItem) -> renew_result::Outcome {
    let items = vec![item];
    let response = gateway.renew(v1::RenewRequest { items }).await;
    let mut results = response.expect("an answer").into_inner().results;
    let result = results.pop().expect("a result");
    result.outcome.expect("an outcome")
}

async fn released(gateway: &mut Gateway, item: v1::ReleaseItem) -> release_result::Outcome {
    let items = vec![item];
    let response = gateway.release(v1::ReleaseRequest { items }).await;
    let mut results = response.expect("an answer").into_inner().results;
    let result = results.pop().expect("a result");
    result.outcome.expect("an outcome")
}

#[tokio::test]
async fn a_stolen_token_cannot_drain_a_tenant_by_forged_settles() {
    let ferry = start("unreserved_settles_per_hour_max = 2");
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut mesh = ferry.gateway(Some(MESH_TOKEN)).await;
    let mut parked = 0;
    for n in 1..=10 {
        match settled(&mut mesh, settle(id(n), key)).await {
            settle_result::Outcome::Settled(_) => {}
            settle_result::Outcome::Parked(_) => parked += 1,
            other => panic!("{other:?}"),
        }
    }
    // Nor is a release before it a way around.
    let tombstone = id(11);
    released(&mut mesh, release(tombstone, key)).await;
    let kept = settled(&mut mesh, settle(tombstone, key)).await;
    assert!(matches!(kept, settle_result::Outcome::Parked(_)));
    assert_eq!(parked, 8);
    assert_eq!(ferry.json(&["balance", "acme"])["available"], "4.999760000");
    let counted = "ferry_settlements_parked_total";
    assert_eq!(metric(&ferry, counted).await.as_deref(), Some("9"));
    let counted = "ferry_settlements_unreserved_total{principal=\"mesh\"}";
    assert_eq!(metric(&ferry, counted).await.as_deref(), Some("2"));
    // What was promised is charged all the same, and other gateways have caps of their own.
    let one = id(12);
    granted(&mut mesh, reserve(one, key, facts())).await;
    let charged = settled(&mut mesh, settle(one, key)).await;
    assert!(matches!(charged, settle_result::Outcome::Settled(_)));
    let mut edge = ferry.gateway(Some(EDGE_TOKEN)).await;
    let charged = settled(&mut edge, settle(id(13), key)).await;
    assert!(matches!(charged, settle_result::Outcome::Settled(_)));
    assert!(ferry.run(&["verify"]).status.success());
}

#[tokio::test]
async fn the_recovery_role_ends_what_other_gateways_left_and_reserves_nothing() {
    let ferry = start("role = 'recovery'");
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut edge = ferry.gateway(Some(EDGE_TOKEN)).await;
    let mut recovery = ferry.gateway(Some(MESH_TOKEN)).await;
    let (left, unsent) = (id(1), id(2));
    granted(&mut edge, reserve(left, key, facts())).await;
    granted(&mut edge, reserve(unsent, key, facts())).await;
    let refused = outcome(&mut recovery, reserve(id(3), key, facts())).await;
    assert!(matches!(refused, Outcome::Refused(r) if r.reason == "gateway_out_of_scope"));
    let lease = renewed(&mut recovery, renew(left, key)).await;
    assert!(matches!(lease, renew_result::Outcome::Renewed(_)));
    let freed = released(&mut recovery, release(unsent, key)).await;
    assert!(matches!(freed, release_result::Outcome::Released(_)));
    // From an access log, it settles what no Reserve was ever seen of.
    for one in [left, id(4)] {
        let charged = settled(&mut recovery, settle(one, key)).await;
        assert!(matches!(charged, settle_result::Outcome::Settled(_)));
    }
    let told = ferry.json(&["usage", "--request", &left.to_string()]);
    let record = &told["usage"][0];
    assert_eq!(
        (&record["flags"][0], &record["principal"]),
        (&"recovered".into(), &"mesh".into())
    );
    let counted = "ferry_reservations_recovered_total{principal=\"mesh\"}";
    assert_eq!(metric(&ferry, counted).await.as_deref(), Some("2"));
    assert_eq!(ferry.json(&["balance", "acme"])["held"], "0.000000000");
    assert!(ferry.run(&["verify"]).status.success());
}
