//! The house's own book: what each movement moves, what is refused, and what the same again gets.

use crate::world::{START, amount};
use ferry_ledger::house::{Cause, Deviation, Money, PostMovement, PostedMovement, decide};
use ferry_ledger::*;
use ferry_types::{Currency, TenantId};

pub const NOW: UnixMs = UnixMs(START + 5_000);
const EARLIER: UnixMs = UnixMs(START);

fn usd(units: i64) -> Money {
    money(units, Currency::Usd)
}

pub fn money(units: i64, currency: Currency) -> Money {
    Money {
        amount: amount(units),
        currency,
    }
}

pub fn pay(units: i64) -> Move {
    Move::Pay {
        provider: "openai".into(),
        money: usd(units),
    }
}

pub fn prepay(units: i64) -> Move {
    Move::Prepay {
        provider: "openai".into(),
        money: usd(units),
    }
}

pub fn set_off(units: i64) -> Move {
    Move::SetOff {
        provider: "openai".into(),
        money: usd(units),
    }
}

pub fn variance(units: i64, deviation: Deviation) -> Move {
    Move::Variance {
        provider: "openai".into(),
        money: usd(units),
        deviation,
    }
}

pub fn resolve(variance: &str, units: i64, cause: Cause) -> Move {
    Move::Resolve {
        variance: variance.parse().expect("an id"),
        money: usd(units),
        cause,
    }
}

pub fn exchange(sold: Money, bought: Money) -> Move {
    Move::Exchange { sold, bought }
}

pub fn order(id: &str, what: Move) -> PostMovement {
    PostMovement {
        id: id.parse().expect("an id"),
        what,
        occurred_at: Some(EARLIER),
        approver: "anna".into(),
        note: "invoice 7".into(),
    }
}

/// A house's book with its journal.
pub struct Played {
    pub house: House,
    pub entries: Vec<Entry>,
    pub lines: Vec<Line>,
}

impl Played {
    /// One that these movements were posted to, as `m-1`, `m-2` and so on.
    pub fn of(moves: &[Move]) -> Self {
        let mut played = Self {
            house: House::START,
            entries: Vec::new(),
            lines: Vec::new(),
        };
        for (n, what) in (1..).zip(moves) {
            let answer = played.post(order(&format!("m-{n}"), what.clone()));
            let seq = played.house.head.seq;
            assert_eq!(answer, HouseAnswer::Done { seq, changed: true }, "{what:?}");
        }
        played
    }

    pub fn post(&mut self, order: PostMovement) -> HouseAnswer {
        self.run(&HouseCommand::Post(order))
    }

    /// Puts a command to it, and to a view of it that has no more than what must be in view.
    pub fn run(&mut self, command: &HouseCommand) -> HouseAnswer {
        let mut view = self.house.clone();
        let wanted: Vec<_> = command.movements().cloned().collect();
        view.movements.retain(|id, _| wanted.contains(id));
        let (answer, event) = decide(&view, command, NOW);
        assert_eq!(
            (&answer, &event),
            (&decide(&self.house, command, NOW).0, &event)
        );
        if let Some(event) = event {
            let recorded = self.house.apply(&event, NOW).expect("applies");
            let of_view = view.apply(&event, NOW).expect("applies to what is in view");
            assert_eq!(of_view, recorded);
            for id in event.movements() {
                assert_eq!(view.movements.get(id), self.house.movements.get(id));
            }
            self.entries.push(recorded.entry);
            self.lines.extend(recorded.transaction.lines);
        }
        answer
    }

    /// What the last movement moved: "account debit", credits below zero.
    fn moved(moves: &[Move]) -> String {
        let (last, before) = moves.split_last().expect("a move");
        let mut played = Self::of(before);
        played.lines.clear();
        let answer = played.post(order("last", last.clone()));
        assert!(matches!(answer, HouseAnswer::Done { .. }), "{answer:?}");
        let lines = played.lines.iter().map(|line| match line.currency {
            Currency::Usd => format!("{} {}", line.account, line.amount),
            other @ (Currency::Eur | Currency::Vnd | Currency::Idr) => {
                format!("{} {} {other}", line.account, line.amount)
            }
        });
        lines.collect::<Vec<_>>().join(", ")
    }

    fn posted(&self, id: &str) -> &PostedMovement {
        &self.house.movements[&id.parse().expect("an id")]
    }
}

#[test]
fn every_movement_moves_what_it_should_and_nothing_else() {
    use Cause::{ProviderCost, Rounding};
    use Deviation::{Below, Beyond};
    let of_reseller = Move::PayReseller {
        reseller: "partner".parse().expect("a name"),
        money: usd(7),
    };
    for (moves, lines) in [
        (
            vec![pay(5)],
            "liability.provider_payable:openai 5, asset.clearing -5",
        ),
        (
            vec![prepay(9)],
            "asset.provider_prepaid:openai 9, asset.clearing -9",
        ),
        (
            vec![prepay(9), set_off(9)],
            "liability.provider_payable:openai 9, asset.provider_prepaid:openai -9",
        ),
        (
            vec![of_reseller],
            "liability.reseller_payable:partner 7, asset.clearing -7",
        ),
        (
            vec![variance(4, Beyond)],
            "suspense.variance 4, liability.provider_payable:openai -4",
        ),
        (
            vec![variance(4, Below)],
            "liability.provider_payable:openai 4, suspense.variance -4",
        ),
        (
            vec![variance(4, Beyond), resolve("m-1", 3, ProviderCost)],
            "expense.provider_cost 3, suspense.variance -3",
        ),
        (
            vec![variance(4, Below), resolve("m-1", 4, Rounding)],
            "suspense.variance 4, expense.rounding -4",
        ),
        (
            vec![exchange(usd(100), money(2_600, Currency::Vnd))],
            "exchange:USD/VND 100, asset.clearing -100, asset.clearing 2600 VND, exchange:USD/VND -2600 VND",
        ),
        // Sold again, it goes back through the account that it came by.
        (
            vec![exchange(money(2_600, Currency::Vnd), usd(99))],
            "exchange:USD/VND 2600 VND, asset.clearing -2600 VND, asset.clearing 99, exchange:USD/VND -99",
        ),
    ] {
        assert_eq!(Played::moved(&moves), lines, "{moves:?}");
    }
}

#[test]
fn what_cannot_be_posted_is_refused() {
    use Cause::Rounding;
    use Deviation::Beyond;
    let most = |units| HouseAnswer::Exceeds { most: usd(units) };
    let max = Move::Prepay {
        provider: "openai".into(),
        money: usd(i64::MAX),
    };
    let in_vnd = Move::Resolve {
        variance: "m-1".parse().expect("an id"),
        money: money(1, Currency::Vnd),
        cause: Rounding,
    };
    for (before, what, answer) in [
        (vec![], pay(0), HouseAnswer::NothingMoves),
        (
            vec![],
            exchange(usd(1), money(0, Currency::Vnd)),
            HouseAnswer::NothingMoves,
        ),
        (vec![], exchange(usd(1), usd(2)), HouseAnswer::SameCurrency),
        (vec![], set_off(1), most(0)),
        (vec![prepay(9), set_off(2)], set_off(8), most(7)),
        (vec![prepay(1)], max, HouseAnswer::OutOfRange),
        (
            vec![],
            resolve("m-1", 1, Rounding),
            HouseAnswer::UnknownVariance,
        ),
        (
            vec![pay(3)],
            resolve("m-1", 1, Rounding),
            HouseAnswer::UnknownVariance,
        ),
        (
            vec![variance(4, Beyond), resolve("m-1", 3, Rounding)],
            resolve("m-1", 2, Rounding),
            most(1),
        ),
        (
            vec![variance(4, Beyond)],
            in_vnd,
            HouseAnswer::OtherCurrency {
                currency: Currency::Usd,
            },
        ),
    ] {
        let mut played = Played::of(&before);
        let unchanged = played.house.clone();
        let told = played.post(order("last", what.clone()));
        assert_eq!(told, answer, "{before:?} | {what:?}");
        assert_eq!(played.house, unchanged);
    }
    let mut played = Played::of(&[]);
    let tomorrow = PostMovement {
        occurred_at: Some(NOW.plus_ms(1)),
        ..order("last", pay(1))
    };
    assert_eq!(played.post(tomorrow), HouseAnswer::NotYet);
    played.house.frozen = true;
    assert_eq!(played.post(order("last", pay(1))), HouseAnswer::Frozen);
}

fn of_four_kinds() -> [Move; 4] {
    [
        prepay(9),
        variance(4, Deviation::Beyond),
        resolve("m-2", 1, Cause::Rounding),
        exchange(usd(1), money(2, Currency::Vnd)),
    ]
}

#[test]
fn the_same_again_changes_nothing() {
    let mut played = Played::of(&of_four_kinds());
    let unchanged = played.house.clone();
    for (seq, what) in (1..).zip(of_four_kinds()) {
        let same = order(&format!("m-{seq}"), what);
        let again = HouseAnswer::Done {
            seq,
            changed: false,
        };
        assert_eq!(played.post(same.clone()), again);
        // Whoever does not say when it was means the same.
        let timeless = PostMovement {
            occurred_at: None,
            ..same
        };
        assert_eq!(played.post(timeless), again);
    }
    assert_eq!(played.house, unchanged);
}

#[test]
fn other_content_under_the_same_id_is_a_conflict() {
    let mut played = Played::of(&of_four_kinds());
    let unchanged = played.house.clone();
    let of_another = Move::Prepay {
        provider: "azure".into(),
        money: usd(9),
    };
    let in_eur = Move::Prepay {
        provider: "openai".into(),
        money: money(9, Currency::Eur),
    };
    let more = exchange(usd(1), money(3, Currency::Vnd));
    for (id, what, field) in [
        ("m-1", pay(9), "kind"),
        ("m-1", of_another, "provider"),
        ("m-1", prepay(8), "amount"),
        ("m-1", in_eur, "currency"),
        ("m-2", variance(4, Deviation::Below), "deviation"),
        ("m-3", resolve("m-1", 1, Cause::Rounding), "variance"),
        ("m-3", resolve("m-2", 1, Cause::ProviderCost), "cause"),
        ("m-4", more, "bought"),
    ] {
        let told = played.post(order(id, what));
        assert_eq!(told, HouseAnswer::Conflict { field });
    }
    let same = || order("m-1", prepay(9));
    let later = PostMovement {
        occurred_at: Some(NOW),
        ..same()
    };
    let by_another = PostMovement {
        approver: "bob".into(),
        ..same()
    };
    let unsaid = PostMovement {
        note: String::new(),
        ..same()
    };
    for (told, field) in [
        (later, "occurred_at"),
        (by_another, "approver"),
        (unsaid, "note"),
    ] {
        assert_eq!(played.post(told), HouseAnswer::Conflict { field });
    }
    assert_eq!(played.house, unchanged);
}

#[test]
fn a_movement_is_posted_now_as_of_its_own_time() {
    let played = Played::of(&[
        variance(4, Deviation::Beyond),
        resolve("m-1", 3, Cause::Rounding),
    ]);
    let posted = played.posted("m-1");
    assert_eq!(posted.movement.occurred_at, EARLIER);
    assert_eq!((posted.at, posted.seq), (NOW, 1));
    assert_eq!(posted.resolved, amount(3));
    assert_eq!(played.entries[0].time, NOW);
    let timeless = PostMovement {
        occurred_at: None,
        ..order("m-1", pay(1))
    };
    let mut played = Played::of(&[]);
    played.post(timeless);
    assert_eq!(played.posted("m-1").movement.occurred_at, NOW);
}

#[test]
fn no_tenant_has_the_houses_id() {
    let order = OpenTenant {
        name: "House".into(),
        currency: Currency::Usd,
    };
    let decision = open(&TenantId::house(), None, &order);
    assert_eq!(decision.answer, AdminAnswer::Reserved);
    assert_eq!(decision.events, []);
    let opening = Event::TenantOpened {
        name: order.name,
        currency: order.currency,
    };
    assert!(Book::open(TenantId::house(), &opening, NOW).is_err());
}
