//! What a start, a restore and an accepted loss read and write of epochs and the key that signs heads.

use super::source::SqliteSource;
use super::{SqliteStore, failed, persist};
use crate::heads::{Epoch, Epochs, PublicKey};
use crate::store::{StoreError, heads};

impl SqliteStore {
    /// The public half of the key that this database's heads are signed with, if there ever was one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn signing_key(&self) -> Result<Option<PublicKey>, StoreError> {
        heads::signing_key(&mut SqliteSource::new(&self.connection))
    }

    /// Takes note of the signing key.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub fn keep_signing_key(&mut self, key: &PublicKey) -> Result<(), StoreError> {
        let row = heads::signing_key_row(key);
        persist::write(&self.connection, heads::KEEP_SIGNING_KEY, &row)
            .map_err(failed("keep the signing key"))
    }

    /// The present epoch, and those before it.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn epochs(&self) -> Result<Epochs, StoreError> {
        heads::epochs(&mut SqliteSource::new(&self.connection))
    }

    /// Records that an epoch begins.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub fn begin_epoch(&mut self, epoch: &Epoch) -> Result<(), StoreError> {
        persist::write(
            &self.connection,
            heads::BEGIN_EPOCH,
            &heads::epoch_row(epoch),
        )
        .map_err(failed("record an epoch"))
    }
}
