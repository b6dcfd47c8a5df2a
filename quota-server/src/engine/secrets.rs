//! The secrets that lie beside a database, and that it knows by their public halves.

use super::StartError;
use crate::heads::{Signer, SigningKey};
use crate::key_directory::Peppers;
use crate::store::Founding;
use std::path::Path;
use std::sync::Arc;

/// What keys are stored under, and what heads are signed with.
pub(super) struct Secrets {
    pub(super) peppers: Peppers,
    pub(super) signer: Arc<Signer>,
}

impl Secrets {
    /// Reads them, or makes what the database knows nothing of, and has the database take note of them.
    pub(super) fn open(place: &Path, store: &mut dyn Founding) -> Result<Self, StartError> {
        let peppers = Peppers::open(place, &store.peppers()?)?;
        for id in peppers.ids() {
            if let Some(fingerprint) = peppers.fingerprint(id) {
                store.keep_pepper(id, fingerprint)?;
            }
        }
        let key = SigningKey::open(place, store.signing_key()?)?;
        store.keep_signing_key(&key.public())?;
        // Another server may have started with other secrets at the same time: the database kept the first it was told.
        Peppers::open(place, &store.peppers()?)?;
        SigningKey::open(place, store.signing_key()?)?;
        let signer = Arc::new(Signer::new(key, store.epochs()?.present()));
        Ok(Self { peppers, signer })
    }
}
