//! Corrections through the engine: stored, found again after a restart, and the same on both stores.

use super::fixture::{
    Fixture, HOLD, START_MS, amount, done, offer, on_both, tenant, used, whole_use,
};
use crate::engine::lease::RECOVERY_WINDOW_MS;
use ferry_ledger::{
    AdminAnswer, Correct, Correction, GrantKind, GrantScope, IssueGrant, Reason, Remedy,
    ReserveAnswer, SettleAnswer, Share, TopUpRef,
};
use ferry_types::{GrantId, ReservationId};

on_both! {
    a_refund_is_stored_and_counts_once,
    a_bank_takes_a_top_up_back_and_the_debt_is_written_off,
    a_bank_takes_a_grant_back_while_it_is_held,
    what_waits_for_a_person_is_judged_after_a_restart,
}

fn order(remedy: Remedy, units: i64) -> Correct {
    Correct {
        id: format!("c-{}", remedy.name().replace('_', "-"))
            .parse()
            .unwrap(),
        correction: Correction {
            remedy,
            amount: amount(units),
            reason: Reason::Other,
            approver: "anna".into(),
            note: "as agreed".into(),
        },
        offer: Some(offer()),
    }
}

pub(crate) async fn correct(fixture: &Fixture, remedy: Remedy, units: i64) {
    done(fixture.engine.correct(tenant(), order(remedy, units)).await);
}

/// A reseller gets a share, in basis points.
pub(crate) async fn share(fixture: &Fixture, points: u16) {
    let share = Share::from_basis_points(points).unwrap();
    let partner = ("partner".parse().unwrap(), share);
    done(fixture.engine.set_reseller(tenant(), Some(partner)).await);
}

async fn answer(fixture: &Fixture, remedy: Remedy, units: i64) -> AdminAnswer {
    let answered = fixture.engine.correct(tenant(), order(remedy, units)).await;
    answered.unwrap().answer
}

async fn account(fixture: &Fixture, name: &str) -> i64 {
    let accounts = fixture.engine.accounts(Some(tenant())).await.unwrap();
    let found = accounts.iter().find(|found| found.account == name);
    found.map_or(0, |found| found.balance.units())
}

async fn a_refund_is_stored_and_counts_once() {
    let mut fixture = Fixture::with_holds(2).await;
    fixture.grant("spring", HOLD / 2, START_MS + 10_000).await;
    let (id, _) = fixture.granted().await;
    fixture.settle(id, whole_use()).await;
    fixture.clock.pass(10_000);
    correct(&fixture, Remedy::Refund(id), HOLD - 7).await;
    fixture.restart().await;
    let unchanged = answer(&fixture, Remedy::Refund(id), HOLD - 7).await;
    assert!(
        matches!(unchanged, AdminAnswer::Done { changed: false, .. }),
        "{unchanged:?}"
    );
    let other = answer(&fixture, Remedy::Refund(id), HOLD).await;
    assert_eq!(other, AdminAnswer::Conflict { field: "amount" });
    let left = HOLD / 2 - 7;
    assert_eq!(fixture.balance().await, (2 * HOLD, 0, 2 * HOLD + left));
    let grants = fixture.engine.grants(tenant()).await.unwrap();
    let remaining = grants
        .iter()
        .map(|found| (found.id.as_str(), found.grant.remaining.units()));
    assert_eq!(
        remaining.collect::<Vec<_>>(),
        [("c-refund-1", left), ("spring", 0)]
    );
    assert_eq!(account(&fixture, "revenue.usage").await, -7);
    let listed = fixture.engine.corrections(tenant()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].posted.correction.approver, "anna");
    // A person has judged: what the gateway finds out later changes nothing.
    let later = fixture.settle(id, used(10, 1)).await;
    assert!(matches!(later, SettleAnswer::Conflict { .. }), "{later:?}");
    fixture.assert_clean().await;
}

async fn a_bank_takes_a_top_up_back_and_the_debt_is_written_off() {
    let mut fixture = Fixture::with_holds(0).await;
    fixture.top_up(2 * HOLD, "paid").await;
    share(&fixture, 3_333).await;
    let paid = || TopUpRef {
        source: "bank".into(),
        external_reference: "paid".into(),
    };
    let (id, _) = fixture.granted().await;
    fixture.settle(id, whole_use()).await;
    correct(&fixture, Remedy::TopUpRefund(paid()), HOLD / 2).await;
    let (whole, owed) = (HOLD * 3_333, "liability.reseller_payable:partner");
    assert_eq!(account(&fixture, owed).await, -(whole / 10_000));
    fixture.restart().await;
    let most = amount(2 * HOLD - HOLD / 2);
    let beyond = answer(&fixture, Remedy::Chargeback(paid()), 2 * HOLD).await;
    assert_eq!(beyond, AdminAnswer::Exceeds { most });
    correct(&fixture, Remedy::Chargeback(paid()), most.units()).await;
    assert_eq!(fixture.balance().await, (-HOLD, 0, -HOLD));
    correct(&fixture, Remedy::WriteOff { entry: 1 }, HOLD).await;
    assert_eq!(fixture.balance().await, (0, 0, 0));
    assert_eq!(account(&fixture, "expense.write_off").await, HOLD);
    assert_eq!(account(&fixture, "asset.clearing").await, 0);
    assert_eq!(
        account(&fixture, owed).await,
        0,
        "nothing was paid for after all"
    );
    fixture.assert_clean().await;
}

/// Credit that was paid for, for whatever it may pay for.
async fn paid_grant(fixture: &Fixture, id: &str, units: i64) -> GrantId {
    let id: GrantId = id.parse().unwrap();
    let order = IssueGrant {
        id: id.clone(),
        kind: GrantKind::Paid,
        priority: 1,
        scope: GrantScope::default(),
        starts_at: None,
        expires_at: None,
        amount: amount(units),
        note: String::new(),
    };
    done(fixture.engine.issue_grant(tenant(), order).await);
    id
}

/// A part of a grant that nothing was spent of goes back.
pub(crate) async fn some(fixture: &Fixture) {
    let id = paid_grant(fixture, "card", 9).await;
    correct(fixture, Remedy::GrantRefund(id), 9).await;
}

async fn a_bank_takes_a_grant_back_while_it_is_held() {
    let mut fixture = Fixture::with_holds(0).await;
    let id = paid_grant(&fixture, "card", 3 * HOLD).await;
    let taken = || Remedy::GrantChargeback(id.clone());
    let ids = [fixture.granted().await.0, fixture.granted().await.0];
    correct(&fixture, taken(), 3 * HOLD).await;
    assert_eq!(fixture.balance().await, (-2 * HOLD, 0, -2 * HOLD));
    fixture.restart().await;
    let again = answer(&fixture, taken(), 3 * HOLD).await;
    assert!(
        matches!(again, AdminAnswer::Done { changed: false, .. }),
        "{again:?}"
    );
    let refused = fixture.reserve(fixture.draw()).await;
    assert!(matches!(refused, ReserveAnswer::Refused(_)), "{refused:?}");
    // What was promised stands; what of it is not needed makes the debt smaller.
    fixture.settle(ids[0], used(10, 1)).await;
    let charged = 12_000;
    let owed = HOLD + charged;
    assert_eq!(fixture.balance().await, (-owed, 0, -owed));
    fixture.restart().await;
    fixture.release(ids[1]).await;
    assert_eq!(fixture.balance().await, (-charged, 0, -charged));
    assert_eq!(account(&fixture, "asset.clearing").await, 0);
    assert_eq!(account(&fixture, "asset.receivable").await, charged);
    assert_eq!(account(&fixture, "liability.grant:card").await, 0);
    let grants = fixture.engine.grants(tenant()).await.unwrap();
    assert_eq!(grants[0].grant.taken_back.units(), 3 * HOLD);
    fixture.assert_clean().await;
}

async fn what_waits_for_a_person_is_judged_after_a_restart() {
    let mut fixture = Fixture::with_holds(3).await;
    let old = |byte| ReservationId::new(START_MS - 2 * RECOVERY_WINDOW_MS, [byte; 10]);
    for byte in [1, 2] {
        let parked = fixture.settle(old(byte), whole_use()).await;
        assert_eq!(parked, SettleAnswer::Parked);
    }
    let (absurd, _) = fixture.granted().await;
    fixture.settle(absurd, used(9_000_000, 0)).await;
    let record = fixture.records().await.pop().unwrap();
    let (charged, suspended) = (record.charged.units(), record.suspended.units());
    assert!(suspended > 2, "{record:?}");
    fixture.restart().await;
    correct(&fixture, Remedy::ParkedAccepted(old(1)), 0).await;
    correct(&fixture, Remedy::ParkedDiscarded(old(2)), 0).await;
    correct(&fixture, Remedy::SuspenseCharge(absurd), 2).await;
    correct(&fixture, Remedy::SuspenseWaiver(absurd), suspended - 2).await;
    let posted = 3 * HOLD - charged - 2 - HOLD;
    assert_eq!(fixture.balance().await, (posted, 0, posted));
    assert_eq!(account(&fixture, "suspense.unpriced").await, 0);
    assert_eq!(account(&fixture, "expense.write_off").await, suspended - 2);
    // The gateway's repeated calls are answered by what was judged.
    let again = fixture.settle(old(1), whole_use()).await;
    assert!(matches!(again, SettleAnswer::Settled { charged, .. } if charged.units() == HOLD));
    let again = fixture.settle(old(2), whole_use()).await;
    assert!(matches!(again, SettleAnswer::Settled { charged, .. } if charged.is_zero()));
    assert_eq!(
        answer(&fixture, Remedy::ParkedAccepted(old(2)), 0).await,
        AdminAnswer::Conflict { field: "remedy" }
    );
    fixture.assert_clean().await;
}
