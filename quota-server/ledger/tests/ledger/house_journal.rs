//! What is stored of the house's book stays readable: the bytes of version 1, and what is not such bytes.

use crate::journal::check_golden;
use crate::world::amount;
use ferry_ledger::house::{Cause, Deviation, Money, Moved, PostedMovement};
use ferry_ledger::*;
use ferry_types::Currency;

/// What tenants' books have too.
const OF_ANY_BOOK: [u8; 2] = [Event::MONTH_SEALED, Event::THAWED];
const DRAWN: u64 = 1_700_000_000_123;

fn money(units: i64, currency: Currency) -> Money {
    Money {
        amount: amount(units),
        currency,
    }
}

/// One of each kind, with every field set.
fn moves() -> Vec<Move> {
    let provider = || "openai".to_owned();
    let usd = money(1_000_000, Currency::Usd);
    let mut moves = vec![
        Move::Pay {
            provider: provider(),
            money: usd,
        },
        Move::Prepay {
            provider: provider(),
            money: money(i64::MAX, Currency::Eur),
        },
        Move::SetOff {
            provider: provider(),
            money: money(255, Currency::Idr),
        },
        Move::PayReseller {
            reseller: "partner".parse().expect("a name"),
            money: usd,
        },
        Move::Exchange {
            sold: usd,
            bought: money(26_000, Currency::Vnd),
        },
    ];
    moves.extend(Deviation::ALL.map(|deviation| Move::Variance {
        provider: provider(),
        money: usd,
        deviation,
    }));
    moves.extend(Cause::ALL.map(|cause| Move::Resolve {
        variance: "h-1".parse().expect("an id"),
        money: usd,
        cause,
    }));
    // What was added since.
    let reversals = moves.clone().into_iter().zip(Reason::ALL.into_iter().rev());
    let reversals = reversals.map(|(undone, reason)| Move::Reverse {
        movement: "h-1".parse().expect("an id"),
        undone: Box::new(undone),
        reason,
    });
    moves.extend(reversals.collect::<Vec<_>>());
    moves
}

fn movement(what: Move) -> Movement {
    Movement {
        what,
        occurred_at: UnixMs(DRAWN),
        approver: "anna".into(),
        note: "Rechnung № 7".into(),
    }
}

fn events() -> Vec<HouseEvent> {
    let moved = moves().into_iter().map(|what| {
        HouseEvent::Moved(Moved {
            id: "h-2".parse().expect("an id"),
            movement: movement(what),
        })
    });
    let sealed = HouseEvent::MonthSealed(MonthSealed {
        month: "2026-10".parse().expect("a month"),
        last_seq: 7,
        last_hash: [0xab; 32],
    });
    let thawed = HouseEvent::Thawed(Box::new(crate::samples::full_thaw()));
    moved.chain([sealed, thawed]).collect()
}

#[test]
fn what_is_stored_of_the_house_is_written_as_ever() {
    let events = events();
    let line = |event: &HouseEvent| (format!("event {}", event.kind()), event.encode());
    let mut lines: Vec<_> = events.iter().map(line).collect();
    let posted: Vec<_> = moves()
        .into_iter()
        .map(|what| PostedMovement {
            movement: movement(what),
            resolved: amount(3),
            reversed_by: None,
            at: UnixMs(DRAWN + 1),
            seq: 300,
        })
        .collect();
    let reversed = PostedMovement {
        reversed_by: Some("h-3".parse().expect("an id")),
        ..posted[0].clone()
    };
    let posted = [posted, vec![reversed]].concat();
    let row = |posted: &PostedMovement| {
        let parts = posted.movement.what.parts();
        let kinds = [Some(parts.kind), parts.undone].into_iter().flatten();
        let kinds: Vec<_> = kinds.collect();
        (format!("movement {}", kinds.join(" ")), posted.encode())
    };
    lines.extend(posted.iter().map(row));
    check_golden("house-v1.txt", &lines);
    for (event, (_, bytes)) in events.iter().zip(&lines) {
        assert_eq!(HouseEvent::decode(event.kind(), bytes).as_ref(), Ok(event));
    }
    for (posted, (_, bytes)) in posted.iter().zip(lines.iter().skip(events.len())) {
        assert_eq!(PostedMovement::decode(bytes).as_ref(), Ok(posted));
    }
}

#[test]
fn what_is_cut_unknown_or_of_another_book_is_refused() {
    for event in events() {
        let (kind, bytes) = (event.kind(), event.encode());
        for cut in 0..bytes.len() {
            let read = HouseEvent::decode(kind, &bytes[..cut]);
            assert_ne!(read.as_ref(), Ok(&event), "{event:?} cut at {cut}");
        }
        for (at, version) in [(0, 2), (0, 0)] {
            let mut other = bytes.clone();
            other[at] = version;
            let read = HouseEvent::decode(kind, &other);
            assert_eq!(read, Err(InvalidEncoding::Version(version)));
        }
        let mut later = bytes.clone();
        later.extend([99, 1, 7]);
        let read = HouseEvent::decode(kind, &later);
        assert_eq!(read, Err(InvalidEncoding::UnexpectedField(99)));
        // Whatever one byte is changed to: what can be read is written the same.
        for at in 0..bytes.len() {
            for byte in [0, 1, 2, 7, 64, 0x7f, 0x80, 0xff] {
                let mut other = bytes.clone();
                other[at] = byte;
                if let Ok(read) = HouseEvent::decode(kind, &other) {
                    assert_eq!(read.encode(), other);
                }
            }
        }
        // A tenant's book knows nothing of what moves here, and the house's nothing of what moves there.
        if !OF_ANY_BOOK.contains(&kind) {
            assert_eq!(
                Event::decode(kind, &bytes),
                Err(InvalidEncoding::Kind(kind))
            );
        }
    }
    for event in crate::samples::events() {
        let (kind, bytes) = (event.kind(), event.encode());
        if !OF_ANY_BOOK.contains(&kind) {
            let read = HouseEvent::decode(kind, &bytes);
            assert_eq!(read, Err(InvalidEncoding::Kind(kind)));
        }
    }
}
