//! The quota server of a run: the real service, engine and store. Only the network is missing: a call is a function call.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferry_api::Message;
use ferry_api::method;
use ferry_api::v1::quota_service_server::QuotaService;
use ferry_api::v1::{ReleaseRequest, RenewRequest, ReserveRequest, SettleRequest};
use ferry_ledger::{
    Book, Each, Event, Lifeless, LimitScope, LimitTerms, Measure, SetLimit, Span, TopUp,
};
use ferry_quota_server::config::Policy;
use ferry_quota_server::engine::{
    CreateTenant, Engine, EngineConfig, EngineMetrics, LeaseConfig, PriceTable,
};
use ferry_quota_server::grpc::Quota;
use ferry_quota_server::metrics::Metrics;
use ferry_quota_server::price_book::PriceBook;
use ferry_quota_server::principal::Principal;
use ferry_quota_server::store::view::{
    ReservationQuery, ReservationView, TenantView, UsageQuery, UsageView,
};
use ferry_quota_server::store::{Database, StoreError, StoredEntry};
use ferry_tests::prices::TABLE;
use ferry_types::{Amount, Currency, KeyText, TenantId};
use tokio::runtime::Runtime;
use tonic::{Request, Response, Status};

use crate::clock::Clock;

/// Short enough that streams outlive several of them.
pub const LEASE: LeaseConfig = LeaseConfig {
    ttl_ms: 3_000,
    margin_ms: 500,
    outbox_horizon_ms: 2_000,
    recovery_window_ms: 3_600_000,
};
/// Records of one run that can be looked at.
const ALL: usize = 10_000;

/// What can be asked of it, up or down.
pub struct Server {
    runtime: Runtime,
    database: PathBuf,
    clock: Clock,
    prices: Arc<PriceBook>,
    up: Option<(Quota, Engine)>,
}

/// An encoded answer, or a gRPC status.
pub type Answer = Result<Vec<u8>, u32>;

/// A customer and its key.
pub struct Customer {
    pub tenant: TenantId,
    pub key: KeyText,
    pub paid_in: i64,
}

impl Server {
    pub fn on(folder: &Path, clock: Clock) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let mut server = Self {
            runtime: runtime.unwrap(),
            database: folder.join("ferry.db"),
            clock,
            prices: Arc::new(PriceBook::parse(TABLE).unwrap()),
            up: None,
        };
        server.start();
        let table = PriceTable {
            version: server.prices.version.clone(),
            content: server.prices.text.clone(),
        };
        let kept = server.engine().record_price_table(table);
        server.runtime.block_on(kept).unwrap();
        server
    }

    pub fn start(&mut self) {
        let metrics = EngineMetrics::default();
        let engine = Engine::start(EngineConfig {
            lease: LEASE,
            metrics: metrics.clone(),
            time: Arc::new(self.clock.clone()),
            ..EngineConfig::new(self.database.clone())
        });
        let engine = engine.unwrap();
        let policy = Policy {
            version: "simulation".into(),
            clamp_output_tokens_max: 64,
            lifeless: Lifeless::Release,
        };
        let prices = Arc::clone(&self.prices);
        let quota = Quota::new(engine.clone(), prices, &policy, Metrics::new(&metrics));
        self.up = Some((quota, engine));
    }

    /// It dies. What it has committed is all that is left of it.
    pub fn die(&mut self) {
        if let Some((_, engine)) = self.up.take() {
            engine.close();
            self.runtime.block_on(engine.stopped());
        }
    }

    pub const fn is_up(&self) -> bool {
        self.up.is_some()
    }

    fn engine(&self) -> &Engine {
        &self.up.as_ref().expect("the server is up").1
    }

    /// Answers one call; a server that is down answers nothing.
    pub fn answer(&self, call: &'static str, message: &[u8]) -> Option<Answer> {
        let (quota, _) = self.up.as_ref()?;
        Some(self.runtime.block_on(async {
            match call {
                method::RESERVE => encoded(quota.reserve(read::<ReserveRequest>(message)).await),
                method::RENEW => encoded(quota.renew(read::<RenewRequest>(message)).await),
                method::SETTLE => encoded(quota.settle(read::<SettleRequest>(message)).await),
                method::RELEASE => encoded(quota.release(read::<ReleaseRequest>(message)).await),
                other => panic!("the gateway calls {other}"),
            }
        }))
    }

    /// Ends what is overdue.
    pub fn expire(&self) {
        if let Some((_, engine)) = &self.up {
            self.runtime.block_on(engine.expire_due()).unwrap();
        }
    }

    pub fn customer(&self, name: &str, paid_in: i64) -> Customer {
        let engine = self.engine();
        let tenant: TenantId = name.parse().unwrap();
        let key = self.runtime.block_on(async {
            let create = CreateTenant {
                tenant: tenant.clone(),
                name: name.into(),
                currency: Currency::Usd,
            };
            engine.create_tenant(create).await.unwrap();
            let top_up = TopUp {
                amount: Amount::from_units(paid_in).unwrap(),
                source: "simulation".into(),
                external_reference: name.into(),
                note: String::new(),
            };
            engine.top_up(tenant.clone(), top_up).await.unwrap();
            for limit in limits() {
                engine.set_limit(tenant.clone(), limit).await.unwrap();
            }
            let issued = engine.issue_key(tenant.clone(), String::new(), None).await;
            issued.unwrap().1.text
        });
        Customer {
            tenant,
            key,
            paid_in,
        }
    }

    pub fn tenant(&self, tenant: &TenantId) -> TenantView {
        let found = self.engine().tenant(tenant.clone());
        self.runtime.block_on(found).unwrap()
    }

    pub fn usage(&self, tenant: &TenantId) -> Vec<UsageView> {
        let query = UsageQuery {
            tenant: Some(tenant.clone()),
            request: None,
            limit: ALL,
        };
        self.runtime.block_on(self.engine().usage(query)).unwrap()
    }

    pub fn reservations(&self, tenant: &TenantId) -> Vec<ReservationView> {
        let query = ReservationQuery {
            tenant: Some(tenant.clone()),
            open_only: false,
            limit: ALL,
        };
        let found = self.engine().reservations(query);
        self.runtime.block_on(found).unwrap()
    }

    /// A customer's book, as its journal makes it: every entry carried out again, with every invariant of an entry checked.
    pub fn book(&self, tenant: &TenantId) -> Book {
        let mut reader = Database::from(self.database.clone()).reader().unwrap();
        let journal: Result<Vec<StoredEntry>, StoreError> =
            reader.snapshot(|snapshot| snapshot.journal(tenant, 0, usize::MAX));
        let mut book: Option<Book> = None;
        for StoredEntry { entry, .. } in journal.unwrap() {
            let event = Event::decode(entry.kind, &entry.content).unwrap();
            match &mut book {
                Some(book) => drop(book.apply(&event, entry.time).unwrap()),
                None => book = Some(Book::open(tenant.clone(), &event, entry.time).unwrap().0),
            }
        }
        book.unwrap()
    }

    /// What `ferry verify` finds, if anything.
    pub fn difference(&self) -> Option<String> {
        let report = self.runtime.block_on(self.engine().verify()).unwrap();
        report.difference.map(|found| found.what)
    }
}

fn read<T: Message + Default>(message: &[u8]) -> Request<T> {
    let mut request = Request::new(T::decode(message).unwrap());
    let name = "simulation".parse().unwrap();
    let principal = Arc::new(Principal::gateway(name, Vec::new()));
    request.extensions_mut().insert(principal);
    request
}

fn encoded<T: Message>(answer: Result<Response<T>, Status>) -> Answer {
    match answer {
        Ok(response) => Ok(response.into_inner().encode_to_vec()),
        Err(status) => Err(u32::try_from(i32::from(status.code())).unwrap()),
    }
}

/// Limits that are never reached: whatever is lost, doubled or late, each counts exactly what there is.
fn limits() -> [SetLimit; 3] {
    let limit = |name: &str, measure, span, each| SetLimit {
        id: name.parse().unwrap(),
        terms: LimitTerms {
            measure,
            span,
            scope: LimitScope::default(),
            each,
            bound: u64::MAX,
            subjects_max: 3,
        },
    };
    [
        limit("open", Measure::Requests, Span::AtOnce, None),
        limit("spent", Measure::Money, Span::Lifetime, Some(Each::Key)),
        limit("tokens", Measure::Tokens, Span::Minute, Some(Each::Model)),
    ]
}
