//! Exactly what the money affords: under any concurrency, through two Envoys with two workers each, no request too many reaches
//! the provider, and none too few.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ferry_examples::gateway::{Customer, Gateway};
use ferry_examples::postgres::Postgres;
use ferry_examples::simulator::{Output, Script};
use ferry_quota_server::admin::Client as Admin;
use ferry_quota_server::admin::wire::SetLimit;
use ferry_tests::books::{audit, records};
use ferry_tests::client::{Answer, Client, fire, question, with};
use ferry_tests::gateway;
use ferry_tests::prices::{PLAIN, TABLE, dollars, nanos};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const FIRED: usize = 1_000;
const HOLDS: usize = 100;
/// So many that half a hold still pays for the input.
const OUTPUT_TOKENS: u64 = 100;
const SLOW: Duration = Duration::from_millis(500);

/// What every request asks.
fn body(stream: bool) -> Value {
    let limit = json!({"max_tokens": OUTPUT_TOKENS, "stream": stream});
    with(question(PLAIN.model, 40), limit)
}

/// What is held for each.
struct Hold {
    nanos: i64,
    input_tokens: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_the_money_affords_is_served() {
    let gateway = gateway!().prices(TABLE).envoys(2).workers(2);
    let gateway = gateway.start().await.unwrap();
    let hold = probe(&gateway).await.unwrap();
    for (name, concurrency, delay, stream) in [
        ("at-once-64", 64, Duration::ZERO, false),
        ("at-once-500", 500, Duration::ZERO, true),
        ("slow-64", 64, SLOW, true),
        ("slow-500", 500, SLOW, false),
    ] {
        let run = Run {
            gateway: &gateway,
            hold: &hold,
            name,
            concurrency,
            delay,
            stream,
        };
        let whole = run.charged_in_full().await;
        whole.with_context(|| name.to_owned()).unwrap();
    }
    for (name, concurrency, delay, stream) in [
        ("half-at-once-500", 500, Duration::ZERO, false),
        ("half-slow-64", 64, SLOW, true),
    ] {
        let run = Run {
            gateway: &gateway,
            hold: &hold,
            name,
            concurrency,
            delay,
            stream,
        };
        let half = run.charged_by_half().await;
        half.with_context(|| name.to_owned()).unwrap();
    }
    gateway.stop().await.unwrap();
}

/// No tenant belongs to a server: two of them on one PostgreSQL, each behind an Envoy of its own, are as exact as one.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_serve_exactly_what_the_money_affords() {
    let folder = tempfile::tempdir().unwrap();
    let mut postgres = Postgres::make(folder.path()).unwrap();
    postgres.run(&[]).await.unwrap();
    let database = postgres.database("ferry", None).await.unwrap();
    let gateway = gateway!().prices(TABLE).envoys(2).workers(2);
    let gateway = gateway.servers_on(2, database).start().await.unwrap();
    let hold = probe(&gateway).await.unwrap();
    let run = |name, concurrency, delay, stream| Run {
        gateway: &gateway,
        hold: &hold,
        name,
        concurrency,
        delay,
        stream,
    };
    let at_once = run("two-at-once-500", 500, Duration::ZERO, false);
    at_once.charged_in_full().await.unwrap();
    let slow = run("two-slow-64", 64, SLOW, true);
    slow.charged_in_full().await.unwrap();
    let half = run("two-half-at-once-64", 64, Duration::ZERO, true);
    half.charged_by_half().await.unwrap();
    gateway.stop().await.unwrap();
    postgres.kill().unwrap();
}

/// So many requests a limit lets through.
const LIMIT: usize = 37;

/// A limit is as exact as the balance.
#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_a_limit_says_is_served() {
    let gateway = gateway!().prices(TABLE).envoys(2).workers(2);
    let gateway = gateway.start().await.unwrap();
    let simulator = gateway.simulator().unwrap();
    simulator.script(Script {
        delay: Duration::from_millis(50),
        ..Script::default()
    });
    let customer = gateway.new_customer("limited", "1000").await.unwrap();
    let limit = SetLimit {
        id: "all".into(),
        measure: "requests".into(),
        span: "lifetime".into(),
        bound: LIMIT.to_string(),
        ..SetLimit::default()
    };
    let set = gateway.admin().set_limit(&customer.tenant, &limit).await;
    set.unwrap();
    let clients = gateway.base_urls();
    let clients = clients.iter().map(|url| Client::at(url, &customer.api_key));
    let clients: Vec<Client> = clients.collect::<anyhow::Result<_>>().unwrap();
    let answers = fire(&clients, &body(false), FIRED / 2, 64).await.unwrap();
    let (served, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 200);
    assert_eq!((served.len(), refused.len()), (LIMIT, FIRED / 2 - LIMIT));
    assert_eq!(simulator.count(), LIMIT as u64);
    for answer in refused {
        let (status, kind, code) = answer.error();
        let expected = (
            429,
            "insufficient_quota",
            Some("organization_usage_limit_exceeded"),
        );
        assert_eq!((status, &*kind, code.as_deref()), expected, "{answer:?}");
    }
    gateway.settled(&customer.tenant).await.unwrap();
    let counters = gateway.admin().counters(&customer.tenant, "all", 9).await;
    let counters = counters.unwrap().counters;
    assert_eq!((&*counters[0].counted, &*counters[0].held), ("37", "0"));
    gateway.stop().await.unwrap();
}

/// Asks once with another's money, to learn what is held for it.
async fn probe(gateway: &Gateway) -> anyhow::Result<Hold> {
    let rich = gateway.new_customer("rich", "1").await?;
    let answer = Client::of(gateway, &rich)?.chat(&body(false)).await?;
    let record = gateway.usage(answer.request_id()?).await?;
    let nanos = nanos(&record.reserved.context("nothing was held")?)?;
    Ok(Hold {
        nanos,
        input_tokens: PLAIN.input_of_hold(nanos, OUTPUT_TOKENS)?,
    })
}

/// One burst.
struct Run<'a> {
    gateway: &'a Gateway,
    hold: &'a Hold,
    name: &'a str,
    concurrency: usize,
    delay: Duration,
    stream: bool,
}

impl Run<'_> {
    /// Where a charge is as much as its hold, as many are served as there are holds in the balance.
    async fn charged_in_full(&self) -> anyhow::Result<()> {
        let simulator = self.gateway.simulator()?;
        simulator.script(Script {
            output: Output::Limit,
            input_tokens: Some(self.hold.input_tokens),
            delay: self.delay,
            ..Script::default()
        });
        let (customer, paid_in) = self.customer().await?;
        let before = simulator.count();
        let (served, refused) = self.fire(&customer, paid_in).await?;
        ensure!(
            (served, refused) == (HOLDS, FIRED - HOLDS),
            "{served} were served and {refused} refused"
        );
        ensure!(
            simulator.count() - before == HOLDS as u64,
            "{} requests reached the provider",
            simulator.count() - before
        );
        let left = audit(self.gateway, &customer, paid_in).await?;
        ensure!(left == 0, "{left} is left");
        let records = records(self.gateway, &customer).await?;
        ensure!(records.len() == HOLDS, "{} records", records.len());
        for record in records {
            let good = nanos(&record.charged)? == self.hold.nanos && record.flags.is_empty();
            ensure!(good, "not charged in full: {record:#?}");
        }
        Ok(())
    }

    /// Where a charge is half its hold, what is released can be spent again, down to less than a hold.
    async fn charged_by_half(&self) -> anyhow::Result<()> {
        let simulator = self.gateway.simulator()?;
        simulator.script(Script {
            output: Output::Tokens(OUTPUT_TOKENS / 2),
            input_tokens: Some(self.hold.input_tokens),
            // Which costs half.
            cached_input_tokens: self.hold.input_tokens,
            delay: self.delay,
            ..Script::default()
        });
        let (customer, paid_in) = self.customer().await?;
        let (before, charge) = (simulator.count(), self.hold.nanos / 2);
        let (mut served, _) = self.fire(&customer, paid_in).await?;
        ensure!(served >= HOLDS, "only {served} were served");
        let left = audit(self.gateway, &customer, paid_in).await?;
        let charged = i64::try_from(served)? * charge;
        ensure!(left == paid_in - charged, "{left} is left of {paid_in}");

        simulator.script(Script {
            delay: Duration::ZERO,
            output: Output::Tokens(OUTPUT_TOKENS / 2),
            input_tokens: Some(self.hold.input_tokens),
            cached_input_tokens: self.hold.input_tokens,
            ..Script::default()
        });
        let client = Client::of(self.gateway, &customer)?;
        while is_served(&client.chat(&body(self.stream)).await?, self.hold)? {
            served += 1;
            // What it did not need is free once it is settled.
            self.gateway.settled(&customer.tenant).await?;
        }
        // The last one needs a whole hold, and leaves half of it.
        ensure!(served == 2 * HOLDS - 1, "{served} were served in all");
        let left = audit(self.gateway, &customer, paid_in).await?;
        ensure!(left == charge, "{left} is left");
        ensure!(
            simulator.count() - before == served as u64,
            "{} requests reached the provider",
            simulator.count() - before
        );
        self.spend_the_rest(&client, &customer, paid_in).await
    }

    /// Who sets no limit gets one that what is left affords.
    async fn spend_the_rest(
        &self,
        client: &Client,
        customer: &Customer,
        paid_in: i64,
    ) -> anyhow::Result<()> {
        self.gateway.simulator()?.next([Script {
            output: Output::Limit,
            input_tokens: Some(self.hold.input_tokens),
            ..Script::default()
        }]);
        let answer = client.chat(&question(PLAIN.model, 40)).await?;
        ensure!(answer.status == 200, "{answer:?}");
        let input = PLAIN.hold(self.hold.input_tokens, 0)?;
        let affordable = (self.hold.nanos / 2 - input) / PLAIN.output;
        let told = answer.header("x-ai-quota-output-tokens-limit");
        ensure!(
            told == Some(affordable.to_string().as_str()),
            "{affordable} tokens are affordable, {told:?} was told"
        );
        let left = audit(self.gateway, customer, paid_in).await?;
        let price = PLAIN.output;
        ensure!((0..price).contains(&left), "{left} is left in the end");
        Ok(())
    }

    async fn customer(&self) -> anyhow::Result<(Customer, i64)> {
        let paid_in = i64::try_from(HOLDS)? * self.hold.nanos;
        let customer = self
            .gateway
            .new_customer(self.name, &dollars(paid_in))
            .await?;
        Ok((customer, paid_in))
    }

    /// How many were served, how many refused. Somebody looks at the balance all the while.
    async fn fire(&self, customer: &Customer, paid_in: i64) -> anyhow::Result<(usize, usize)> {
        let clients = self.gateway.base_urls();
        let clients = clients
            .iter()
            .map(|url| Client::at(url, &customer.api_key))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let watch = Watch::begin(self.gateway.admin(), customer, paid_in);
        let answers = fire(&clients, &body(self.stream), FIRED, self.concurrency).await?;
        watch.end().await?;
        let mut served = 0;
        for answer in &answers {
            served += usize::from(is_served(answer, self.hold)?);
        }
        Ok((served, answers.len() - served))
    }
}

/// Whether it was served; if not, it must have been refused for want of money, and rightly so.
fn is_served(answer: &Answer, hold: &Hold) -> anyhow::Result<bool> {
    if answer.status == 200 {
        ensure!(!answer.broken, "the answer broke off: {answer:?}");
        return Ok(true);
    }
    let (status, kind, code) = answer.error();
    ensure!(
        (status, kind.as_str(), code.as_deref())
            == (429, "insufficient_quota", Some("credit_balance_exhausted")),
        "{answer:?}"
    );
    ensure!(
        answer.header("x-should-retry") == Some("false"),
        "a retry cannot help: {answer:?}"
    );
    let json = answer.json();
    let message = json["error"]["message"].as_str().unwrap_or_default();
    let available = message
        .split_once("request: ")
        .and_then(|(_, rest)| rest.split_once(" USD are available"))
        .with_context(|| format!("what is available is not told: {message}"))?;
    ensure!(
        nanos(available.0)? < hold.nanos,
        "refused, though there was money: {message}"
    );
    Ok(false)
}

/// Looks at a balance again and again.
struct Watch {
    done: Arc<AtomicBool>,
    looking: JoinHandle<anyhow::Result<u64>>,
}

impl Watch {
    fn begin(admin: &Admin, customer: &Customer, paid_in: i64) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (admin, tenant) = (admin.clone(), customer.tenant.clone());
        let stop = Arc::clone(&done);
        let looking = tokio::spawn(async move {
            let mut looks = 0;
            while !stop.load(Ordering::Relaxed) {
                let balance = admin.balance(&tenant).await?;
                let (posted, held) = (nanos(&balance.posted)?, nanos(&balance.held)?);
                let good = (0..=paid_in).contains(&posted) && (0..=posted).contains(&held);
                ensure!(good, "more was held or charged than there is: {balance:?}");
                looks += 1;
            }
            Ok(looks)
        });
        Self { done, looking }
    }

    async fn end(self) -> anyhow::Result<()> {
        self.done.store(true, Ordering::Relaxed);
        let looks = self.looking.await??;
        ensure!(looks > 0, "nobody looked at the balance");
        Ok(())
    }
}
