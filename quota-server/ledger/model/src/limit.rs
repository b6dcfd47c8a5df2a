//! What operators ask of limits, in plain numbers.

use crate::caller::Key;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Requests.
    Requests,
    /// Tokens read.
    Input,
    /// Tokens written.
    Output,
    /// Both.
    Tokens,
    /// Money.
    Money,
}

/// How long it counts before it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Only what goes on.
    AtOnce,
    /// A minute of UTC.
    Minute,
    /// An hour of UTC.
    Hour,
    /// A day of the zone.
    Day,
    /// A week of the zone, from Monday on.
    Week,
    /// A month of the zone.
    Month,
    /// It never begins anew.
    Lifetime,
}

/// What it counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Nothing.
    Nothing,
    /// Keys.
    Key,
    /// End users.
    User,
    /// Models, of which there is one.
    Model,
}

/// A limit. Its name is one of few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitOrder {
    /// What it is called.
    pub name: u8,
    /// What it counts.
    pub measure: Measure,
    /// How long.
    pub span: Span,
    /// What it counts apart.
    pub each: Each,
    /// Of this key only.
    pub key: Option<Key>,
    /// Of this end user only.
    pub user: Option<u8>,
    /// Of another model than there is.
    pub elsewhere: bool,
    /// The most that it lets through.
    pub bound: i64,
    /// So many are counted apart.
    pub most: u32,
}

/// Where a tenant's days begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// At midnight in Greenwich.
    #[default]
    Utc,
    /// Five and a half hours before.
    Kolkata,
    /// Five hours later, or four in summer.
    NewYork,
}
