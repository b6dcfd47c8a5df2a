//! What a limit has counted, and where a request counts.

use crate::limit::window::Window;
use ferry_types::Overflow;

/// Which of a limit's counters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The only one.
    Whole,
    /// The one of all that do not say, or that came when there were too many.
    Unset,
    /// The one of this key, end user or whatever the limit counts apart.
    Named(String),
}

/// What was counted in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// By the open reservations, as far as they may come to it.
    pub held: u128,
    /// By what has ended.
    pub used: u128,
}

/// A counter that a request counts on, in the window that it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The limit's number.
    pub limit: u64,
    /// Which of its counters.
    pub subject: Subject,
    /// The window.
    pub window: Window,
}

/// Where a request counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// On each of these, in the order of the limits' numbers.
    pub counted: Vec<Counted>,
    /// The version of the time zones that the new ones of these windows were made by; empty if there is none.
    pub zones_version: String,
}

/// What a request counts for on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) held: u64,
    pub(crate) used: u64,
}

/// Begins the stored text of a name: no name is taken for another subject.
const NAMED: char = '=';
/// Lies before every name, as the value does.
const UNSET: &str = "-";

impl Subject {
    /// The stored text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Whole => String::new(),
            Self::Unset => UNSET.into(),
            Self::Named(name) => format!("{NAMED}{name}"),
        }
    }

    /// Reads stored text; `None` if it is no subject's.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self::Whole),
            UNSET => Some(Self::Unset),
            _ => {
                let name = text.strip_prefix(NAMED)?;
                (!name.is_empty()).then(|| Self::Named(name.into()))
            }
        }
    }
}

impl Counter {
    /// Nothing was counted.
    pub const ZERO: Self = Self { held: 0, used: 0 };

    /// What counts against the bound.
    #[must_use]
    pub const fn total(&self) -> u128 {
        self.held.saturating_add(self.used)
    }

    /// After a request counts for `after` in the place of `before`.
    pub(crate) fn moved(&self, before: Weight, after: Weight) -> Result<Self, Overflow> {
        let moved = |sum: u128, before: u64, after: u64| {
            let rest = sum.checked_sub(u128::from(before)).ok_or(Overflow)?;
            rest.checked_add(u128::from(after)).ok_or(Overflow)
        };
        Ok(Self {
            held: moved(self.held, before.held, after.held)?,
            used: moved(self.used, before.used, after.used)?,
        })
    }
}

impl Counts {
    /// Nowhere.
    pub const NONE: Self = Self {
        counted: Vec::new(),
        zones_version: String::new(),
    };

    /// Whether it is nowhere.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.counted.is_empty() && self.zones_version.is_empty()
    }
}

impl Weight {
    /// Nothing.
    pub(crate) const ZERO: Self = Self { held: 0, used: 0 };
}
