//! What is written beside the journal from time to time: old refusals and counts of gateways are forgotten, and when keys were last
//! used is noted.

use super::batch::first_kept;
use super::lanes::BATCH_MAX;
use super::writer::{Failed, Writer, failed};
use crate::store::Store;
use ferry_ledger::UnixMs;

impl Writer {
    /// Forgets old refusals and counts of gateways, and notes which keys were used: none of it is part of the journal.
    pub(super) fn forget_and_note(&mut self) -> Result<(), Failed> {
        let now = self.clock.now_ms();
        let before = UnixMs(now.saturating_sub(self.lease.remembered_ms()));
        let used_keys = std::mem::take(&mut self.used_keys);
        let (kept_from, hour) = (self.kept_from, first_kept(UnixMs(now)));
        let store = self.store.as_mut();
        let forget = |store: &mut dyn Store| {
            let refusals = store.prune_refusals(before, BATCH_MAX)?;
            // Once an hour is often enough.
            let counts = match hour > kept_from {
                true => store.forget_unreserved(hour)?,
                false => 0,
            };
            Ok(refusals.saturating_add(counts))
        };
        let written = store
            .begin()
            .and_then(|()| store.touch_keys(&used_keys))
            .and_then(|()| forget(store));
        match written {
            Ok(forgotten) => {
                self.kept_from = hour;
                if forgotten == 0 && used_keys.is_empty() {
                    self.store.rollback().map_err(|e| failed(&e))
                } else {
                    self.commit().map(|_| ())
                }
            }
            Err(error) => {
                self.used_keys = used_keys;
                self.undo(&error)
            }
        }
    }
}
