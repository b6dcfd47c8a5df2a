//! SIGKILL at any moment: what was acknowledged is there afterwards.
//!
//! The process that dies is this test's own program again, running only [`victim`]; it writes each acknowledgement to a pipe.

use super::fixture::{HOLD, facts, gateway, offer, prices, tenant, whole_use};
use crate::engine::{
    CreateTenant, Engine, EngineConfig, ReserveCall, SettleCall, SystemTimeSource, TimeSource,
};
use crate::key_directory::sha256;
use crate::store::view::ReservationQuery;
use ferry_ledger::{ReserveAnswer, SettleAnswer, StateName, TopUp};
use ferry_types::{Amount, Currency, KeyText, ReservationId};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the victim finds its database.
const DATABASE: &str = "FERRY_TEST_CRASH_DATABASE";
/// And the key that it uses.
const KEY: &str = "FERRY_TEST_CRASH_KEY";
/// What an acknowledgement's line begins with; the test program prints lines of its own.
const MARK: &str = "acknowledged";
const ROUNDS: u64 = 5;
const TASKS: u8 = 16;

#[tokio::test]
async fn what_was_acknowledged_survives_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("ferry.db");
    let key = prepare(&database).await;
    let mut acknowledged = BTreeMap::new();
    for round in 1..=ROUNDS {
        run_and_kill(&database, &key, 150 * round, &mut acknowledged);
        let engine = Engine::start(EngineConfig::new(database.clone())).unwrap();
        let report = engine.verify().await.unwrap();
        assert!(report.clean, "round {round}: {report:?}");
        let all = ReservationQuery {
            limit: usize::MAX,
            ..ReservationQuery::default()
        };
        let stored = engine.reservations(all).await.unwrap();
        let stored: BTreeMap<_, _> = stored.into_iter().map(|row| (row.id, row.state)).collect();
        for (id, settled) in &acknowledged {
            let state = stored.get(id);
            let fits = match (settled, state) {
                (true, state) => state == Some(&StateName::Settled),
                // Its settle may have been under way.
                (false, state) => matches!(state, Some(StateName::Open | StateName::Settled)),
            };
            assert!(
                fits,
                "round {round}: {id} was acknowledged, and is {state:?}"
            );
        }
        let balance = engine.tenant(tenant()).await.unwrap();
        let count = |of| i64::try_from(stored.values().filter(|s| **s == of).count()).unwrap();
        assert_eq!(balance.held.units(), count(StateName::Open) * HOLD);
        engine.close();
        engine.stopped().await;
    }
    assert!(acknowledged.values().filter(|settled| **settled).count() > 500);
}

async fn prepare(database: &Path) -> KeyText {
    let engine = Engine::start(EngineConfig::new(database.into())).unwrap();
    let created = CreateTenant {
        tenant: tenant(),
        name: "Acme".into(),
        currency: Currency::Usd,
    };
    engine.create_tenant(created).await.unwrap();
    engine.record_price_table(prices()).await.unwrap();
    let (_, issued) = engine.issue_key(tenant(), "k".into(), None).await.unwrap();
    let top_up = TopUp {
        amount: Amount::from_units(1_000_000 * HOLD).unwrap(),
        source: "bank".into(),
        external_reference: "1".into(),
        note: String::new(),
    };
    engine.top_up(tenant(), top_up).await.unwrap();
    engine.close();
    engine.stopped().await;
    issued.text
}

/// Lets a victim acknowledge at least so many calls, kills it, and takes note of all that it acknowledged.
fn run_and_kill(
    database: &Path,
    key: &KeyText,
    at_least: u64,
    acknowledged: &mut BTreeMap<ReservationId, bool>,
) {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "engine::tests::crash::victim"])
        .env(DATABASE, database)
        .env(KEY, key.reveal())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap());
    let mut line = String::new();
    let mut seen = 0;
    // A line without an end was cut by the kill.
    while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        let mut words = line.split_whitespace();
        if words.next() == Some(MARK) {
            let id = words.next().unwrap().parse().unwrap();
            acknowledged.insert(id, words.next() == Some("settled"));
            seen += 1;
            if seen == at_least {
                victim.kill().unwrap();
            }
        }
        line.clear();
    }
    victim.wait().unwrap();
    assert!(
        seen >= at_least,
        "the victim ended by itself after {seen} calls"
    );
}

/// Not a test of its own: without a database it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let (Some(database), Ok(key)) = (std::env::var_os(DATABASE), std::env::var(KEY)) else {
        return;
    };
    let engine = Engine::start(EngineConfig::new(database.into())).unwrap();
    let key = KeyText::parse(&key, sha256).unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(work(engine.clone(), key.clone(), task)))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Reserves and settles until the process is killed, or nobody reads any more.
async fn work(engine: Engine, key: KeyText, task: u8) {
    let caller = ferry_api::Caller {
        filter_version: "0.1.0".into(),
        key_digest: key.digest(sha256),
        tenant: None,
    };
    for turn in 0..u64::MAX {
        let [.., a, b, c, d] = turn.to_be_bytes();
        let [p, q, r, s] = std::process::id().to_be_bytes();
        let random = [task, p, q, r, s, a, b, c, d, 0];
        let id = ReservationId::new(SystemTimeSource::new().unix_ms(), random);
        let call = ReserveCall {
            principal: gateway(),
            call: ferry_api::Reserve {
                id,
                caller: caller.clone(),
                facts: facts(),
            },
            offer: Some(offer()),
            deadline: None,
        };
        let answered = engine.reserve(call).await.unwrap();
        assert!(
            matches!(answered.answer, ReserveAnswer::Granted(_)),
            "{answered:?}"
        );
        acknowledge(id, "reserved");
        let settlement = whole_use();
        let call = SettleCall {
            call: ferry_api::Settle {
                id,
                caller: caller.clone(),
                settlement,
            },
            offer: None,
        };
        let answered = engine.settle(&gateway(), vec![call]).await.unwrap();
        assert!(matches!(answered[0].answer, SettleAnswer::Settled { .. }));
        acknowledge(id, "settled");
    }
}

/// One write a line, so that lines of several tasks do not mix.
fn acknowledge(id: ReservationId, what: &str) {
    let line = format!("{MARK} {id} {what}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}
