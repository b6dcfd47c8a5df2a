//! A short queue from the writer to the teller: what is committed, and was told to nobody yet.

use super::sync::{Condvar, Mutex, MutexGuard};
use std::sync::PoisonError;

struct State<T> {
    untold: Vec<T>,
    open: bool,
}

/// From one thread to one other.
pub(super) struct Untold<T> {
    max: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Untold<T> {
    pub(super) fn new(max: usize) -> Self {
        let untold = Vec::new();
        Self {
            max,
            state: Mutex::new(State { untold, open: true }),
            changed: Condvar::new(),
        }
    }

    /// Waits until there is room. Gives it back if nobody takes anything any more.
    pub(super) fn put(&self, one: T) -> Result<(), T> {
        let is_full = |state: &mut State<T>| state.open && state.untold.len() >= self.max;
        let mut state = self.wait_while(is_full);
        if !state.open {
            return Err(one);
        }
        state.untold.push(one);
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Waits until there is something, and takes all of it, oldest first; `None` once it is closed and empty.
    pub(super) fn take(&self) -> Option<Vec<T>> {
        let mut state = self.wait_while(|state| state.open && state.untold.is_empty());
        let taken = std::mem::take(&mut state.untold);
        drop(state);
        self.changed.notify_all();
        (!taken.is_empty()).then_some(taken)
    }

    /// Nothing is put any more; what is there is still taken.
    pub(super) fn close(&self) {
        self.wait_while(|_| false).open = false;
        self.changed.notify_all();
    }

    fn wait_while(&self, condition: impl FnMut(&mut State<T>) -> bool) -> MutexGuard<'_, State<T>> {
        // Nothing here leaves the queue half changed, so a panic elsewhere does not spoil it.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_while(state, condition);
        waited.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_put_is_taken_in_order_and_nothing_after_the_end() {
        let untold = Untold::new(2);
        assert_eq!(untold.put(1), Ok(()));
        assert_eq!(untold.put(2), Ok(()));
        untold.close();
        assert_eq!(untold.put(3), Err(3));
        assert_eq!(untold.take(), Some(vec![1, 2]));
        assert_eq!(untold.take(), None);
    }

    #[test]
    fn whoever_waits_for_room_is_let_go_when_it_is_closed() {
        let untold = Untold::new(1);
        assert_eq!(untold.put(1), Ok(()));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| untold.put(2));
            untold.close();
            assert_eq!(waits.join().unwrap(), Err(2));
        });
    }
}
