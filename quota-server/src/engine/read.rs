//! What reports read: separate connections that only read, so that no report waits for the writer or holds it up.
//!
//! A read sees what was committed when it began, and is told once that is durable. SQLite's calls block, so they run on threads for blocking work.

use super::batch::may_serve;
use super::clock::Time;
use super::{Engine, EngineError};
use crate::heads::{self, HeadsVerdict, PublicKey, SignedHead};
use crate::key_directory::Peppers;
use crate::principal::Principal;
use crate::store::view::{
    AccountView, CorrectionView, CountersView, GrantView, KeyView, LimitView, ReservationQuery,
    ReservationView, TenantView, TransferView, UsageQuery, UsageView,
};
use crate::store::{CommitError, Database, Flush, OpenError, Reader, StoreError};
use crate::verify::{Part, VerifyError, VerifyReport};
use ferry_ledger::{Head, Refusal, Reservation, UnixMs};
use ferry_types::{
    Balance, CorrectionId, Currency, KeyDigest, KeyId, LimitId, ReservationId, TenantId, TransferId,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Readers that are kept open while nobody uses them.
const IDLE_READERS_MAX: usize = 4;
/// Readers at once. More would only take turns on the same disk.
const READERS_MAX: usize = 16;
/// How long a report may wait for its turn.
const TURN_MAX: Duration = Duration::from_secs(2);

/// Whether a key may be used, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The server's clock.
    pub server_time: UnixMs,
    /// Whose key; `None` if it is nobody's.
    pub owner: Option<KeyOwner>,
    /// What stands against every request with it.
    pub refusal: Option<Refusal>,
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    /// The tenant.
    pub tenant: TenantId,
    /// The key.
    pub key: KeyId,
    /// What the tenant's money is in.
    pub currency: Currency,
    /// What can still be promised.
    pub available: Balance,
}

/// Connections that only read, opened as they are needed.
pub(super) struct Readers {
    database: Database,
    /// What makes durable what was read, where a commit alone does not.
    flusher: Option<Arc<dyn Flush>>,
    turns: Arc<Semaphore>,
    time: Time,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub(super) fn new(database: Database, flusher: Option<Arc<dyn Flush>>, time: Time) -> Self {
        Self {
            database,
            flusher,
            turns: Arc::new(Semaphore::new(READERS_MAX)),
            time,
            idle: Mutex::new(Vec::new()),
        }
    }

    fn with<T>(
        &self,
        read: impl Fn(&mut Reader) -> Result<T, StoreError>,
    ) -> Result<T, EngineError> {
        let failed = |error: &dyn std::error::Error| {
            tracing::error!(error = %crate::store::chain(error), "failed to read the store");
            EngineError::Unavailable
        };
        let idle = self.idle().pop();
        let known = idle.map(|mut reader| (read(&mut reader), reader));
        let (result, reader) = match known {
            // It was open for a while, and the database may have been restarted meanwhile.
            None | Some((Err(StoreError::Gone { .. }), _)) => {
                let mut reader = self.database.reader().map_err(|e| failed(&e))?;
                (read(&mut reader), reader)
            }
            Some(known) => known,
        };
        let result = result.map_err(|e| failed(&e))?;
        self.flush().map_err(|e| failed(&e))?;
        let mut idle = self.idle();
        if idle.len() < IDLE_READERS_MAX {
            idle.push(reader);
        }
        Ok(result)
    }

    /// What a crash would take back is told to nobody.
    fn flush(&self) -> Result<(), CommitError> {
        let mut flusher = self.flusher.iter();
        flusher.try_for_each(|flusher| flusher.flush())
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What reports ask.
impl Engine {
    /// What time it is: the database's, where several servers share one.
    #[must_use]
    pub fn time(&self) -> UnixMs {
        UnixMs(self.inner.readers.time.unix_ms())
    }

    /// Every tenant, by id.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn tenants(&self) -> Result<Vec<TenantView>, EngineError> {
        let now = self.time();
        self.read(move |reader| reader.tenants(now)).await
    }

    /// One tenant with its balance.
    ///
    /// # Errors
    /// [`EngineError::UnknownTenant`] if there is none; [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn tenant(&self, tenant: TenantId) -> Result<TenantView, EngineError> {
        let (id, now) = (tenant.clone(), self.time());
        let found = self.read(move |reader| reader.tenant(&id, now)).await?;
        found.ok_or(EngineError::UnknownTenant(tenant))
    }

    /// A tenant's grants, by id.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn grants(&self, tenant: TenantId) -> Result<Vec<GrantView>, EngineError> {
        self.read(move |reader| reader.grants(&tenant)).await
    }

    /// A tenant's limits, by id.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn limits(&self, tenant: TenantId) -> Result<Vec<LimitView>, EngineError> {
        self.read(move |reader| reader.limits(&tenant)).await
    }

    /// A limit with all its counters; `None` if there is no such limit.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn counters(
        &self,
        tenant: TenantId,
        limit: LimitId,
    ) -> Result<Option<CountersView>, EngineError> {
        self.read(move |reader| reader.counters(&tenant, &limit))
            .await
    }

    /// A tenant's corrections, newest first.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn corrections(&self, tenant: TenantId) -> Result<Vec<CorrectionView>, EngineError> {
        self.read(move |reader| reader.corrections(&tenant)).await
    }

    /// A correction; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn correction(
        &self,
        tenant: TenantId,
        id: CorrectionId,
    ) -> Result<Option<CorrectionView>, EngineError> {
        self.read(move |reader| reader.correction(&tenant, &id))
            .await
    }

    /// A transfer, as this tenant's book has it; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn transfer_of(
        &self,
        tenant: TenantId,
        id: TransferId,
    ) -> Result<Option<TransferView>, EngineError> {
        self.read(move |reader| reader.transfer(&tenant, &id)).await
    }

    /// A tenant's transfers, newest first.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn transfers(&self, tenant: TenantId) -> Result<Vec<TransferView>, EngineError> {
        self.read(move |reader| reader.transfers(&tenant)).await
    }

    /// A reservation as it is stored.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn reservation(
        &self,
        tenant: TenantId,
        id: ReservationId,
    ) -> Result<Option<Reservation>, EngineError> {
        self.read(move |reader| reader.reservation(&tenant, id))
            .await
    }

    /// Every account with the sum of its lines, of one tenant or of all.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn accounts(
        &self,
        tenant: Option<TenantId>,
    ) -> Result<Vec<AccountView>, EngineError> {
        self.read(move |reader| reader.accounts(tenant.as_ref()))
            .await
    }

    /// A tenant's keys, by id.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn keys(&self, tenant: TenantId) -> Result<Vec<KeyView>, EngineError> {
        self.read(move |reader| reader.keys(&tenant)).await
    }

    /// Reservations, newest first.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn reservations(
        &self,
        query: ReservationQuery,
    ) -> Result<Vec<ReservationView>, EngineError> {
        self.read(move |reader| reader.reservations(&query)).await
    }

    /// Usage records, newest first.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn usage(&self, query: UsageQuery) -> Result<Vec<UsageView>, EngineError> {
        self.read(move |reader| reader.usage(&query)).await
    }

    /// Usage records, newest first: so many at most of each of so many tenants that were served last.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn newest_usage(
        &self,
        tenants: usize,
        each: usize,
    ) -> Result<Vec<UsageView>, EngineError> {
        self.read(move |reader| reader.newest_usage(tenants, each))
            .await
    }

    /// Whether a key may be used through this gateway, and for whom: what stands before every request, and nothing more.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn resolve_key(
        &self,
        principal: &Principal,
        digest: KeyDigest,
    ) -> Result<KeyUse, EngineError> {
        if let Some(why) = self.held() {
            return Err(EngineError::Held(why));
        }
        let peppers = Arc::clone(&self.inner.peppers);
        let server_time = self.time();
        let unknown = self.inner.metrics.unknown_keys.clone();
        let mut key_use = self
            .read(move |reader| key_use(reader, &peppers, &digest, server_time))
            .await?;
        match &key_use.owner {
            None => {
                unknown.inc();
            }
            Some(owner) if !may_serve(principal, &owner.tenant) => {
                let name = principal.name.as_str();
                self.inner.metrics.out_of_scope.count(name);
                key_use.refusal = Some(Refusal::GatewayOutOfScope);
                // What it may not serve it is not told of.
                key_use.owner = None;
            }
            Some(_) => {}
        }
        Ok(key_use)
    }

    /// Derives everything again from the journals, and compares.
    ///
    /// # Errors
    /// [`VerifyError`] if the database cannot be read.
    pub async fn verify(&self) -> Result<VerifyReport, VerifyError> {
        self.verify_part(None, |_| {}).await
    }

    /// The same of a part; tells after each entry how many were looked at.
    ///
    /// # Errors
    /// [`VerifyError`] if the database cannot be read.
    pub async fn verify_part(
        &self,
        part: Option<Part>,
        mut progress: impl FnMut(u64) + Send + 'static,
    ) -> Result<VerifyReport, VerifyError> {
        let database = self.inner.readers.database.clone();
        let verified = tokio::task::spawn_blocking(move || {
            crate::verify::verify_part(&database, part.as_ref(), &mut progress)
        });
        verified.await.unwrap_or(Err(VerifyError::Stopped))
    }

    /// Where each journal ends.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the store cannot be read.
    pub async fn heads(&self) -> Result<BTreeMap<TenantId, Head>, EngineError> {
        self.read(Reader::heads).await
    }

    /// Whether the journals still have what these heads say; see [`crate::heads::verify_heads`].
    ///
    /// # Errors
    /// [`OpenError`] if the database cannot be read.
    pub async fn verify_heads(
        &self,
        key: Option<PublicKey>,
        heads: Vec<SignedHead>,
    ) -> Result<HeadsVerdict, OpenError> {
        let database = self.inner.readers.database.clone();
        let looked =
            tokio::task::spawn_blocking(move || heads::verify_heads(&database, key, &heads));
        let stopped = |_| StoreError::Corrupt("the look was broken off".into());
        looked.await.map_err(stopped)?
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&mut Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let readers = Arc::clone(&self.inner.readers);
        let turn = Arc::clone(&readers.turns).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(TURN_MAX, turn).await else {
            tracing::warn!("too many reports at once: one was given up");
            return Err(EngineError::Unavailable);
        };
        let read = move || {
            let _turn = turn;
            readers.with(read)
        };
        tokio::task::spawn_blocking(read)
            .await
            .unwrap_or(Err(EngineError::Unavailable))
    }
}

fn key_use(
    reader: &mut Reader,
    peppers: &Peppers,
    digest: &KeyDigest,
    now: UnixMs,
) -> Result<KeyUse, StoreError> {
    let candidates: Vec<_> = peppers.candidates(digest).collect();
    let Some((tenant, key, book)) = reader.book_of_key(&candidates)? else {
        return Ok(KeyUse {
            server_time: now,
            owner: None,
            refusal: Some(Refusal::UnknownKey),
        });
    };
    Ok(KeyUse {
        server_time: now,
        refusal: book.admits(&key, now).err(),
        owner: Some(KeyOwner {
            tenant,
            key,
            currency: book.currency,
            available: book.available(now),
        }),
    })
}
