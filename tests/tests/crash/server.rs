//! The quota server dies, or is stopped, between a reservation and its settlement.

use ferry_examples::gateway::{Customer, Gateway};
use ferry_examples::simulator::{Act, Gate, Point, Script};
use ferry_tests::books::{audit, open, tagged};
use ferry_tests::client::{Answer, Client, question, with};
use ferry_tests::gateway;
use ferry_tests::prices::{PLAIN, TABLE, dollars, tokens};
use ferry_tests::stats;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::load::{self, Restart};

const PAID_IN: i64 = 1_000_000_000;
/// Requests under way when it happens, half of them streams.
const UNDER_WAY: usize = 12;
/// The first wait before a settlement is sent again is 50 to 100 ms, and each is twice the one before: these are about a second.
const BACKOFFS: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_reserved_before_a_crash_is_settled_after_it() {
    let gateway = gateway!().prices(TABLE).start().await;
    let mut gateway = gateway.unwrap();
    killed(&mut gateway, "after", Moment::AfterTheAnswer).await;
    killed(&mut gateway, "before", Moment::BeforeTheAnswer).await;
    stopped_for_long(&mut gateway).await;
    for (tenant, restart) in [("crashed", Restart::Crash), ("drained", Restart::Drain)] {
        load::survives(&mut gateway, tenant, restart).await;
    }
    gateway.stop().await.unwrap();
}

/// When the server comes back.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    BeforeTheAnswer,
    AfterTheAnswer,
}

/// Killed while the provider is at work. The client notices nothing.
async fn killed(gateway: &mut Gateway, tenant: &str, back: Moment) {
    let customer = gateway.new_customer(tenant, &dollars(PAID_IN)).await;
    let customer = customer.unwrap();
    let under_way = UnderWay::begin(gateway, &customer).await;
    let held = open(gateway, &customer).await.unwrap();
    assert_eq!(held.len(), UNDER_WAY);
    gateway.server_mut().kill().unwrap();
    if back == Moment::BeforeTheAnswer {
        gateway.server_mut().start().await.unwrap();
        // What was granted is granted.
        assert_eq!(open(gateway, &customer).await.unwrap(), held);
    }
    under_way.answered().await;
    if back == Moment::AfterTheAnswer {
        gateway.server_mut().start().await.unwrap();
    }
    assert_charged(gateway, &customer).await;
}

/// Stopped in order, and only started again when the gateway has tried in vain for a while.
async fn stopped_for_long(gateway: &mut Gateway) {
    let customer = gateway.new_customer("stopped", &dollars(PAID_IN)).await;
    let customer = customer.unwrap();
    let under_way = UnderWay::begin(gateway, &customer).await;
    gateway.server_mut().stop().await.unwrap();
    let retries = "ferry_outbox_retries_total";
    let before = stats::count(gateway.envoy(0).unwrap(), retries).await;
    under_way.answered().await;
    let least = before.unwrap() + BACKOFFS;
    let tried = stats::reaches(gateway.envoy(0).unwrap(), retries, least);
    tried.await.unwrap();
    gateway.server_mut().start().await.unwrap();
    assert_charged(gateway, &customer).await;
}

/// Requests that wait at the provider.
struct UnderWay {
    gate: Gate,
    asking: Vec<JoinHandle<anyhow::Result<Answer>>>,
}

impl UnderWay {
    async fn begin(gateway: &Gateway, customer: &Customer) -> Self {
        let gate = Gate::shut();
        let script = Script {
            input_tokens: Some(30),
            ..Script::tokens(20)
        };
        gateway
            .simulator()
            .unwrap()
            .script(script.at(Point::Start, Act::Hold(gate.clone())));
        let mut asking = Vec::new();
        for n in 0..UNDER_WAY {
            let client = Client::of(gateway, customer).unwrap();
            let client = client.tagged(&n.to_string()).unwrap();
            let body = with(
                question(PLAIN.model, 40),
                json!({"max_tokens": 50, "stream": n % 2 == 0}),
            );
            asking.push(tokio::spawn(async move { client.chat(&body).await }));
        }
        gate.arrived(UNDER_WAY).await;
        Self { gate, asking }
    }

    async fn answered(self) {
        self.gate.open();
        for asking in self.asking {
            let answer = asking.await.unwrap().unwrap();
            assert!(answer.status == 200 && !answer.broken, "{answer:?}");
        }
    }
}

/// Each is charged in full, as if nothing had happened.
async fn assert_charged(gateway: &Gateway, customer: &Customer) {
    for n in 0..UNDER_WAY {
        let record = tagged(gateway, customer, &n.to_string()).await.unwrap();
        assert!(record.flags.is_empty(), "{record:#?}");
        assert_eq!(record.usage, tokens(30, 20), "{record:#?}");
    }
    let charge = PLAIN.charge(&tokens(30, 20)).unwrap();
    let left = audit(gateway, customer, PAID_IN).await.unwrap();
    assert_eq!(left, PAID_IN - i64::try_from(UNDER_WAY).unwrap() * charge);
}
