//! Many clients on two servers over one PostgreSQL, with calls that come twice, calls that nobody waits for, and calls that are
//! sent again to the other server. Every acknowledged answer tells its place in the journal; the history is played again in that
//! order through the naive model, and each answer must be the model's.

mod replay;

use super::cluster::Cluster;
use super::conformance::asked::Asked;
use super::conformance::side::{Seen, Side};
use super::fixture::START_MS;
use crate::engine::{Answered, Engine, EngineError};
use crate::principal::Principal;
use ferry_ledger::{Answer, UnixMs};
use ferry_model::{
    Caller, Chance, Evidence, Facts, Gateway, Key, Offered, Request, Served, Step, TopUpOrder,
    speak,
};
use ferry_types::KeyText;
use replay::{Acknowledged, Replay, Unseen};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

const CLIENTS: u64 = 64;
/// Of each client, one after the other.
const STEPS: usize = 30;
/// Requests that every client speaks of, and those that are a client's own.
const SHARED: u64 = 40;
const OWN: u64 = 6;
/// A call that fails is sent again, at most so often.
const AGAIN_MAX: usize = 20;

/// One client, and what it saw.
struct Client {
    number: u64,
    chance: Chance,
    servers: [Engine; 2],
    gateways: [Arc<Principal>; 3],
    key: KeyText,
    /// The furthest place in the journal that it was told of.
    furthest: u64,
    acknowledged: Vec<Acknowledged>,
    unseen: Vec<Unseen>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observed_history_in_the_journals_order_is_the_naive_models() {
    let named = std::env::var("FERRY_SEED").ok();
    let seed: u64 = named.map_or(1, |seed| seed.parse().expect("FERRY_SEED is a number"));
    println!("FERRY_SEED={seed}");
    let mut side = Side::start(Some(Cluster::shared()));
    side.open(1).await;
    let servers = [side.engine.clone(), side.another()];
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client {
            number,
            chance: Chance::new(seed.wrapping_mul(CLIENTS).wrapping_add(number)),
            servers: servers.clone(),
            gateways: side.gateways.clone(),
            key: side.key(0, Key::FIRST).clone(),
            furthest: 0,
            acknowledged: Vec::new(),
            unseen: Vec::new(),
        };
        clients.spawn(client.live());
    }
    let (mut acknowledged, mut unseen) = (Vec::new(), Vec::new());
    for client in clients.join_all().await {
        acknowledged.extend(client.acknowledged);
        unseen.extend(client.unseen);
    }
    // What nobody waits for is decided all the same, and is behind us once something later is.
    for server in &servers {
        server.expire_due().await.unwrap();
    }
    assert!(acknowledged.len() >= CLIENTS as usize * STEPS);
    assert!(unseen.len() > STEPS, "too few calls that nobody waited for");
    side.verify().await;
    let journal = side.journal(0).into_iter();
    let journal: Vec<_> = journal.map(|stored| stored.entry).collect();
    let book = Replay::of(acknowledged, unseen).play(&journal);
    let balance = (book.posted, book.held(), book.available(), book.seq);
    assert_eq!(side.balance(0).await, balance);
}

impl Client {
    async fn live(mut self) -> Self {
        for _ in 0..STEPS {
            let step = self.draw();
            let here = self.chance.below(2) as usize;
            match self.chance.below(6) {
                0 => self.twice(step, here).await,
                1 | 2 => {
                    self.without_waiting(step, here).await;
                    self.ask(step, 1 - here).await;
                }
                _ => self.ask(step, here).await,
            }
        }
        self
    }

    fn draw(&mut self) -> Step {
        let chance = &mut self.chance;
        let shared = chance.once_in(3);
        let number = if shared {
            chance.below(SHARED)
        } else {
            1_000 + self.number * OWN + chance.below(OWN)
        };
        let request = Request {
            drawn_ms: START_MS,
            number,
        };
        let by = by(request);
        match chance.below(10) {
            0..4 => Step::Reserve {
                request,
                by,
                facts: Facts::Usual,
                offered: Offered::Releasing,
            },
            4 => Step::Renew {
                request,
                by,
                output: chance.below(9).cast_signed(),
                target: chance.below(60).cast_signed(),
            },
            5..7 => Step::Settle {
                request,
                by,
                evidence: Evidence {
                    facts: Facts::Usual,
                    served: Served::AsSent,
                    ..Evidence::any(chance)
                },
                offered: Offered::Releasing,
                beyond_cap: false,
            },
            // A refusal that nobody saw takes no release, and leaves no trace of that: only a client's own request is told apart.
            7 if !shared => Step::Release { request, by },
            _ => Step::TopUp(TopUpOrder {
                number: chance.below(CLIENTS * 4),
                units: 400,
            }),
        }
    }

    /// To both servers at once.
    async fn twice(&mut self, step: Step, here: usize) {
        let [first, second] = [self.call(step, here), self.call(step, 1 - here)];
        let (first, second) = tokio::join!(first, second);
        for answered in [first, second] {
            match answered {
                Ok(answered) => self.note(step, &answered),
                Err(_) => self.ask(step, here).await,
            }
        }
    }

    /// The call is on its way, and nobody hears of it.
    async fn without_waiting(&mut self, step: Step, here: usize) {
        let mut call = pin!(self.call(step, here));
        let polled = std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context)));
        assert!(polled.await.is_pending());
        let from = self.furthest;
        self.unseen.push(Unseen { step, from });
    }

    async fn ask(&mut self, step: Step, here: usize) {
        for attempt in 0..AGAIN_MAX {
            match self.call(step, (here + attempt) % 2).await {
                Ok(answered) => return self.note(step, &answered),
                Err(error) => assert_eq!(error, EngineError::Unavailable),
            }
        }
        panic!("{step:?} was never answered");
    }

    fn note(&mut self, step: Step, answered: &Answered<Answer>) {
        assert_eq!(answered.server_time, UnixMs(START_MS));
        let seen = Seen::of(answered);
        self.furthest = self.furthest.max(seen.seq());
        self.acknowledged.push(Acknowledged { step, seen });
    }

    fn call(
        &self,
        step: Step,
        here: usize,
    ) -> impl Future<Output = Result<Answered<Answer>, EngineError>> + Send + use<> {
        let server = self.servers[here].clone();
        let gateway = match step.request() {
            Some(request) if by(request).gateway == Gateway::Other => &self.gateways[1],
            _ => &self.gateways[0],
        };
        let mut asked = Asked::by(Arc::clone(gateway));
        let order = speak(step, 0).unwrap();
        asked.add(Side::tenant(0), &self.key, order);
        async move { Ok(asked.of(&server).await?.pop().unwrap()) }
    }
}

/// Each request comes through one gateway.
fn by(request: Request) -> Caller {
    let gateway = match request.number % 8 {
        0 => Gateway::Other,
        _ => Gateway::Usual,
    };
    Caller {
        gateway,
        key: Key::FIRST,
        recovered: false,
    }
}
