//! The task that exports what has changed: at most so often, and once more when the server ends.

use super::changed::ChangedHeads;
use super::export::Export;
use crate::store::chain;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The running task.
#[derive(Debug)]
pub(crate) struct Exporter {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Exporter {
    pub(crate) fn start(export: Export, changed: ChangedHeads, every: Duration) -> Self {
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(run(export, changed, every, stop.subscribe()));
        Self { stop, task }
    }

    /// Exports what is left. The engine has stopped by then.
    pub(crate) async fn finish(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the heads' export has ended early");
        }
    }
}

async fn run(
    mut export: Export,
    changed: ChangedHeads,
    every: Duration,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let stopped = tokio::select! {
            () = changed.some() => false,
            _ = stop.wait_for(|stop| *stop) => true,
        };
        let heads = changed.take();
        let appended = tokio::task::spawn_blocking(move || {
            let result = export.append(&heads);
            (export, heads, result)
        });
        let Ok((back, heads, result)) = appended.await else {
            tracing::error!("the heads' export has failed: heads are not exported any more");
            return;
        };
        export = back;
        if let Err(error) = result {
            tracing::error!(error = %chain(&error), "failed to export heads: trying again");
            changed.put_back(heads);
        }
        if stopped {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}
