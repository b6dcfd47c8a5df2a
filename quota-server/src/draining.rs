//! Whether the server has been asked to stop, and what it has not answered yet. Shared by all surfaces.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// The shared state. Clones see the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draining(Arc<State>);

#[derive(Debug, Default)]
struct State {
    begun: watch::Sender<bool>,
    in_flight: AtomicUsize,
}

/// A call that is being answered, until this is dropped.
pub(crate) struct InFlight(Arc<State>);

impl Draining {
    pub(crate) fn begin(&self) {
        self.0.begun.send_replace(true);
    }

    pub(crate) fn has_begun(&self) -> bool {
        *self.0.begun.borrow()
    }

    /// Resolves when the server has been asked to stop.
    pub(crate) fn begun(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut begun = self.0.begun.subscribe();
        async move {
            // An error means that the server is gone.
            begun.wait_for(|begun| *begun).await.map_or((), |_| ())
        }
    }

    /// Counts a call.
    pub(crate) fn call(&self) -> InFlight {
        self.0.in_flight.fetch_add(1, Ordering::SeqCst);
        InFlight(Arc::clone(&self.0))
    }

    /// Calls that are being answered.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::SeqCst)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
