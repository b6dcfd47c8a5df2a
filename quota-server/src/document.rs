//! TOML documents that people write: read section by section, and every fault found at once, each with its path.
//!
//! serde stops at the first fault; somebody who fixes a file wants them all. So a document is taken apart by hand: what is
//! read is removed, what is left over is unknown, and a fault never keeps the rest from being looked at.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use toml::{Table, Value};

/// Something in a document that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands, such as `lease.ttl_ms` or `model[2].price.input`; empty for the whole document.
    pub path: String,
    /// What is wrong with it, as a fragment.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.problem),
            path => write!(f, "{path}: {}", self.problem),
        }
    }
}

/// Every fault of a document, in the order of the document's own structure; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// Reads a whole document. `read` returns `None` only if it has noted a fault.
///
/// # Errors
/// All [`Faults`] of the document.
pub fn read<T>(text: &str, read: impl FnOnce(&mut Section<'_>) -> Option<T>) -> Result<T, Faults> {
    let table: Table = toml::from_str(text).map_err(|e| {
        let problem = e.to_string().trim_end().to_owned();
        Faults(vec![Fault {
            path: String::new(),
            problem,
        }])
    })?;
    let noted = Noted::default();
    let mut root = Section {
        path: String::new(),
        table,
        known: Vec::new(),
        noted: &noted,
    };
    let value = read(&mut root);
    root.finish();
    let faults = noted.0.into_inner();
    match value {
        Some(value) if faults.is_empty() => Ok(value),
        Some(_) | None => Err(Faults(faults)),
    }
}

/// The faults noted so far.
#[derive(Default)]
struct Noted(RefCell<Vec<Fault>>);

/// A table of the document that is being read.
pub struct Section<'a> {
    path: String,
    table: Table,
    known: Vec<&'static str>,
    noted: &'a Noted,
}

impl<'a> Section<'a> {
    /// Notes a fault of the field `key`.
    pub fn fault(&self, key: &str, problem: impl fmt::Display) {
        self.noted.0.borrow_mut().push(Fault {
            path: self.path_of(key),
            problem: problem.to_string(),
        });
    }

    /// Whether a field is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A string, if it is there.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.take(key)?;
        self.expect(key, "a string", value.as_str().map(str::to_owned), &value)
    }

    /// A string that is parsed, if it is there.
    pub fn parsed<T>(&mut self, key: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let text = self.text(key)?;
        text.parse()
            .map_err(|problem| self.fault(key, problem))
            .ok()
    }

    /// A string, or a list of strings; empty if it is not there.
    pub fn texts(&mut self, key: &'static str) -> Vec<String> {
        let wanted = "a string or a list of strings";
        let one_or_many = |value: Value| match value.as_array() {
            Some(many) => many.clone(),
            None => vec![value],
        };
        let values = self.take(key).map(one_or_many).unwrap_or_default();
        let text =
            |value: &Value| self.expect(key, wanted, value.as_str().map(str::to_owned), value);
        values.iter().filter_map(text).collect()
    }

    /// A whole number from `least` to `most`, if it is there.
    pub fn integer(&mut self, key: &'static str, least: u64, most: u64) -> Option<u64> {
        let value = self.take(key)?;
        let number = self.expect(key, "a whole number", value.as_integer(), &value)?;
        match u64::try_from(number) {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            Ok(_) | Err(_) => {
                self.fault(key, format_args!("{number} is not from {least} to {most}"));
                None
            }
        }
    }

    /// One of a few words, if it is there.
    pub fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            self.fault(
                key,
                format_args!("'{text}' is none of {}", names.join(", ")),
            );
        }
        found.map(|(_, choice)| *choice)
    }

    /// A date, in Unix seconds, if it is there.
    pub fn date(&mut self, key: &'static str) -> Option<u64> {
        let value = self.take(key)?;
        let datetime = value.as_datetime().copied();
        let datetime = self.expect(key, "a date such as 2024-07-18", datetime, &value)?;
        let seconds = datetime
            .date
            .and_then(|d| unix_seconds(d.year, d.month, d.day));
        if seconds.is_none() {
            self.fault(key, "not a date from 1970 on, such as 2024-07-18");
        }
        seconds
    }

    /// Reads a table within this one: what `read` makes of it, or `None` if it is not there.
    pub fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> Option<T> {
        let value = self.take(key)?;
        let table = self.expect(key, "a table", value.as_table().cloned(), &value)?;
        Some(self.descend(self.path_of(key), table, read))
    }

    /// Reads a table within this one; one that is not there is read as an empty one.
    pub fn section_or_empty<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            self.table
                .insert(key.to_owned(), Value::Table(Table::new()));
        }
        self.section(key, read)
    }

    /// Reads a list of tables (`[[key]]`): what `read` makes of each; empty if it is not there.
    pub fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'a>) -> T,
    ) -> Vec<T> {
        let wanted = "a list of tables";
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let values = self.expect(key, wanted, value.as_array().cloned(), &value);
        let mut read_ones = Vec::new();
        for (i, value) in values.into_iter().flatten().enumerate() {
            if let Some(table) = self.expect(key, wanted, value.as_table().cloned(), &value) {
                let path = format!("{}[{i}]", self.path_of(key));
                read_ones.push(self.descend(path, table, &mut read));
            }
        }
        read_ones
    }

    /// Notes that `key` is missing if there is no value for it and no fault of it yet.
    pub fn required<T>(&self, key: &str, value: Option<T>) -> Option<T> {
        let path = self.path_of(key);
        let mut noted = self.noted.0.borrow_mut();
        if value.is_none() && !noted.iter().any(|f| f.path.starts_with(&path)) {
            noted.push(Fault {
                path,
                problem: "missing".to_owned(),
            });
        }
        value
    }

    fn descend<T>(
        &self,
        path: String,
        table: Table,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> T {
        let mut section = Section {
            path,
            table,
            known: Vec::new(),
            noted: self.noted,
        };
        let value = read(&mut section);
        section.finish();
        value
    }

    /// What was not asked for is not known.
    fn finish(&self) {
        for key in self.table.keys() {
            let known = self.known.join(", ");
            self.fault(key, format_args!("not known; known here: {known}"));
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    /// Notes a fault if a value did not turn out to be what was wanted.
    fn expect<T>(&self, key: &str, wanted: &str, read: Option<T>, value: &Value) -> Option<T> {
        if read.is_none() {
            let found = value.type_str();
            let problem = format_args!("must be {wanted}, not a value of type {found}");
            self.fault(key, problem);
        }
        read
    }

    fn path_of(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }
}

/// Midnight of a day of the Gregorian calendar in UTC; `None` before 1970.
pub(crate) fn unix_seconds(year: u16, month: u8, day: u8) -> Option<u64> {
    const DAYS_BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const SECONDS_A_DAY: u64 = 86_400;
    let leap_days_before = |year: u64| year / 4 - year / 100 + year / 400;
    let year = u64::from(year);
    let is_leap = leap_days_before(year) != leap_days_before(year - 1);
    let years = year.checked_sub(1970)?;
    let before = DAYS_BEFORE.get(usize::from(month).checked_sub(1)?)?;
    let leap_day_of_this_year = u64::from(is_leap && month > 2);
    let days = years * 365 + leap_days_before(year - 1) - leap_days_before(1969)
        + before
        + leap_day_of_this_year
        + u64::from(day).checked_sub(1)?;
    Some(days * SECONDS_A_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_midnights_in_utc() {
        for (date, seconds) in [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400),
            ("2000-03-01", 951_868_800),
            ("2024-07-18", 1_721_260_800),
            ("2100-03-01", 4_107_542_400),
        ] {
            let document = format!("day = {date}");
            assert_eq!(read(&document, |s| s.date("day")), Ok(seconds), "{date}");
        }
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let document = "
            number = 11
            word = 'c'
            text = 1
            date = 1969-01-01
            unknown = true
            [table]
            list = [1]
            extra = 2
            [[many]]
            [[many]]
            integer = 'x'
        ";
        let faults = read(document, |s| {
            s.integer("number", 1, 10);
            s.choice("word", &[("a", 1), ("b", 2)]);
            s.text("text");
            s.date("date");
            s.section("table", |t| t.texts("list"));
            s.sections("many", |m| {
                let value = m.integer("integer", 0, 1);
                m.required("integer", value)
            });
            let gone = s.text("gone");
            s.required("gone", gone)
        })
        .expect_err("faults");
        let expected = "\
number: 11 is not from 1 to 10
word: 'c' is none of a, b
text: must be a string, not a value of type integer
date: not a date from 1970 on, such as 2024-07-18
table.list: must be a string or a list of strings, not a value of type integer
table.extra: not known; known here: list
many[0].integer: missing
many[1].integer: must be a whole number, not a value of type string
gone: missing
unknown: not known; known here: number, word, text, date, table, many, gone";
        assert_eq!(faults.to_string(), expected);
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_line() {
        let faults = read("a = \n", |_| Some(())).expect_err("not TOML");
        assert!(faults.to_string().contains("line 1"), "{faults}");
    }
}
