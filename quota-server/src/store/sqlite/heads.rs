//! What a restore and an accepted loss write of epochs.

use super::{SqliteStore, failed, persist};
use crate::heads::Epoch;
use crate::store::{StoreError, heads};

impl SqliteStore {
    /// Records that an epoch begins.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub fn begin_epoch(&mut self, epoch: &Epoch) -> Result<(), StoreError> {
        persist::write(
            &mut self.held(),
            heads::BEGIN_EPOCH,
            &heads::epoch_row(epoch),
        )
        .map_err(failed("record an epoch"))
    }
}
