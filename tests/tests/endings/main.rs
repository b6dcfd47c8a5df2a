//! Every way in which a request can end is charged right, and leaves nothing held.

#[cfg(test)]
mod case;
#[cfg(test)]
mod client;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod request;
#[cfg(test)]
mod unreachable;
#[cfg(test)]
mod usage;

#[cfg(test)]
use ferry_tests::{books::audit, gateway, prices::TABLE};

#[cfg(test)]
#[tokio::test(flavor = "multi_thread")]
async fn every_end_has_its_charge() {
    let gateway = gateway!().prices(TABLE).balance("5").start().await.unwrap();
    let cases = [client::cases(), provider::cases(), usage::cases()].concat();
    for case in cases {
        case.check(&gateway).await;
    }
    audit(&gateway, gateway.customer(), 5_000_000_000)
        .await
        .unwrap();
    gateway.stop().await.unwrap();
}
