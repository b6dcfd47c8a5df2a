//! The quota server goes and comes back while customers keep asking.

use std::collections::HashSet;

use ferry_examples::gateway::{Customer, Gateway};
use ferry_examples::simulator::Script;
use ferry_tests::books::{audit, records};
use ferry_tests::client::{Client, question, with};
use ferry_tests::prices::{PLAIN, dollars, tokens};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

const PAID_IN: i64 = 1_000_000_000;
const CUSTOMERS: usize = 16;
/// Answers that each of them wants.
const WANTED: usize = 20;
const RESTARTS: usize = 3;

/// How it goes.
#[derive(Clone, Copy)]
pub(super) enum Restart {
    Crash,
    Drain,
}

/// Whoever was served is charged for it, once; whoever was not, is not; and all get what they want in the end.
pub(super) async fn survives(gateway: &mut Gateway, tenant: &str, restart: Restart) {
    let customer = gateway.new_customer(tenant, &dollars(PAID_IN)).await;
    let customer = customer.unwrap();
    let simulator = gateway.simulator().unwrap();
    simulator.forget();
    simulator.script(Script {
        input_tokens: Some(30),
        ..Script::tokens(5)
    });
    let up = watch::Sender::new(true);
    let mut asking = JoinSet::new();
    for _ in 0..CUSTOMERS {
        let client = Client::of(gateway, &customer).unwrap();
        asking.spawn(insist(client, up.subscribe()));
    }
    for n in 1..=RESTARTS {
        let served = n * CUSTOMERS * WANTED / (RESTARTS + 1);
        let simulator = gateway.simulator().unwrap();
        simulator.until(|seen| seen.len() >= served).await.unwrap();
        up.send_replace(false);
        match restart {
            Restart::Crash => gateway.server_mut().kill().unwrap(),
            Restart::Drain => gateway.server_mut().stop().await.unwrap(),
        }
        gateway.server_mut().start().await.unwrap();
        up.send_replace(true);
    }
    let mut served = HashSet::new();
    let mut turned_away = 0;
    for outcome in asking.join_all().await {
        let (ids, others) = outcome.unwrap();
        served.extend(ids);
        turned_away += others;
    }
    assert!(turned_away > 0, "nobody noticed");
    assert_books_agree(gateway, &customer, &served).await;
}

/// Asks until it has got what it wants, as an SDK that retries; the ids of the requests that were served, and how many were not.
async fn insist(
    client: Client,
    mut up: watch::Receiver<bool>,
) -> anyhow::Result<(Vec<String>, usize)> {
    let body = with(question(PLAIN.model, 40), json!({"max_tokens": 5}));
    let (mut served, mut turned_away) = (Vec::new(), 0);
    while served.len() < WANTED {
        let answer = client.chat(&body).await?;
        if answer.status == 200 {
            anyhow::ensure!(!answer.broken, "{answer:?}");
            served.push(answer.request_id()?.to_owned());
            continue;
        }
        let (status, _, code) = answer.error();
        let unreachable = (503, Some("server_is_overloaded"));
        anyhow::ensure!((status, code.as_deref()) == unreachable, "{answer:?}");
        turned_away += 1;
        up.wait_for(|up| *up).await?;
    }
    Ok((served, turned_away))
}

async fn assert_books_agree(gateway: &Gateway, customer: &Customer, served: &HashSet<String>) {
    let wanted = CUSTOMERS * WANTED;
    assert_eq!(served.len(), wanted, "a request's id was shown twice");
    assert_eq!(gateway.simulator().unwrap().requests().len(), wanted);
    let left = audit(gateway, customer, PAID_IN).await.unwrap();
    let records = records(gateway, customer).await.unwrap();
    let charged: HashSet<String> = records
        .iter()
        .map(|record| record.request_id.clone())
        .collect();
    assert_eq!(&charged, served, "served and charged are not the same");
    for record in &records {
        assert_eq!(record.usage, tokens(30, 5), "{record:#?}");
        assert!(record.flags.is_empty(), "{record:#?}");
    }
    let charge = PLAIN.charge(&tokens(30, 5)).unwrap();
    assert_eq!(left, PAID_IN - i64::try_from(wanted).unwrap() * charge);
}
