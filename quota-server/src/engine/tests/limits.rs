//! Limits through the engine: what they have counted is found again after a restart, on another server, and in another window.

use super::cluster::execute;
use super::fixture::{
    Fixture, HOLD, ON, On, START_MS, done, gateway, on_both, tenant, used, whole_use,
};
use super::transfers::open_other;
use crate::engine::{Answered, Engine, EngineError};
use ferry_ledger::{
    Counter, Each, LimitScope, LimitTerms, Measure, Refusal, ReserveAnswer, SetLimit, SettleAnswer,
    Span, Subject,
};
use ferry_types::{Currency, LimitId, ReservationId};
use std::sync::Arc;

on_both! {
    what_was_counted_is_there_after_a_restart,
    of_what_counts_no_more_nothing_is_left,
    a_settle_that_nothing_was_held_for_counts,
    a_counter_that_cannot_be_read_freezes_its_book_and_nothing_else,
}

fn terms(measure: Measure, span: Span, bound: u64) -> LimitTerms {
    LimitTerms {
        measure,
        span,
        scope: LimitScope::default(),
        each: None,
        bound,
        subjects_max: 100,
    }
}

fn id(name: &str) -> LimitId {
    name.parse().unwrap()
}

async fn set(fixture: &Fixture, name: &str, terms: LimitTerms) {
    let id = id(name);
    done(
        fixture
            .engine
            .set_limit(tenant(), SetLimit { id, terms })
            .await,
    );
}

/// Limits that are never reached, of each kind.
pub(crate) fn never_reached() -> Vec<SetLimit> {
    let each_key = LimitTerms {
        each: Some(Each::Key),
        ..terms(Measure::Money, Span::Lifetime, u64::MAX)
    };
    let all = [
        ("each-key", each_key),
        ("month", terms(Measure::Tokens, Span::Month, 1 << 40)),
        ("open", terms(Measure::Requests, Span::AtOnce, 1_000)),
    ];
    let limits = all.into_iter();
    limits
        .map(|(name, terms)| SetLimit {
            id: id(name),
            terms,
        })
        .collect()
}

/// One of each kind that a life has, none of which is ever reached.
pub(crate) async fn some(fixture: &Fixture) {
    let zone = "Europe/Berlin".parse().unwrap();
    done(fixture.engine.set_zone(tenant(), zone).await);
    for limit in never_reached() {
        done(fixture.engine.set_limit(tenant(), limit).await);
    }
}

/// What a limit has counted, by subject.
async fn counted(fixture: &Fixture, name: &str) -> Vec<(Subject, Counter)> {
    let found = fixture.engine.counters(tenant(), id(name)).await.unwrap();
    found.expect("the limit is there").counters
}

async fn reserve_for(fixture: &Fixture, user: &str) -> (ReservationId, ReserveAnswer) {
    let id = fixture.draw();
    let mut call = fixture.reserve_call(id);
    call.call.facts.tags.end_user = user.into();
    (id, fixture.engine.reserve(call).await.unwrap().answer)
}

fn is_granted(answer: &ReserveAnswer) -> bool {
    matches!(answer, ReserveAnswer::Granted(_))
}

/// The name of the limit that left no room.
fn limited(answer: &ReserveAnswer) -> Option<&str> {
    let ReserveAnswer::Refused(Refusal::LimitReached(reached)) = answer else {
        return None;
    };
    Some(reached.limit.as_str())
}

async fn what_was_counted_is_there_after_a_restart() {
    let mut fixture = Fixture::with_holds(9).await;
    let bound = 2 * HOLD.unsigned_abs();
    set(&fixture, "daily", terms(Measure::Money, Span::Day, bound)).await;
    let (first, _) = fixture.granted().await;
    fixture.restart().await;
    fixture.settle(first, whole_use()).await;
    let (_, second) = reserve_for(&fixture, "").await;
    assert!(is_granted(&second), "{second:?}");
    fixture.restart().await;
    let (_, third) = reserve_for(&fixture, "").await;
    assert_eq!(limited(&third), Some("daily"), "{third:?}");
    let (held, used) = (u128::from(bound / 2), u128::from(bound / 2));
    let all = (Subject::Whole, Counter { held, used });
    assert_eq!(counted(&fixture, "daily").await, [all]);
    fixture.assert_clean().await;
}

async fn of_what_counts_no_more_nothing_is_left() {
    let fixture = Fixture::with_holds(9).await;
    let each_user = |span| LimitTerms {
        each: Some(Each::EndUser),
        ..terms(Measure::Requests, span, 5)
    };
    set(&fixture, "rate", each_user(Span::Minute)).await;
    set(&fixture, "open", each_user(Span::AtOnce)).await;
    let named = |name: &str| Subject::Named(name.into());
    let once = Counter { held: 1, used: 0 };
    let (ann, _) = reserve_for(&fixture, "ann").await;
    reserve_for(&fixture, "bob").await;
    let both = vec![(named("ann"), once), (named("bob"), once)];
    assert_eq!(counted(&fixture, "rate").await, both);
    assert_eq!(counted(&fixture, "open").await, both);
    // What has ended is in flight no more.
    fixture.release(ann).await;
    assert_eq!(counted(&fixture, "open").await, both[1..]);
    fixture.assert_clean().await;
    // Another minute has counters of its own.
    fixture.clock.pass(60_000);
    reserve_for(&fixture, "eve").await;
    assert_eq!(counted(&fixture, "rate").await, [(named("eve"), once)]);
    assert_eq!(counted(&fixture, "open").await.len(), 2);
    fixture.assert_clean().await;
    // A limit goes with all that it had counted, and one of the same name begins with nothing.
    done(fixture.engine.remove_limit(tenant(), id("open")).await);
    fixture.assert_clean().await;
    set(&fixture, "open", each_user(Span::AtOnce)).await;
    assert_eq!(counted(&fixture, "open").await, []);
    fixture.assert_clean().await;
}

async fn a_settle_that_nothing_was_held_for_counts() {
    let fixture = Fixture::with_holds(9).await;
    set(&fixture, "tokens", terms(Measure::Tokens, Span::Hour, 20)).await;
    fixture.settle(fixture.draw(), used(15, 4)).await;
    let all = (Subject::Whole, Counter { held: 0, used: 19 });
    assert_eq!(counted(&fixture, "tokens").await, [all]);
    let (_, next) = reserve_for(&fixture, "").await;
    assert_eq!(limited(&next), Some("tokens"), "{next:?}");
    fixture.assert_clean().await;
}

async fn a_counter_that_cannot_be_read_freezes_its_book_and_nothing_else() {
    let fixture = Fixture::with_holds(9).await;
    open_other(&fixture, "other", Currency::Usd).await;
    set(&fixture, "daily", terms(Measure::Requests, Span::Day, 5)).await;
    fixture.granted().await;
    match fixture.url() {
        Some(url) => execute(&url, "UPDATE counters SET counted = '\\x07'").unwrap(),
        None => {
            let connection = rusqlite::Connection::open(fixture.database()).unwrap();
            connection
                .execute_batch("UPDATE counters SET counted = x'07'")
                .unwrap();
        }
    }
    let (broken, sound) = tokio::join!(
        reserve_for(&fixture, ""),
        fixture
            .engine
            .issue_key("other".parse().unwrap(), "one".into(), None),
    );
    assert_eq!(broken.1, ReserveAnswer::Refused(Refusal::BookFrozen));
    done(Ok(sound.unwrap().0));
    assert_eq!(fixture.engine.metrics().batches_failed.get(), 0);
}

/// Clients at once, each with so many requests.
const CLIENTS: usize = 32;
const REQUESTS: usize = 4;
const LET_THROUGH: usize = 50;

/// A limit holds over all servers of a database, whatever comes twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_let_through_exactly_what_a_limit_says() {
    ON.scope(On::Postgres, async {
        let fixture = Arc::new(Fixture::with_holds(1_000).await);
        let engines = [fixture.engine.clone(), fixture.another()];
        let bound = LET_THROUGH as u64;
        set(
            &fixture,
            "all",
            terms(Measure::Requests, Span::Lifetime, bound),
        )
        .await;
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(play(Arc::clone(&fixture), engines.clone(), client));
        }
        let granted: usize = clients.join_all().await.into_iter().sum();
        assert_eq!(granted, LET_THROUGH);
        let used = LET_THROUGH as u128;
        let all = (Subject::Whole, Counter { held: 0, used });
        assert_eq!(counted(&fixture, "all").await, [all]);
        fixture.assert_clean().await;
    })
    .await;
}

/// Every call comes twice, to another server each time: as after a timeout.
async fn play(fixture: Arc<Fixture>, engines: [Engine; 2], client: usize) -> usize {
    let mut granted = 0;
    for request in 0..REQUESTS {
        let [here, there] = &engines;
        let (first, second) = if (client + request).is_multiple_of(2) {
            (here, there)
        } else {
            (there, here)
        };
        let id = fixture.draw();
        let (once, again) = tokio::join!(
            first.reserve(fixture.reserve_call(id)),
            second.reserve(fixture.reserve_call(id)),
        );
        let (once, again) = (once.unwrap().answer, again.unwrap().answer);
        assert_eq!(is_granted(&once), is_granted(&again), "{once:?}, {again:?}");
        if !is_granted(&once) {
            assert_eq!(limited(&once), Some("all"), "{once:?}");
            continue;
        }
        granted += 1;
        let settle = vec![fixture.settle_call(id, whole_use())];
        let settled: Result<Vec<Answered<SettleAnswer>>, EngineError> =
            second.settle(&gateway(), settle).await;
        let settled = settled.unwrap().pop().unwrap().answer;
        assert!(
            matches!(settled, SettleAnswer::Settled { .. }),
            "{settled:?}"
        );
    }
    granted
}

/// The clock of these tests begins in the middle of a minute, an hour and a day, so that no window ends by itself.
#[test]
fn the_tests_begin_in_no_ones_last_moment() {
    let window = Span::Minute.window(
        &ferry_ledger::Zone::UTC,
        ferry_ledger::UnixMs(START_MS),
        None,
    );
    let left = window.end.unwrap().since_ms(ferry_ledger::UnixMs(START_MS));
    assert_eq!(left, 60_000);
}
