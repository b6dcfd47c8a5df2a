//! Which containers are open: one bit each.

/// Most containers inside each other. Tool schemas nest a dozen deep; providers refuse far earlier than this.
pub const DEPTH_MAX: u32 = u128::BITS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Object,
    Array,
}

/// The open containers, innermost in the lowest bit. A set bit is an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Nesting {
    bits: u128,
    depth: u32,
}

impl Nesting {
    /// False if there is no room.
    pub(super) const fn open(&mut self, container: Container) -> bool {
        if self.depth >= DEPTH_MAX {
            return false;
        }
        self.depth = self.depth.saturating_add(1);
        self.bits = (self.bits << 1) | matches!(container, Container::Object) as u128;
        true
    }

    pub(super) const fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.bits >>= 1;
    }

    /// The innermost, if any is open.
    pub(super) const fn innermost(&self) -> Option<Container> {
        if self.depth == 0 {
            None
        } else if self.bits & 1 == 1 {
            Some(Container::Object)
        } else {
            Some(Container::Array)
        }
    }
}
