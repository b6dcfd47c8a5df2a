//! One of the two: a server's engine with its database, spoken to in the model's words.

use super::asked::Asked;
use crate::durable_file;
use crate::engine::job::{Ask, Op, Who};
use crate::engine::lanes::Lane;
use crate::engine::tests::cluster::Cluster;
use crate::engine::tests::fixture::{HandClock, done, principal, start};
use crate::engine::{Answered, CreateTenant, Engine, EngineError, LeaseConfig, PriceTable};
use crate::key_directory::{Peppers, sha256};
use crate::principal::{Principal, Role};
use crate::store::{Database, StoredEntry};
use ferry_ledger::{Answer, Flag, Month, Position, Reservation, State};
use ferry_model::{
    At, Gateway, Key, KeyOrder, Naive, PRICES, Request, Spoken, Step, Told, speak, told,
};
use ferry_types::{Currency, KeyText, TenantId};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// One call of a gateway's or an operator's: items of one kind, each about a tenant.
pub(in crate::engine::tests) struct Call {
    pub(in crate::engine::tests) by: Gateway,
    pub(in crate::engine::tests) items: Vec<(usize, Step)>,
}

/// A grant: its name, what remains, what is held, and whether its end was posted.
pub(in crate::engine::tests) type SeenGrant = (String, i64, i64, bool);

/// A request as it is looked up.
#[derive(Debug, PartialEq)]
pub(in crate::engine::tests) struct SeenRequest {
    pub(in crate::engine::tests) at: At,
    /// What it was charged, what was written off, and what lies in suspense.
    pub(in crate::engine::tests) amounts: [i64; 3],
    pub(in crate::engine::tests) standing: Option<SeenStanding>,
    /// What is to be known about its charge.
    pub(in crate::engine::tests) flags: BTreeSet<&'static str>,
    /// Why it would have been refused, if it is in shadow mode.
    pub(in crate::engine::tests) would_refuse: String,
}

/// What stands of a corrected charge: of the balance, of grants, and what was judged.
pub(in crate::engine::tests) type SeenStanding = (i64, Vec<(String, i64)>, i64);

/// An answer, and what it tells of the book; a key that nobody made has none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::engine::tests) struct Seen {
    pub(in crate::engine::tests) told: Told,
    pub(in crate::engine::tests) book: Option<SeenBook>,
}

/// What an answer tells of the book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::engine::tests) struct SeenBook {
    pub(in crate::engine::tests) seq: u64,
    /// The entry that the answer tells of, and its time.
    pub(in crate::engine::tests) place: (u64, u64),
    pub(in crate::engine::tests) available: i64,
}

impl Seen {
    pub(in crate::engine::tests) fn of(answered: &Answered<Answer>) -> Self {
        let book = answered.book.as_ref().map(|book| {
            let Position { place, available } = book.position;
            SeenBook {
                seq: book.head.seq,
                place: (place.seq, place.time.0),
                available: available.units(),
            }
        });
        let told = told(&answered.answer);
        Self { told, book }
    }

    /// Where the journal ended.
    pub(in crate::engine::tests) fn seq(&self) -> u64 {
        self.book.unwrap().seq
    }

    /// The entry that it tells of, and its time.
    pub(in crate::engine::tests) fn place(&self) -> (u64, u64) {
        self.book.unwrap().place
    }

    /// What must be seen once the model has answered a step.
    pub(in crate::engine::tests) fn expected(book: &Naive, step: Step, told: Told) -> Self {
        let book = SeenBook {
            seq: book.seq,
            place: book.place(step, told),
            available: book.available(),
        };
        let book = Some(book);
        Self { told, book }
    }

    /// What recovery may not do is answered before any book is asked: it never reserves.
    pub(in crate::engine::tests) const fn out_of_scope() -> Self {
        let told = Told::Refused("gateway_out_of_scope");
        Self { told, book: None }
    }

    /// A key that nobody made is answered before any book is asked.
    pub(in crate::engine::tests) const fn nobodys(step: Step) -> Self {
        let told = if matches!(step, Step::Reserve { .. }) {
            Told::Refused("unknown_key")
        } else {
            Told::Denied
        };
        Self { told, book: None }
    }
}

pub(in crate::engine::tests) struct Side {
    pub(in crate::engine::tests) engine: Engine,
    clock: Arc<HandClock>,
    place: Database,
    pub(in crate::engine::tests) gateways: [Arc<Principal>; 3],
    keys: Vec<Vec<KeyText>>,
    folder: tempfile::TempDir,
    _cluster: Option<Arc<Cluster>>,
}

type Answers = Result<Vec<Answered<Answer>>, EngineError>;
type Asking<'a> = Pin<Box<dyn Future<Output = Answers> + Send + 'a>>;

impl Side {
    /// On a PostgreSQL, or on a file; its gateways may settle all that they want.
    pub(in crate::engine::tests) fn start(cluster: Option<Arc<Cluster>>) -> Self {
        Self::with_caps(cluster, &[])
    }

    /// With what gateways may settle in an hour that nothing is held for.
    pub(in crate::engine::tests) fn with_caps(
        cluster: Option<Arc<Cluster>>,
        caps: &[(Gateway, u64)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().join("ferry.db");
        // The journal tells what keys are listed by: the same on every side.
        let peppers = format!("1 {}\n", "5a".repeat(32));
        durable_file::write(&Peppers::path(&secrets), &peppers).unwrap();
        let place = match &cluster {
            Some(cluster) => cluster.database(),
            None => secrets.clone().into(),
        };
        let clock = Arc::new(HandClock::default());
        let engine = start(place.clone(), secrets, &clock, LeaseConfig::default());
        let gateways = [
            (Gateway::Usual, "edge", Role::Gateway),
            (Gateway::Other, "other", Role::Gateway),
            (Gateway::Recovery, "operator", Role::Recovery),
        ];
        let gateways = gateways.map(|(gateway, name, role)| {
            let cap = caps.iter().find(|(of, _)| *of == gateway);
            Arc::new(Principal {
                role,
                unreserved_settles_per_hour_max: cap.map_or(u64::MAX, |(_, cap)| *cap),
                ..Principal::clone(&principal(name))
            })
        });
        Self {
            engine,
            clock,
            place,
            gateways,
            keys: Vec::new(),
            folder,
            _cluster: cluster,
        }
    }

    /// Another server on the same database.
    pub(in crate::engine::tests) fn another(&self) -> Engine {
        let secrets = self.folder.path().join("ferry.db");
        start(
            self.place.clone(),
            secrets,
            &self.clock,
            LeaseConfig::default(),
        )
    }

    pub(in crate::engine::tests) fn tenant(at: usize) -> TenantId {
        ferry_model::tenant(at).unwrap()
    }

    /// Makes tenants with a key each, the same on every side.
    pub(in crate::engine::tests) async fn open(&mut self, tenants: usize) {
        let prices = PriceTable {
            version: "naive-1".into(),
            content: PRICES.into(),
        };
        self.engine.record_price_table(prices).await.unwrap();
        for at in 0..tenants {
            let tenant = Self::tenant(at);
            let created = CreateTenant {
                tenant: tenant.clone(),
                name: format!("Tenant {at}"),
                currency: Currency::Usd,
            };
            done(self.engine.create_tenant(created).await);
            self.keys
                .push((0..Key::COUNT).map(|key| text(at, Key(key))).collect());
            let first = Step::IssueKey(KeyOrder {
                key: Key::FIRST,
                other: false,
                ends_ms: None,
            });
            let by = Gateway::Usual;
            let items = vec![(at, first)];
            self.put(&[Call { by, items }]).await;
        }
    }

    /// A key of a tenant's, made or not.
    pub(in crate::engine::tests) fn key(&self, at: usize, key: Key) -> &KeyText {
        &self.keys[at][usize::from(key.0)]
    }

    pub(in crate::engine::tests) async fn pass(&self, ms: u64) {
        self.clock.pass(ms);
        self.keep_house().await;
    }

    /// Time passes, and nothing else.
    pub(in crate::engine::tests) fn wait(&self, ms: u64) {
        self.clock.pass(ms);
    }

    /// Posts what the engine posts by itself when it is due.
    pub(in crate::engine::tests) async fn post(&self, at: usize, step: Step) -> Told {
        let Spoken::Command(command) = speak(step, at).unwrap() else {
            panic!("it takes two books: {step:?}");
        };
        let who = Who::Operator(Self::tenant(at));
        let ask = Ask::Command(command);
        let asked = self
            .engine
            .ask(Lane::Settlement, vec![Op { who, ask }], None);
        told(&asked.await.unwrap()[0].answer)
    }

    pub(in crate::engine::tests) async fn keep_house(&self) {
        self.engine.expire_due().await.unwrap();
    }

    /// Puts all of them in this order before the first is answered, and gives the answers in it.
    pub(in crate::engine::tests) async fn put(&self, calls: &[Call]) -> Vec<Answered<Answer>> {
        let mut asking: Vec<Asking<'_>> = calls.iter().map(|call| self.ask(call)).collect();
        let mut answers: Vec<Option<Answers>> = Vec::with_capacity(calls.len());
        for asked in &mut asking {
            let polled = std::future::poll_fn(|context| Poll::Ready(asked.as_mut().poll(context)));
            answers.push(match polled.await {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            });
        }
        let mut all = Vec::new();
        for (asked, answered) in asking.into_iter().zip(answers) {
            let answered = match answered {
                Some(answered) => answered,
                None => asked.await,
            };
            all.extend(answered.unwrap());
        }
        all
    }

    fn ask<'a>(&'a self, call: &'a Call) -> Asking<'a> {
        let gateway = match call.by {
            Gateway::Usual => &self.gateways[0],
            Gateway::Other => &self.gateways[1],
            Gateway::Recovery => &self.gateways[2],
        };
        let mut asked = Asked::by(Arc::clone(gateway));
        for (at, step) in &call.items {
            let key = if let Step::IssueKey(order) = step {
                order.key
            } else {
                step.by().map_or(Key::FIRST, |by| by.key)
            };
            let order = speak(*step, *at).unwrap();
            asked.add(Self::tenant(*at), self.key(*at, key), order);
        }
        Box::pin(asked.of(&self.engine))
    }

    /// Posted, held, available, and entries of the journal.
    pub(in crate::engine::tests) async fn balance(&self, at: usize) -> (i64, i64, i64, u64) {
        let view = self.engine.tenant(Self::tenant(at)).await.unwrap();
        let (posted, held) = (view.posted.units(), view.held.units());
        (posted, held, view.available.units(), view.seq)
    }

    pub(in crate::engine::tests) async fn grants(&self, at: usize) -> Vec<SeenGrant> {
        let grants = self.engine.grants(Self::tenant(at)).await.unwrap();
        let grants = grants.iter().map(|view| {
            let grant = &view.grant;
            let (remaining, held) = (grant.remaining.units(), grant.held.units());
            (view.id.to_string(), remaining, held, grant.expired)
        });
        grants.collect()
    }

    pub(in crate::engine::tests) async fn request(
        &self,
        at: usize,
        request: Request,
    ) -> Option<SeenRequest> {
        let id = ferry_model::reservation_id(request);
        let row = self.engine.reservation(Self::tenant(at), id).await;
        let row = row.unwrap()?;
        let hold = row.hold.as_ref();
        let mut seen = SeenRequest {
            at: state(&row),
            amounts: [0; 3],
            standing: None,
            flags: BTreeSet::new(),
            would_refuse: hold.map_or_else(String::new, |hold| hold.would_refuse.clone()),
        };
        let Some(posting) = row.posting() else {
            return Some(seen);
        };
        let charge = &posting.charge;
        let amounts = [charge.charged, charge.absorbed, charge.suspended];
        seen.amounts = amounts.map(|amount| amount.units());
        seen.flags = posting.flags.iter().map(Flag::name).collect();
        seen.standing = posting.standing.as_ref().map(|standing| {
            let slices = standing.grants.iter();
            let slices = slices.map(|slice| (slice.grant.to_string(), slice.amount.units()));
            (
                standing.on_balance.units(),
                slices.collect(),
                standing.judged.units(),
            )
        });
        Some(seen)
    }

    /// Seals a month that is over.
    pub(in crate::engine::tests) async fn seal(&self, month: Month) {
        self.engine.seal_month(month).await.unwrap();
    }

    pub(in crate::engine::tests) async fn verify(&self) {
        let report = self.engine.verify().await.unwrap();
        assert!(report.clean, "{}: {report:?}", self.place);
    }

    pub(in crate::engine::tests) fn journal(&self, at: usize) -> Vec<StoredEntry> {
        let place = self.place.clone();
        let read = move || {
            let mut reader = place.reader().unwrap();
            let all = usize::try_from(i64::MAX).unwrap();
            reader.snapshot(|snapshot| snapshot.journal(&Self::tenant(at), 0, all))
        };
        // A reader blocks, and must not do that where a runtime runs.
        let read = std::thread::spawn(read).join().unwrap();
        read.unwrap()
    }
}

fn text(at: usize, key: Key) -> KeyText {
    let digits = ferry_model::key_digits(at, key);
    let mut secret = [0; 32];
    secret[..8].copy_from_slice(&digits);
    KeyText::new(digits, secret, sha256)
}

fn state(row: &Reservation) -> At {
    match row.state {
        State::Open => At::Open,
        State::Settled(_) => At::Settled,
        State::Released(_) => At::Released,
        State::Expired(_) => At::Expired,
        State::Parked(_) => At::Parked,
    }
}
