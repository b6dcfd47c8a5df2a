//! Holds have an end: what lives keeps its own however long it takes, what nobody speaks for any more is let go.

#[path = "leases/by_hand.rs"]
mod by_hand;

use anyhow::{Context as _, ensure};
use ferry_examples::gateway::{Customer, Gateway, Lease};
use ferry_examples::simulator::{Act, Gate, Point, Script};
use ferry_examples::wait;
use ferry_tests::books::{audit, one_open, renewed, tagged};
use ferry_tests::client::{Begun, Client, question, with};
use ferry_tests::gateway;
use ferry_tests::prices::{PLAIN, TABLE, dollars, tokens};
use ferry_tests::stats;
use serde_json::json;

const TOKEN: &str = "the token of a gateway that is run by hand";
const STRANGER: &str = "the token of another gateway";
const PAID_IN: i64 = 100_000_000;
/// A lease is renewed every third of it: these are four leases.
const RENEWALS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn what_lives_is_held_and_what_does_not_is_let_go() {
    let gateway = gateway!().prices(TABLE).lease(Lease::short());
    let gateway = gateway
        .principal("by-hand", TOKEN)
        .principal("stranger", STRANGER);
    let mut gateway = gateway.start().await.unwrap();
    let alive = async {
        a_long_answer(&gateway, true).await.context("stream")?;
        a_long_answer(&gateway, false).await.context("json")
    };
    let (alive, gone) = tokio::join!(alive, by_hand::end_by_themselves(&gateway));
    alive.unwrap();
    gone.unwrap();
    let outage = an_outage_longer_than_a_lease(&mut gateway).await;
    outage.unwrap();
    gateway.stop().await.unwrap();
}

/// Where the route says so, a stream whose lease was lost is cut, and charged for what was seen until then: even one that says
/// nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_ends_its_stream_where_the_route_wants_that() {
    let route = r#"{ "mode": "enforce", "on_quota_unreachable": "deny", "on_lease_lost": "end" }"#;
    let gateway = gateway!().prices(TABLE).lease(Lease::short()).route(route);
    let mut gateway = gateway.start().await.unwrap();
    a_stream_that_is_cut(&mut gateway).await.unwrap();
    gateway.stop().await.unwrap();
}

async fn a_stream_that_is_cut(gateway: &mut Gateway) -> anyhow::Result<()> {
    let name = "cut";
    let Outage {
        customer,
        client,
        gate,
        begun,
    } = outage(gateway, name).await?;
    let answer = begun.finish().await;
    ensure!(answer.broken && answer.events().len() == 10, "{answer:?}");
    gateway.server_mut().start().await?;
    let settled = wait::until("the settlement of a stream that was cut", async || {
        let record = tagged(gateway, &customer, name).await?;
        Ok((record.state == "settled").then_some(record))
    })
    .await?;
    ensure!(
        settled.cause.as_deref() == Some("gateway")
            && (1..20).contains(&settled.usage.output_tokens),
        "{settled:#?}"
    );
    let left = audit(gateway, &customer, PAID_IN).await?;
    ensure!(left < PAID_IN, "{left} is left");
    // The next one finds the gateway as it was.
    let again = client
        .chat(&with(question(PLAIN.model, 40), json!({"max_tokens": 5})))
        .await?;
    ensure!(again.status == 200 && !again.broken, "{again:?}");
    gate.open();
    Ok(())
}

/// It lasts for several leases, says nothing in the middle, and is charged as any other.
async fn a_long_answer(gateway: &Gateway, stream: bool) -> anyhow::Result<()> {
    let name = if stream { "long-stream" } else { "long-json" };
    let customer = gateway.new_customer(name, &dollars(PAID_IN)).await?;
    let gate = Gate::shut();
    let script = Script {
        input_tokens: Some(30),
        ..Script::tokens(20)
    };
    let point = if stream {
        Point::Event(10)
    } else {
        Point::Start
    };
    let script = script.at(point, Act::Hold(gate.clone()));
    gateway.simulator()?.next([script]);
    let client = Client::of(gateway, &customer)?.tagged(name)?;
    let body = with(
        question(PLAIN.model, 40),
        json!({"max_tokens": 50, "stream": stream}),
    );
    let asking = tokio::spawn(async move { client.chat(&body).await });
    gate.arrived(1).await;
    let first = one_open(gateway, &customer).await?;
    let held = renewed(gateway, &customer, RENEWALS).await?;
    ensure!(
        held.id == first.id && held.reserved == first.reserved,
        "it is held otherwise: {first:?} {held:?}"
    );
    gate.open();
    let answer = asking.await??;
    ensure!(answer.status == 200 && !answer.broken, "{answer:?}");
    let record = tagged(gateway, &customer, name).await?;
    ensure!(
        record.request_id == held.id && record.state == "settled" && record.flags.is_empty(),
        "{record:#?}"
    );
    ensure!(record.usage == tokens(30, 20), "{record:#?}");
    let left = audit(gateway, &customer, PAID_IN).await?;
    ensure!(
        left == PAID_IN - PLAIN.charge(&tokens(30, 20))?,
        "{left} is left"
    );
    Ok(())
}

/// A stream that has come to its tenth event when the quota server is killed, and goes on when the gate opens.
struct Outage {
    customer: Customer,
    client: Client,
    gate: Gate,
    begun: Begun,
}

async fn outage(gateway: &mut Gateway, name: &str) -> anyhow::Result<Outage> {
    let customer = gateway.new_customer(name, &dollars(PAID_IN)).await?;
    let gate = Gate::shut();
    let script = Script {
        input_tokens: Some(30),
        ..Script::tokens(20)
    };
    let script = script.at(Point::Event(10), Act::Hold(gate.clone()));
    gateway.simulator()?.next([script]);
    let client = Client::of(gateway, &customer)?.tagged(name)?;
    let body = with(
        question(PLAIN.model, 40),
        json!({"max_tokens": 50, "stream": true}),
    );
    let mut begun = client.begin(&body).await?;
    begun.events(10).await?;
    gateway.server_mut().kill()?;
    Ok(Outage {
        customer,
        client,
        gate,
        begun,
    })
}

/// The gateway gives a lease up that it could not renew, and lets the stream go on: it is charged for all of it in the end.
async fn an_outage_longer_than_a_lease(gateway: &mut Gateway) -> anyhow::Result<()> {
    let name = "outage";
    let Outage {
        customer,
        gate,
        begun,
        client: _,
    } = outage(gateway, name).await?;
    stats::reaches(gateway.envoy(0)?, "ferry_leases_lost_total", 1).await?;
    gateway.server_mut().start().await?;
    let expired = tagged(gateway, &customer, name).await?;
    ensure!(expired.state == "expired", "{expired:#?}");
    gate.open();
    let answer = begun.finish().await;
    ensure!(!answer.broken && answer.events().len() == 23, "{answer:?}");
    let settled = wait::until("the settlement of a late stream", async || {
        let record = tagged(gateway, &customer, name).await?;
        Ok((record.state == "settled").then_some(record))
    })
    .await?;
    ensure!(
        settled.usage == tokens(30, 20) && settled.flags.contains(&"after_expiry".to_owned()),
        "{settled:#?}"
    );
    let left = audit(gateway, &customer, PAID_IN).await?;
    let charge = PLAIN.charge(&tokens(30, 20))?;
    ensure!(left == PAID_IN - charge, "{left} is left");
    Ok(())
}
