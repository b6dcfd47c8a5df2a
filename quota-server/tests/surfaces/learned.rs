//! What a model usually writes is charged where nothing tells, and a restart does not forget it.

use crate::ferry::{EDGE_TOKEN, Ferry, ON_A_SOCKET, config};
use crate::gateway::{digest, facts, granted, id, reserve, settle};
use ferry_api::v1;

#[tokio::test]
async fn the_median_is_learned_kept_and_charged() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    for n in 0..16 {
        granted(&mut gateway, reserve(id(n), key, facts())).await;
        let items = vec![settle(id(n), key)];
        gateway
            .settle(v1::SettleRequest { items })
            .await
            .expect("an answer");
    }
    let ferry = Ferry::start_with(ferry.kill(), &config(ON_A_SOCKET));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let lost = id(99);
    granted(&mut gateway, reserve(lost, key, facts())).await;
    let mut item = settle(lost, key);
    let settlement = item.attempts.last_mut().expect("an attempt");
    settlement.source = v1::UsageSource::Estimated.into();
    settlement.usage = Some(v1::Usage::default());
    let items = vec![item];
    gateway
        .settle(v1::SettleRequest { items })
        .await
        .expect("an answer");
    let record = ferry.json(&["usage", "--request", &lost.to_string()])["usage"][0].clone();
    // The input's estimate, and the 20 tokens that each of the others wrote.
    assert_eq!(record["usage"]["input_tokens"], 25, "{record}");
    assert_eq!(record["usage"]["output_tokens"], 20, "{record}");
    assert_eq!(record["charged"], "0.000065000", "{record}");
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}
