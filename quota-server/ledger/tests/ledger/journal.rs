//! What is stored stays readable: the bytes of version 1, and what is not such bytes.

use crate::samples;
use ferry_ledger::*;
use proptest::prelude::*;
use std::fmt::Write as _;

/// Compares with a golden file; `FERRY_BLESS=1` writes it, for a new version only.
pub fn check_golden(name: &str, lines: &[(String, Vec<u8>)]) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    for (what, bytes) in lines {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{what} {hex}").expect("writes to a string");
    }
    if std::env::var_os("FERRY_BLESS").is_some() {
        std::fs::write(&path, &text).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden file is there");
    assert_eq!(text, golden, "{name}: what is stored can no longer be read");
}

#[test]
fn events_are_written_as_ever() {
    let events = samples::events();
    let lines: Vec<(String, Vec<u8>)> = events
        .iter()
        .map(|event| (format!("{} {}", event.kind(), event.name()), event.encode()))
        .collect();
    check_golden("events-v1.txt", &lines);
    for (event, (_, bytes)) in events.iter().zip(&lines) {
        assert_eq!(Event::decode(event.kind(), bytes).as_ref(), Ok(event));
    }
    let mut kinds: Vec<u8> = events.iter().map(Event::kind).collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        (1..=18)
            .chain([Event::MONTH_SEALED, Event::TENANT_CLOSED, Event::THAWED])
            .collect::<Vec<u8>>(),
        "a sample of each kind"
    );
}

/// What has a field that came later is of version 2, and so are the kinds that came with it.
#[test]
fn what_came_later_is_written_as_ever() {
    let mut lines = Vec::new();
    for event in samples::second_events() {
        let bytes = event.encode();
        assert_eq!(Event::decode(event.kind(), &bytes).as_ref(), Ok(&event));
        lines.push((format!("{} {}", event.kind(), event.name()), bytes));
    }
    for limit in samples::limits() {
        assert_eq!(Limit::decode(&limit.encode()).as_ref(), Ok(&limit));
        lines.push(("limit".into(), limit.encode()));
    }
    let counter = samples::limit_counter();
    assert_eq!(Counter::decode(&counter.encode()), Ok(counter));
    lines.push(("counter".into(), counter.encode()));
    for row in samples::second_rows() {
        assert_eq!(Reservation::decode(&row.encode()).as_ref(), Ok(&row));
        let what = format!("reservation {}", row.state.name().name());
        lines.push((what, row.encode()));
    }
    check_golden("second-v2.txt", &lines);
}

/// The version says whether there is any such field: one content has one encoding.
#[test]
fn a_version_is_of_what_it_says() {
    let first = |mut bytes: Vec<u8>| {
        bytes[0] = 1;
        bytes
    };
    let later = samples::second_events();
    let later = later.iter().filter(|event| event.encode()[0] == 2);
    let told = later.map(|event| {
        let read = Event::decode(event.kind(), &first(event.encode()));
        assert_eq!(read, Err(InvalidEncoding::Version(1)), "{}", event.name());
    });
    assert_eq!(told.count(), 4);
    for row in samples::second_rows() {
        let read = Reservation::decode(&first(row.encode()));
        assert_eq!(read, Err(InvalidEncoding::Version(1)));
    }
    let mut bytes = samples::rows()[0].encode();
    bytes[0] = 2;
    assert_eq!(
        Reservation::decode(&bytes),
        Err(InvalidEncoding::Version(2))
    );
}

#[test]
fn rows_are_written_as_ever() {
    let reservation = |row: &Reservation| {
        assert_eq!(Reservation::decode(&row.encode()).as_ref(), Ok(row));
        let what = format!("reservation {}", row.state.name().name());
        (what, row.encode())
    };
    let refused = |row: &Refused| {
        assert_eq!(Refused::decode(&row.encode()).as_ref(), Ok(row));
        (format!("refused {}", row.refusal.name()), row.encode())
    };
    let mut lines: Vec<(String, Vec<u8>)> = samples::rows().iter().map(reservation).collect();
    lines.extend(samples::refused().iter().map(refused));
    lines.extend(samples::placed_rows().iter().map(reservation));
    lines.push(refused(&samples::placed_refusal()));
    for grant in [samples::placed_grant(), samples::grant_taken_back()] {
        assert_eq!(Grant::decode(&grant.encode()).as_ref(), Ok(&grant));
        lines.push(("grant".into(), grant.encode()));
    }
    check_golden("rows-v1.txt", &lines);
}

#[test]
fn the_chain_covers_every_field() {
    let book = "acme".parse().expect("a name");
    let entry = Entry {
        seq: 1,
        time: UnixMs(2),
        kind: 3,
        content: vec![4],
        previous_hash: [5; 32],
        hash: [0; 32],
    };
    let hash = entry.computed_hash(&book);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    // Never changes: every journal in the world depends on it.
    assert_eq!(
        hex,
        "41d15ab4eec220cad8667cc7655ddd07843bffc8fcdbdcb5ecad6a7d70669203"
    );
    let others = [
        Entry {
            seq: 2,
            ..entry.clone()
        },
        Entry {
            time: UnixMs(3),
            ..entry.clone()
        },
        Entry {
            kind: 4,
            ..entry.clone()
        },
        Entry {
            content: vec![5],
            ..entry.clone()
        },
        Entry {
            content: vec![],
            ..entry.clone()
        },
        Entry {
            previous_hash: [6; 32],
            ..entry.clone()
        },
    ];
    for other in others {
        assert_ne!(other.computed_hash(&book), hash, "{other:?}");
    }
    assert_ne!(entry.computed_hash(&"acmf".parse().expect("a name")), hash);
}

#[test]
fn what_is_cut_or_unknown_is_refused() {
    for event in samples::events() {
        let bytes = event.encode();
        for cut in 0..bytes.len() {
            let read = Event::decode(event.kind(), &bytes[..cut]);
            assert_ne!(read.as_ref(), Ok(&event), "{} cut at {cut}", event.name());
        }
        let mut later = bytes.clone();
        later.extend([99, 1, 7]);
        assert_eq!(
            Event::decode(event.kind(), &later),
            Err(InvalidEncoding::UnexpectedField(99)),
            "{}",
            event.name()
        );
        let mut version = bytes.clone();
        for other in [2, 3] {
            version[0] = other;
            assert_eq!(
                Event::decode(event.kind(), &version),
                Err(InvalidEncoding::Version(other))
            );
        }
        assert_eq!(Event::decode(200, &bytes), Err(InvalidEncoding::Kind(200)));
    }
    assert_eq!(Event::decode(1, &[]), Err(InvalidEncoding::Cut));
}

#[test]
fn numbers_have_one_encoding() {
    // A top-up of 1: version, tag 1, length 1, value 1.
    let good = [1, 1, 1, 1];
    assert!(Event::decode(5, &good).is_ok());
    for bad in [
        &[1, 1, 2, 0, 1][..],
        &[1, 1, 0],
        &[1, 1, 0x81, 0, 1],
        &[1, 1, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        &[1, 1, 8, 0xff, 0, 0, 0, 0, 0, 0, 0],
        &[1, 2, 1, 0xff],
        &[1, 2, 1, 65, 1, 1, 1],
        &[1, 1, 1, 1, 1, 1, 1],
    ] {
        assert!(Event::decode(5, bad).is_err(), "{bad:?}");
    }
}

proptest! {
    /// Garbage never panics, and whatever can be read is written as the same bytes.
    #[test]
    fn what_can_be_read_is_written_the_same(
        kind in 0u8..14,
        sample in 0usize..15,
        at in 0usize..2_000,
        byte: u8,
        garbage in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let event = &samples::events()[sample];
        let mut bytes = event.encode();
        let at = at % bytes.len();
        bytes[at] = byte;
        for (kind, bytes) in [(event.kind(), &bytes), (kind, &garbage)] {
            if let Ok(read) = Event::decode(kind, bytes) {
                prop_assert_eq!(&read.encode(), bytes);
            }
        }
    }
}
