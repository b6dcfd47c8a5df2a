//! A sealed month: nothing is posted into it, whatever the clock does, and a seal that tells of another entry is found.

use ferry_ledger::verify::{Priced, Prices};
use ferry_ledger::*;
use ferry_types::{Amount, Currency, TenantId};
use proptest::prelude::*;

struct NoPrices;

impl Prices for NoPrices {
    fn priced(&self, _: &str, _: &str, _: ferry_types::Currency) -> Option<Priced> {
        None
    }
}

const RULES: Rules = Rules {
    lease_ms: 1_000,
    margin_ms: 100,
    recovery_window_ms: 60_000,
};

fn month() -> Month {
    "2026-10".parse().expect("a month")
}

fn tenant() -> TenantId {
    "acme".parse().expect("an id")
}

/// A book with its journal.
struct Kept {
    book: Book,
    entries: Vec<Entry>,
}

impl Kept {
    fn open(at: UnixMs) -> Self {
        let event = Event::TenantOpened {
            name: "Acme".into(),
            currency: Currency::Usd,
        };
        let (book, recorded) = Book::open(tenant(), &event, at).expect("opens");
        let entries = vec![recorded.entry];
        Self { book, entries }
    }

    fn put(&mut self, command: &Command, at: UnixMs) -> Answer {
        let decision = decide(&self.book, command, &RULES, at);
        for event in &decision.events {
            let recorded = self.book.apply(event, at).expect("fits");
            self.entries.push(recorded.entry);
        }
        decision.answer
    }

    fn top_up(&mut self, reference: usize, at: UnixMs) {
        let command = Command::TopUp(TopUp {
            amount: Amount::from_units(1_000).expect("in range"),
            source: "bank".into(),
            external_reference: reference.to_string(),
            note: String::new(),
        });
        self.put(&command, at);
    }

    /// The last entry before the month's end.
    fn sealed(&self) -> MonthSealed {
        let before = |entry: &&Entry| entry.time < month().end();
        let last = self.entries.iter().rfind(before).expect("an entry");
        MonthSealed {
            month: month(),
            last_seq: last.seq,
            last_hash: last.hash,
        }
    }

    fn seal(&mut self, sealed: MonthSealed, at: UnixMs) -> Answer {
        self.put(&Command::SealMonth(sealed), at)
    }

    fn verify(&self) -> Result<(), Difference> {
        let mut verifier = Verifier::new(tenant(), &NoPrices);
        for entry in &self.entries {
            verifier.entry(entry)?;
        }
        verifier.replayed().map(|_| ())
    }
}

/// A time around the month's end.
fn around_the_end() -> impl Strategy<Value = UnixMs> {
    let end = month().end().0;
    (end - 100_000..end + 100_000).prop_map(UnixMs)
}

proptest! {
    #[test]
    fn nothing_is_posted_into_a_sealed_month(
        before in prop::collection::vec(around_the_end(), 0..20),
        after in prop::collection::vec(around_the_end(), 1..20),
        late_ms in 0u64..200_000,
    ) {
        let end = month().end();
        let mut kept = Kept::open(UnixMs(end.0 - 200_000));
        for (n, at) in before.iter().enumerate() {
            kept.top_up(n, *at);
        }
        let sealed = kept.sealed();
        kept.seal(sealed, end.plus_ms(late_ms));
        let count = kept.entries.len();
        for (n, at) in after.iter().enumerate() {
            kept.top_up(1_000 + n, *at);
        }
        prop_assert!(kept.entries[count..].iter().all(|entry| entry.time >= end));
        prop_assert_eq!(kept.sealed(), sealed);
        prop_assert_eq!(kept.verify(), Ok(()));
    }
}

#[test]
fn only_a_month_that_is_over_is_sealed() {
    let end = month().end();
    let mut kept = Kept::open(month().start());
    let sealed = kept.sealed();
    let early = kept.seal(sealed, UnixMs(end.0 - 1));
    assert_eq!(early, Answer::Admin(AdminAnswer::MonthNotOver));
    assert_eq!(kept.entries.len(), 1);
    let event = Event::MonthSealed(sealed);
    assert!(kept.book.clone().apply(&event, UnixMs(end.0 - 1)).is_err());
    let done = AdminAnswer::Done {
        seq: 2,
        changed: true,
    };
    assert_eq!(kept.seal(sealed, end), Answer::Admin(done));
    kept.book.frozen = true;
    assert_eq!(kept.seal(sealed, end), Answer::Admin(AdminAnswer::Frozen));
}

#[test]
fn a_seal_of_another_entry_is_found() {
    let (start, end) = (month().start(), month().end());
    let lies: [fn(&mut MonthSealed); 3] = [
        |sealed| sealed.last_seq = 1,
        |sealed| sealed.last_seq = 3,
        |sealed| sealed.last_hash[0] ^= 1,
    ];
    for lie in lies {
        let mut kept = Kept::open(start);
        kept.top_up(1, start);
        kept.top_up(2, end);
        let mut sealed = kept.sealed();
        assert_eq!(sealed.last_seq, 2);
        lie(&mut sealed);
        kept.seal(sealed, end);
        let found = kept.verify();
        assert_eq!(
            found,
            Err(Difference::Sealed {
                seq: 4,
                month: month()
            })
        );
    }
}
