//! Journals' ends, epochs, and the key that signs them.

use super::load::{Read, corrupt, count, parsed};
use super::reader::SqliteReader;
use super::{Snapshot, SqliteStore, failed};
use crate::heads::{Epoch, Epochs, PublicKey};
use crate::hex::{from_hex, hex};
use crate::store::StoreError;
use ferry_ledger::{Head, UnixMs};
use ferry_types::TenantId;
use rusqlite::{Connection, OptionalExtension as _, Row};
use std::collections::BTreeMap;

/// Name of the row that holds the signing key's public half.
const SIGNING_KEY: &str = "signing_key";

impl SqliteStore {
    /// The public half of the key that this database's heads are signed with, if there ever was one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn signing_key(&self) -> Result<Option<PublicKey>, StoreError> {
        signing_key(&self.connection)
    }

    /// Takes note of the signing key.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub fn keep_signing_key(&mut self, key: &PublicKey) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO meta (name, value) VALUES (?1, ?2)";
        self.connection
            .execute(sql, (SIGNING_KEY, key.to_string()))
            .map(|_| ())
            .map_err(failed("keep the signing key"))
    }

    /// The present epoch, and those before it.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn epochs(&self) -> Result<Epochs, StoreError> {
        epochs(&self.connection)
    }

    /// Records that an epoch begins.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub fn begin_epoch(&mut self, epoch: &Epoch) -> Result<(), StoreError> {
        let heads: String = epoch
            .heads
            .iter()
            .map(|(tenant, (seq, hash))| format!("{tenant} {seq} {}\n", hex(hash)))
            .collect();
        let sql = "INSERT INTO epochs (epoch, time, heads, signature) VALUES (?1, ?2, ?3, ?4)";
        let (number, time) = (epoch.epoch.cast_signed(), epoch.time.0.cast_signed());
        self.connection
            .execute(sql, (number, time, heads, epoch.signature))
            .map(|_| ())
            .map_err(failed("record an epoch"))
    }
}

impl Snapshot<'_> {
    /// The public half of the key that this database's heads are signed with, if there ever was one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn signing_key(&self) -> Result<Option<PublicKey>, StoreError> {
        signing_key(self.connection)
    }

    /// The present epoch, and those before it.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn epochs(&self) -> Result<Epochs, StoreError> {
        epochs(self.connection)
    }

    /// Where each book says that its journal ends.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn heads(&self) -> Result<BTreeMap<TenantId, Head>, StoreError> {
        heads(self.connection)
    }

    /// An entry's number, time and hash, if the journal has it.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn entry_end(&self, tenant: &TenantId, seq: u64) -> Result<Option<Head>, StoreError> {
        let sql = "SELECT time, hash FROM journal WHERE tenant = ?1 AND seq = ?2";
        let read = || -> Read<_> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query((tenant.as_str(), seq.cast_signed()))?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let (time, hash) = (UnixMs(count(row, 0)?), row.get(1)?);
            Ok(Some(Head { seq, time, hash }))
        };
        read().map_err(|e| e.during("look an entry up"))
    }

    /// Hash of an entry, if the journal has it.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn entry_hash(&self, tenant: &TenantId, seq: u64) -> Result<Option<[u8; 32]>, StoreError> {
        entry_hash(self.connection, tenant, seq)
    }
}

impl SqliteReader {
    /// The public half of the key that this database's heads are signed with, if there ever was one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn signing_key(&mut self) -> Result<Option<PublicKey>, StoreError> {
        signing_key(&self.connection)
    }

    /// The present epoch, and those before it.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn epochs(&mut self) -> Result<Epochs, StoreError> {
        epochs(&self.connection)
    }

    /// Where each journal ends.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn heads(&mut self) -> Result<BTreeMap<TenantId, Head>, StoreError> {
        heads(&self.connection)
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
        entry_hash(&self.connection, tenant, seq)
    }

    /// Number of a journal's last entry; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn journal_end(&mut self, tenant: &TenantId) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM journal WHERE tenant = ?1";
        let read = || -> Read<_> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let end: i64 = statement.query_row([tenant.as_str()], |row| row.get(0))?;
            Ok(end.cast_unsigned())
        };
        read().map_err(|e| e.during("look a journal's end up"))
    }
}

fn entry_hash(
    connection: &Connection,
    tenant: &TenantId,
    seq: u64,
) -> Result<Option<[u8; 32]>, StoreError> {
    let sql = "SELECT hash FROM journal WHERE tenant = ?1 AND seq = ?2";
    let read = || -> Read<_> {
        let mut statement = connection.prepare_cached(sql)?;
        let key = (tenant.as_str(), seq.cast_signed());
        Ok(statement.query_row(key, |row| row.get(0)).optional()?)
    };
    read().map_err(|e| e.during("look an entry up"))
}

fn heads(connection: &Connection) -> Result<BTreeMap<TenantId, Head>, StoreError> {
    let sql = "SELECT tenant, seq, time, head FROM tenants ORDER BY tenant";
    let read = || -> Read<_> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(())?;
        let mut heads = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let head = Head {
                seq: count(row, 1)?,
                time: UnixMs(count(row, 2)?),
                hash: row.get(3)?,
            };
            heads.insert(parsed(row, 0, "a tenant id")?, head);
        }
        Ok(heads)
    };
    read().map_err(|e| e.during("read the journals' ends"))
}

fn signing_key(connection: &Connection) -> Result<Option<PublicKey>, StoreError> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    let found: Option<String> = connection
        .query_row(sql, [SIGNING_KEY], |row| row.get(0))
        .optional()
        .map_err(failed("read the signing key"))?;
    let parsed = found.map(|text| PublicKey::parse(&text).ok_or_else(|| corrupt("a signing key")));
    parsed.transpose()
}

fn epochs(connection: &Connection) -> Result<Epochs, StoreError> {
    let sql = "SELECT epoch, time, heads, signature FROM epochs ORDER BY epoch";
    let read = || -> Read<_> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(())?;
        let mut epochs = Vec::new();
        while let Some(row) = rows.next()? {
            epochs.push(epoch(row)?);
        }
        Ok(Epochs(epochs))
    };
    read().map_err(|e| e.during("read the epochs"))
}

fn epoch(row: &Row<'_>) -> Read<Epoch> {
    let heads: String = row.get(2)?;
    let heads = heads
        .lines()
        .map(|line| head(line).ok_or_else(|| corrupt("an epoch's head")));
    Ok(Epoch {
        epoch: count(row, 0)?,
        time: UnixMs(count(row, 1)?),
        heads: heads.collect::<Result<_, _>>()?,
        signature: row.get(3)?,
    })
}

fn head(line: &str) -> Option<(TenantId, (u64, [u8; 32]))> {
    let (tenant, rest) = line.split_once(' ')?;
    let (seq, hash) = rest.split_once(' ')?;
    Some((tenant.parse().ok()?, (seq.parse().ok()?, from_hex(hash)?)))
}
