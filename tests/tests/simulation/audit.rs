//! What must be true once a run has come to rest: each request was charged for what it really used, and for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use ferry_ledger::StateName;
use ferry_ledger::invariant::{i4_counters_are_the_sum, i4_held_is_the_sum, i5_rows_answer_again};
use ferry_quota_server::admin::wire::Usage;
use ferry_quota_server::store::view::UsageView;
use ferry_tests::prices::{PLAIN, tokens};
use ferry_types::ReservationId;

use crate::request::{Ending, Script, Truth};
use crate::world::World;

/// Checks a run that is over.
pub fn audit(world: &World) {
    assert_eq!(
        world.server.difference(),
        None,
        "the journal does not agree"
    );
    let mut records: BTreeMap<ReservationId, UsageView> = BTreeMap::new();
    for customer in &world.customers {
        let book = world.server.book(&customer.tenant);
        assert_eq!(i4_held_is_the_sum(&book), Ok(()));
        assert_eq!(i4_counters_are_the_sum(&book), Ok(()));
        assert_eq!(i5_rows_answer_again(&book), Ok(()));
        let view = world.server.tenant(&customer.tenant);
        let own = world.server.usage(&customer.tenant);
        let charged: i64 = own.iter().map(|record| record.charged.units()).sum();
        assert_eq!(view.open_reservations, 0, "something stays open: {view:?}");
        assert_eq!(view.held.units(), 0, "something stays held: {view:?}");
        assert_eq!(view.posted.units(), customer.paid_in - charged, "{view:?}");
        assert_eq!(view.available, view.posted, "{view:?}");
        records.extend(own.into_iter().map(|record| (record.id, record)));
    }
    for (number, (script, truth)) in world.scripts.iter().zip(&world.truths).enumerate() {
        let found = truth
            .ids
            .iter()
            .filter_map(|id| Some((id, records.remove(id)?)));
        let found: Vec<_> = found.collect();
        request(script, truth, &found).unwrap_or_else(|fault| {
            panic!(
                "request {number}, {:?}: {fault}: {truth:#?}, {found:#?}",
                script.ending
            )
        });
    }
    nothing_waited_for_its_lease(world);
    assert!(records.is_empty(), "charges of nobody's: {records:#?}");
}

/// What a living gateway made it ends by itself: money is not held until a lease runs out.
fn nothing_waited_for_its_lease(world: &World) {
    let orphaned = world.truths.iter().filter(|truth| truth.orphaned);
    let orphans: BTreeSet<_> = orphaned.flat_map(|truth| &truth.ids).collect();
    for customer in &world.customers {
        for found in world.server.reservations(&customer.tenant) {
            let expired = found.state == StateName::Expired;
            assert!(
                !expired || orphans.contains(&found.id),
                "left to expire: {found:?}"
            );
        }
    }
}

fn request(
    script: &Script,
    truth: &Truth,
    found: &[(&ReservationId, UsageView)],
) -> Result<(), &'static str> {
    if truth.sent.is_none() {
        let charged = found.iter().any(|(_, record)| record.charged.units() != 0);
        return if charged {
            Err("charged, and never sent")
        } else {
            Ok(())
        };
    }
    let went_on = truth.ids.last();
    if found.iter().any(|(id, _)| Some(*id) != went_on) {
        return Err("charged under an id that did not go on");
    }
    match found {
        [] if truth.orphaned || script.ending == Ending::Unsent => Ok(()),
        [] => Err("not charged"),
        [(_, record)] => charge(script, truth, record),
        [_, _, ..] => Err("charged twice"),
    }
}

fn charge(script: &Script, truth: &Truth, record: &UsageView) -> Result<(), &'static str> {
    let charged = record.charged.units();
    let reserved = record.reserved.map(|reserved| reserved.units());
    if reserved.is_none_or(|reserved| charged > reserved) {
        return Err("charged more than was held");
    }
    match record.state {
        StateName::Expired if truth.orphaned => Ok(()),
        StateName::Settled => match expected(script, truth) {
            Some(usage) if PLAIN.charge(&usage).ok() != Some(charged) => Err("another charge"),
            Some(_) | None => Ok(()),
        },
        StateName::Expired | StateName::Open | StateName::Refused | StateName::Released => {
            Err("not settled")
        }
    }
}

/// What it used; `None` where nothing tells.
fn expected(script: &Script, truth: &Truth) -> Option<Usage> {
    if truth.reported {
        return Some(tokens(script.prompt_tokens(), truth.pieces));
    }
    match script.ending {
        Ending::ProviderError | Ending::Unsent => Some(tokens(0, 0)),
        Ending::ClientGone(_) | Ending::ProviderReset(_) => {
            Some(tokens(truth.estimate, truth.pieces))
        }
        Ending::ProviderLost | Ending::Complete | Ending::Impatient => None,
    }
}
