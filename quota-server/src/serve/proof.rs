//! What a start does about signed heads.

use super::ServeError;
use crate::config::Config;
use crate::engine::{Engine, EngineError};
use crate::heads::{self, Exporter, Guarded};
use std::sync::Arc;
use std::time::Duration;

/// Lets the engine decide if its database has everything that was acknowledged, and exports heads from then on.
pub(super) async fn export_heads(
    engine: &Engine,
    config: &Config,
) -> Result<Option<Exporter>, ServeError> {
    let (database, signer) = (config.database.clone(), Arc::clone(engine.signer()));
    let export = config.heads.export.clone();
    let looked = tokio::task::spawn_blocking(move || heads::guard(&database, &export, &signer));
    match looked.await.map_err(|_| EngineError::Unavailable)?? {
        Guarded::Sound(export) => {
            engine.lift_hold();
            let every = Duration::from_millis(config.heads.every_ms);
            let changed = engine.changed_heads().clone();
            Ok(Some(Exporter::start(export, changed, every)))
        }
        Guarded::Unsound(why) => {
            tracing::error!("NOT READY: {why}");
            engine.hold(why);
            Ok(None)
        }
    }
}
