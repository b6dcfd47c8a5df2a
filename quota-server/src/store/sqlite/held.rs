//! Statements that one step of a batch runs again and again, held while it lasts.
//!
//! The connection's own cache looks each up by its text, which is long, and clears and takes back each after every row. Here a
//! statement is known by where its text lies, and goes back to that cache once, when the step is over.

use rusqlite::{CachedStatement, Connection, Result};

/// The statements of one step.
pub(super) struct Held<'a> {
    connection: &'a Connection,
    statements: Vec<(&'static str, CachedStatement<'a>)>,
}

impl<'a> Held<'a> {
    pub(super) const fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            statements: Vec::new(),
        }
    }

    /// The statement of this text.
    pub(super) fn of(&mut self, sql: &'static str) -> Result<&mut CachedStatement<'a>> {
        let is_it = |(text, _): &(&str, _)| std::ptr::eq(*text, sql);
        let at = match self.statements.iter().position(is_it) {
            Some(at) => at,
            None => {
                let statement = self.connection.prepare_cached(sql)?;
                self.statements.push((sql, statement));
                self.statements.len().saturating_sub(1)
            }
        };
        let found = self.statements.get_mut(at).map(|(_, statement)| statement);
        found.ok_or(rusqlite::Error::InvalidQuery)
    }
}
