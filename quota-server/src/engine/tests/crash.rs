//! SIGKILL two hundred times, at chosen steps and at any moment: what was acknowledged is there afterwards, is answered again
//! with the same numbers, and the journal is whole.
//!
//! The process that dies is this test's own program again, running only [`victim`]; it writes each acknowledgement to a pipe.
//! A chosen step is reached exactly: the victim stands still there, says so, and is killed as it stands.

mod mortal;
mod victim;

use self::mortal::{Step, THERE};
use super::fixture::{HOLD, facts, gateway, offers, prices, whole_use};
use crate::engine::{CreateTenant, Engine, EngineConfig, ReserveCall, SettleCall};
use crate::key_directory::sha256;
use crate::store::view::ReservationQuery;
use ferry_ledger::{Granted, ReserveAnswer, StateName, TopUp};
use ferry_types::{Amount, Currency, KeyText, ReservationId, TenantId};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the victim finds its database.
const DATABASE: &str = "FERRY_TEST_CRASH_DATABASE";
/// And the keys that it uses.
const KEYS: &str = "FERRY_TEST_CRASH_KEYS";
/// And where it stands still, and how often it passes there before.
const STEP: &str = "FERRY_TEST_CRASH_STEP";
/// What an acknowledgement's line begins with; the test program prints lines of its own.
const MARK: &str = "acknowledged";
const TENANTS: [&str; 3] = ["acme", "bolt", "corp"];
/// So many deaths in a row on one database, so that what is recovered was recovered before.
const DEATHS: u64 = 25;
const DATABASES: u64 = 8;
/// A step is passed at most so often before the death there: by then every kind of call is under way.
const PASSED_MAX: u64 = 14;

/// The last acknowledgement of a reservation.
struct Acknowledged {
    what: String,
    answer: String,
    key: usize,
}

type Acknowledgements = BTreeMap<ReservationId, Acknowledged>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_two_hundred_kills() {
    let lives = (0..DATABASES).map(|database| tokio::spawn(die_again_and_again(database)));
    let mut acknowledged = 0;
    for life in lives.collect::<Vec<_>>() {
        acknowledged += life.await.unwrap();
    }
    assert!(acknowledged > 2_000, "only {acknowledged} reservations");
}

/// Kills one database's servers one after the other; says how many reservations were acknowledged.
async fn die_again_and_again(database: u64) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferry.db");
    let keys = prepare(&file).await;
    let mut all = Acknowledgements::new();
    for death in 0..DEATHS {
        let passed = (database * 5 + death * 3) % PASSED_MAX;
        let chosen = usize::try_from(database + death).unwrap();
        // One of them, or any moment.
        let step = Step::ALL.get(chosen % (Step::ALL.len() + 1)).copied();
        let new = run_and_kill(&file, &keys, step, passed);
        let engine = Engine::start(EngineConfig::new(file.clone())).unwrap();
        let why = format!("database {database}, death {death}, {step:?} after {passed}");
        assert_sound(&engine, &why).await;
        assert_there(&engine, &new, &why).await;
        assert_answered_again(&engine, &new, &keys, &why).await;
        all.extend(new);
        assert_there(&engine, &all, &why).await;
        engine.close();
        engine.stopped().await;
    }
    all.len()
}

async fn prepare(database: &Path) -> Vec<KeyText> {
    let engine = Engine::start(EngineConfig::new(database.into())).unwrap();
    engine.record_price_table(prices()).await.unwrap();
    let mut keys = Vec::new();
    for name in TENANTS {
        let tenant: TenantId = name.parse().unwrap();
        let created = CreateTenant {
            tenant: tenant.clone(),
            name: name.into(),
            currency: Currency::Usd,
        };
        engine.create_tenant(created).await.unwrap();
        let issued = engine.issue_key(tenant.clone(), "k".into(), None).await;
        keys.push(issued.unwrap().1.text);
        let top_up = TopUp {
            amount: Amount::from_units(1_000_000 * HOLD).unwrap(),
            source: "bank".into(),
            external_reference: name.into(),
            note: String::new(),
        };
        engine.top_up(tenant.clone(), top_up).await.unwrap();
        for limit in super::limits::never_reached() {
            engine.set_limit(tenant.clone(), limit).await.unwrap();
        }
    }
    engine.close();
    engine.stopped().await;
    keys
}

/// Lets a victim live until it stands at its step, or else has acknowledged so many calls; kills it, and says what it acknowledged.
fn run_and_kill(
    database: &Path,
    keys: &[KeyText],
    step: Option<Step>,
    passed: u64,
) -> Acknowledgements {
    let revealed: Vec<_> = keys.iter().map(KeyText::reveal).collect();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture"])
        .arg("engine::tests::crash::victim::victim")
        .env(DATABASE, database)
        .env(KEYS, revealed.join(","))
        .stdout(Stdio::piped());
    if let Some(step) = step {
        command.env(STEP, format!("{step:?} {passed}"));
    }
    let mut victim = command.spawn().unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap());
    let mut acknowledged = Acknowledgements::new();
    let (mut line, mut seen, mut killed) = (String::new(), 0, false);
    // A line without an end was cut by the kill.
    while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        let words: Vec<_> = line.trim_end().splitn(5, ' ').collect();
        if let [MARK, id, key, what, answer] = words.as_slice() {
            let id: ReservationId = id.parse().unwrap();
            let acknowledgement = Acknowledged {
                what: (*what).into(),
                answer: (*answer).into(),
                key: key.parse().unwrap(),
            };
            acknowledged.insert(id, acknowledgement);
            seen += 1;
        }
        let is_time = words == [THERE] || (step.is_none() && seen > 10 * passed);
        if is_time && !killed {
            killed = true;
            victim.kill().unwrap();
        }
        line.clear();
    }
    victim.wait().unwrap();
    assert!(killed, "the victim ended by itself after {seen} calls");
    acknowledged
}

/// The journal is whole, and each tenant's open reservations hold what it says is held.
async fn assert_sound(engine: &Engine, why: &str) {
    let report = engine.verify().await.unwrap();
    assert!(report.clean, "{why}: {report:?}");
    for name in TENANTS {
        let tenant: TenantId = name.parse().unwrap();
        let open = ReservationQuery {
            tenant: Some(tenant.clone()),
            open_only: true,
            limit: usize::MAX,
        };
        let open = engine.reservations(open).await.unwrap().len();
        let held = engine.tenant(tenant).await.unwrap().held.units();
        assert_eq!(held, i64::try_from(open).unwrap() * HOLD, "{why}: {name}");
    }
}

async fn assert_there(engine: &Engine, acknowledged: &Acknowledgements, why: &str) {
    let all = ReservationQuery {
        limit: usize::MAX,
        ..ReservationQuery::default()
    };
    let stored = engine.reservations(all).await.unwrap();
    let stored: BTreeMap<_, _> = stored.into_iter().map(|row| (row.id, row.state)).collect();
    for (id, known) in acknowledged {
        let state = stored.get(id);
        let fits = match known.what.as_str() {
            "settled" => state == Some(&StateName::Settled),
            "released" => state == Some(&StateName::Released),
            // Its end may have been under way.
            _ => matches!(
                state,
                Some(StateName::Open | StateName::Settled | StateName::Released)
            ),
        };
        assert!(fits, "{why}: {id} was {}, and is {state:?}", known.what);
    }
}

/// The gateway repeats what it is not sure of, and gets what it got, or would have got.
async fn assert_answered_again(
    engine: &Engine,
    acknowledged: &Acknowledgements,
    keys: &[KeyText],
    why: &str,
) {
    for (id, known) in acknowledged {
        let key = &keys[known.key];
        let again = match known.what.as_str() {
            "settled" => {
                let calls = vec![settle_call(*id, key)];
                let answers = engine.settle(&gateway(), calls).await.unwrap();
                format!("{:?}", answers[0].answer)
            }
            "released" => {
                let caller = caller(key);
                let calls = vec![ferry_api::Release { id: *id, caller }];
                let answers = engine.release(&gateway(), calls).await.unwrap();
                format!("{:?}", answers[0].answer)
            }
            _ => {
                let answered = engine.reserve(reserve_call(*id, key)).await.unwrap();
                let ended = matches!(
                    answered.answer,
                    ReserveAnswer::Ended(StateName::Settled | StateName::Released)
                );
                if ended {
                    continue;
                }
                let ReserveAnswer::Granted(granted) = answered.answer else {
                    panic!("{why}: {id} was reserved: {answered:?}");
                };
                offered(&granted)
            }
        };
        assert_eq!(again, known.answer, "{why}: {id} was {}", known.what);
    }
}

fn caller(key: &KeyText) -> ferry_api::Caller {
    ferry_api::Caller {
        filter_version: "0.1.0".into(),
        key_digest: key.digest(sha256),
        tenant: None,
    }
}

fn reserve_call(id: ReservationId, key: &KeyText) -> ReserveCall {
    ReserveCall {
        principal: gateway(),
        call: ferry_api::Reserve {
            id,
            caller: caller(key),
            facts: facts(),
        },
        offers: offers(),
        deadline: None,
    }
}

fn settle_call(id: ReservationId, key: &KeyText) -> SettleCall {
    SettleCall {
        call: ferry_api::Settle {
            id,
            caller: caller(key),
            settlement: whole_use(),
        },
        offers: None,
    }
}

/// The numbers of a grant that must not change: not what is left of its lease.
fn offered(granted: &Granted) -> String {
    format!("{:?} {}", granted.reserved, granted.output_tokens_max)
}
