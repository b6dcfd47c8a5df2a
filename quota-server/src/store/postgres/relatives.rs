//! What PostgreSQL accepts and a relative of it does not: every statement that a test of this crate sends is looked at, and every text
//! of the store's sources and tables.
//!
//! By CockroachDB's and Citus's documentation, grammar and issues: neither is run here.

use super::link::{self, Link};
use super::load::{self, Locks};
use crate::engine::tests::cluster::{Cluster, execute};
use crate::engine::tests::fixture::{Fixture, ON, On, whole_use};
use crate::engine::tests::transfers::some;
use crate::store::Database;
use crate::store::table::{
    CORRECTIONS, HOUSE, JOURNAL, KEYS, REFUSALS, RESERVATIONS, TOP_UPS, TRANSFERS,
};
use ferry_ledger::ReserveAnswer;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Words that stand in no statement, in any case, and why. A `*` is the rest of a word.
pub(crate) const BANNED: [(&str, &str); 40] = [
    ("sequence", "one place would number the rows of all tenants"),
    ("nextval", "as a sequence"),
    ("setval", "as a sequence"),
    ("serial", "as a sequence"),
    ("bigserial", "as a sequence"),
    ("smallserial", "as a sequence"),
    (
        "identity",
        "as a sequence; Citus: not with every way of distributing",
    ),
    (
        "advisory*",
        "CockroachDB accepts advisory locks, and locks nothing",
    ),
    ("pg_advisory*", "CockroachDB accepts it, and locks nothing"),
    (
        "pg_try_advisory*",
        "CockroachDB accepts it, and locks nothing",
    ),
    ("lock table", "CockroachDB: no such statement"),
    ("for share", "CockroachDB: not before 23.2"),
    ("for key share", "CockroachDB: not before 23.2"),
    (
        "skip locked",
        "Citus: single-shard queries only; what is skipped is not decided",
    ),
    ("nowait", "a batch waits for its books"),
    (
        "trigger",
        "Citus: not on distributed tables; CockroachDB: not before 24.3",
    ),
    ("listen", "CockroachDB: no such statement"),
    ("notify", "CockroachDB: no such statement"),
    ("pg_notify", "CockroachDB: no such function"),
    (
        "references",
        "Citus: only between tables that are distributed alike",
    ),
    (
        "foreign key",
        "Citus: only between tables that are distributed alike",
    ),
    ("exclude using", "CockroachDB: no such constraint"),
    ("deferrable", "CockroachDB: no such constraint"),
    ("create function", "a server in between does not have it"),
    ("create or replace", "a server in between does not have it"),
    ("create procedure", "a server in between does not have it"),
    ("create extension", "every relative has others"),
    (
        "create temp*",
        "CockroachDB: an experiment; what is pooled loses it",
    ),
    ("unlogged", "not durable"),
    ("inherits", "CockroachDB and Citus: no such tables"),
    ("merge into", "CockroachDB: no such statement"),
    ("with recursive", "Citus: single-shard queries only"),
    ("tablesample", "Citus: single-shard queries only"),
    ("grouping sets", "Citus: single-shard queries only"),
    (
        "with hold",
        "CockroachDB: not within a transaction that goes on",
    ),
    ("ctid", "CockroachDB: no such column"),
    ("xmin", "CockroachDB: no such column"),
    (
        "from stdin",
        "Citus and CockroachDB: with other rules within a transaction",
    ),
    (
        "to stdout",
        "Citus and CockroachDB: with other rules within a transaction",
    ),
    ("select from", "CockroachDB: something must be selected"),
];

/// What locks a row names it: Citus locks in single-shard queries only.
const LOCKS: &str = "for update";
const NAMES_A_ROW: [&str; 2] = ["where tenant = $1", "where name = 'schema'"];

/// What has been sent to any database by now.
static SENT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A statement is about to be sent.
pub(crate) fn look_at(sql: &str) {
    let fault = fault(sql).or_else(|| fault_of_lock(sql));
    assert_eq!(fault, None, "{sql}");
    let mut sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
    sent.insert(sql.to_owned());
}

/// Whether it has been sent, by any test.
pub(crate) fn was_sent(sql: &str) -> bool {
    let sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
    sent.contains(sql)
}

/// What stands in a text that must not, and why.
pub(crate) fn fault(text: &str) -> Option<(&'static str, &'static str)> {
    let words = words(text);
    let stands = |banned: &str| {
        let (banned, end) = match banned.strip_suffix('*') {
            Some(beginning) => (beginning, ""),
            None => (banned, " "),
        };
        words.contains(&format!(" {banned}{end}"))
    };
    BANNED.into_iter().find(|(banned, _)| stands(banned))
}

fn fault_of_lock(sql: &str) -> Option<(&'static str, &'static str)> {
    let lower = sql.to_lowercase();
    let names = NAMES_A_ROW.iter().any(|row| lower.contains(row));
    // Where there is no Citus, the books of a batch are locked by one statement.
    let is_fault = lower.contains(LOCKS) && !names && sql != load::LOCK.as_str();
    is_fault.then_some((LOCKS, "Citus: single-shard queries only"))
}

/// The words of a text with a space around each, in lower case. What stands for a column is a word too.
fn words(text: &str) -> String {
    let mut words = String::from(" ");
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_';
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        if is_part(sign) {
            words.extend(sign.to_lowercase());
            if signs.peek().is_none_or(|next| !is_part(*next)) {
                words.push(' ');
            }
        } else if matches!(sign, '*' | '{') {
            write!(words, "{sign} ").unwrap();
        }
    }
    words
}

/// What is sent at all is looked at: what the tables' statements say was sent by a life with everything in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_life_sends_is_looked_at() {
    ON.scope(On::Postgres, async {
        let fixture = Fixture::lived().await;
        fixture.assert_clean().await;
        fixture.records().await;
        fixture.engine.accounts(None).await.unwrap();
        let by_batch = [
            &KEYS,
            &TOP_UPS,
            &TRANSFERS,
            &CORRECTIONS,
            &RESERVATIONS,
            &REFUSALS,
        ];
        for table in by_batch {
            assert!(was_sent(&table.upsert_all), "{}", table.name);
            assert!(was_sent(&table.find_all), "{}", table.name);
        }
        for sql in [&**JOURNAL.insert_all, &**HOUSE.upsert, "COMMIT"] {
            assert!(was_sent(sql), "{sql}");
        }
        let sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
        let reports = sent.iter().filter(|sql| sql.starts_with("DECLARE report"));
        assert!(reports.count() > 10, "verify asks through a cursor");
        assert!(sent.iter().any(|sql| sql.contains("CREATE TABLE journal")));
    })
    .await;
}

/// On a database that says that Citus is there, books are locked one by one; plain PostgreSQL takes that as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_citus_is_books_are_locked_one_by_one() {
    let cluster = Cluster::shared();
    let (plain, distributed) = (cluster.database(), cluster.database());
    let url = cluster.url_of(&distributed);
    let name = url.rsplit('/').next().unwrap();
    // Names are looked up here before they are in the system's own schema.
    let pretend = format!(
        "CREATE SCHEMA pretended CREATE TABLE pg_extension (extname TEXT); \
         INSERT INTO pretended.pg_extension VALUES ('citus'); \
         ALTER DATABASE {name} SET search_path = public, pretended, pg_catalog"
    );
    execute(&url, &pretend).unwrap();
    let locks = |database: &Database| match database {
        Database::Postgres(config) => std::thread::scope(|scope| {
            let look = || Locks::of(&Link::open(config, link::WRITES).unwrap()).unwrap();
            scope.spawn(look).join().unwrap()
        }),
        Database::Sqlite(file) => panic!("{} is no PostgreSQL", file.display()),
    };
    assert!(matches!(locks(&plain), Locks::Together));
    assert!(matches!(locks(&distributed), Locks::OneByOne));

    let fixture = Arc::new(Fixture::on(distributed, 40).await);
    some(&fixture).await;
    let servers = [fixture.engine.clone(), fixture.another()];
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..20 {
        let fixture = Arc::clone(&fixture);
        let server = servers[client % 2].clone();
        clients.spawn(async move {
            let id = fixture.draw();
            let call = fixture.reserve_call(id);
            let granted = server.reserve(call).await.unwrap().answer;
            assert!(matches!(granted, ReserveAnswer::Granted(_)), "{granted:?}");
            fixture.settle(id, whole_use()).await;
        });
    }
    clients.join_all().await;
    assert_eq!(fixture.balance().await.1, 0);
    assert!(was_sent(&load::LOCK_ONE));
    fixture.assert_clean().await;
}

#[test]
fn banned_words_are_found_in_any_case_and_only_whole() {
    for (text, found) in [
        ("CREATE Sequence x", Some("sequence")),
        ("select pg_Advisory_Xact_lock(1)", Some("pg_advisory*")),
        ("SELECT 1\n  for   Share", Some("for share")),
        ("INSERT INTO t SELECT FROM u", Some("select from")),
        ("SELECT * FROM sequences", None),
        ("SELECT {columns} FROM t", None),
        ("SELECT identity_of FROM t", None),
    ] {
        assert_eq!(fault(text).map(|(banned, _)| banned), found, "{text}");
    }
    let all = "SELECT tenant FROM tenants WHERE tenant = ANY($1) FOR UPDATE";
    let one = "SELECT tenant FROM tenants WHERE tenant = $1 FOR UPDATE";
    assert!(fault_of_lock(all).is_some() && fault_of_lock(one).is_none());
}
