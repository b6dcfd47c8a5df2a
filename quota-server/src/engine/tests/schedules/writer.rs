//! The whole way of a call: asked, in a batch, committed, flushed, answered. Whatever becomes of the commit and of the flush, everybody is answered, and what
//! was acknowledged is durable.

use super::memory::{Books, Disk, Fate, Memory, NO_PEPPERS};
use super::{every_schedule, spawn};
use crate::engine::secrets::Secrets;
use crate::engine::tests::fixture::{HandClock, amount, tenant};
use crate::engine::{Answered, Engine, EngineConfig, EngineError, Stop};
use crate::heads::{Epochs, Signer, SigningKey};
use crate::key_directory::Peppers;
use ferry_ledger::{AdminAnswer, Book, OpenTenant, TopUp, UnixMs, open};
use ferry_types::Currency;
use loom::future::block_on;
use std::sync::Arc;

/// Switches where nothing demands one: with more of them it takes minutes.
const PREEMPTIONS: usize = 1;
/// How often each asker tops up.
const TOP_UPS: [usize; 2] = [2, 1];

type Told = Result<Answered<AdminAnswer>, EngineError>;

/// A tenant's book, as it begins.
fn books() -> Books {
    let order = OpenTenant {
        name: "Acme".into(),
        currency: Currency::Usd,
    };
    let event = &open(&tenant(), None, &order).events[0];
    let (book, _) = Book::open(tenant(), event, UnixMs(0)).unwrap();
    Books::from([(tenant(), book)])
}

fn top_up(asker: usize, number: usize) -> TopUp {
    TopUp {
        amount: amount(100),
        source: format!("asker {asker}"),
        external_reference: number.to_string(),
        note: String::new(),
    }
}

/// What is made once, since it is slow.
struct Made {
    config: EngineConfig,
    peppers: Peppers,
    signer: Arc<Signer>,
    _folder: tempfile::TempDir,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("ferry.db");
        let mut config = EngineConfig::new(place.clone());
        config.time = Arc::new(HandClock::default());
        let key = SigningKey::open(&place, None).unwrap();
        Self {
            config,
            peppers: Peppers::open(&place, &NO_PEPPERS).unwrap(),
            signer: Arc::new(Signer::new(key, Epochs::default().present())),
            _folder: folder,
        }
    }

    fn secrets(&self) -> Secrets {
        Secrets {
            peppers: self.peppers.clone(),
            signer: Arc::clone(&self.signer),
        }
    }
}

/// What is checked of what was told, of the tenant's book as a crash would leave it, and of how the engine ended.
type Check = fn(&[(TopUp, Told)], &Book, Stop);

/// Two askers top up, and the engine is closed behind them.
fn explore(fates: &'static [Fate], check: Check) {
    explore_on(false, fates, &[], check);
}

/// The same on a store that is flushed apart.
fn explore_apart(flushes: &'static [bool], check: Check) {
    explore_on(true, &[], flushes, check);
}

fn explore_on(
    is_flushed_apart: bool,
    fates: &'static [Fate],
    flushes: &'static [bool],
    check: Check,
) {
    let made = Made::new();
    every_schedule(PREEMPTIONS, move || {
        let disk = Disk::new(&books(), flushes.iter().rev().copied().collect());
        let disk = Arc::new(disk);
        let store = Memory {
            disk: Arc::clone(&disk),
            is_flushed_apart,
            fates: fates.iter().rev().copied().collect(),
            staged: None,
        };
        let config = made.config.clone();
        let (engine, writer, stopped) =
            Engine::made(Box::new(store), made.secrets(), config).unwrap();
        let writes = spawn(move || writer.run(&stopped));
        let asks: Vec<_> = (0..TOP_UPS.len())
            .map(|asker| {
                let engine = engine.clone();
                let disk = Arc::clone(&disk);
                spawn(move || ask(&engine, &disk, asker))
            })
            .collect();
        let told: Vec<_> = asks
            .into_iter()
            .flat_map(|asks| asks.join().unwrap())
            .collect();
        engine.close();
        writes.join().unwrap();
        let stop = block_on(engine.stopped());
        check(&told, &disk.durable()[&tenant()], stop);
    });
}

fn ask(engine: &Engine, disk: &Disk, asker: usize) -> Vec<(TopUp, Told)> {
    let asked = (0..TOP_UPS[asker]).map(|number| {
        let order = top_up(asker, number);
        let told = block_on(engine.top_up(tenant(), order.clone()));
        // Not only in the end: a crash in this moment must leave it.
        let found = disk.durable()[&tenant()]
            .top_ups
            .contains_key(&order.reference());
        assert!(told.is_err() || found, "{order:?}");
        (order, told)
    });
    asked.collect()
}

/// Who is told that it was done finds it, and whoever is told nothing finds what the error says.
fn acknowledged_is_durable(told: &[(TopUp, Told)], book: &Book) {
    for (order, told) in told {
        let found = book.top_ups.get(&order.reference());
        match told {
            Ok(answered) => {
                let AdminAnswer::Done { seq, .. } = answered.answer else {
                    panic!("{answered:?}");
                };
                assert_eq!(found.map(|found| found.seq), Some(seq), "{order:?}");
                assert!(answered.book.as_ref().unwrap().head.seq >= seq);
            }
            Err(EngineError::Unavailable | EngineError::Stopped) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let sum = 100 * book.top_ups.len() as i64;
    assert_eq!(book.posted.units(), sum);
    assert_eq!(book.head.seq, 1 + book.top_ups.len() as u64);
}

#[test]
fn every_call_is_answered_once_it_is_durable() {
    explore(&[], |told, book, stop| {
        acknowledged_is_durable(told, book);
        assert!(told.iter().all(|(_, told)| told.is_ok()), "{told:?}");
        assert_eq!(stop, Stop::Closed);
    });
}

#[test]
fn a_refused_commit_is_told_to_all_of_its_batch_and_to_nobody_else() {
    explore(&[Fate::Durable, Fate::Refused], |told, book, stop| {
        acknowledged_is_durable(told, book);
        let refused = told.iter().filter(|(_, told)| told.is_err());
        for (order, told) in refused.clone() {
            assert_eq!(*told, Err(EngineError::Unavailable));
            assert!(!book.top_ups.contains_key(&order.reference()));
        }
        assert!((1..=TOP_UPS.len()).contains(&refused.count()), "{told:?}");
        assert_eq!(stop, Stop::Closed);
    });
}

#[test]
fn a_commit_whose_answer_is_lost_is_run_again_and_counts_once() {
    explore(&[Fate::AnswerLost], |told, book, stop| {
        acknowledged_is_durable(told, book);
        assert!(told.iter().all(|(_, told)| told.is_ok()), "{told:?}");
        assert_eq!(stop, Stop::Closed);
    });
}

#[test]
fn after_a_commit_that_nobody_can_judge_the_engine_stops_and_everybody_learns_of_it() {
    explore(&[Fate::Durable, Fate::Uncertain], |told, book, stop| {
        acknowledged_is_durable(told, book);
        assert!(told.iter().any(|(_, told)| told.is_err()), "{told:?}");
        assert!(matches!(stop, Stop::Failed(_)), "{stop:?}");
    });
}

#[test]
fn a_call_is_answered_once_it_is_flushed_by_whomever() {
    explore_apart(&[], |told, book, stop| {
        acknowledged_is_durable(told, book);
        assert!(told.iter().all(|(_, told)| told.is_ok()), "{told:?}");
        assert_eq!(stop, Stop::Closed);
    });
}

#[test]
fn after_a_flush_that_failed_nobody_is_told_and_the_engine_stops() {
    explore_apart(&[true, false], |told, book, stop| {
        acknowledged_is_durable(told, book);
        assert!(told.iter().any(|(_, told)| told.is_err()), "{told:?}");
        assert!(matches!(stop, Stop::Failed(_)), "{stop:?}");
    });
}
