//! The table of calls and states: a test for every cell, and what surrounds it.

use crate::world::World;

/// How a reservation gets into a state.
const NO_ROW: &str = "";
const REFUSED: &str = "tenant paused, reserve, tenant active";
const OPEN: &str = "reserve";
const SETTLED: &str = "reserve, settle";
const COUNTED: &str = "reserve, settle counted 4";
const RELEASED: &str = "reserve, release";
const TOMBSTONE: &str = "release";
const LIFELESS: &str = "reserve, wait 61000, expire";
const EXPIRED: &str = "reserve, renew 8, wait 61000, expire";
const PARKED: &str = "wait 86400001, settle";

/// From a state, a call: its answer, and then "balance held state flags". Everything runs twice, see [`World::run`].
fn check(cells: &[(&str, &str, &str, &str)]) {
    for (state, call, answer, after) in cells {
        let mut world = World::with(1_000);
        world.play(state);
        let told = world.play(call);
        assert_eq!(
            (told.as_str(), world.state().as_str()),
            (*answer, *after),
            "in [{state}]: {call}"
        );
    }
}

#[test]
fn reserve() {
    check(&[
        (NO_ROW, "reserve", "granted 100 for 30", "1000 100 open"),
        (
            NO_ROW,
            "reserve unlimited",
            "granted 140 for 50 clamped",
            "1000 140 open",
        ),
        (
            REFUSED,
            "reserve",
            "refused tenant_paused",
            "1000 0 refused",
        ),
        (REFUSED, "reserve other", "conflict facts", "1000 0 refused"),
        (REFUSED, "reserve by other", "denied", "1000 0 refused"),
        (OPEN, "reserve", "granted 100 for 30", "1000 100 open"),
        (
            OPEN,
            "reserve other",
            "conflict facts.route",
            "1000 100 open",
        ),
        (
            OPEN,
            "reserve limit 31",
            "conflict facts.output_tokens_max",
            "1000 100 open",
        ),
        (OPEN, "reserve by other", "denied", "1000 100 open"),
        (
            OPEN,
            "key revoked, reserve",
            "granted 100 for 30",
            "1000 100 open",
        ),
        (SETTLED, "reserve", "ended settled", "970 0 settled"),
        (
            SETTLED,
            "reserve other",
            "conflict facts.route",
            "970 0 settled",
        ),
        (RELEASED, "reserve", "ended released", "1000 0 released"),
        (TOMBSTONE, "reserve", "ended released", "1000 0 released"),
        (
            LIFELESS,
            "reserve",
            "ended expired",
            "1000 0 expired lifeless",
        ),
        (
            EXPIRED,
            "reserve",
            "ended expired",
            "974 0 expired provisional",
        ),
        (
            "settle",
            "reserve",
            "ended settled",
            "970 0 settled unreserved",
        ),
        (PARKED, "reserve", "ended settled", "1000 0 settled"),
    ]);
}

#[test]
fn renew() {
    check(&[
        (NO_ROW, "renew 8", "not found", "1000 0 none"),
        (REFUSED, "renew 8", "not found", "1000 0 refused"),
        (OPEN, "renew 8", "renewed", "1000 100 open"),
        (OPEN, "renew 8 by other", "denied", "1000 100 open"),
        // The evidence never shrinks: 10 of input and 8 of output.
        (
            OPEN,
            "renew 8, renew 3, wait 61000, expire",
            "expired 26",
            "974 0 expired provisional",
        ),
        (
            OPEN,
            "wait 40000, renew 8, wait 40000, expire",
            "not due",
            "1000 100 open",
        ),
        (SETTLED, "renew 8", "ended settled", "970 0 settled"),
        (RELEASED, "renew 8", "ended released", "1000 0 released"),
        (
            EXPIRED,
            "renew 9",
            "ended expired",
            "974 0 expired provisional",
        ),
        (PARKED, "renew 8", "ended settled", "1000 0 settled"),
    ]);
}

#[test]
fn settle() {
    check(&[
        (
            NO_ROW,
            "settle",
            "settled 30 released 0",
            "970 0 settled unreserved",
        ),
        (
            NO_ROW,
            "settle by other",
            "settled 30 released 0",
            "970 0 settled unreserved",
        ),
        (
            REFUSED,
            "settle",
            "settled 30 released 0",
            "970 0 settled after_refusal",
        ),
        (REFUSED, "settle by other", "denied", "1000 0 refused"),
        (OPEN, "settle", "settled 30 released 70", "970 0 settled"),
        (
            OPEN,
            "settle none",
            "settled 0 released 100",
            "1000 0 settled",
        ),
        (
            OPEN,
            "settle estimated",
            "settled 10 released 90",
            "990 0 settled provisional",
        ),
        (
            OPEN,
            "settle counted 4",
            "settled 18 released 82",
            "982 0 settled provisional",
        ),
        (
            OPEN,
            "settle reported 60 30",
            "settled 120 released 0",
            "880 0 settled overrun",
        ),
        (
            OPEN,
            "settle other",
            "settled 30 released 70",
            "970 0 settled other_facts",
        ),
        (OPEN, "settle by other", "denied", "1000 100 open"),
        (
            OPEN,
            "key revoked, settle",
            "settled 30 released 70",
            "970 0 settled",
        ),
        (SETTLED, "settle", "settled 30 released 70", "970 0 settled"),
        (SETTLED, "settle by other", "denied", "970 0 settled"),
        (
            SETTLED,
            "settle other",
            "conflict facts.route",
            "970 0 settled",
        ),
        (
            SETTLED,
            "settle reported 20 6",
            "conflict attempts[0].usage",
            "970 0 settled",
        ),
        (
            SETTLED,
            "settle counted 4",
            "conflict attempts[0].usage",
            "970 0 settled",
        ),
        (
            COUNTED,
            "settle",
            "settled 30 released 70",
            "970 0 settled adjusted",
        ),
        (
            COUNTED,
            "settle none",
            "settled 0 released 100",
            "1000 0 settled adjusted",
        ),
        (
            COUNTED,
            "settle counted 5",
            "conflict attempts[0].usage",
            "982 0 settled provisional",
        ),
        (
            COUNTED,
            "settle other",
            "conflict facts.route",
            "982 0 settled provisional",
        ),
        (
            RELEASED,
            "settle",
            "settled 30 released 70",
            "970 0 settled after_release",
        ),
        (
            TOMBSTONE,
            "settle",
            "settled 30 released 0",
            "970 0 settled after_release",
        ),
        (
            LIFELESS,
            "settle",
            "settled 30 released 70",
            "970 0 settled after_expiry+lifeless",
        ),
        (
            EXPIRED,
            "settle",
            "settled 30 released 70",
            "970 0 settled after_expiry",
        ),
        (
            EXPIRED,
            "settle none",
            "settled 0 released 100",
            "1000 0 settled after_expiry",
        ),
        (PARKED, "settle", "parked", "1000 0 settled"),
        (
            PARKED,
            "settle counted 4",
            "conflict attempts[0].usage",
            "1000 0 settled",
        ),
    ]);
}

#[test]
fn release() {
    check(&[
        (NO_ROW, "release", "released", "1000 0 released"),
        (REFUSED, "release", "released", "1000 0 refused"),
        (REFUSED, "release by other", "denied", "1000 0 refused"),
        (OPEN, "release", "released", "1000 0 released"),
        (OPEN, "release by other", "denied", "1000 100 open"),
        (SETTLED, "release", "conflict", "970 0 settled"),
        (RELEASED, "release", "released", "1000 0 released"),
        (LIFELESS, "release", "released", "1000 0 released"),
        (EXPIRED, "release", "released", "1000 0 released"),
        (PARKED, "release", "conflict", "1000 0 settled"),
    ]);
}

#[test]
fn expiry() {
    check(&[
        (NO_ROW, "expire", "not open", "1000 0 none"),
        (REFUSED, "expire", "not open", "1000 0 refused"),
        (OPEN, "expire", "not due", "1000 100 open"),
        (OPEN, "wait 60999, expire", "not due", "1000 100 open"),
        (
            OPEN,
            "wait 61000, expire",
            "expired 0",
            "1000 0 expired lifeless",
        ),
        (
            OPEN,
            "renew 0, wait 61000, expire",
            "expired 10",
            "990 0 expired provisional",
        ),
        (
            OPEN,
            "renew 8, wait 61000, expire",
            "expired 26",
            "974 0 expired provisional",
        ),
        (
            OPEN,
            "renew 60, wait 61000, expire",
            "expired 130",
            "870 0 expired overrun+provisional",
        ),
        (SETTLED, "wait 61000, expire", "not open", "970 0 settled"),
        (
            RELEASED,
            "wait 61000, expire",
            "not open",
            "1000 0 released",
        ),
        (EXPIRED, "expire", "not open", "974 0 expired provisional"),
    ]);
}

#[test]
fn time() {
    check(&[
        (
            NO_ROW,
            "wait 300000, reserve",
            "granted 100 for 30",
            "1000 100 open",
        ),
        (
            NO_ROW,
            "wait 300001, reserve",
            "refused gateway_clock_skew",
            "1000 0 none",
        ),
        (
            NO_ROW,
            "wait 86400000, settle",
            "settled 30 released 0",
            "970 0 settled unreserved",
        ),
        (NO_ROW, "wait 86400001, settle", "parked", "1000 0 settled"),
        // A lease that is half over begins anew when the Reserve is repeated; one that is not, does not.
        (
            OPEN,
            "wait 20000, reserve, wait 41000, expire",
            "expired 0",
            "1000 0 expired lifeless",
        ),
        (
            OPEN,
            "wait 31000, reserve, wait 41000, expire",
            "not due",
            "1000 100 open",
        ),
        // The server's clock went back: the book's does not.
        (
            OPEN,
            "wait 61000, key paused, clock 0, expire",
            "expired 0",
            "1000 0 expired lifeless",
        ),
    ]);
}

#[test]
fn charges_never_exceed_what_the_request_could_have_cost() {
    // The whole context and the limit, with the tolerance: (1000 + 2 × 30) × 1.02; unreserved alike.
    check(&[
        (
            OPEN,
            "settle reported 1000 30",
            "settled 1060 released 0",
            "-60 0 settled overrun",
        ),
        (
            OPEN,
            "settle reported 9000 9000",
            "settled 1081 released 0",
            "-81 0 settled overrun+suspended",
        ),
        (
            NO_ROW,
            "settle reported 9000 9000",
            "settled 1081 released 0",
            "-81 0 settled unreserved+suspended",
        ),
        (
            OPEN,
            "settle reported 18446744073709551615 18446744073709551615",
            "settled 1081 released 0",
            "-81 0 settled overrun+suspended+out_of_range",
        ),
    ]);
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
    check(&[
        (
            NO_ROW,
            "unpriced, reserve",
            "refused model_not_found",
            "1000 0 refused",
        ),
        (
            NO_ROW,
            "unpriced, settle",
            "settled 0 released 0",
            "1000 0 settled unreserved+unpriced",
        ),
        // The pinned prices stand, whatever the table says now.
        (
            OPEN,
            "unpriced, settle",
            "settled 30 released 70",
            "970 0 settled",
        ),
    ]);
}

#[test]
fn a_frozen_book_writes_nothing() {
    for (before, call, answer) in [
        (NO_ROW, "reserve", "refused book_frozen"),
        (NO_ROW, "settle", "frozen"),
        (NO_ROW, "release", "frozen"),
        (OPEN, "reserve", "refused book_frozen"),
        (OPEN, "renew 8", "frozen"),
        (OPEN, "settle", "frozen"),
        (OPEN, "release", "frozen"),
        (OPEN, "wait 61000, expire", "frozen"),
        (COUNTED, "settle", "frozen"),
        (SETTLED, "settle", "settled 30 released 70"),
        (NO_ROW, "top-up 5 more", "Frozen"),
        (NO_ROW, "key paused", "Frozen"),
        (NO_ROW, "wait 86400001, settle", "frozen"),
    ] {
        let mut world = World::with(1_000);
        world.play(before);
        world.play("freeze");
        let entries = world.entries.len();
        assert_eq!(world.play(call), answer, "in [{before}]: {call}");
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
