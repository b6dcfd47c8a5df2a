//! Whether a journal still has what a signed head says of it.

use super::epoch::Epochs;
use super::signed::SignedHead;
use super::signing_key::PublicKey;
use crate::store::{Database, Reader};
use crate::store::{OpenError, StoreError};
use ferry_types::TenantId;

/// Why a head does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// It proves nothing.
    #[error("entry {seq} of '{tenant}': the head is not signed by this database's key ({key})")]
    Signature {
        /// Whose.
        tenant: TenantId,
        /// Which entry.
        seq: u64,
        /// The key that should have signed.
        key: String,
    },
    /// The database has been through fewer epochs.
    #[error(
        "tenant '{tenant}': entry {seq} was acknowledged in epoch {epoch}, and the database is in epoch {present}"
    )]
    Epoch {
        /// Whose.
        tenant: TenantId,
        /// Which entry.
        seq: u64,
        /// The head's.
        epoch: u64,
        /// The database's.
        present: u64,
    },
    /// The journal was cut, or an older copy put in its place.
    #[error(
        "tenant '{tenant}': entry {expected} was acknowledged, and the journal ends at {found}"
    )]
    Behind {
        /// Whose.
        tenant: TenantId,
        /// The acknowledged entry.
        expected: u64,
        /// The journal's end.
        found: u64,
    },
    /// The journal went on in another way from some earlier entry on.
    #[error(
        "tenant '{tenant}': entry {seq} is another one than was acknowledged: the journal was forked or replaced"
    )]
    Forked {
        /// Whose.
        tenant: TenantId,
        /// The acknowledged entry.
        seq: u64,
    },
}

/// What became of a head.
pub(super) enum Found {
    /// The journal has it.
    Holds,
    /// A restore gave it up: an earlier epoch, beyond what stood when a later one began.
    Lost(Difference),
    /// It should be there.
    Differs(Difference),
}

/// Looks heads up in a database.
pub(super) struct Check<'a> {
    reader: &'a mut Reader,
    key: PublicKey,
    epochs: Epochs,
}

impl<'a> Check<'a> {
    pub(super) fn new(reader: &'a mut Reader, key: PublicKey) -> Result<Self, StoreError> {
        let epochs = reader.epochs()?;
        Ok(Self {
            reader,
            key,
            epochs,
        })
    }

    pub(super) fn look(&mut self, signed: &SignedHead) -> Result<Found, StoreError> {
        let (tenant, seq) = (&signed.tenant, signed.head.seq);
        if !signed.is_signed_by(&self.key) {
            return Ok(Found::Differs(Difference::Signature {
                tenant: tenant.clone(),
                seq,
                key: self.key.id(),
            }));
        }
        let present = self.epochs.present();
        if signed.epoch > present {
            return Ok(Found::Differs(Difference::Epoch {
                tenant: tenant.clone(),
                seq,
                epoch: signed.epoch,
                present,
            }));
        }
        let difference = match self.reader.entry_hash(tenant, seq)? {
            Some(hash) if hash == signed.head.hash => return Ok(Found::Holds),
            Some(_) => Difference::Forked {
                tenant: tenant.clone(),
                seq,
            },
            None => Difference::Behind {
                tenant: tenant.clone(),
                expected: seq,
                found: self.reader.journal_end(tenant)?,
            },
        };
        let kept = self.epochs.kept_of(signed.epoch, tenant);
        Ok(match kept {
            Some(kept) if seq > kept => Found::Lost(difference),
            Some(_) | None => Found::Differs(difference),
        })
    }
}

/// What was found of heads or receipts that somebody kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadsVerdict {
    /// How many the journals still have.
    pub hold: u64,
    /// The first that they do not have, and why. What a restore gave up is among these: to who holds a receipt it is gone.
    pub difference: Option<Difference>,
}

/// Compares heads with a database, whether a server has it open or not. `key` is what they have to be signed with; the database's
/// own if absent.
///
/// # Errors
/// [`OpenError`] if the database cannot be read. What does not hold is in the verdict, and no error.
pub fn verify_heads(
    database: &Database,
    key: Option<PublicKey>,
    heads: &[SignedHead],
) -> Result<HeadsVerdict, OpenError> {
    let mut reader = database.reader()?;
    let known = reader.signing_key()?;
    let Some(key) = key.or(known) else {
        let what = "no signing key: nothing was ever signed for this database";
        return Err(StoreError::Corrupt(what.into()).into());
    };
    let mut check = Check::new(&mut reader, key)?;
    let mut hold = 0u64;
    for head in heads {
        match check.look(head)? {
            Found::Holds => hold = hold.saturating_add(1),
            Found::Lost(difference) | Found::Differs(difference) => {
                let difference = Some(difference);
                return Ok(HeadsVerdict { hold, difference });
            }
        }
    }
    let difference = None;
    Ok(HeadsVerdict { hold, difference })
}
