//! Admit who is known: keys that were granted lately go on, up to caps, and are charged once the quota server is back.

use ferry_examples::gateway::{Customer, Gateway};
use ferry_examples::simulator::{Output, Script};
use ferry_quota_server::admin::wire::CreateTopUp;
use ferry_tests::books::{audit, records, tagged};
use ferry_tests::client::{Client, question, with};
use ferry_tests::gateway;
use ferry_tests::prices::{LEGACY, PLAIN, TABLE, dollars, nanos, tokens};
use serde_json::{Value, json};

use crate::assert_unreachable;

/// The input's bound, as for every question of the tests, and the limit: what each request counts against the caps.
const REQUEST_TOKENS: u64 = 40 + 4 + 16 + 256 + LIMIT;
const LIMIT: u64 = 100;
const PAID_IN: i64 = 1_000_000_000;

fn body() -> Value {
    with(question(PLAIN.model, 40), json!({"max_tokens": LIMIT}))
}

/// Two requests for each key, three for all.
fn route() -> String {
    let caps = json!({"known_for_s": 3_600, "tokens_per_key": 2 * REQUEST_TOKENS, "tokens_per_worker": 3 * REQUEST_TOKENS});
    json!({"mode": "enforce", "on_quota_unreachable": {"admit_known": caps}}).to_string()
}

struct Someone {
    customer: Customer,
    client: Client,
}

impl Someone {
    async fn new(gateway: &Gateway, tenant: &str, paid_in: i64) -> Self {
        let customer = gateway.new_customer(tenant, &dollars(paid_in)).await;
        let customer = customer.unwrap();
        let client = Client::of(gateway, &customer).unwrap();
        Self { customer, client }
    }

    async fn is_served(&self, tag: &str) {
        let client = self.client.tagged(tag).unwrap();
        let answer = client.chat(&body()).await.unwrap();
        assert_eq!(answer.status, 200, "{tag}: {answer:?}");
    }

    async fn is_not_served(&self, body: &Value) {
        assert_unreachable(&self.client.chat(body).await.unwrap());
    }

    /// The request of this tag was charged by what the provider reported, though nothing had been held.
    async fn is_charged(&self, gateway: &Gateway, tag: &str) {
        let record = tagged(gateway, &self.customer, tag).await.unwrap();
        assert_eq!(record.flags, ["unreserved", "offline"], "{record:#?}");
        assert_eq!(
            (
                record.state.as_str(),
                record.reserved.as_deref(),
                record.source.as_deref()
            ),
            ("settled", None, Some("reported")),
            "{record:#?}"
        );
        assert_eq!(nanos(&record.charged).unwrap(), charge(), "{record:#?}");
    }
}

impl Someone {
    /// What was spent beyond the balance is owed, and nothing more is to be had until it is paid.
    async fn is_in_debt(&self, gateway: &Gateway, paid_in: i64) {
        let left = audit(gateway, &self.customer, paid_in).await.unwrap();
        assert_eq!(left, -charge());
        let answer = self.client.chat(&body()).await.unwrap();
        let (status, _, code) = answer.error();
        assert_eq!(
            (status, code.as_deref()),
            (429, Some("credit_balance_exhausted"))
        );
        let owed = format!("overdrawn by {} USD", dollars(charge()));
        assert!(answer.text().contains(&owed), "{answer:?}");
        let top_up = CreateTopUp {
            amount: dollars(PAID_IN),
            external_reference: "second".to_owned(),
            ..CreateTopUp::default()
        };
        let topped_up = gateway.admin().top_up(&self.customer.tenant, &top_up);
        topped_up.await.unwrap();
        self.is_served("after the top-up").await;
        let left = audit(gateway, &self.customer, paid_in + PAID_IN).await;
        assert_eq!(left.unwrap(), PAID_IN - 2 * charge());
    }
}

fn charge() -> i64 {
    PLAIN.charge(&tokens(30, 20)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_goes_on_up_to_the_caps() {
    let gateway = gateway!().prices(TABLE).route(route());
    let mut gateway = gateway.start().await.unwrap();
    gateway.simulator().unwrap().script(Script {
        input_tokens: Some(30),
        ..Script::tokens(20)
    });
    // Enough for one request.
    let hold = PLAIN.hold(REQUEST_TOKENS - LIMIT, LIMIT).unwrap();
    let known = Someone::new(&gateway, "known", PAID_IN).await;
    let poor = Someone::new(&gateway, "poor", hold).await;
    let stranger = Someone::new(&gateway, "stranger", PAID_IN).await;
    known.is_served("first").await;
    gateway.settled("known").await.unwrap();
    gateway.simulator().unwrap().next([Script {
        output: Output::Limit,
        input_tokens: Some(REQUEST_TOKENS - LIMIT),
        ..Script::default()
    }]);
    poor.is_served("first").await;
    gateway.settled("poor").await.unwrap();

    gateway.server_mut().kill().unwrap();
    known.is_served("second").await;
    stranger.is_not_served(&body()).await;
    // Of this model nobody has said what it is at the provider.
    known
        .is_not_served(&with(body(), json!({"model": LEGACY.model})))
        .await;
    poor.is_served("second").await;
    known.is_served("third").await;
    // Its own cap is reached, and everybody's.
    known.is_not_served(&body()).await;
    poor.is_not_served(&body()).await;
    assert_eq!(gateway.simulator().unwrap().count(), 5);

    gateway.server_mut().start().await.unwrap();
    for tag in ["second", "third"] {
        known.is_charged(&gateway, tag).await;
    }
    poor.is_charged(&gateway, "second").await;
    // With an answer the caps begin anew.
    known.is_served("fourth").await;
    gateway.settled("known").await.unwrap();
    gateway.server_mut().kill().unwrap();
    known.is_served("fifth").await;
    gateway.server_mut().start().await.unwrap();
    known.is_charged(&gateway, "fifth").await;

    let left = audit(&gateway, &known.customer, PAID_IN).await.unwrap();
    assert_eq!(left, PAID_IN - 5 * charge());
    poor.is_in_debt(&gateway, hold).await;
    assert!(
        records(&gateway, &stranger.customer)
            .await
            .unwrap()
            .is_empty()
    );
    audit(&gateway, &stranger.customer, PAID_IN).await.unwrap();
    gateway.stop().await.unwrap();
}
