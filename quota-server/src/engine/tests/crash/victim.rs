//! The process that is killed: gateways' calls on three tenants, each acknowledgement a line on its standard output.

use super::mortal::{End, Mortal, Step};
use super::{DATABASE, KEYS, MARK, STEP, offered, reserve_call, settle_call};
use crate::engine::secrets::Secrets;
use crate::engine::tests::fixture::{facts, gateway};
use crate::engine::{Engine, EngineConfig, SystemTimeSource, TimeSource as _};
use crate::key_directory::sha256;
use crate::store::sqlite::SqliteStore;
use ferry_ledger::{RenewAnswer, ReserveAnswer};
use ferry_types::{KeyText, ReservationId, Usage};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

const TASKS: u8 = 6;

/// Not a test of its own: without a database it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let (Some(database), Ok(keys)) = (std::env::var_os(DATABASE), std::env::var(KEYS)) else {
        return;
    };
    let keys: Vec<_> = keys
        .split(',')
        .map(|key| KeyText::parse(key, sha256).unwrap())
        .collect();
    let engine = start(database.into());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(work(engine.clone(), keys.clone(), task)))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// An engine that stands still at the step that it was told, or goes on for ever.
fn start(database: PathBuf) -> Engine {
    let Ok(step) = std::env::var(STEP) else {
        return Engine::start(EngineConfig::new(database)).unwrap();
    };
    let (step, left) = step.split_once(' ').unwrap();
    let mut store = SqliteStore::open(&database).unwrap();
    let secrets = Secrets::open(&database, &mut store).unwrap();
    let end = End::new(Step::named(step).unwrap(), left.parse().unwrap());
    let end = Arc::new(end);
    let store = Mortal { store, end };
    Engine::start_on(Box::new(store), secrets, EngineConfig::new(database)).unwrap()
}

/// Reserves with each key, renews, then settles or releases all of them in one call, until the process is killed.
async fn work(engine: Engine, keys: Vec<KeyText>, task: u8) {
    for turn in 0..u64::MAX {
        let mut ids = Vec::new();
        for key in 0..keys.len() {
            ids.push(draw(task, u8::try_from(key).unwrap(), turn));
        }
        for (number, (id, key)) in ids.iter().zip(&keys).enumerate() {
            let answered = engine.reserve(reserve_call(*id, key)).await.unwrap();
            let ReserveAnswer::Granted(granted) = answered.answer else {
                panic!("not granted: {answered:?}");
            };
            acknowledge(*id, number, "reserved", &offered(&granted));
        }
        renew(&engine, &ids, &keys).await;
        if turn % 2 == 0 {
            let calls = ids.iter().zip(&keys).map(|(id, key)| settle_call(*id, key));
            let answers = engine.settle(&gateway(), calls.collect()).await.unwrap();
            for (number, (id, answered)) in ids.iter().zip(&answers).enumerate() {
                acknowledge(*id, number, "settled", &format!("{:?}", answered.answer));
            }
        } else {
            let calls = ids.iter().zip(&keys).map(|(id, key)| ferry_api::Release {
                id: *id,
                caller: super::caller(key),
            });
            let answers = engine.release(&gateway(), calls.collect()).await.unwrap();
            for (number, (id, answered)) in ids.iter().zip(&answers).enumerate() {
                acknowledge(*id, number, "released", &format!("{:?}", answered.answer));
            }
        }
    }
}

async fn renew(engine: &Engine, ids: &[ReservationId], keys: &[KeyText]) {
    let usage = Usage {
        input_tokens: facts().input_tokens_max,
        output_tokens: 1,
        ..Usage::default()
    };
    let calls = ids.iter().zip(keys).map(|(id, key)| ferry_api::Renew {
        id: *id,
        caller: super::caller(key),
        usage,
        output_tokens_target: 0,
    });
    let answers = engine.renew(&gateway(), calls.collect()).await.unwrap();
    let renewed = |answer: &RenewAnswer| matches!(answer, RenewAnswer::Renewed { .. });
    assert!(answers.iter().all(|answered| renewed(&answered.answer)));
}

fn draw(task: u8, key: u8, turn: u64) -> ReservationId {
    let [.., a, b, c, d] = turn.to_be_bytes();
    let [p, q, r, s] = std::process::id().to_be_bytes();
    let random = [task, p, q, r, s, key, a, b, c, d];
    ReservationId::new(SystemTimeSource::new().unix_ms(), random)
}

/// One write a line, so that lines of several tasks do not mix.
fn acknowledge(id: ReservationId, key: usize, what: &str, answer: &str) {
    let line = format!("{MARK} {id} {key} {what} {answer}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}
