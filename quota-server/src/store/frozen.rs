//! That a book is frozen, or is so no more: what is asked and written of it, said once for every database.

use super::StoreError;
use super::fields::{absent_or, text};
use super::reader::{Reader, Source, one};
use super::value::Value;
use ferry_types::TenantId;

const TENANTS: &str = "SELECT frozen FROM tenants WHERE tenant = $1";
const HOUSE: &str = "SELECT frozen FROM house WHERE tenant = $1";

/// Marks a book as frozen no more.
pub(super) fn thaw_sql(book: &TenantId) -> &'static str {
    if book.is_house() {
        "UPDATE house SET frozen = NULL WHERE tenant = $1"
    } else {
        "UPDATE tenants SET frozen = NULL WHERE tenant = $1"
    }
}

/// Why a book is frozen; the outer `None` if it is not there, the inner one if it is not frozen.
pub(super) fn frozen_for(
    source: &mut dyn Source,
    book: &TenantId,
) -> Result<Option<Option<String>>, StoreError> {
    let sql = if book.is_house() { HOUSE } else { TENANTS };
    let key = [Value::text(book.as_str())];
    one(source, "look whether a book is frozen", sql, &key, |row| {
        absent_or(row, 0, text)
    })
}

impl Reader {
    /// Whether a book is frozen; `None` if it is not there.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn is_frozen(&mut self, book: &TenantId) -> Result<Option<bool>, StoreError> {
        let found = frozen_for(self.source_mut(), book)?;
        Ok(found.map(|reason| reason.is_some()))
    }
}
