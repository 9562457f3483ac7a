//! What happens because time passes: whose time has come, and whose timer was set for something that is over.

use super::inner::{Attention, Inner};
use super::state::State;
use crate::time::Instant;
use std::sync::{Arc, TryLockError};

impl State {
    /// The timers up to now have fired.
    pub(super) fn forget_timers(&mut self, now: Instant) {
        while self.timers.last().is_some_and(|timer| *timer <= now) {
            self.timers.pop();
        }
    }
}

impl Inner {
    /// A timer of this client has fired. False if it was for nothing, which most are (the deadline of a connect that succeeded long
    /// ago): then the next one is set, and no worker need come.
    fn is_due(&self, now: Instant) -> bool {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody is busy with it, and must not hold up the others.
            Err(TryLockError::WouldBlock) => return true,
        };
        if state.next_time().is_some_and(|next| next <= now) {
            return true;
        }
        state.forget_timers(now);
        state.set_timer(self);
        false
    }
}

/// Those that a worker should look after.
pub(super) fn due(clients: Vec<Arc<Inner>>, now: Instant) -> Vec<(Arc<Inner>, Attention)> {
    let mut due = clients;
    due.retain(|client| client.is_due(now));
    due.into_iter()
        .map(|client| (client, Attention::Callbacks))
        .collect()
}
