//! The house's book through the engine: stored, found again after a restart, and the same on both stores.

use super::cluster::Cluster;
use super::fixture::{Fixture, HOLD, START_MS, amount, on_both, tenant, whole_use};
use crate::engine::seal::GRACE_MS;
use crate::engine::{CreateTenant, Engine, EngineError, HouseAnswered};
use crate::store::view::AccountView;
use ferry_ledger::house::{Cause, Deviation, Money, NotReversible, PostMovement};
use ferry_ledger::{AdminAnswer, HouseAnswer, Month, Move, Place, Reason, TopUp, UnixMs};
use ferry_types::{Currency, TenantId};

on_both! {
    what_is_posted_is_there_after_a_restart_and_counts_once,
    what_is_owed_is_what_accrued_less_what_was_paid,
    no_tenant_is_the_house,
    a_month_is_sealed_for_the_house_too,
    a_mistake_in_a_sealed_month_is_taken_back_in_the_open_one,
    a_frozen_house_takes_nothing,
}

fn usd(units: i64) -> Money {
    Money {
        amount: amount(units),
        currency: Currency::Usd,
    }
}

fn order(id: &str, what: Move) -> PostMovement {
    PostMovement {
        id: id.parse().unwrap(),
        what,
        occurred_at: Some(UnixMs(START_MS - 1_000)),
        approver: "anna".into(),
        note: "invoice 7".into(),
    }
}

fn pay(units: i64) -> Move {
    Move::Pay {
        provider: "openai".into(),
        money: usd(units),
    }
}

fn prepay(units: i64) -> Move {
    Move::Prepay {
        provider: "openai".into(),
        money: usd(units),
    }
}

fn set_off(units: i64) -> Move {
    Move::SetOff {
        provider: "openai".into(),
        money: usd(units),
    }
}

async fn ask(engine: &Engine, id: &str, what: Move) -> HouseAnswered {
    engine.post_movement(order(id, what)).await.unwrap()
}

/// A provider is paid a little, by this call or by an earlier run of it.
pub(crate) async fn paid(fixture: &Fixture, id: &str) {
    let answer = ask(&fixture.engine, id, pay(1)).await.answer;
    assert!(matches!(answer, HouseAnswer::Done { .. }), "{answer:?}");
}

async fn post(fixture: &Fixture, id: &str, what: Move) {
    let answer = ask(&fixture.engine, id, what).await.answer;
    let posted = matches!(answer, HouseAnswer::Done { changed: true, .. });
    assert!(posted, "{id}: {answer:?}");
}

/// Something of everything that leaves a row.
pub(crate) async fn some(fixture: &Fixture) {
    post(fixture, "h-1", prepay(9)).await;
    post(fixture, "h-2", set_off(2)).await;
    let variance = Move::Variance {
        provider: "openai".into(),
        money: usd(4),
        deviation: Deviation::Beyond,
    };
    post(fixture, "h-3", variance).await;
    let resolve = Move::Resolve {
        variance: "h-3".parse().unwrap(),
        money: usd(3),
        cause: Cause::Rounding,
    };
    post(fixture, "h-4", resolve).await;
    let exchange = Move::Exchange {
        sold: usd(10),
        bought: Money {
            amount: amount(260),
            currency: Currency::Vnd,
        },
    };
    post(fixture, "h-5", exchange).await;
}

async fn account(fixture: &Fixture, name: &str) -> AccountView {
    let accounts = fixture.engine.accounts(None).await.unwrap();
    let found = accounts.into_iter().find(|found| found.account == name);
    found.unwrap_or_else(|| panic!("no line of {name}"))
}

async fn what_is_posted_is_there_after_a_restart_and_counts_once() {
    let mut fixture = Fixture::with_holds(1).await;
    assert_eq!(fixture.engine.movements().await, Ok(Vec::new()));
    some(&fixture).await;
    fixture.restart().await;
    // The same again is told the entry that it made, not the last.
    fixture.clock.pass(7);
    let again = ask(&fixture.engine, "h-2", set_off(2)).await.place;
    let time = UnixMs(START_MS);
    assert_eq!(again, Place { seq: 2, time });
    let again = ask(&fixture.engine, "h-2", set_off(2)).await;
    let unchanged = HouseAnswer::Done {
        seq: 2,
        changed: false,
    };
    assert_eq!(again.answer, unchanged);
    let heads = fixture.engine.heads().await.unwrap();
    assert_eq!(again.head, heads[&TenantId::house()]);
    let other = ask(&fixture.engine, "h-2", set_off(3)).await.answer;
    assert_eq!(other, HouseAnswer::Conflict { field: "amount" });
    let beyond = ask(&fixture.engine, "h-6", set_off(8)).await.answer;
    assert_eq!(beyond, HouseAnswer::Exceeds { most: usd(7) });
    let resolve = Move::Resolve {
        variance: "h-3".parse().unwrap(),
        money: usd(2),
        cause: Cause::ProviderCost,
    };
    let beyond = ask(&fixture.engine, "h-6", resolve).await.answer;
    assert_eq!(beyond, HouseAnswer::Exceeds { most: usd(1) });
    post(&fixture, "h-6", set_off(7)).await;
    let listed = fixture.engine.movements().await.unwrap();
    let ids: Vec<_> = listed.iter().map(|found| found.id.as_str()).collect();
    assert_eq!(ids, ["h-6", "h-5", "h-4", "h-3", "h-2", "h-1"]);
    let variance = fixture.engine.movement("h-3".parse().unwrap()).await;
    let variance = variance.unwrap().unwrap().posted;
    assert_eq!((variance.seq, variance.resolved), (3, amount(3)));
    assert_eq!(variance.movement.approver, "anna");
    let prepaid = account(&fixture, "asset.provider_prepaid:openai").await;
    assert_eq!(prepaid.balance.units(), 0);
    fixture.assert_clean().await;
}

async fn what_is_owed_is_what_accrued_less_what_was_paid() {
    let fixture = Fixture::with_holds(2).await;
    for _ in 0..2 {
        let (id, _) = fixture.granted().await;
        fixture.settle(id, whole_use()).await;
    }
    // The provider takes half of what the customer pays.
    let payable = "liability.provider_payable:openai";
    let owed = account(&fixture, payable).await;
    assert_eq!((owed.balance.units(), owed.of_house.units()), (-HOLD, 0));
    post(&fixture, "h-1", pay(HOLD - 5)).await;
    let owed = account(&fixture, payable).await;
    let (left, paid) = (owed.balance.units(), owed.of_house.units());
    assert_eq!((left, paid), (-5, HOLD - 5));
    let of_house = fixture.engine.accounts(Some(TenantId::house())).await;
    let of_house = of_house.unwrap();
    let found = of_house.iter().find(|found| found.account == payable);
    assert_eq!(found.map(|found| found.balance.units()), Some(HOLD - 5));
    let all = fixture.engine.accounts(None).await.unwrap();
    let sum: i64 = all.iter().map(|found| found.balance.units()).sum();
    assert_eq!(sum, 0);
    fixture.assert_clean().await;
}

async fn no_tenant_is_the_house() {
    let fixture = Fixture::with_holds(1).await;
    let call = CreateTenant {
        tenant: TenantId::house(),
        name: "House".into(),
        currency: Currency::Usd,
    };
    let refused = || async { fixture.engine.create_tenant(call.clone()).await.unwrap() };
    assert_eq!(refused().await.answer, AdminAnswer::Reserved);
    some(&fixture).await;
    assert_eq!(refused().await.answer, AdminAnswer::Reserved);
    let top_up = TopUp {
        amount: amount(1),
        source: "bank".into(),
        external_reference: "1".into(),
        note: String::new(),
    };
    let unknown = EngineError::UnknownTenant(TenantId::house());
    let topped_up = fixture.engine.top_up(TenantId::house(), top_up).await;
    assert_eq!(topped_up, Err(unknown.clone()));
    let found = fixture.engine.tenant(TenantId::house()).await;
    assert_eq!(found, Err(unknown));
    let tenants = fixture.engine.tenants().await.unwrap();
    let ids: Vec<_> = tenants.into_iter().map(|found| found.tenant).collect();
    assert_eq!(ids, [tenant()]);
    fixture.assert_clean().await;
}

/// The month that every test begins in.
fn month() -> Month {
    "2027-01".parse().unwrap()
}

async fn a_month_is_sealed_for_the_house_too() {
    let fixture = Fixture::with_holds(1).await;
    some(&fixture).await;
    fixture
        .clock
        .pass(month().end().since_ms(UnixMs(START_MS)) + GRACE_MS);
    post(&fixture, "h-6", pay(1)).await;
    let sealed = fixture.engine.seal_month(month()).await.unwrap();
    assert_eq!(sealed.books, 2);
    let heads = fixture.engine.heads().await.unwrap();
    assert_eq!(heads[&TenantId::house()].seq, 7, "the seal is an entry");
    assert_eq!(fixture.engine.seal_month(month()).await, Ok(sealed));
    fixture.assert_clean().await;
}

async fn a_mistake_in_a_sealed_month_is_taken_back_in_the_open_one() {
    let mut fixture = Fixture::with_holds(1).await;
    some(&fixture).await;
    let over_ms = month().end().since_ms(UnixMs(START_MS));
    fixture.clock.pass(over_ms + GRACE_MS);
    let seal = fixture.engine.seal_month(month()).await.unwrap();
    let id = |id: &str| id.parse().unwrap();
    let resolve = Move::Resolve {
        variance: id("h-3"),
        money: usd(3),
        cause: Cause::Rounding,
    };
    let reverse = |movement: &str, undone: Move| Move::Reverse {
        movement: id(movement),
        undone: Box::new(undone),
        reason: Reason::Mistake,
    };
    post(&fixture, "h-6", reverse("h-4", resolve.clone())).await;
    fixture.restart().await;
    let again = ask(&fixture.engine, "h-6", reverse("h-4", resolve.clone())).await;
    let unchanged = HouseAnswer::Done {
        seq: 7,
        changed: false,
    };
    assert_eq!(again.answer, unchanged);
    assert!(again.place.time >= month().end(), "{again:?}");
    let twice = ask(&fixture.engine, "h-7", reverse("h-4", resolve)).await;
    let already = NotReversible::Already { by: id("h-6") };
    assert_eq!(twice.answer, HouseAnswer::NotReversible(already));
    let none = ask(&fixture.engine, "h-7", reverse("h-9", pay(1))).await;
    let unknown = HouseAnswer::NotReversible(NotReversible::Unknown);
    assert_eq!(none.answer, unknown);
    // Both the movement and the variance that it resolved are as if it had not been.
    let found = async |of: &str| {
        fixture
            .engine
            .movement(id(of))
            .await
            .unwrap()
            .unwrap()
            .posted
    };
    assert_eq!(found("h-4").await.reversed_by, Some(id("h-6")));
    assert_eq!(found("h-3").await.resolved, amount(0));
    let suspense = account(&fixture, "suspense.variance").await;
    assert_eq!(suspense.balance.units(), 4);
    // An advance is not taken back below what was set off against it.
    let beyond = ask(&fixture.engine, "h-7", reverse("h-1", prepay(9))).await;
    assert_eq!(beyond.answer, HouseAnswer::Exceeds { most: usd(7) });
    post(&fixture, "h-7", reverse("h-2", set_off(2))).await;
    post(&fixture, "h-8", reverse("h-1", prepay(9))).await;
    let prepaid = account(&fixture, "asset.provider_prepaid:openai").await;
    assert_eq!(prepaid.balance.units(), 0);
    assert_eq!(fixture.engine.seal_month(month()).await, Ok(seal));
    fixture.assert_clean().await;
}

async fn a_frozen_house_takes_nothing() {
    let mut fixture = Fixture::with_holds(1).await;
    some(&fixture).await;
    fixture
        .clock
        .pass(month().end().since_ms(UnixMs(START_MS)) + GRACE_MS);
    fixture.close().await;
    let place = fixture.place();
    let freeze = move || {
        let mut store = place.open().unwrap();
        store.begin().unwrap();
        store.freeze_house("a test").unwrap();
        store.commit().unwrap();
    };
    tokio::task::spawn_blocking(freeze).await.unwrap();
    fixture.restart().await;
    let frozen = ask(&fixture.engine, "h-6", pay(1)).await;
    assert_eq!((frozen.answer, frozen.head.seq), (HouseAnswer::Frozen, 5));
    let known = ask(&fixture.engine, "h-1", prepay(9)).await.answer;
    let unchanged = matches!(known, HouseAnswer::Done { changed: false, .. });
    assert!(unchanged, "{known:?}");
    let unsealed = fixture.engine.seal_month(month()).await;
    let books = vec![TenantId::house()];
    let month = month();
    assert_eq!(unsealed, Err(EngineError::FrozenBooks { month, books }));
    // The others go on, and are sealed if the house is left out.
    fixture.granted().await;
    let without = [TenantId::house()].into();
    let sealed = fixture.engine.seal_month_without(month, without);
    assert_eq!(sealed.await.unwrap().books, 1);
    fixture.assert_clean().await;
}

/// Two servers that post at once, from the very first entry on, append to one chain, and never set off more than there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_the_houses_book() {
    const ROUNDS: i64 = 20;
    let cluster = Cluster::shared();
    let fixture = Fixture::on(cluster.database(), 1).await;
    let other = fixture.another();
    let set_off_by = async |engine: &Engine, name: &str| {
        let mut units = 0;
        for n in 0..ROUNDS {
            let prepaid = ask(engine, &format!("both-{n}"), prepay(1)).await.answer;
            assert!(matches!(prepaid, HouseAnswer::Done { .. }), "{prepaid:?}");
            let answer = ask(engine, &format!("{name}-{n}"), set_off(2)).await;
            if matches!(answer.answer, HouseAnswer::Done { .. }) {
                units += 2;
            } else {
                let beyond = matches!(answer.answer, HouseAnswer::Exceeds { .. });
                assert!(beyond, "{answer:?}");
            }
        }
        units
    };
    let (one, two) = tokio::join!(
        set_off_by(&fixture.engine, "one"),
        set_off_by(&other, "two")
    );
    let prepaid = account(&fixture, "asset.provider_prepaid:openai").await;
    assert_eq!(prepaid.balance.units(), ROUNDS - one - two);
    assert!(one + two <= ROUNDS && one + two >= ROUNDS - 1);
    other.close();
    other.stopped().await;
    fixture.assert_clean().await;
}
