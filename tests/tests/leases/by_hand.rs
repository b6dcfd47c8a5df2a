//! Reservations of which nobody speaks, or speaks late: made and spoken of by hand, so that it is known who said what.

use anyhow::{Context as _, bail, ensure};
use ferry_api::v1::{self, release_result, renew_result, reserve_response, settle_result};
use ferry_examples::gateway::{Customer, Gateway};
use ferry_tests::books::audit;
use ferry_tests::prices::{PLAIN, dollars, nanos, tokens};
use ferry_tests::quota::{Quota, caller, connect, draw, facts, settlement};
use ferry_types::ReservationId;

use super::{PAID_IN, STRANGER, TOKEN};

/// What each request is held for.
const INPUT: u64 = 1_000;
const OUTPUT: u64 = 100;

/// All of them at once.
pub(super) async fn end_by_themselves(gateway: &Gateway) -> anyhow::Result<()> {
    tokio::try_join!(
        an_abandoned_reservation(gateway),
        a_reservation_that_was_alive_once(gateway),
        a_release_after_the_end(gateway),
        what_is_anothers(gateway),
    )?;
    Ok(())
}

/// A reservation that is made, and spoken of, by hand.
struct Hand<'a> {
    gateway: &'a Gateway,
    customer: Customer,
    quota: Quota,
    caller: v1::Caller,
    id: ReservationId,
}

impl<'a> Hand<'a> {
    /// A new customer's reservation, held.
    async fn reserve(gateway: &'a Gateway, n: u8, tenant: &str) -> anyhow::Result<Self> {
        let customer = gateway.new_customer(tenant, &dollars(PAID_IN)).await?;
        let mut hand = Self {
            gateway,
            quota: connect(gateway.server(), TOKEN).await?,
            caller: caller(&customer)?,
            id: draw(n)?,
            customer,
        };
        let request = v1::ReserveRequest {
            reservation_id: hand.id.as_bytes().to_vec(),
            caller: Some(hand.caller.clone()),
            facts: Some(facts(PLAIN.model, INPUT, OUTPUT)),
        };
        let answer = hand.quota.reserve(request).await?.into_inner();
        let Some(reserve_response::Outcome::Granted(granted)) = answer.outcome else {
            bail!("not granted: {answer:?}");
        };
        let hold = PLAIN.hold(INPUT, OUTPUT)?;
        ensure!(nanos(&granted.reserved)? == hold, "{granted:?}");
        let balance = gateway.admin().balance(tenant).await?;
        ensure!(
            nanos(&balance.held)? == hold && nanos(&balance.available)? == PAID_IN - hold,
            "{balance:?}"
        );
        Ok(hand)
    }

    async fn renew(&mut self, usage: v1::Usage) -> anyhow::Result<()> {
        let item = v1::RenewItem {
            reservation_id: self.id.as_bytes().to_vec(),
            caller: Some(self.caller.clone()),
            usage: Some(usage),
            output_tokens_target: 0,
        };
        let request = v1::RenewRequest { items: vec![item] };
        let answer = self.quota.renew(request).await?.into_inner();
        let outcome = answer
            .results
            .into_iter()
            .next()
            .and_then(|result| result.outcome);
        ensure!(
            matches!(outcome, Some(renew_result::Outcome::Renewed(_))),
            "{outcome:?}"
        );
        Ok(())
    }

    /// Says as this gateway what was used.
    async fn settle(&self, quota: &Quota, usage: v1::Usage) -> anyhow::Result<Settle> {
        let facts = facts(PLAIN.model, INPUT, OUTPUT);
        let request = settlement(self.id, self.caller.clone(), facts, usage);
        let answer = quota.clone().settle(request).await?.into_inner();
        let result = answer.results.into_iter().next();
        result
            .and_then(|result| result.outcome)
            .context("no answer to the settlement")
    }

    async fn release(&self, quota: &Quota) -> anyhow::Result<Release> {
        let item = v1::ReleaseItem {
            reservation_id: self.id.as_bytes().to_vec(),
            caller: Some(self.caller.clone()),
        };
        let request = v1::ReleaseRequest { items: vec![item] };
        let answer = quota.clone().release(request).await?.into_inner();
        let result = answer.results.into_iter().next();
        result
            .and_then(|result| result.outcome)
            .context("no answer to the release")
    }

    /// Nothing is held any more, this is what was charged, and the record says so with these flags.
    async fn rests(&self, state: &str, charged: i64, flags: &[&str]) -> anyhow::Result<()> {
        let left = audit(self.gateway, &self.customer, PAID_IN).await?;
        ensure!(left == PAID_IN - charged, "{left} is left");
        let record = self.gateway.usage(&self.id.to_string()).await?;
        ensure!(
            record.state == state && nanos(&record.charged)? == charged && record.flags == flags,
            "not {state} with {charged} and {flags:?}: {record:#?}"
        );
        Ok(())
    }
}

type Settle = settle_result::Outcome;
type Release = release_result::Outcome;

fn used(input_tokens: u64, output_tokens: u64) -> v1::Usage {
    v1::Usage {
        input_tokens,
        output_tokens,
        ..v1::Usage::default()
    }
}

/// It is let go, for nothing; and still its settlement is taken when it comes, once.
async fn an_abandoned_reservation(gateway: &Gateway) -> anyhow::Result<()> {
    let hand = Hand::reserve(gateway, 0, "abandoned").await?;
    hand.rests("expired", 0, &["lifeless"]).await?;
    let late = ["after_expiry", "lifeless"];
    let charge = PLAIN.charge(&tokens(900, 50))?;
    let first = hand.settle(&hand.quota, used(900, 50)).await?;
    let Settle::Settled(settled) = &first else {
        bail!("a late settlement is refused: {first:?}");
    };
    ensure!(nanos(&settled.charged)? == charge, "{settled:?}");
    hand.rests("settled", charge, &late).await?;
    let again = hand.settle(&hand.quota, used(900, 50)).await?;
    ensure!(
        again == first,
        "the same settlement: {first:?}, then {again:?}"
    );
    let other = hand.settle(&hand.quota, used(900, 51)).await?;
    ensure!(matches!(other, Settle::Conflict(_)), "{other:?}");
    let release = hand.release(&hand.quota).await?;
    ensure!(matches!(release, Release::Conflict(_)), "{release:?}");
    hand.rests("settled", charge, &late).await
}

/// It is charged for what it was last known to have used; what comes late trues that up.
async fn a_reservation_that_was_alive_once(gateway: &Gateway) -> anyhow::Result<()> {
    let mut hand = Hand::reserve(gateway, 1, "alive-once").await?;
    hand.renew(used(900, 20)).await?;
    hand.renew(used(900, 40)).await?;
    // What is told out of order takes nothing back.
    hand.renew(used(900, 30)).await?;
    let charge = PLAIN.charge(&tokens(900, 40))?;
    hand.rests("expired", charge, &["provisional"]).await?;
    let charge = PLAIN.charge(&tokens(900, 60))?;
    hand.settle(&hand.quota, used(900, 60)).await?;
    hand.rests("settled", charge, &["after_expiry"]).await
}

/// Nothing had reached a provider: what was charged is given back.
async fn a_release_after_the_end(gateway: &Gateway) -> anyhow::Result<()> {
    let mut hand = Hand::reserve(gateway, 2, "late-release").await?;
    hand.renew(used(900, 20)).await?;
    let charge = PLAIN.charge(&tokens(900, 20))?;
    hand.rests("expired", charge, &["provisional"]).await?;
    let release = hand.release(&hand.quota).await?;
    ensure!(matches!(release, Release::Released(_)), "{release:?}");
    let left = audit(gateway, &hand.customer, PAID_IN).await?;
    ensure!(left == PAID_IN, "{left} is left");
    Ok(())
}

/// Another gateway has no say in it.
async fn what_is_anothers(gateway: &Gateway) -> anyhow::Result<()> {
    let hand = Hand::reserve(gateway, 3, "anothers").await?;
    let stranger = connect(gateway.server(), STRANGER).await?;
    let denied = i32::from(tonic::Code::PermissionDenied).unsigned_abs();
    let settle = hand.settle(&stranger, used(1, 1)).await?;
    ensure!(
        matches!(&settle, Settle::Error(error) if error.code == denied),
        "{settle:?}"
    );
    let release = hand.release(&stranger).await?;
    ensure!(
        matches!(&release, Release::Error(error) if error.code == denied),
        "{release:?}"
    );
    let nobody = connect(gateway.server(), "no such token").await?;
    let settle = hand.settle(&nobody, used(1, 1)).await;
    let status = settle
        .err()
        .and_then(|error| error.downcast::<tonic::Status>().ok());
    let code = status.map(|status| status.code());
    ensure!(code == Some(tonic::Code::Unauthenticated), "{code:?}");
    hand.rests("expired", 0, &["lifeless"]).await
}
