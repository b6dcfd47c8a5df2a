//! Leases run out and a grant ends at the same moment: posted in both orders, and by the engine itself, it comes to the same on both
//! stores and in the naive model.

use super::FIRST;
use super::side::{Call, Seen, Side};
use crate::engine::LeaseConfig;
use crate::engine::tests::cluster::Cluster;
use crate::engine::tests::fixture::START_MS;
use ferry_model::{
    Caller, Facts, Gateway, GrantKind, GrantName, GrantOrder, Key, Naive, Offered, Request, Rules,
    Step, Told, TopUpOrder,
};

/// Whose ends are posted lease first, grant first, and by the engine.
const BOOKS: usize = 3;
const GRANT: GrantName = GrantName::Ordered(0);
/// It was renewed with 8 tokens of output: 10 + 2 × 8 are honoured.
const RENEWED: Request = request(0);
/// It never showed life and is charged all the same: 10 + 2 × 7 are honoured.
const SILENT: Request = request(4);
/// Both hold 100 and 115 of it; the rest is free.
const GRANTED: i64 = 260;
const HONOURED: i64 = 26 + 24;

const fn request(number: u64) -> Request {
    Request {
        drawn_ms: START_MS,
        number,
    }
}

/// Whoever asks.
const BY: Caller = Caller {
    gateway: Gateway::Usual,
    key: Key::FIRST,
    recovered: false,
};

const fn reserve(request: Request, offered: Offered) -> Step {
    Step::Reserve {
        request,
        by: BY,
        facts: Facts::Usual,
        offered,
    }
}

/// What happens in a book before the moment. Each was paid by a payment of its own.
fn before(book: usize, ends_ms: u64) -> Vec<Step> {
    let order = GrantOrder {
        name: GRANT,
        kind: GrantKind::Paid,
        priority: 0,
        models: 0,
        providers: 0,
        elsewhere: false,
        starts_ms: None,
        ends_ms: Some(ends_ms),
        units: GRANTED,
    };
    let top_up = TopUpOrder {
        number: book as u64,
        units: 500,
    };
    let renew = Step::Renew {
        request: RENEWED,
        by: BY,
        output: 8,
        target: 0,
    };
    vec![
        Step::TopUp(top_up),
        Step::Grant(order),
        reserve(RENEWED, Offered::Releasing),
        reserve(SILENT, Offered::Charging),
        renew,
    ]
}

/// What is posted by hand.
fn ends(book: usize) -> Vec<Step> {
    let leases = [RENEWED, SILENT].map(|request| Step::Expire { request });
    let grant = Step::EndGrant { name: GRANT };
    match book {
        0 => leases.into_iter().chain([grant]).collect(),
        1 => [grant].into_iter().chain(leases).collect(),
        _ => Vec::new(),
    }
}

struct Played {
    side: Side,
    books: Vec<Naive>,
}

impl Played {
    /// Puts a step to both, and compares the answers.
    async fn put(&mut self, at: usize, step: Step) {
        let call = Call {
            by: Gateway::Usual,
            items: vec![(at, step)],
        };
        let seen = self.side.put(&[call]).await;
        let seen: Vec<Seen> = seen.iter().map(Seen::of).collect();
        let book = &mut self.books[at];
        let told = book.step(step);
        assert_eq!(seen, [Seen::expected(book, step, told)], "{at}: {step:?}");
    }

    async fn post(&mut self, at: usize, step: Step) -> Told {
        let told = self.side.post(at, step).await;
        assert_eq!(told, self.books[at].step(step), "{at}: {step:?}");
        told
    }

    fn wait(&mut self, ms: u64) {
        self.side.wait(ms);
        for book in &mut self.books {
            book.now += ms;
        }
    }

    /// As the engine's housekeeping does it.
    fn end_what_is_due(&mut self, at: usize) {
        let book = &mut self.books[at];
        for (_, request) in book.overdue() {
            book.step(Step::Expire { request });
        }
        for (_, name) in book.ended_grants() {
            book.step(Step::EndGrant { name });
        }
    }

    /// The book is what the model says, and what was honoured and what lapsed is what it must be.
    async fn check(&self, at: usize) {
        let book = &self.books[at];
        let expected = (book.posted, book.held(), book.available(), book.seq);
        assert_eq!(self.side.balance(at).await, expected, "{at}");
        assert_eq!((book.posted, book.held()), (500, 0), "{at}");
        let name = ferry_model::grant_id(GRANT).unwrap().to_string();
        assert_eq!(self.side.grants(at).await, [(name, 0, 0, true)], "{at}");
        let tenant = Some(Side::tenant(at));
        let accounts = self.side.engine.accounts(tenant).await.unwrap();
        let of = |name: &str| {
            let found = accounts.iter().find(|found| found.account == name);
            found.map_or(0, |found| -found.balance.units())
        };
        assert_eq!(of("revenue.usage"), HONOURED, "{at}");
        assert_eq!(of("revenue.breakage"), GRANTED - HONOURED, "{at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_and_a_grant_that_end_at_once_come_to_the_same_in_both_orders() {
    let lease = LeaseConfig::default();
    let rules = Rules {
        lease_ms: lease.ttl_ms,
        margin_ms: lease.margin_ms,
        window_ms: lease.remembered_ms(),
    };
    for cluster in [None, Some(Cluster::shared())] {
        let mut side = Side::start(cluster);
        side.open(BOOKS).await;
        let books = vec![Naive::new(rules, START_MS, FIRST); BOOKS];
        let mut played = Played { side, books };
        for at in 0..BOOKS {
            for step in before(at, START_MS + lease.stands_ms()) {
                played.put(at, step).await;
            }
        }
        // A server that has just started ends nothing by itself yet.
        played.wait(lease.stands_ms());
        for at in 0..BOOKS {
            for step in ends(at) {
                let told = played.post(at, step).await;
                assert!(
                    matches!(
                        told,
                        Told::Expired(26 | 24) | Told::Done { changed: true, .. }
                    ),
                    "{at}: {told:?}"
                );
            }
        }
        played.wait(lease.suspension_ms());
        played.side.keep_house().await;
        for at in 0..BOOKS {
            played.end_what_is_due(at);
            played.check(at).await;
        }
        played.side.verify().await;
    }
}
