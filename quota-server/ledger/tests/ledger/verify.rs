//! What `verify` finds: every field of every entry, every row of the store, every price.

use crate::world::{START, World, amount, id, offer};
use ferry_ledger::*;
use ferry_types::{Balance, Currency};
use std::error::Error;

/// The price tables of the server: one version, one model.
pub struct Table(pub Offer);

impl Prices for Table {
    fn priced(&self, price_version: &str, model: &str, currency: Currency) -> Option<Priced> {
        let known = price_version == self.0.price_version
            && model == self.0.model
            && currency == self.0.currency;
        known.then(|| Priced {
            exchange: self.0.exchange,
            customer: self.0.customer,
            costs: vec![("openai".into(), self.0.candidates[0].cost)],
        })
    }
}

/// A history with every kind of event.
pub fn history() -> World {
    let mut world = World::with(1_000);
    let histories = [
        "reserve, renew 4, settle counted 4, settle",
        "reserve, release",
        "reserve, renew 8, wait 61000, expire, settle",
        "reserve, renew 8, wait 61000, expire, release",
        "settle",
        "tenant paused, reserve, tenant active, settle",
        "shadow, reserve, settle",
        "top-up 50 a",
        "reserve unlimited",
    ];
    for (steps, drawn) in histories.iter().zip(0..) {
        world.id = id(world.now.0 + drawn);
        world.mode = ferry_types::Mode::Enforce;
        world.play(steps);
    }
    world.now = UnixMs(START + 90_000_000);
    world.id = id(START + 500);
    world.play("settle, reserve, key paused");
    world
}

pub fn replay(world: &World, entries: &[Entry], prices: &Table) -> Result<Replayed, Difference> {
    let mut verifier = Verifier::new(world.book.tenant.clone(), prices);
    for entry in entries {
        verifier.entry(entry)?;
    }
    verifier.replayed()
}

pub fn compare(replayed: Replayed, stored: &Book) -> Result<Book, Difference> {
    let mut replayed = replayed;
    replayed.compare_book(stored)?;
    for row in stored.reservations.values() {
        replayed.compare_reservation(row)?;
    }
    for (key, row) in &stored.keys {
        replayed.compare_key(key, row)?;
    }
    for (reference, row) in &stored.top_ups {
        replayed.compare_top_up(reference, row)?;
    }
    replayed.finish()
}

pub fn whole(difference: &Difference) -> String {
    let mut text = difference.to_string();
    let mut source = difference.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Chains the entries anew, as somebody would who can write to the database.
pub fn rechain(world: &World, entries: &mut [Entry]) {
    let mut previous = [0; 32];
    for (entry, seq) in entries.iter_mut().zip(1..) {
        entry.seq = seq;
        entry.previous_hash = previous;
        entry.hash = entry.computed_hash(&world.book.tenant);
        previous = entry.hash;
    }
}

#[test]
fn a_true_history_is_clean() {
    let world = history();
    let replayed = replay(&world, &world.entries, &Table(offer())).expect("replays");
    let mut book = compare(replayed, &world.book).expect("is the same");
    book.refused.clone_from(&world.book.refused);
    assert_eq!(book, world.book);
    let mut kinds: Vec<u8> = world.entries.iter().map(|entry| entry.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(
        kinds,
        (1..=12).collect::<Vec<u8>>(),
        "a history with every kind"
    );
}

#[test]
fn every_field_of_every_entry_is_covered() {
    let world = history();
    let found = |entries: &[Entry]| replay(&world, entries, &Table(offer())).is_err();
    for i in 0..world.entries.len() {
        let corrupt = |change: &dyn Fn(&mut Entry)| {
            let mut entries = world.entries.clone();
            change(&mut entries[i]);
            assert!(
                found(&entries),
                "entry {} of kind {}",
                i + 1,
                entries[i].kind
            );
        };
        corrupt(&|entry| entry.seq += 1);
        corrupt(&|entry| entry.time.0 += 1);
        corrupt(&|entry| entry.kind ^= 1);
        corrupt(&|entry| entry.previous_hash[31] ^= 1);
        corrupt(&|entry| entry.hash[0] ^= 1);
        corrupt(&|entry| entry.content.push(0));
        for at in 0..world.entries[i].content.len() {
            corrupt(&|entry| entry.content[at] ^= 1);
        }
        if i + 1 < world.entries.len() {
            let mut entries = world.entries.clone();
            entries.remove(i);
            assert!(found(&entries), "without entry {}", i + 1);
            let mut entries = world.entries.clone();
            entries.swap(i, i + 1);
            assert!(found(&entries), "entries {} and {} swapped", i + 1, i + 2);
        }
    }
}

#[test]
fn every_row_of_the_store_is_compared() {
    let world = history();
    let check = |change: &dyn Fn(&mut Book), part: &str| {
        let mut stored = world.book.clone();
        change(&mut stored);
        let replayed = replay(&world, &world.entries, &Table(offer())).expect("replays");
        let found = whole(&compare(replayed, &stored).expect_err("it differs"));
        assert!(found.contains(part), "{found}\nshould say: {part}");
    };
    check(&|b| b.name.push('x'), "the name");
    check(&|b| b.state = TenantState::Paused, "the state");
    check(
        &|b| b.posted = Balance::from_units(5),
        "the balance is stored as 0.000000005",
    );
    check(&|b| b.held = amount(5), "what is held");
    check(&|b| b.overage = Overage::Absorb, "the overage policy");
    check(&|b| b.reseller = Some(partner()), "the reseller");
    check(&|b| b.head.seq += 1, "the journal's end");
    check(&|b| b.head.hash[3] ^= 1, "the journal's hash");
    check(
        &|b| {
            b.reservations.pop_first();
        },
        "the store does not have it",
    );
    check(
        &|b| {
            b.keys.clear();
        },
        "key key_00000000: the store does not have it",
    );
    check(
        &|b| {
            b.top_ups.pop_first();
        },
        "the store does not have it",
    );
    check(
        &|b| row(b).state = State::Open,
        "the state is not what the journal says",
    );
    check(&|b| row(b).hold = None, "the hold");
    check(&|b| row(b).offer = None, "the offer");
    check(&|b| row(b).facts = None, "the request");
    check(
        &|b| row(b).owner.principal = "x".parse().expect("a name"),
        "the owner",
    );
    check(
        &|b| {
            let unknown = Reservation {
                id: id(7),
                ..row(b).clone()
            };
            b.reservations.insert(unknown.id, unknown);
        },
        "the journal does not know it",
    );
    check(&|b| key(b).label.clear(), "the label");
    check(&|b| key(b).state = KeyState::Active, "the state");
    check(&|b| key(b).expires_at = Some(UnixMs(1)), "its end");
    check(&|b| key(b).issued_at = UnixMs(1), "the time of its issue");
    check(
        &|b| {
            b.top_ups
                .values_mut()
                .for_each(|top_up| top_up.amount = amount(1))
        },
        "the amount",
    );
}

fn partner() -> Reseller {
    Reseller {
        name: "partner".parse().expect("a name"),
        share: Share::from_basis_points(1).expect("a share"),
        carry: 0,
    }
}

fn row(book: &mut Book) -> &mut Reservation {
    book.reservations.values_mut().next().expect("a row")
}

fn key(book: &mut Book) -> &mut Key {
    book.keys.values_mut().next().expect("a key")
}

#[test]
fn an_empty_journal_is_told() {
    let world = history();
    let found = replay(&world, &[], &Table(offer())).map(|_| ());
    assert_eq!(found, Err(Difference::Empty));
}
