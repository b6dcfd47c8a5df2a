//! The text of a name or a number, up to a bound.

/// Most bytes of a name or a number that are kept. What is longer is reported without its text: no name that matters, and no
/// number that fits 64 bits, is.
pub const TEXT_BYTES_MAX: usize = 64;

/// The first bytes of a name or number, and whether they are all.
#[derive(Clone, Debug)]
pub(super) struct BoundedText {
    bytes: [u8; TEXT_BYTES_MAX],
    length: usize,
    is_over: bool,
}

impl Default for BoundedText {
    fn default() -> Self {
        Self {
            bytes: [0; TEXT_BYTES_MAX],
            length: 0,
            is_over: false,
        }
    }
}

impl BoundedText {
    pub(super) const fn clear(&mut self) {
        self.length = 0;
        self.is_over = false;
    }

    pub(super) fn push(&mut self, more: &[u8]) {
        let end = self.length.saturating_add(more.len());
        match self.bytes.get_mut(self.length..end) {
            Some(room) if !self.is_over => {
                room.copy_from_slice(more);
                self.length = end;
            }
            _ => self.is_over = true,
        }
    }

    pub(super) fn get(&self) -> Option<&str> {
        if self.is_over {
            return None;
        }
        core::str::from_utf8(self.bytes.get(..self.length)?).ok()
    }
}
