//! What a database knows of the secrets of its servers, of its epochs, and of who else is there.

use super::PostgresStore;
use super::columns::Stored;
use super::source::PostgresSource;
use crate::heads::{Epoch, Epochs, PublicKey};
use crate::key_directory::PepperId;
use crate::store::fields::count;
use crate::store::{Founding, StoreError, decode, heads};

impl Founding for PostgresStore {
    fn peppers(&mut self) -> Result<Vec<(PepperId, [u8; 32])>, StoreError> {
        let sql = "SELECT pepper, fingerprint FROM peppers ORDER BY pepper";
        let rows = self.run("read the peppers", async |link| link.query(sql, &[]).await)?;
        rows.iter()
            .map(|row| decode::pepper(&Stored(row)))
            .collect()
    }

    fn keep_pepper(&mut self, id: PepperId, fingerprint: [u8; 32]) -> Result<(), StoreError> {
        let sql = "INSERT INTO peppers (pepper, fingerprint) VALUES ($1, $2) ON CONFLICT (pepper) DO NOTHING";
        self.run("keep a pepper", async |link| {
            link.execute(sql, &[&i64::from(id.0), &&fingerprint[..]])
                .await
        })
        .map(|_| ())
    }

    fn signing_key(&mut self) -> Result<Option<PublicKey>, StoreError> {
        heads::signing_key(&mut PostgresSource::borrowed(self.connected()?))
    }

    fn keep_signing_key(&mut self, key: &PublicKey) -> Result<(), StoreError> {
        let row = heads::signing_key_row(key);
        self.write("keep the signing key", heads::KEEP_SIGNING_KEY, &row)
    }

    fn epochs(&mut self) -> Result<Epochs, StoreError> {
        heads::epochs(&mut PostgresSource::borrowed(self.connected()?))
    }

    fn begin_epoch(&mut self, epoch: &Epoch) -> Result<(), StoreError> {
        let row = heads::epoch_row(epoch);
        self.write("record an epoch", heads::BEGIN_EPOCH, &row)
    }

    fn other_sessions(&mut self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND pid <> pg_backend_pid() \
                   AND application_name = current_setting('application_name')";
        let rows = self.run("look for other sessions", async |link| {
            link.query(sql, &[]).await
        })?;
        rows.first().map_or(Ok(0), |row| count(&Stored(row), 0))
    }
}
