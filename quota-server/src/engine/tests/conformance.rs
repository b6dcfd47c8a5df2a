//! One stream of random commands, put to the naive model, to a server on SQLite and to a server on PostgreSQL, in the batches that
//! servers run. Every answer is compared, with the journal's number and the money that it tells; at intervals every balance, grant
//! and request that is spoken of; at the end both databases are verified, and their journals are the same to the last byte.
//!
//! `FERRY_SEED=7 cargo test -p ferry-quota-server conformance` plays one seed again.

pub(super) mod asked;
mod moments;
pub(super) mod side;

use super::cluster::Cluster;
use super::fixture::START_MS;
use crate::engine::LeaseConfig;
use crate::store::StoredEntry;
use ferry_ledger::{Answer, Event};
use ferry_model::{
    At, Authority, Chance, Draw, Gateway, Kind, Naive, Row, Rules, Spoken, Step, Tally, Told,
    TopUpOrder, TransferOrder, speak,
};
use side::{Call, Seen, SeenRequest, Side};
use std::sync::Arc;

/// What is played, unless a seed is named.
const SEEDS: [u64; 2] = [1, 2];
/// Commands of each seed, on each store.
const COMMANDS: usize = 50_000;
const TENANTS: usize = 6;
/// Calls in a round that go through the lane of settlements, and items in each at most.
const CALLS: usize = 24;
const ITEMS_MAX: u64 = 24;
/// Things that an operator asks for in a row.
const TURNS: usize = 6;
/// Requests in a round that ask to be let through.
const RESERVES: usize = 160;
/// Requests that are spoken of at a time, of each tenant.
const SPOKEN_OF: usize = 40;
/// Rounds between two looks at everything.
const LOOK: usize = 20;
/// Time that passes between two rounds, at most: now and then it outlasts a lease.
const WAIT_MS_MAX: u64 = 30_000;
/// Keys that are added in a round, or added again.
const KEYS: usize = 3;
/// Once in so many rounds nobody asks for a while, for up to so long: leases run out, and another hour begins.
const QUIET: u64 = 25;
const QUIET_MS_MAX: u64 = 3_600_000;
/// What gateways may settle in an hour that nothing is held for: some of it is beyond that.
const CAPS: [(Gateway, u64); 3] = [
    (Gateway::Usual, 1_000),
    (Gateway::Other, 130),
    (Gateway::Recovery, 50),
];
/// Transfers in a round.
const TRANSFERS: usize = 6;
/// At the end a month passes: longer than any grant in the place of another lives.
const MONTH_MS: u64 = 31 * 86_400_000;
/// As many as the engine ends at once.
const DUE_MAX: usize = 256;
/// What the engine asks itself, and answers nobody.
const NOT_ASKED: [&str; 5] = [
    "command: expire",
    "command: expire a grant",
    "answer: expired",
    "answer: not due",
    "answer: not open",
];
/// Entries with which every book begins: its opening and its key.
const FIRST: u64 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_stores_and_the_naive_model_give_the_same_answers() {
    let named = std::env::var("FERRY_SEED").ok();
    let named = named.map(|seed| seed.parse().expect("FERRY_SEED is a number"));
    let seeds = named.map_or(SEEDS.to_vec(), |seed| vec![seed]);
    let mut all = Tally::default();
    for seed in &seeds {
        println!("FERRY_SEED={seed}");
        all.add(&Play::begin(*seed).await.play().await);
    }
    if seeds == SEEDS {
        assert_eq!(all.faults(&NOT_ASKED), [""; 0], "{all:?}");
    }
}

/// A tenant's book as the model has it, and what was drawn for it.
struct Modelled {
    book: Naive,
    drawn: Draw,
}

struct Play {
    chance: Chance,
    books: Vec<Modelled>,
    sqlite: Side,
    postgres: Side,
    now: u64,
    commands: usize,
    authority: Authority,
    tally: Tally,
}

impl Play {
    async fn begin(seed: u64) -> Self {
        let lease = LeaseConfig::default();
        let rules = Rules {
            lease_ms: lease.ttl_ms,
            margin_ms: lease.margin_ms,
            window_ms: lease.remembered_ms(),
        };
        let cluster = Cluster::shared();
        let sides = [None, Some(Arc::clone(&cluster))];
        let [mut sqlite, mut postgres] = sides.map(|on| Side::with_caps(on, &CAPS));
        for side in [&mut sqlite, &mut postgres] {
            side.open(TENANTS).await;
            // From here on leases expire.
            side.pass(lease.suspension_ms()).await;
        }
        let now = START_MS + lease.suspension_ms();
        let book = || {
            let mut book = Naive::new(rules, START_MS, FIRST);
            book.now = now;
            book
        };
        let modelled = |at| Modelled {
            book: book(),
            drawn: Draw::new(at, rules, SPOKEN_OF),
        };
        Self {
            chance: Chance::new(seed),
            books: (0..TENANTS).map(modelled).collect(),
            sqlite,
            postgres,
            now,
            commands: 0,
            authority: Authority::new(&CAPS),
            tally: Tally::default(),
        }
    }

    /// Plays it to its end, and tells what was asked and what came of it.
    async fn play(mut self) -> Tally {
        let mut round = 0;
        while self.commands < COMMANDS {
            // A key that waits in the same batch as its issue is nobody's yet.
            let keys = self.draw_keys();
            self.put(keys).await;
            let settlements = self.draw_settlements();
            self.put(settlements).await;
            // Each of them is a batch of its own, which comes after the others that waited with it.
            let transfers = self.draw_transfers();
            self.put(transfers).await;
            let reserves = self.draw_reserves();
            self.put(reserves).await;
            let mut ms = self.chance.below(WAIT_MS_MAX);
            if self.chance.once_in(QUIET) {
                ms += self.chance.below(QUIET_MS_MAX);
            }
            self.pass(ms).await;
            round += 1;
            if round % LOOK == 0 {
                self.look().await;
            }
        }
        self.end_month().await;
        self.look().await;
        let seqs: Vec<u64> = self.books.iter().map(|book| book.book.seq).collect();
        println!("{} commands, entries by book: {seqs:?}", self.commands);
        self.sqlite.verify().await;
        self.postgres.verify().await;
        for tenant in 0..TENANTS {
            let journal = self.sqlite.journal(tenant);
            assert_eq!(journal.len() as u64, self.books[tenant].book.seq);
            assert!(
                journal == self.postgres.journal(tenant),
                "the journals of {} differ",
                Side::tenant(tenant)
            );
            for StoredEntry { entry, .. } in journal {
                let event = Event::decode(entry.kind, &entry.content);
                self.tally.event(&event.unwrap());
            }
        }
        self.tally
    }

    fn draw_keys(&mut self) -> Vec<Call> {
        (0..KEYS).map(|_| self.draw(Kind::Key, 1)).collect()
    }

    fn draw_settlements(&mut self) -> Vec<Call> {
        let mut calls = Vec::with_capacity(CALLS);
        while calls.len() < CALLS {
            match Kind::any(&mut self.chance) {
                Kind::Reserve | Kind::Key => {}
                // Whoever works by hand asks for one thing at a time, and is given several turns.
                kind @ (Kind::Operator | Kind::Correction) => {
                    calls.extend((0..TURNS).map(|_| self.draw(kind, 1)));
                }
                kind @ (Kind::Renew | Kind::Settle | Kind::Release) => {
                    let items = self.chance.below(ITEMS_MAX) + 1;
                    calls.push(self.draw(kind, items));
                }
            }
        }
        calls
    }

    fn draw_transfers(&mut self) -> Vec<Call> {
        let transfer = |_| {
            let from = self.chance.below(TENANTS as u64) as usize;
            let further = self.chance.below(TENANTS as u64 - 1) as usize + 1;
            let drawn = &mut self.books[from].drawn;
            let step = drawn.transfer((from + further) % TENANTS, &mut self.chance);
            Call {
                by: Gateway::Usual,
                items: vec![(from, step)],
            }
        };
        (0..TRANSFERS).map(transfer).collect()
    }

    fn draw_reserves(&mut self) -> Vec<Call> {
        let reserve = |_| self.draw(Kind::Reserve, 1);
        (0..RESERVES).map(reserve).collect()
    }

    /// A call with so many items, each about some tenant.
    fn draw(&mut self, kind: Kind, items: u64) -> Call {
        let by = match self.chance.below(16) {
            0 | 1 => Gateway::Other,
            2 => Gateway::Recovery,
            _ => Gateway::Usual,
        };
        let item = |_| {
            let tenant = self.chance.below(TENANTS as u64) as usize;
            let drawn = &mut self.books[tenant].drawn;
            (tenant, drawn.step(kind, by, self.now, &mut self.chance))
        };
        Call {
            by,
            items: (0..items).map(item).collect(),
        }
    }

    /// Puts calls to all three, and compares the answers.
    async fn put(&mut self, calls: Vec<Call>) {
        let (sqlite, postgres) = tokio::join!(self.sqlite.put(&calls), self.postgres.put(&calls));
        let items = calls.iter().flat_map(|call| &call.items);
        let answers = sqlite.into_iter().zip(postgres);
        let mut compared = 0;
        for ((tenant, step), (sqlite, postgres)) in items.zip(answers) {
            self.note(*tenant, *step, &sqlite.answer);
            let [sqlite, postgres] = [sqlite, postgres].map(|answered| Seen::of(&answered));
            let expected = self.step(*tenant, *step);
            let at = self.commands + compared;
            assert_eq!(sqlite, expected, "SQLite, command {at}: {step:?}");
            assert_eq!(postgres, expected, "PostgreSQL, command {at}: {step:?}");
            compared += 1;
        }
        let asked: usize = calls.iter().map(|call| call.items.len()).sum();
        assert_eq!(compared, asked);
        self.commands += asked;
    }

    fn note(&mut self, tenant: usize, step: Step, answer: &Answer) {
        if let Spoken::Command(command) = speak(step, tenant).unwrap() {
            self.tally.command(&command);
        }
        self.tally.answer(answer);
    }

    /// What the model says.
    fn step(&mut self, at: usize, step: Step) -> Seen {
        let by = step.by();
        if by.is_some_and(|by| !self.books[at].book.has_key(by.key)) {
            return Seen::nobodys(step);
        }
        let recovers = by.is_some_and(|by| by.gateway == Gateway::Recovery);
        if recovers && matches!(step, Step::Reserve { .. }) {
            return Seen::out_of_scope();
        }
        let judged = self.authority.judge(step, &self.books[at].book);
        let step = judged.step;
        let told = if let Step::Transfer(order) = step {
            self.transfer(at, order)
        } else if let Step::TopUp(order) = step {
            self.top_up(at, order)
        } else {
            self.books[at].book.step(step)
        };
        self.authority.note(&judged, told);
        let Modelled { book, drawn } = &mut self.books[at];
        if let (Some(request), Told::Parked) = (step.request(), told) {
            drawn.note_parked(request);
        }
        Seen::expected(book, step, told)
    }

    fn top_up(&mut self, at: usize, order: TopUpOrder) -> Told {
        let others = self.books.iter().enumerate().filter(|(of, _)| *of != at);
        let elsewhere = { others }.any(|(_, other)| other.book.has_top_up(order.number));
        self.books[at].book.top_up(order, elsewhere)
    }

    fn transfer(&mut self, from: usize, order: TransferOrder) -> Told {
        let [from, to] = self.books.get_disjoint_mut([from, order.to]).unwrap();
        from.book.transfer(&mut to.book, order)
    }

    /// A month passes and is sealed: an entry in every book.
    async fn end_month(&mut self) {
        self.pass(MONTH_MS).await;
        for side in [&self.sqlite, &self.postgres] {
            side.seal("2027-01".parse().unwrap()).await;
        }
        for book in &mut self.books {
            book.book.seal();
        }
    }

    /// Time passes, and what is overdue ends.
    async fn pass(&mut self, ms: u64) {
        self.now += ms;
        for book in &mut self.books {
            book.book.now = self.now;
        }
        let mut looks = 1;
        while self.end_what_is_due() > 0 {
            looks += 1;
        }
        for side in [&self.sqlite, &self.postgres] {
            side.pass(ms).await;
            for _ in 0..looks {
                side.keep_house().await;
            }
        }
    }

    /// As the engine's housekeeping does it: leases, then grants, of all books together.
    fn end_what_is_due(&mut self) -> usize {
        let books = || self.books.iter().enumerate();
        let mut leases: Vec<_> = books()
            .flat_map(|(at, book)| {
                book.book
                    .overdue()
                    .into_iter()
                    .map(move |due| (due.0, at, due.1))
            })
            .collect();
        leases.sort_unstable();
        leases.truncate(DUE_MAX);
        let ended = leases.len();
        for (_, at, request) in leases {
            self.books[at].book.step(Step::Expire { request });
            self.commands += 1;
        }
        let books = || self.books.iter().enumerate();
        let mut grants: Vec<_> = books()
            .flat_map(|(at, book)| {
                let due = book.book.ended_grants().into_iter();
                due.map(move |due| (due.0, at, due.1))
            })
            .collect();
        grants.sort_unstable();
        grants.truncate(DUE_MAX);
        let all = ended + grants.len();
        for (_, at, name) in grants {
            self.books[at].book.step(Step::EndGrant { name });
            self.commands += 1;
        }
        all
    }

    /// Compares every balance, every grant, and every request that is spoken of.
    async fn look(&self) {
        for side in [&self.sqlite, &self.postgres] {
            for (at, Modelled { book, drawn }) in self.books.iter().enumerate() {
                let (posted, held, available, seq) = side.balance(at).await;
                assert_eq!(
                    (posted, held, available, seq),
                    (book.posted, book.held(), book.available(), book.seq)
                );
                let grants = book.grants.iter().map(|(name, grant)| {
                    (
                        ferry_model::grant_id(*name).unwrap().to_string(),
                        grant.remaining,
                        grant.held,
                        grant.expired,
                    )
                });
                assert_eq!(side.grants(at).await, grants.collect::<Vec<_>>());
                for request in drawn.requests() {
                    let expected = book.rows.get(&request);
                    let expected = expected.filter(|row| !matches!(row.at, At::Refused(_)));
                    let expected = expected.map(as_seen);
                    assert_eq!(side.request(at, request).await, expected, "{request:?}");
                }
            }
        }
    }
}

fn as_seen(row: &Row) -> SeenRequest {
    let standing = row.standing.as_ref().map(|standing| {
        let slices = standing.slices.iter();
        let slices = slices
            .map(|(grant, units)| (ferry_model::grant_id(*grant).unwrap().to_string(), *units));
        (standing.on_balance, slices.collect(), standing.judged)
    });
    SeenRequest {
        at: row.at,
        amounts: [row.charged, row.absorbed, row.suspended],
        standing,
        flags: row.flags.clone(),
        would_refuse: row.would_refuse().to_owned(),
    }
}
