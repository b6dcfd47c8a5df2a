//! Journals' ends, epochs, and the key that signs them.

use super::fields::{Fields, bytes, corrupt, count, digest, parsed, text, time};
use super::reader::{Source, all, one};
use super::value::{Row, Value};
use super::{Reader, Snapshot, StoreError};
use crate::heads::{Epoch, Epochs, PublicKey};
use crate::hex::{from_hex, hex};
use ferry_ledger::Head;
use ferry_types::TenantId;
use std::collections::BTreeMap;

/// Name of the row that holds the signing key's public half.
const SIGNING_KEY: &str = "signing_key";

/// Takes note of the signing key; one that is known stays.
pub(super) const KEEP_SIGNING_KEY: &str =
    "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
/// Records that an epoch begins.
pub(super) const BEGIN_EPOCH: &str =
    "INSERT INTO epochs (epoch, time, heads, signature) VALUES ($1, $2, $3, $4)";

pub(super) fn signing_key_row(key: &PublicKey) -> Row<'static> {
    vec![
        Value::text(SIGNING_KEY),
        Value::Text(key.to_string().into()),
    ]
}

pub(super) fn epoch_row(epoch: &Epoch) -> Row<'_> {
    let heads: String = epoch
        .heads
        .iter()
        .map(|(tenant, (seq, hash))| format!("{tenant} {seq} {}\n", hex(hash)))
        .collect();
    vec![
        Value::count(epoch.epoch),
        Value::count(epoch.time.0),
        Value::Text(heads.into()),
        Value::bytes(&epoch.signature),
    ]
}

impl Snapshot<'_> {
    /// The public half of the key that this database's heads are signed with, if there ever was one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn signing_key(&mut self) -> Result<Option<PublicKey>, StoreError> {
        signing_key(self.source)
    }

    /// The present epoch, and those before it.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn epochs(&mut self) -> Result<Epochs, StoreError> {
        epochs(self.source)
    }

    /// Where each book says that its journal ends.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn heads(&mut self) -> Result<BTreeMap<TenantId, Head>, StoreError> {
        heads(self.source)
    }

    /// An entry's number, time and hash, if the journal has it.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn entry_end(&mut self, tenant: &TenantId, seq: u64) -> Result<Option<Head>, StoreError> {
        entry_end(self.source, tenant, seq)
    }

    /// Hash of an entry, if the journal has it.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn entry_hash(
        &mut self,
        tenant: &TenantId,
        seq: u64,
    ) -> Result<Option<[u8; 32]>, StoreError> {
        entry_hash(self.source, tenant, seq)
    }
}

impl Reader {
    /// The public half of the key that this database's heads are signed with, if there ever was one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn signing_key(&mut self) -> Result<Option<PublicKey>, StoreError> {
        signing_key(self.source_mut())
    }

    /// The present epoch, and those before it.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn epochs(&mut self) -> Result<Epochs, StoreError> {
        epochs(self.source_mut())
    }

    /// Where each journal ends.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn heads(&mut self) -> Result<BTreeMap<TenantId, Head>, StoreError> {
        heads(self.source_mut())
    }

    /// Hash of an entry, if the journal has it.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn entry_hash(
        &mut self,
        tenant: &TenantId,
        seq: u64,
    ) -> Result<Option<[u8; 32]>, StoreError> {
        entry_hash(self.source_mut(), tenant, seq)
    }

    /// Number of a journal's last entry; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn journal_end(&mut self, tenant: &TenantId) -> Result<u64, StoreError> {
        journal_end(self.source_mut(), tenant)
    }
}

/// Number of a journal's last entry; 0 if there is none.
pub(super) fn journal_end(source: &mut dyn Source, tenant: &TenantId) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(max(seq), 0) FROM journal WHERE tenant = $1";
    let of = [Value::text(tenant.as_str())];
    let end = one(source, "look a journal's end up", sql, &of, |row| {
        count(row, 0)
    });
    Ok(end?.unwrap_or_default())
}

/// An entry's number, time and hash.
pub(super) fn entry_end(
    source: &mut dyn Source,
    tenant: &TenantId,
    seq: u64,
) -> Result<Option<Head>, StoreError> {
    let sql = "SELECT time, hash FROM journal WHERE tenant = $1 AND seq = $2";
    let key = [Value::text(tenant.as_str()), Value::count(seq)];
    one(source, "look an entry up", sql, &key, |row| {
        let (time, hash) = (time(row, 0)?, digest(row, 1)?);
        Ok(Head { seq, time, hash })
    })
}

fn entry_hash(
    source: &mut dyn Source,
    tenant: &TenantId,
    seq: u64,
) -> Result<Option<[u8; 32]>, StoreError> {
    Ok(entry_end(source, tenant, seq)?.map(|end| end.hash))
}

pub(super) fn heads(source: &mut dyn Source) -> Result<BTreeMap<TenantId, Head>, StoreError> {
    let sql = "SELECT tenant, seq, time, head FROM tenants \
               UNION ALL SELECT tenant, seq, time, head FROM house ORDER BY tenant";
    let heads = all(source, "read the journals' ends", sql, &[], |row| {
        let head = Head {
            seq: count(row, 1)?,
            time: time(row, 2)?,
            hash: digest(row, 3)?,
        };
        Ok((parsed(row, 0, "a tenant id")?, head))
    });
    Ok(heads?.into_iter().collect())
}

pub(super) fn signing_key(source: &mut dyn Source) -> Result<Option<PublicKey>, StoreError> {
    let sql = "SELECT value FROM meta WHERE name = $1";
    let name = [Value::text(SIGNING_KEY)];
    one(source, "read the signing key", sql, &name, |row| {
        PublicKey::parse(&text(row, 0)?).ok_or_else(|| corrupt("a signing key"))
    })
}

pub(super) fn epochs(source: &mut dyn Source) -> Result<Epochs, StoreError> {
    let sql = "SELECT epoch, time, heads, signature FROM epochs ORDER BY epoch";
    all(source, "read the epochs", sql, &[], epoch).map(Epochs)
}

fn epoch(row: &dyn Fields) -> Result<Epoch, StoreError> {
    let heads = text(row, 2)?;
    let heads = heads
        .lines()
        .map(|line| head(line).ok_or_else(|| corrupt("an epoch's head")));
    Ok(Epoch {
        epoch: count(row, 0)?,
        time: time(row, 1)?,
        heads: heads.collect::<Result<_, _>>()?,
        signature: bytes(row, 3)?
            .try_into()
            .map_err(|_| corrupt("a signature"))?,
    })
}

fn head(line: &str) -> Option<(TenantId, (u64, [u8; 32]))> {
    let (tenant, rest) = line.split_once(' ')?;
    let (seq, hash) = rest.split_once(' ')?;
    Some((tenant.parse().ok()?, (seq.parse().ok()?, from_hex(hash)?)))
}
