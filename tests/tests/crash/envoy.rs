//! Envoy dies, or is stopped, with requests under way: nobody is left to settle them, and their leases run out.

use ferry_examples::gateway::{Customer, Gateway, Lease};
use ferry_examples::simulator::{Act, End, Gate, Point, Script};
use ferry_tests::books::{audit, renewed, tagged};
use ferry_tests::client::{Begun, Client, question, with};
use ferry_tests::gateway;
use ferry_tests::prices::{PLAIN, TABLE, dollars, nanos, tokens};
use serde_json::json;
use tokio::task::JoinHandle;

const PAID_IN: i64 = 1_000_000_000;
/// What the tests' question probably counts.
const INPUT_ESTIMATE: u64 = 18;
/// An opening, and the first five tokens.
const EVENTS: usize = 6;
/// With the sixth it says "The ferry leaves at dawn,": a token for four bytes.
const TOKENS_SEEN: u64 = 7;

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_settle_any_more_expires_into_what_it_had_used() {
    let gateway = gateway!().prices(TABLE).lease(Lease::short());
    let mut gateway = gateway.start().await.unwrap();
    // An Envoy that is stopped does not wait for what is under way, and its last calls never arrive.
    for (tenant, is_killed) in [("killed", true), ("stopped", false)] {
        let streaming = Streaming::begin(&gateway, tenant).await;
        let silent = Silent::begin(&gateway, tenant).await;
        if is_killed {
            gateway.crash_envoy(0).await.unwrap();
        } else {
            gateway.restart_envoy(0).await.unwrap();
        }
        streaming.expires(&gateway).await;
        silent.expires(&gateway).await;
        let over = gateway.simulator().unwrap().until(|seen| {
            let gone = seen.iter().filter(|one| one.end == End::Gone);
            gone.count() == 2
        });
        over.await.unwrap();
        gateway.simulator().unwrap().forget();
    }
    gateway.stop().await.unwrap();
}

/// A stream that has said something.
struct Streaming {
    customer: Customer,
    begun: Begun,
}

impl Streaming {
    async fn begin(gateway: &Gateway, tenant: &str) -> Self {
        let customer = customer(gateway, tenant, "streaming").await;
        let [first, second] = [Gate::shut(), Gate::shut()];
        let script = Script::tokens(50)
            .at(Point::Event(EVENTS), Act::Hold(first.clone()))
            .at(Point::Event(EVENTS + 1), Act::Hold(second));
        gateway.simulator().unwrap().next([script]);
        let client = client(gateway, &customer);
        let mut begun = client.begin(&body(true)).await.unwrap();
        begun.events(EVENTS).await.unwrap();
        // The usage is noted for the next renewal only every thirtieth of a lease: let that much pass before the last event.
        renewed(gateway, &customer, 1).await.unwrap();
        first.open();
        begun.events(EVENTS + 1).await.unwrap();
        // One renewal may have been on its way already; the next one tells of what was seen.
        renewed(gateway, &customer, 2).await.unwrap();
        Self { customer, begun }
    }

    async fn expires(self, gateway: &Gateway) {
        assert!(self.begun.finish().await.broken);
        assert_expired(gateway, &self.customer, TOKENS_SEEN).await;
    }
}

/// A request that is still waiting for its answer.
struct Silent {
    customer: Customer,
    asking: JoinHandle<anyhow::Result<Begun>>,
}

impl Silent {
    async fn begin(gateway: &Gateway, tenant: &str) -> Self {
        let customer = customer(gateway, tenant, "silent").await;
        let gate = Gate::shut();
        let script = Script::default().at(Point::Start, Act::Hold(gate.clone()));
        gateway.simulator().unwrap().next([script]);
        let client = client(gateway, &customer);
        let asking = tokio::spawn(async move { client.begin(&body(false)).await });
        gate.arrived(1).await;
        renewed(gateway, &customer, 1).await.unwrap();
        Self { customer, asking }
    }

    async fn expires(self, gateway: &Gateway) {
        assert!(self.asking.await.unwrap().is_err());
        assert_expired(gateway, &self.customer, 0).await;
    }
}

async fn customer(gateway: &Gateway, tenant: &str, what: &str) -> Customer {
    let tenant = format!("{tenant}-{what}");
    let customer = gateway.new_customer(&tenant, &dollars(PAID_IN)).await;
    customer.unwrap()
}

fn client(gateway: &Gateway, customer: &Customer) -> Client {
    let client = Client::of(gateway, customer).unwrap();
    client.tagged("under way").unwrap()
}

fn body(stream: bool) -> serde_json::Value {
    let more = json!({"max_tokens": 50, "stream": stream});
    with(question(PLAIN.model, 40), more)
}

/// It is charged by what the last renewal told, and its customer is served through the new Envoy.
async fn assert_expired(gateway: &Gateway, customer: &Customer, output_tokens: u64) {
    let record = tagged(gateway, customer, "under way").await.unwrap();
    assert_eq!(
        (record.state.as_str(), record.cause.as_deref()),
        ("expired", None),
        "{record:#?}"
    );
    assert_eq!(record.flags, ["provisional"], "{record:#?}");
    let usage = tokens(INPUT_ESTIMATE, output_tokens);
    assert_eq!(record.usage, usage, "{record:#?}");
    let charge = PLAIN.charge(&usage).unwrap();
    assert_eq!(nanos(&record.charged).unwrap(), charge);
    assert_eq!(nanos(&record.cost).unwrap(), charge / 2);

    gateway.simulator().unwrap().next([Script {
        input_tokens: Some(30),
        ..Script::tokens(20)
    }]);
    let client = Client::of(gateway, customer).unwrap();
    assert_eq!(client.chat(&body(true)).await.unwrap().status, 200);
    let left = audit(gateway, customer, PAID_IN).await.unwrap();
    let next = PLAIN.charge(&tokens(30, 20)).unwrap();
    assert_eq!(left, PAID_IN - charge - next);
}
