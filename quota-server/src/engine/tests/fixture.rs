//! A server's engine with one tenant and one key, and the calls of a gateway. Time stands still until a test moves it.

use super::cluster::Cluster;
pub(crate) use super::hand_clock::HandClock;
use crate::config::Policy;
use crate::engine::lease::RECOVERY_WINDOW_MS;
use crate::engine::{
    Answered, CreateTenant, Engine, EngineConfig, EngineError, LeaseConfig, PriceTable,
    ReserveCall, SettleCall, Stop, TimeSource,
};
use crate::key_directory::sha256;
use crate::policy::{ModelOffers, Offers};
use crate::price_book::PriceBook;
use crate::principal::Principal;
use crate::store::Database;
use crate::store::view::{UsageQuery, UsageView};
use ferry_ledger::{
    AdminAnswer, GrantKind, GrantScope, Granted, IssueGrant, Lifeless, Offer, ReleaseAnswer,
    Remedy, RenewAnswer, ReserveAnswer, SettleAnswer, TopUp, UnixMs,
};
use ferry_types::{
    Amount, Attempt, Currency, EndCause, Endpoint, KeyDigest, KeyText, Mode, RequestFacts,
    ReservationId, Settlement, Tags, TenantId, Usage, UsageSource,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// When every test begins.
pub(crate) const START_MS: u64 = 1_800_000_000_000;
/// The table that [`offer`] is taken from.
const PRICES: &str = "
version = '2026-01'
currency = 'USD'

[[model]]
name = 'small'
provider = 'openai'
provider_model = 'small-2026'
context_tokens_max = 100000
output_tokens_max = 4096
output_limit_field = 'max_tokens'
choices_max = 8
price = { input = '1', output = '2' }
cost = { input = '0.5', output = '1' }
";
/// What a request of [`facts`] holds, and what [`whole_use`] of it is charged.
pub(crate) const HOLD: i64 = 100 * 1_000 + 10 * 2_000;

/// The database that a test runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

tokio::task_local! {
    /// What the test that runs has been told; SQLite's if it has been told nothing.
    pub(crate) static ON: On;
}

/// Each of these tests twice: on SQLite's file, and on PostgreSQL.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                use crate::engine::tests::fixture::{ON, On};
                ON.scope(On::Sqlite, super::$name()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                use crate::engine::tests::fixture::{ON, On};
                ON.scope(On::Postgres, super::$name()).await;
            })*
        }
    };
}
pub(crate) use on_both;

pub(crate) struct Fixture {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) lease: LeaseConfig,
    pub(crate) key: KeyText,
    pub(crate) folder: tempfile::TempDir,
    drawn: AtomicU64,
    place: Database,
    /// PostgreSQL's server; it lives as long as somebody needs it.
    cluster: Option<Arc<Cluster>>,
}

pub(crate) fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

pub(crate) fn gateway() -> Arc<Principal> {
    principal("gateway")
}

/// A gateway for everybody, by this name.
pub(crate) fn principal(name: &str) -> Arc<Principal> {
    Arc::new(Principal::gateway(name.parse().unwrap(), Vec::new()))
}

pub(crate) fn amount(units: i64) -> Amount {
    Amount::from_units(units).unwrap()
}

/// A model at 1,000 units a token of input and 2,000 a token of output; the provider takes half of that.
pub(crate) fn offers() -> Option<Arc<ModelOffers>> {
    offers_by(Lifeless::Release)
}

/// The same by another policy.
pub(crate) fn offers_by(lifeless: Lifeless) -> Option<Arc<ModelOffers>> {
    let policy = Policy {
        version: "1".into(),
        clamp_output_tokens_max: 4_096,
        lifeless,
    };
    Offers::new(&PriceBook::parse(PRICES).unwrap(), &policy).of("small")
}

pub(crate) fn offer() -> Arc<Offer> {
    Arc::clone(offers().unwrap().in_currency(Currency::Usd).unwrap())
}

pub(crate) fn prices() -> PriceTable {
    PriceTable {
        version: "2026-01".into(),
        content: PRICES.into(),
    }
}

pub(crate) fn facts() -> RequestFacts {
    RequestFacts {
        endpoint: Endpoint::ChatCompletions,
        model: "small".into(),
        stream: true,
        input_tokens_max: 100,
        input_tokens_estimate: 100,
        input_unbounded: false,
        output_tokens_max: Some(10),
        choices: 1,
        output_audio: false,
        service_tier: String::new(),
        route: "openai".into(),
        mode: Mode::Enforce,
        tags: Tags::default(),
        idempotency_key_digest: None,
        admitted_offline: false,
    }
}

pub(crate) fn used(input_tokens: u64, output_tokens: u64) -> Settlement {
    Settlement {
        facts: facts(),
        output_tokens_max: 10,
        cause: EndCause::Complete,
        attempts: vec![Attempt {
            provider: "openai".into(),
            model: "small-2026".into(),
            status: 200,
            usage: Usage {
                input_tokens,
                output_tokens,
                ..Usage::default()
            },
            source: UsageSource::Reported,
            provider_request_id: "req_1".into(),
            service_tier: "default".into(),
            latency_ms: 12,
            first_byte_ms: Some(5),
        }],
        latency_ms: 15,
        status: 200,
    }
}

/// All of what was held.
pub(crate) fn whole_use() -> Settlement {
    used(100, 10)
}

impl Fixture {
    /// An engine with a tenant that has money for so many holds.
    pub(crate) async fn with_holds(holds: i64) -> Self {
        Self::with(holds, LeaseConfig::default()).await
    }

    pub(crate) async fn with(holds: i64, lease: LeaseConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (place, cluster) = match ON.try_with(|on| *on) {
            Ok(On::Postgres) => {
                let cluster = Cluster::shared();
                (cluster.database(), Some(cluster))
            }
            Ok(On::Sqlite) | Err(_) => (folder.path().join("ferry.db").into(), None),
        };
        Self::made(folder, place, cluster, holds, lease).await
    }

    /// The same on a database of PostgreSQL that somebody else looks after.
    pub(crate) async fn on(place: Database, holds: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::made(folder, place, None, holds, LeaseConfig::default()).await
    }

    async fn made(
        folder: tempfile::TempDir,
        place: Database,
        cluster: Option<Arc<Cluster>>,
        holds: i64,
        lease: LeaseConfig,
    ) -> Self {
        let clock = Arc::new(HandClock::default());
        let secrets = folder.path().join("ferry.db");
        let engine = start(place.clone(), secrets, &clock, lease);
        let created = CreateTenant {
            tenant: tenant(),
            name: "Acme Ltd".into(),
            currency: Currency::Usd,
        };
        done(engine.create_tenant(created).await);
        engine.record_price_table(prices()).await.unwrap();
        let issued = engine.issue_key(tenant(), "main".into(), None);
        let (answered, issued) = issued.await.unwrap();
        done(Ok(answered));
        let fixture = Self {
            engine,
            clock,
            lease,
            key: issued.text,
            folder,
            drawn: AtomicU64::new(0),
            place,
            cluster,
        };
        if holds > 0 {
            fixture.top_up(holds * HOLD, "first").await;
        }
        fixture
    }

    /// Another engine on the same database, by another clock.
    pub(crate) fn another_by(&self, clock: &Arc<HandClock>) -> Engine {
        let secrets = self.folder.path().join("ferry.db");
        start(self.place.clone(), secrets, clock, self.lease)
    }

    /// Another engine on the same database.
    pub(crate) fn another(&self) -> Engine {
        let secrets = self.folder.path().join("ferry.db");
        start(self.place.clone(), secrets, &self.clock, self.lease)
    }

    /// Starts another engine on another database, with the same secrets.
    pub(crate) fn go_on_at(&mut self, place: Database) {
        self.place = place;
        self.engine = self.another();
    }

    /// The database, for whoever has closed the engine.
    pub(crate) fn place(&self) -> Database {
        self.place.clone()
    }

    /// Where its database is, for others than Ferry; `None` if it is a file.
    pub(crate) fn url(&self) -> Option<String> {
        let cluster = self.cluster.as_ref()?;
        Some(cluster.url_of(&self.place))
    }

    /// SQLite's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("ferry.db")
    }

    /// A life with everything in it that leaves a row: see the test that counts them.
    pub(crate) async fn lived() -> Self {
        let fixture = Self::with_holds(6).await;
        fixture
            .grant("spring", HOLD, START_MS + 10 * 365 * 86_400_000)
            .await;
        let seen = Usage {
            input_tokens: 100,
            output_tokens: 5,
            ..Usage::default()
        };
        super::limits::some(&fixture).await;
        super::corrections::share(&fixture, 1_234).await;
        super::corrections::some(&fixture).await;
        super::transfers::some(&fixture).await;
        super::house::some(&fixture).await;
        let (silent, _) = fixture.granted().await;
        let (renewed, _) = fixture.granted().await;
        fixture.renew(renewed, seen).await;
        fixture.clock.pass(fixture.lease.suspension_ms());
        assert_eq!(fixture.engine.expire_due().await, Ok(2));
        fixture.release(silent).await;
        let (settled, _) = fixture.granted().await;
        fixture.settle(settled, whole_use()).await;
        super::corrections::correct(&fixture, Remedy::Refund(settled), 5).await;
        let (released, _) = fixture.granted().await;
        fixture.release(released).await;
        fixture.settle(fixture.draw(), used(10, 1)).await;
        let open = fixture.draw();
        let mut in_flight = fixture.reserve_call(open);
        in_flight.call.facts.idempotency_key_digest = Some([3; 32]);
        let granted = fixture.engine.reserve(in_flight).await.unwrap().answer;
        assert!(matches!(granted, ReserveAnswer::Granted(_)), "{granted:?}");
        fixture.renew(open, seen).await;
        let long_ago = ReservationId::new(START_MS - 2 * RECOVERY_WINDOW_MS, [7; 10]);
        let parked = fixture.settle(long_ago, whole_use()).await;
        assert_eq!(parked, SettleAnswer::Parked);
        let mut unknown_model = fixture.reserve_call(fixture.draw());
        unknown_model.offers = None;
        let refused = fixture.engine.reserve(unknown_model).await.unwrap().answer;
        assert!(matches!(refused, ReserveAnswer::Refused(_)), "{refused:?}");
        fixture
    }

    /// Stops the engine and starts another on the same file.
    pub(crate) async fn restart(&mut self) {
        self.close().await;
        self.engine = self.another();
    }

    pub(crate) async fn top_up(&self, units: i64, reference: &str) {
        let top_up = TopUp {
            amount: amount(units),
            source: "bank".into(),
            external_reference: reference.into(),
            note: String::new(),
        };
        done(self.engine.top_up(tenant(), top_up).await);
    }

    /// Grants credit for our model, until this time.
    pub(crate) async fn grant(&self, id: &str, units: i64, until_ms: u64) {
        let order = IssueGrant {
            id: id.parse().unwrap(),
            kind: GrantKind::Promotional,
            priority: 1,
            scope: GrantScope {
                models: ["small".to_owned()].into(),
                providers: ["openai".to_owned()].into(),
            },
            starts_at: None,
            expires_at: Some(UnixMs(until_ms)),
            amount: amount(units),
            note: "welcome".into(),
        };
        done(self.engine.issue_grant(tenant(), order).await);
    }

    pub(crate) fn draw(&self) -> ReservationId {
        let [_, _, _, _, _, _, a, b] = self.drawn.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        ReservationId::new(self.clock.unix_ms(), [0, 0, 0, 0, 0, 0, 0, 0, a, b])
    }

    pub(crate) fn digest(&self) -> KeyDigest {
        self.key.digest(sha256)
    }

    pub(crate) fn caller(&self) -> ferry_api::Caller {
        ferry_api::Caller {
            filter_version: "0.1.0".into(),
            key_digest: self.digest(),
            tenant: None,
        }
    }

    pub(crate) fn reserve_call(&self, id: ReservationId) -> ReserveCall {
        ReserveCall {
            principal: gateway(),
            call: ferry_api::Reserve {
                id,
                caller: self.caller(),
                facts: facts(),
            },
            offers: offers(),
            deadline: None,
        }
    }

    pub(crate) async fn reserve(&self, id: ReservationId) -> ReserveAnswer {
        let answered = self.engine.reserve(self.reserve_call(id)).await;
        answered.unwrap().answer
    }

    pub(crate) async fn granted(&self) -> (ReservationId, Granted) {
        let id = self.draw();
        let answer = self.reserve(id).await;
        let ReserveAnswer::Granted(granted) = answer else {
            panic!("not granted: {answer:?}");
        };
        (id, granted)
    }

    pub(crate) fn settle_call(&self, id: ReservationId, settlement: Settlement) -> SettleCall {
        SettleCall {
            call: ferry_api::Settle {
                id,
                caller: self.caller(),
                settlement,
            },
            offers: offers(),
        }
    }

    pub(crate) async fn settle(&self, id: ReservationId, settlement: Settlement) -> SettleAnswer {
        let call = self.settle_call(id, settlement);
        let answered = self.engine.settle(&gateway(), vec![call]).await;
        answered.unwrap().pop().unwrap().answer
    }

    pub(crate) async fn release(&self, id: ReservationId) -> ReleaseAnswer {
        let caller = self.caller();
        let call = ferry_api::Release { id, caller };
        let answered = self.engine.release(&gateway(), vec![call]).await;
        answered.unwrap().pop().unwrap().answer
    }

    pub(crate) async fn renew(&self, id: ReservationId, usage: Usage) -> RenewAnswer {
        let caller = self.caller();
        let call = ferry_api::Renew {
            id,
            caller,
            usage,
            output_tokens_target: 0,
        };
        let answered = self.engine.renew(&gateway(), vec![call]).await;
        answered.unwrap().pop().unwrap().answer
    }

    pub(crate) async fn close(&self) {
        self.engine.close();
        assert_eq!(self.engine.stopped().await, Stop::Closed);
    }

    pub(crate) async fn assert_clean(&self) {
        let report = self.engine.verify().await.unwrap();
        assert!(report.clean, "{report:?}");
    }

    pub(crate) async fn records(&self) -> Vec<UsageView> {
        let query = UsageQuery {
            tenant: Some(tenant()),
            request: None,
            limit: 100,
        };
        self.engine.usage(query).await.unwrap()
    }

    /// Posted, held, available.
    pub(crate) async fn balance(&self) -> (i64, i64, i64) {
        let view = self.engine.tenant(tenant()).await.unwrap();
        (
            view.posted.units(),
            view.held.units(),
            view.available.units(),
        )
    }
}

pub(crate) fn start(
    database: Database,
    secrets: PathBuf,
    clock: &Arc<HandClock>,
    lease: LeaseConfig,
) -> Engine {
    let mut config = EngineConfig::on(database, secrets);
    config.lease = lease;
    config.time = Arc::<HandClock>::clone(clock);
    Engine::start(config).unwrap()
}

pub(crate) fn done(answered: Result<Answered<AdminAnswer>, EngineError>) {
    let answer = answered.unwrap().answer;
    assert!(
        matches!(answer, AdminAnswer::Done { changed: true, .. }),
        "{answer:?}"
    );
}
