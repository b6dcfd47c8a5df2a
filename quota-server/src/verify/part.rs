//! Verifying a part: one book, or one book's chain from some entry on.

use super::prices::KeptPrices;
use super::{Found, PAGE, Walk, none};
use crate::store::{Snapshot, StoredEntry, chain};
use ferry_ledger::{Entry, Event, Head, HouseEvent, Month, UnixMs, invariant};
use ferry_types::TenantId;
use std::str::FromStr;

const DAY_MS: u64 = 86_400_000;

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Whose book.
    pub tenant: TenantId,
    /// From where on its chain is looked at; `None` for the whole book, with every balance derived again.
    pub since: Option<Since>,
}

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// By its number, from 1.
    Seq(u64),
    /// The first one at or after this time.
    Time(UnixMs),
}

/// The text names no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither the number of an entry, from 1, nor a date such as 2026-10-31")]
pub struct InvalidSince;

impl FromStr for Since {
    type Err = InvalidSince;

    fn from_str(text: &str) -> Result<Self, InvalidSince> {
        if let Ok(seq) = text.parse() {
            return if seq > 0 {
                Ok(Self::Seq(seq))
            } else {
                Err(InvalidSince)
            };
        }
        let (month, day) = text.rsplit_once('-').ok_or(InvalidSince)?;
        let month: Month = month.parse().map_err(|_| InvalidSince)?;
        let day: u64 = day.parse().map_err(|_| InvalidSince)?;
        let before = day.checked_sub(1).ok_or(InvalidSince)?;
        let time = month.start().plus_ms(before.saturating_mul(DAY_MS));
        if day <= 31 && time < month.end() {
            Ok(Self::Time(time))
        } else {
            Err(InvalidSince)
        }
    }
}

impl Walk<'_, '_> {
    /// Looks at a part, and says what was taken on trust, and, of a whole book, where its journal ends.
    pub(super) fn part(&mut self, part: &Part) -> Result<(String, Option<Head>), Found> {
        let Part { tenant, since } = part;
        let of_store = |error| Found::from_store(Some(tenant), error);
        let heads = self.snapshot.heads().map_err(of_store)?;
        let Some(end) = heads.get(tenant) else {
            return Err(Found::of(Some(tenant), "there is no such book".into()));
        };
        let trusted = if let Some(since) = since {
            none(Some(tenant), self.snapshot.entry_before_the_first(tenant))?;
            let first = first(self.snapshot, tenant, *since)?;
            self.chain(tenant, first, end)?;
            format!(
                "entries before {first} of '{tenant}' are trusted, and no balance was derived: only the chain from there to {}",
                end.seq
            )
        } else if tenant.is_house() {
            self.house()?;
            only(tenant)
        } else {
            let kept = self.snapshot.price_tables().map_err(of_store)?;
            let prices = KeptPrices::read(kept).map_err(|what| Found::of(None, what))?;
            self.book(tenant, &prices)?;
            only(tenant)
        };
        self.tenants = 1;
        Ok((trusted, since.is_none().then_some(*end)))
    }

    /// Looks at every entry from `first` on: its number, time, hash and content, and that the last is the book's end.
    fn chain(&mut self, tenant: &TenantId, first: u64, end: &Head) -> Result<(), Found> {
        let of_store = |error| Found::from_store(Some(tenant), error);
        let before = first.saturating_sub(1);
        let mut head = Head::START;
        if before > 0 {
            let entry = self.snapshot.entry_end(tenant, before).map_err(of_store)?;
            let missing = || Found::of(Some(tenant), format!("there is no entry {before}"));
            head = entry.ok_or_else(missing)?;
        }
        let mut from = first;
        loop {
            let page = self
                .snapshot
                .journal(tenant, from, PAGE)
                .map_err(of_store)?;
            for StoredEntry { entry, .. } in &page {
                look(&head, entry, tenant).map_err(|what| {
                    Found::of(Some(tenant), format!("entry {}: {what}", entry.seq))
                })?;
                head = Head {
                    seq: entry.seq,
                    time: entry.time,
                    hash: entry.hash,
                };
                self.count();
            }
            if page.len() < PAGE {
                break;
            }
            from = head.seq.saturating_add(1);
        }
        if head == *end {
            return Ok(());
        }
        let what = format!(
            "the journal ends at {}, but the book at {}",
            head.seq, end.seq
        );
        Err(Found::of(Some(tenant), what))
    }
}

fn only(tenant: &TenantId) -> String {
    format!("only the book of '{tenant}' was looked at, not the file, the seals or other books")
}

fn first(snapshot: &mut Snapshot<'_>, tenant: &TenantId, since: Since) -> Result<u64, Found> {
    match since {
        Since::Seq(seq) => Ok(seq),
        Since::Time(time) => {
            let before = snapshot.last_before(tenant, time);
            let before = before.map_err(|error| Found::from_store(Some(tenant), error))?;
            Ok(before.map_or(0, |end| end.last_seq).saturating_add(1))
        }
    }
}

fn look(head: &Head, entry: &Entry, tenant: &TenantId) -> Result<(), String> {
    invariant::i7_order(head, entry)
        .and_then(|()| invariant::i6_chain(head, entry, tenant))
        .map_err(|broken| chain(&broken))?;
    let (kind, content) = (entry.kind, &entry.content);
    let written_again = if tenant.is_house() {
        HouseEvent::decode(kind, content).map(|event| event.encode())
    } else {
        Event::decode(kind, content).map(|event| event.encode())
    };
    if written_again.map_err(|error| chain(&error))? == *content {
        Ok(())
    } else {
        Err("its content is not in its canonical form".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_named_by_number_or_date() {
        let time = Since::Time(UnixMs(1_706_745_600_000 + 28 * DAY_MS));
        for (text, expected) in [
            ("7", Ok(Since::Seq(7))),
            ("2024-02-29", Ok(time)),
            ("0", Err(InvalidSince)),
            ("2023-02-29", Err(InvalidSince)),
            ("2024-02-00", Err(InvalidSince)),
            ("yesterday", Err(InvalidSince)),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
    }
}
