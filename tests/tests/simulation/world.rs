//! The world of a run: what happens when, and what of it gets lost, doubled or late on the way.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::path::Path;

use ferry_api::Message as _;
use ferry_api::v1::ReserveRequest;
use ferry_types::ReservationId;
use serde_json::Value;

use crate::chance::Chance;
use crate::clock::Clock;
use crate::gateway::{Deed, Gateway};
use crate::request::{Ending, Script, Truth};
use crate::server::{Answer, Customer, LEASE, Server};
use crate::way::{Call, Caller, Link, Of};

const CUSTOMERS: u64 = 3;
const GATEWAYS: u64 = 3;
const REQUESTS: usize = 36;
/// Requests come within so long; some streams go on for as long again.
const BUSY_MS: u64 = 20_000;
/// What is broken is whole again by then.
const CALM_MS: u64 = 60_000;
/// By then everything must have come to rest, whatever the backoff of an outbox.
const REST_MS: u64 = 600_000;
/// Between two looks for overdue leases.
const EXPIRY_EVERY_MS: u64 = 500;
/// How far the server's clock is set, at most: well beyond the five minutes that a request's id may be off.
const CLOCK_SET_MS_MAX: u64 = 3_600_000;

/// Something that happens at a time.
#[derive(Clone)]
pub enum Happening {
    Arrives(usize),
    /// The client does not wait for the quota server.
    Leaves(usize),
    /// The provider's next step for a request.
    Provider {
        request: usize,
        life: u64,
        step: u64,
    },
    /// A call reaches the server.
    Reaches(Call),
    /// An answer, or the end of waiting for one, reaches a gateway.
    Returns(Caller, Answer),
    /// A gateway's outbox wants to be asked.
    Rings(usize),
    LooksForOverdue,
    ServerDies,
    ServerStarts,
    ServerClockIsSet(i64),
    GatewayDies(usize),
}

/// A run.
pub struct World {
    pub chance: Chance,
    pub clock: Clock,
    pub link: Link,
    pub server: Server,
    pub gateways: Vec<Gateway>,
    pub customers: Vec<Customer>,
    pub scripts: Vec<Script>,
    pub truths: Vec<Truth>,
    pub waiting: BTreeSet<Caller>,
    pub rings_at: Vec<Option<u64>>,
    pub coming: BinaryHeap<Reverse<(u64, u64)>>,
    pub happenings: Vec<Option<Happening>>,
    /// The server answered something since balances were last looked at.
    pub is_news: bool,
}

impl World {
    pub fn of(seed: u64, folder: &Path) -> Self {
        let mut chance = Chance::of(seed);
        let clock = Clock::default();
        let server = Server::on(folder, clock.clone());
        let customers = (0..CUSTOMERS)
            .map(|n| {
                let paid_in = i64::try_from(chance.between(150_000, 2_500_000)).unwrap();
                server.customer(&format!("customer-{n}"), paid_in)
            })
            .collect();
        let gateways = (0..GATEWAYS)
            .map(|_| {
                let ahead_ms = i64::try_from(chance.between(0, 120_000)).unwrap() - 60_000;
                Gateway::new(clock.clone(), ahead_ms)
            })
            .collect();
        let scripts: Vec<_> = (0..REQUESTS)
            .map(|_| Script::drawn(&mut chance, CUSTOMERS, GATEWAYS))
            .collect();
        let mut world = Self {
            link: Link {
                lost: chance.between(0, 1) * chance.between(0, 200),
                doubled: chance.between(0, 1) * chance.between(0, 200),
                latency_ms: chance.between(1, 60),
            },
            chance,
            clock,
            server,
            gateways,
            customers,
            truths: scripts.iter().map(|_| Truth::default()).collect(),
            scripts,
            waiting: BTreeSet::new(),
            rings_at: vec![None; usize::try_from(GATEWAYS).unwrap()],
            coming: BinaryHeap::new(),
            happenings: Vec::new(),
            is_news: false,
        };
        world.plan();
        world
    }

    /// What befalls this run.
    fn plan(&mut self) {
        for request in 0..REQUESTS {
            let at = self.chance.between(0, BUSY_MS);
            self.at(at, Happening::Arrives(request));
        }
        for _ in 0..self.chance.between(0, 2) {
            let at = self.chance.between(0, BUSY_MS);
            let down_ms = self.chance.between(50, 4_000);
            self.at(at, Happening::ServerDies);
            self.at(at + down_ms, Happening::ServerStarts);
        }
        if self.chance.per_mille(400) {
            let at = self.chance.between(0, BUSY_MS);
            let gateway = usize::try_from(self.chance.between(0, GATEWAYS - 1)).unwrap();
            self.at(at, Happening::GatewayDies(gateway));
        }
        if self.chance.per_mille(250) {
            let at = self.chance.between(0, BUSY_MS);
            let set = self.chance.between(0, 2 * CLOCK_SET_MS_MAX);
            let ahead_ms = i64::try_from(set).unwrap() - i64::try_from(CLOCK_SET_MS_MAX).unwrap();
            self.at(at, Happening::ServerClockIsSet(ahead_ms));
        }
        self.at(EXPIRY_EVERY_MS, Happening::LooksForOverdue);
    }

    fn at(&mut self, ms: u64, happening: Happening) {
        let ticket = self.happenings.len();
        self.happenings.push(Some(happening));
        self.coming
            .push(Reverse((ms, u64::try_from(ticket).unwrap())));
    }

    pub fn after(&mut self, ms: u64, happening: Happening) {
        self.at(self.clock.passed_ms() + ms, happening);
    }

    /// Lets everything happen until all is at rest; then lets every lease run out that nobody ended.
    pub fn run(&mut self) {
        while let Some(Reverse((ms, ticket))) = self.coming.pop() {
            self.clock.pass_to(ms);
            if ms >= CALM_MS {
                (self.link.lost, self.link.doubled) = (0, 0);
            }
            assert!(ms < REST_MS, "something never comes to rest");
            if ms >= CALM_MS && self.is_quiet() {
                break;
            }
            let ticket = usize::try_from(ticket).unwrap();
            let happening = self.happenings[ticket].take().expect("it happens once");
            self.happens(happening);
            self.set_timers();
        }
        // A lease that was given before the clock was set back lasts longer by as much.
        let run_out_ms = LEASE.stands_ms() + LEASE.suspension_ms() + 2 * CLOCK_SET_MS_MAX;
        self.clock.pass_to(self.clock.passed_ms() + run_out_ms);
        self.server.expire();
    }

    fn is_quiet(&self) -> bool {
        self.server.is_up() && self.waiting.is_empty() && self.gateways.iter().all(Gateway::is_idle)
    }

    fn set_timers(&mut self) {
        for gateway in 0..self.gateways.len() {
            let Some(due_at) = self.gateways[gateway].due_at() else {
                continue;
            };
            let due_at = due_at.max(self.clock.passed_ms());
            if self.rings_at[gateway].is_none_or(|at| due_at < at) {
                self.rings_at[gateway] = Some(due_at);
                self.at(due_at, Happening::Rings(gateway));
            }
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives(request) => self.arrives(request),
            Happening::Leaves(request) => self.leaves(request),
            Happening::Provider {
                request,
                life,
                step,
            } => self.provider(request, life, step),
            Happening::Reaches(call) => self.reaches(call),
            Happening::Returns(caller, answer) => self.returns(&caller, &answer),
            Happening::Rings(gateway) => self.rings(gateway),
            Happening::LooksForOverdue => {
                self.server.expire();
                self.nobody_is_overdrawn();
                self.after(EXPIRY_EVERY_MS, Happening::LooksForOverdue);
            }
            Happening::ServerDies => self.server.die(),
            Happening::ServerStarts => {
                if !self.server.is_up() {
                    self.server.start();
                }
            }
            Happening::ServerClockIsSet(ahead_ms) => self.clock.set_server(ahead_ms),
            Happening::GatewayDies(gateway) => self.gateway_dies(gateway),
        }
    }

    /// No promise without money, at any time: the provider keeps to its limits here.
    fn nobody_is_overdrawn(&mut self) {
        if !self.server.is_up() || !std::mem::take(&mut self.is_news) {
            return;
        }
        for customer in &self.customers {
            let view = self.server.tenant(&customer.tenant);
            assert!(view.available.units() >= 0, "overdrawn: {view:?}");
        }
    }
}

/// Clients and gateways.
impl World {
    fn arrives(&mut self, request: usize) {
        let script = &self.scripts[request];
        let (gateway, body) = (script.gateway, script.body());
        if script.ending == Ending::Impatient {
            let patience_ms = self.chance.between(0, 40);
            self.after(patience_ms, Happening::Leaves(request));
        }
        let random = [self.chance.bytes(), self.chance.bytes()];
        let key = &self.customers[self.scripts[request].customer].key;
        let deeds = self.gateways[gateway].request(request, key, body, random);
        self.carry_out(request, deeds);
    }

    fn leaves(&mut self, request: usize) {
        let gateway = self.scripts[request].gateway;
        if self.gateways[gateway].holds(request) && self.truths[request].sent.is_none() {
            self.ends(request, "downstream_remote_disconnect", 0, "");
        }
    }

    pub fn carry_out(&mut self, request: usize, deeds: Vec<Deed>) {
        let gateway = self.scripts[request].gateway;
        let life = self.gateways[gateway].life;
        for deed in deeds {
            match deed {
                Deed::Asks(call, number) => {
                    self.note_reserve(request, &call.message);
                    let caller = Caller {
                        gateway,
                        life,
                        of: Of::Request(request, number),
                    };
                    self.send(caller, call.method, call.message, call.timeout_ms);
                }
                Deed::LetsThrough(body) => {
                    let body: Value = serde_json::from_slice(&body).expect("JSON");
                    assert!(body.get("max_tokens").is_none(), "the other spelling stays");
                    let limit = body["max_completion_tokens"].as_u64();
                    self.truths[request].sent = Some(limit.expect("a limit is written"));
                    let step = Happening::Provider {
                        request,
                        life,
                        step: 0,
                    };
                    self.after(1, step);
                }
                Deed::Refuses(code) => {
                    self.truths[request].refused = Some(code);
                    self.ends(request, "", 0, "");
                }
            }
        }
    }

    fn note_reserve(&mut self, request: usize, message: &[u8]) {
        let reserve = ReserveRequest::decode(message).expect("a Reserve");
        let truth = &mut self.truths[request];
        let id = ReservationId::from_bytes(&reserve.reservation_id).expect("an id");
        truth.ids.push(id);
        truth.estimate = reserve.facts.expect("facts").input_tokens_estimate;
    }

    pub fn ends(&mut self, request: usize, details: &str, status: u32, attempts: &str) {
        let gateway = self.scripts[request].gateway;
        self.gateways[gateway].ends(request, details, status, attempts);
        self.truths[request].ended = true;
    }

    fn rings(&mut self, gateway: usize) {
        self.rings_at[gateway] = None;
        let life = self.gateways[gateway].life;
        for call in self.gateways[gateway].due() {
            let caller = Caller {
                gateway,
                life,
                of: Of::Outbox(call.id),
            };
            self.send(caller, call.method, call.message, call.timeout_ms);
        }
    }

    fn gateway_dies(&mut self, gateway: usize) {
        for (script, truth) in self.scripts.iter().zip(&mut self.truths) {
            truth.orphaned |= script.gateway == gateway && !truth.ids.is_empty();
        }
        self.gateways[gateway].die();
        self.waiting.retain(|caller| caller.gateway != gateway);
    }
}
