//! The lines of an entry as they are stored beside it: JSON that a database can take apart too.

use super::StoreError;
use super::fields::corrupt;
use ferry_ledger::{Line, Transaction};
use ferry_types::Currency;
use serde::ser::{SerializeSeq as _, SerializeTuple as _, Serializer};
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// A line as it is read back: its account's stable name, what it is in, and units of that, a debit above zero.
pub(super) type Read = (String, Currency, i64);

/// What an entry moves; `None` if it moves nothing.
pub(super) fn encode(transaction: &Transaction) -> Option<String> {
    if transaction.lines.is_empty() {
        return None;
    }
    // A line is names and a number: nothing that JSON cannot say.
    serde_json::to_string(&Lines(&transaction.lines)).ok()
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(text: &str) -> Result<Vec<Read>, StoreError> {
    let misread = || corrupt("an entry's lines that cannot be read");
    let lines: Vec<Stored<'_>> = serde_json::from_str(text).map_err(|_| misread())?;
    let read = |Stored(account, code, amount): Stored<'_>| {
        let currency = Currency::ALL.into_iter().find(|known| known.code() == code);
        Ok((account.into_owned(), currency.ok_or_else(misread)?, amount))
    };
    lines.into_iter().map(read).collect()
}

#[derive(Deserialize)]
struct Stored<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>, &'a str, i64);

struct Lines<'a>(&'a [Line]);

struct One<'a>(&'a Line);

/// Something that is written as it is shown.
struct Shown<'a, T>(&'a T);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut lines = serializer.serialize_seq(Some(self.0.len()))?;
        for line in self.0 {
            lines.serialize_element(&One(line))?;
        }
        lines.end()
    }
}

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_tuple(3)?;
        line.serialize_element(&Shown(&self.0.account))?;
        line.serialize_element(self.0.currency.code())?;
        line.serialize_element(&self.0.amount)?;
        line.end()
    }
}

impl<T: Display> Serialize for Shown<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_ledger::{Account, UnixMs};

    fn transaction(lines: Vec<Line>) -> Transaction {
        Transaction {
            occurred_at: UnixMs(1),
            lines,
            carry: None,
        }
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let line = |account, amount| Line {
            account,
            currency: Currency::ALL[0],
            amount,
        };
        let odd = Account::ProviderPayable("a \"quoted\" \\ näme".into());
        let lines = vec![line(Account::Clearing, i64::MAX), line(odd, i64::MIN)];
        let text = encode(&transaction(lines.clone())).unwrap();
        let expected = lines.iter().map(|line| {
            let account = line.account.to_string();
            (account, line.currency, line.amount)
        });
        assert_eq!(decode(&text).unwrap(), expected.collect::<Vec<_>>());
        assert!(text.starts_with("[[\"asset.clearing\",\"USD\",9223372036854775807],"));
        assert_eq!(encode(&transaction(Vec::new())), None);
    }

    #[test]
    fn what_is_no_line_is_not_read() {
        for text in [
            "",
            "{}",
            "[[\"a\",\"USD\"]]",
            "[[\"a\",\"XXX\",1]]",
            "[[\"a\",\"USD\",1.5]]",
            "[[\"a\",\"USD\",1]]x",
        ] {
            assert!(decode(text).is_err(), "{text}");
        }
    }
}
