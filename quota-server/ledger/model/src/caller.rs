//! Who asks: a gateway, with a customer's key.

/// Which gateway asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gateway {
    /// The one that most requests come through.
    Usual,
    /// Another one, which owns what it made.
    Other,
    /// The operator's, which ends what others made and cannot end any more.
    Recovery,
}

/// A customer's key, by its number; every book begins with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub u8);

impl Key {
    /// The one that every book begins with.
    pub const FIRST: Self = Self(0);
    /// So many can be drawn of each book.
    pub const COUNT: u8 = 60;
}

/// Who asks; a request belongs to whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Which gateway.
    pub gateway: Gateway,
    /// With which of the customer's keys.
    pub key: Key,
    /// The operator's recovery says so in its place.
    pub recovered: bool,
}

impl Caller {
    /// Whether what this one made is that one's, whoever says so.
    pub(crate) fn is(self, other: Self) -> bool {
        (self.gateway, self.key) == (other.gateway, other.key)
    }
}
