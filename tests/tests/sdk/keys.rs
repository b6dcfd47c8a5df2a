//! Keys with which calls go wrong.

use ferry_api::v1::ReserveRequest;
use ferry_api::v1::reserve_response::Outcome;
use ferry_examples::gateway::{Customer, Gateway};
use ferry_quota_server::admin::wire::{CreateKey, SetLimit};
use ferry_tests::quota::{caller, connect, draw, facts};
use ferry_types::{KeyText, key::Sha256};

/// What a gateway shows that is run by hand.
pub const TOKEN: &str = "the token of a gateway that is run by hand";

/// Keys that are refused, each for another reason.
pub struct Keys {
    pub mistyped: String,
    pub unknown: String,
    pub revoked: String,
    pub paused: String,
    pub poor: String,
    /// Of a tenant whose month's money is spent.
    pub spent: String,
    /// Of a tenant that may not read as many tokens.
    pub used_up: String,
    /// Of a tenant of which one request goes on, and no more may.
    pub busy: String,
}

impl Keys {
    pub async fn make(gateway: &Gateway) -> Self {
        let Customer {
            tenant, api_key, ..
        } = gateway.customer();
        let admin = gateway.admin();
        let new = CreateKey::default();
        let revoked = admin.create_key(tenant, &new).await.expect("create a key");
        admin
            .revoke_key(tenant, &revoked.key.id)
            .await
            .expect("revoke it");
        let paused = admin.create_key(tenant, &new).await.expect("create a key");
        admin
            .pause_key(tenant, &paused.key.id)
            .await
            .expect("pause it");
        let poor = gateway
            .new_customer("poor", "0.000001")
            .await
            .expect("create a tenant");
        let last = if api_key.ends_with('0') { '1' } else { '0' };
        let unknown = KeyText::new([1; 8], [2; 32], sha256() as Sha256);
        Self {
            mistyped: format!("{}{last}", &api_key[..api_key.len() - 1]),
            unknown: unknown.reveal().to_owned(),
            revoked: revoked.api_key,
            paused: paused.api_key,
            poor: poor.api_key,
            spent: limited(gateway, "spent", "money", "month", "0.000001").await,
            used_up: limited(gateway, "used-up", "tokens", "lifetime", "1").await,
            busy: busy(gateway).await,
        }
    }
}

fn sha256() -> Sha256 {
    use sha2::Digest as _;
    |parts| {
        let mut hash = sha2::Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        hash.finalize().into()
    }
}

/// The key of a customer with money, and a limit.
async fn limited(gateway: &Gateway, tenant: &str, of: &str, per: &str, bound: &str) -> String {
    let customer = customer(gateway, tenant, (of, per, bound)).await;
    customer.api_key
}

async fn customer(
    gateway: &Gateway,
    tenant: &str,
    (measure, span, bound): (&str, &str, &str),
) -> Customer {
    let customer = gateway.new_customer(tenant, "5").await;
    let limit = SetLimit {
        id: "limit".into(),
        measure: measure.into(),
        span: span.into(),
        bound: bound.into(),
        ..SetLimit::default()
    };
    let set = gateway.admin().set_limit(tenant, &limit).await;
    set.expect("set a limit");
    customer.expect("create a tenant")
}

/// Something is held for one request, which never ends while this test runs.
async fn busy(gateway: &Gateway) -> String {
    let customer = customer(gateway, "busy", ("requests", "at_once", "1")).await;
    let mut quota = connect(gateway.server(), TOKEN).await.expect("connect");
    let request = ReserveRequest {
        reservation_id: draw(1).expect("an id").as_bytes().to_vec(),
        caller: Some(caller(&customer).expect("a caller")),
        facts: Some(facts("gpt-4o-mini", 10, 10)),
    };
    let answer = quota.reserve(request).await.expect("an answer");
    let outcome = answer.into_inner().outcome;
    assert!(matches!(outcome, Some(Outcome::Granted(_))), "{outcome:?}");
    customer.api_key
}
