//! The table of calls and states: a test for every cell, and what surrounds it.

use crate::world::World;

/// How a reservation gets into a state.
const STATES: [(&str, &str); 12] = [
    ("no row", ""),
    ("refused", "tenant paused, reserve, tenant active"),
    ("open", "reserve"),
    ("settled", "reserve, settle"),
    ("counted", "reserve, settle counted 4"),
    ("released", "reserve, release"),
    ("tombstone", "release"),
    ("lifeless", "reserve, wait 61000, expire"),
    ("charged", "charging 7, reserve, wait 61000, expire"),
    ("expired", "reserve, renew 8, wait 61000, expire"),
    ("unreserved", "settle"),
    ("parked", "wait 86400001, settle"),
];

fn steps_to(state: &str) -> &str {
    let steps = STATES.iter().find(|(name, _)| *name == state);
    steps.map(|(_, steps)| *steps).expect("a known state")
}

/// Rows of: state | calls | the last one's answer | balance, held, state, flags. Everything runs twice, see [`World::run`].
fn check(rows: &str) {
    let rows = rows.lines().map(str::trim);
    for row in rows.filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [state, calls, answer, after] = cells[..] else {
            panic!("not a row: {row}");
        };
        let mut world = World::with(1_000);
        world.play(steps_to(state));
        let told = world.play(calls);
        assert_eq!((&*told, &*world.state()), (answer, after), "{row}");
    }
}

#[test]
fn reserve() {
    check(
        "
        no row    | reserve              | granted 100 for 30               | 1000 100 open
        no row    | reserve unlimited    | granted 140 for 50 clamped       | 1000 140 open
        refused   | reserve              | refused tenant_paused            | 1000 0 refused
        refused   | reserve other        | conflict facts.route             | 1000 0 refused
        refused   | reserve by other     | denied                           | 1000 0 refused
        open      | reserve              | granted 100 for 30               | 1000 100 open
        open      | reserve other        | conflict facts.route             | 1000 100 open
        open      | reserve limit 31     | conflict facts.output_tokens_max | 1000 100 open
        open      | reserve by other     | denied                           | 1000 100 open
        open      | key revoked, reserve | granted 100 for 30               | 1000 100 open
        settled   | reserve              | ended settled                    | 970 0 settled
        settled   | reserve other        | conflict facts.route             | 970 0 settled
        released  | reserve              | ended released                   | 1000 0 released
        tombstone | reserve              | ended released                   | 1000 0 released
        lifeless  | reserve              | ended expired                    | 1000 0 expired lifeless
        charged   | reserve              | ended expired                    | 976 0 expired provisional+lifeless
        charged   | reserve other        | conflict facts.route             | 976 0 expired provisional+lifeless
        expired   | reserve              | ended expired                    | 974 0 expired provisional
        unreserved | reserve              | ended settled                    | 970 0 settled unreserved
        parked    | reserve              | ended settled                    | 1000 0 settled
        ",
    );
}

#[test]
fn renew() {
    check(
        "
        no row   | renew 8                                 | not found      | 1000 0 none
        refused  | renew 8                                 | not found      | 1000 0 refused
        open     | renew 8                                 | renewed        | 1000 100 open
        open     | renew 8 by other                        | denied         | 1000 100 open
        # The evidence never shrinks: 10 of input and 8 of output.
        open     | renew 8, renew 3, wait 61000, expire    | expired 26     | 974 0 expired provisional
        open     | wait 40000, renew 8, wait 40000, expire | not due        | 1000 100 open
        settled  | renew 8                                 | ended settled  | 970 0 settled
        released | renew 8                                 | ended released | 1000 0 released
        expired  | renew 9                                 | ended expired  | 974 0 expired provisional
        charged  | renew 9                                 | ended expired  | 976 0 expired provisional+lifeless
        parked   | renew 8                                 | ended settled  | 1000 0 settled
        ",
    );
}

#[test]
fn settle() {
    check(
        "
        no row    | settle                | settled 30 released 0      | 970 0 settled unreserved
        no row    | settle by other       | settled 30 released 0      | 970 0 settled unreserved
        refused   | settle                | settled 30 released 0      | 970 0 settled after_refusal
        refused   | settle by other       | denied                     | 1000 0 refused
        open      | settle                | settled 30 released 70     | 970 0 settled
        open      | settle none           | settled 0 released 100     | 1000 0 settled
        open      | settle estimated      | settled 10 released 90     | 990 0 settled provisional
        open      | settle counted 4      | settled 18 released 82     | 982 0 settled provisional
        open      | settle reported 60 30 | settled 120 released 0     | 880 0 settled overrun
        open      | settle other          | settled 30 released 70     | 970 0 settled other_facts
        open      | settle by other       | denied                     | 1000 100 open
        open      | key revoked, settle   | settled 30 released 70     | 970 0 settled
        settled   | settle                | settled 30 released 70     | 970 0 settled
        settled   | settle by other       | denied                     | 970 0 settled
        settled   | settle other          | conflict facts.route       | 970 0 settled
        settled   | settle reported 20 6  | conflict attempts[0].usage | 970 0 settled
        settled   | settle counted 4      | conflict attempts[0].usage | 970 0 settled
        counted   | settle                | settled 30 released 70     | 970 0 settled adjusted
        counted   | settle none           | settled 0 released 100     | 1000 0 settled adjusted
        counted   | settle counted 5      | conflict attempts[0].usage | 982 0 settled provisional
        counted   | settle other          | conflict facts.route       | 982 0 settled provisional
        released  | settle                | settled 30 released 70     | 970 0 settled after_release
        tombstone | settle                | settled 30 released 0      | 970 0 settled after_release
        lifeless  | settle                | settled 30 released 70     | 970 0 settled after_expiry+lifeless
        charged   | settle                | settled 30 released 70     | 970 0 settled after_expiry+lifeless
        charged   | settle none           | settled 0 released 100     | 1000 0 settled after_expiry+lifeless
        charged   | settle estimated      | settled 24 released 76     | 976 0 settled after_expiry+provisional+lifeless
        charged   | settle counted 4      | settled 18 released 82     | 982 0 settled after_expiry+provisional+lifeless
        charged   | settle reported 60 30 | settled 120 released 0     | 880 0 settled after_expiry+overrun+lifeless
        charged   | settle by other       | denied                     | 976 0 expired provisional+lifeless
        charged   | settle beyond cap     | settled 30 released 70     | 970 0 settled after_expiry+lifeless
        expired   | settle                | settled 30 released 70     | 970 0 settled after_expiry
        expired   | settle none           | settled 0 released 100     | 1000 0 settled after_expiry
        open      | settle recovered      | settled 30 released 70     | 970 0 settled recovered
        open      | settle beyond cap     | settled 30 released 70     | 970 0 settled
        expired   | settle beyond cap     | settled 30 released 70     | 970 0 settled after_expiry
        no row    | settle beyond cap     | parked                     | 1000 0 settled
        refused   | settle beyond cap     | parked                     | 1000 0 settled
        released  | settle beyond cap     | parked                     | 1000 0 settled
        released  | settle beyond cap, settle | parked                 | 1000 0 settled
        no row    | settle beyond cap, correct a accept | done         | 970 0 settled unreserved
        refused   | settle beyond cap, correct a accept | done         | 970 0 settled after_refusal
        released  | settle beyond cap, correct a accept | done         | 970 0 settled after_release
        tombstone | settle beyond cap, correct a accept | done         | 970 0 settled after_release
        parked    | correct a accept      | done                       | 970 0 settled unreserved
        parked    | settle                | parked                     | 1000 0 settled
        parked    | settle counted 4      | conflict attempts[0].usage | 1000 0 settled
        ",
    );
}

#[test]
fn release() {
    check(
        "
        no row   | release          | released | 1000 0 released
        refused  | release          | released | 1000 0 refused
        refused  | release by other | denied   | 1000 0 refused
        open     | release          | released | 1000 0 released
        open     | release by other | denied   | 1000 100 open
        open     | release recovered | released | 1000 0 released
        settled  | release          | conflict | 970 0 settled
        released | release          | released | 1000 0 released
        lifeless | release          | released | 1000 0 released
        charged  | release          | released | 1000 0 released
        charged  | release by other | denied   | 976 0 expired provisional+lifeless
        expired  | release          | released | 1000 0 released
        parked   | release          | conflict | 1000 0 settled
        ",
    );
}

#[test]
fn expiry() {
    check(
        "
        no row   | expire                       | not open    | 1000 0 none
        refused  | expire                       | not open    | 1000 0 refused
        open     | expire                       | not due     | 1000 100 open
        open     | wait 60999, expire           | not due     | 1000 100 open
        open     | wait 61000, expire           | expired 0   | 1000 0 expired lifeless
        open     | renew 0, wait 61000, expire  | expired 10  | 990 0 expired provisional
        open     | renew 8, wait 61000, expire  | expired 26  | 974 0 expired provisional
        open     | renew 60, wait 61000, expire | expired 130 | 870 0 expired overrun+provisional
        settled  | wait 61000, expire           | not open    | 970 0 settled
        released | wait 61000, expire           | not open    | 1000 0 released
        expired  | expire                       | not open    | 974 0 expired provisional
        charged  | expire                       | not open    | 976 0 expired provisional+lifeless
        ",
    );
}

#[test]
fn what_never_showed_life_is_ended_as_its_offer_says() {
    check(
        "
        no row | charging 7, reserve, wait 60999, expire           | not due    | 1000 100 open
        no row | charging 0, reserve, wait 61000, expire           | expired 10 | 990 0 expired provisional+lifeless
        # The learned median, but no more than the limit; so never above what is held.
        no row | charging 99, reserve, wait 61000, expire          | expired 70 | 930 0 expired provisional+lifeless
        no row | charging 99, reserve limit 3, wait 61000, expire  | expired 16 | 984 0 expired provisional+lifeless
        # What showed life is charged by that, and by nothing else.
        no row | charging 7, reserve, renew 8, wait 61000, expire  | expired 26 | 974 0 expired provisional
        no row | charging 7, reserve, renew 0, wait 61000, expire  | expired 10 | 990 0 expired provisional
        # A Reserve that is repeated is no sign of life.
        no row | charging 7, reserve, wait 31000, reserve, wait 61000, expire | expired 24 | 976 0 expired provisional+lifeless
        # What was pinned at Reserve counts, whatever is configured by then.
        open   | charging 7, wait 61000, expire                    | expired 0  | 1000 0 expired lifeless
        no row | charging 7, reserve, unpriced, wait 61000, expire | expired 24 | 976 0 expired provisional+lifeless
        # Charged once: what comes late trues it up, and is final then.
        charged | settle, settle                                   | settled 30 released 70 | 970 0 settled after_expiry+lifeless
        charged | settle, release                                  | conflict               | 970 0 settled after_expiry+lifeless
        charged | release, settle                                  | settled 30 released 70 | 970 0 settled after_release
        ",
    );
}

#[test]
fn time() {
    check(
        "
        no row | wait 300000, reserve                    | granted 100 for 30         | 1000 100 open
        no row | wait 300001, reserve                    | refused gateway_clock_skew | 1000 0 none
        no row | wait 86400000, settle                   | settled 30 released 0      | 970 0 settled unreserved
        no row | wait 86400001, settle                   | parked                     | 1000 0 settled
        # A lease that is half over begins anew when the Reserve is repeated; one that is not, does not.
        open   | wait 20000, reserve, wait 41000, expire | expired 0                  | 1000 0 expired lifeless
        open   | wait 31000, reserve, wait 41000, expire | not due                    | 1000 100 open
        # The server's clock was set an hour ahead, and then right: who goes by it is served, before and after.
        no row | wait 3600000, request 3600000, reserve                   | granted 100 for 30         | 1000 100 open
        no row | wait 3600000, key paused, key active, clock 0, reserve   | granted 100 for 30         | 1000 100 open
        no row | wait 3600000, key paused, key active, clock 300001, reserve | refused gateway_clock_skew | 1000 0 none
        # The server's clock went back: the book's does not.
        open   | wait 61000, key paused, clock 0, expire | expired 0                  | 1000 0 expired lifeless
        ",
    );
}

#[test]
fn charges_never_exceed_what_the_request_could_have_cost() {
    // The whole context and the limit, with the tolerance: (1000 + 2 × 30) × 1.02; unreserved alike.
    check(
        "
        open   | settle reported 1000 30                                   | settled 1060 released 0 | -60 0 settled overrun
        open   | settle reported 9000 9000                                 | settled 1081 released 0 | -81 0 settled overrun+suspended
        no row | settle reported 9000 9000                                 | settled 1081 released 0 | -81 0 settled unreserved+suspended
        open   | settle reported 18446744073709551615 18446744073709551615 | settled 1081 released 0 | -81 0 settled overrun+suspended+out_of_range
        ",
    );
}

#[test]
fn debt_blocks_until_it_is_paid() {
    let mut world = World::with(100);
    assert_eq!(
        world.play("reserve, settle reported 60 30"),
        "settled 120 released 0"
    );
    world.id = crate::world::id(crate::world::START + 1);
    assert_eq!(world.play("reserve"), "refused tenant_in_debt");
    world.id = crate::world::id(crate::world::START + 2);
    assert_eq!(
        world.play("top-up 20 a, reserve"),
        "refused insufficient_funds"
    );
    world.id = crate::world::id(crate::world::START + 3);
    assert_eq!(world.play("top-up 100 b, reserve"), "granted 100 for 30");
}

#[test]
fn shadow_mode_holds_charges_and_refuses_nothing() {
    for (before, call, answer, after) in [
        ("shadow", "reserve", "granted 100 for 30", "50 0 open"),
        (
            "shadow, tenant paused",
            "reserve",
            "granted 100 for 30",
            "50 0 open",
        ),
        (
            "shadow, reserve",
            "settle",
            "settled 0 released 0",
            "50 0 settled shadow",
        ),
        (
            "shadow",
            "settle",
            "settled 0 released 0",
            "50 0 settled unreserved+shadow",
        ),
        (
            "shadow, reserve, renew 8, wait 61000",
            "expire",
            "expired 0",
            "50 0 expired provisional+shadow",
        ),
        (
            "shadow, charging 7, reserve, wait 61000",
            "expire",
            "expired 0",
            "50 0 expired provisional+shadow+lifeless",
        ),
        (
            "shadow, unpriced",
            "reserve",
            "refused model_not_found",
            "50 0 refused",
        ),
    ] {
        let mut world = World::with(50);
        world.play(before);
        assert_eq!(world.play(call), answer, "{before}: {call}");
        assert_eq!(world.state(), after, "{before}: {call}");
    }
    let mut world = World::with(50);
    world.play("shadow, reserve, settle");
    let row = &world.book.reservations[&world.id];
    assert_eq!(
        row.hold.as_ref().map(|h| h.would_refuse.as_str()),
        Some("insufficient_funds")
    );
    assert_eq!(row.posting().map(|p| p.charge.priced.units()), Some(30));
}

#[test]
fn what_has_no_price_is_refused_before_and_recorded_after() {
    check(
        "
        no row | unpriced, reserve | refused model_not_found | 1000 0 refused
        no row | unpriced, settle  | settled 0 released 0    | 1000 0 settled unreserved+unpriced
        # The pinned prices stand, whatever the table says now.
        open   | unpriced, settle  | settled 30 released 70  | 970 0 settled
        ",
    );
}

#[test]
fn a_frozen_book_writes_nothing() {
    for (state, call, answer) in [
        ("no row", "reserve", "refused book_frozen"),
        ("no row", "settle", "frozen"),
        ("no row", "release", "frozen"),
        ("open", "reserve", "refused book_frozen"),
        ("open", "renew 8", "frozen"),
        ("open", "settle", "frozen"),
        ("open", "release", "frozen"),
        ("open", "wait 61000, expire", "frozen"),
        ("counted", "settle", "frozen"),
        ("settled", "settle", "settled 30 released 70"),
        ("no row", "top-up 5 more", "Frozen"),
        ("no row", "key paused", "Frozen"),
        ("no row", "wait 86400001, settle", "frozen"),
    ] {
        let mut world = World::with(1_000);
        world.play(steps_to(state));
        world.play("freeze");
        let entries = world.entries.len();
        assert_eq!(world.play(call), answer, "{state}: {call}");
        assert_eq!(world.entries.len(), entries);
    }
}

#[test]
fn operators() {
    for (steps, answer, balance) in [
        ("top-up 5 a", "done", 1_005),
        ("top-up 5 a, top-up 5 a", "unchanged", 1_005),
        ("top-up 5 a, top-up 6 a", "conflict amount", 1_005),
        ("top-up 0 a", "AmountOutOfRange", 1_000),
        ("top-up 9223372036854775807 a", "AmountOutOfRange", 1_000),
        ("tenant paused, tenant paused", "unchanged", 1_000),
        ("key revoked, key active", "Revoked", 1_000),
        (
            "key paused, key active, reserve",
            "granted 100 for 30",
            1_000,
        ),
    ] {
        let mut world = World::with(1_000);
        assert_eq!(world.play(steps), answer, "{steps}");
        assert_eq!(world.balance().units(), balance, "{steps}");
    }
}
