//! The host's random bytes, drawn for many requests at once.

use core::cell::RefCell;

use ferry_filter_core::clock::Random;

use crate::host::{self, Status};

/// Times ten bytes, for which one call of the host's draws: a call costs as much for ten bytes as for a thousand.
const DRAWN: usize = 100;

/// What was drawn and not used yet. Each of it is given away once.
pub struct Randomness {
    drawn: RefCell<Vec<Random>>,
}

impl Randomness {
    pub const fn new() -> Self {
        Self {
            drawn: RefCell::new(Vec::new()),
        }
    }

    /// Random bytes for the ids of one request; the host's failure is told by `None`.
    pub fn pair(&self) -> Option<[Random; 2]> {
        Some([self.take()?, self.take()?])
    }

    /// A random number; zero if the host fails.
    pub fn number(&self) -> u64 {
        let random = self.take();
        random
            .and_then(|random| random.first_chunk().copied())
            .map_or(0, u64::from_le_bytes)
    }

    fn take(&self) -> Option<Random> {
        let mut drawn = self.drawn.try_borrow_mut().ok()?;
        if drawn.is_empty()
            && let Err(status) = draw(&mut drawn)
        {
            log::error!("failed to draw random bytes: {status}");
        }
        drawn.pop()
    }
}

fn draw(drawn: &mut Vec<Random>) -> Result<(), Status> {
    let bytes: [u8; DRAWN * size_of::<Random>()] = host::random()?;
    let (each, _) = bytes.as_chunks();
    drawn.extend_from_slice(each);
    Ok(())
}
