//! The mark of a file whose history goes on elsewhere: it is read, and backed up, and nobody serves from it.

use super::fields::text;
use super::reader::{Source, one};
use super::value::{Row, Value};
use super::{Reader, StoreError};

/// Name of the row that says where it goes on.
const MOVED_TO: &str = "moved_to";
/// Marks a file, or says anew where it went.
pub(super) const MARK: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";
/// Takes the mark away.
pub(super) const LIFT: &str = "DELETE FROM meta WHERE name = $1";

pub(super) fn row(to: &str) -> Row<'_> {
    vec![Value::text(MOVED_TO), Value::text(to)]
}

pub(super) fn name() -> Row<'static> {
    vec![Value::text(MOVED_TO)]
}

pub(super) fn moved_to(source: &mut dyn Source) -> Result<Option<String>, StoreError> {
    let sql = "SELECT value FROM meta WHERE name = $1";
    one(source, "look where it went", sql, &name(), |row| {
        text(row, 0)
    })
}

impl Reader {
    /// Where this history goes on, if it was moved.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn moved_to(&mut self) -> Result<Option<String>, StoreError> {
        moved_to(self.source_mut())
    }
}
