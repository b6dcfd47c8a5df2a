//! The secrets that lie beside a database, and that it knows by their public halves.

use super::StartError;
use crate::heads::{Signer, SigningKey};
use crate::key_directory::Peppers;
use crate::store::sqlite::SqliteStore;
use std::path::Path;
use std::sync::Arc;

/// What keys are stored under, and what heads are signed with.
pub(super) struct Secrets {
    pub(super) peppers: Peppers,
    pub(super) signer: Arc<Signer>,
}

impl Secrets {
    /// Reads them, or makes what the database knows nothing of, and has the database take note of them.
    pub(super) fn open(database: &Path, store: &mut SqliteStore) -> Result<Self, StartError> {
        let peppers = Peppers::open(database, &store.peppers()?)?;
        for id in peppers.ids() {
            if let Some(fingerprint) = peppers.fingerprint(id) {
                store.keep_pepper(id, fingerprint)?;
            }
        }
        let key = SigningKey::open(database, store.signing_key()?)?;
        store.keep_signing_key(&key.public())?;
        let signer = Arc::new(Signer::new(key, store.epochs()?.present()));
        Ok(Self { peppers, signer })
    }
}
