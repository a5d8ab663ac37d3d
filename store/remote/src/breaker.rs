//! Remembers that the store is down, so that a command waits for it once and not at each request.

use std::sync::{Mutex, PoisonError};

/// Open after the first operation whose time was up.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    reason: Mutex<Option<String>>,
}

impl Breaker {
    /// Why the store was given up; `None` while it was not.
    pub(crate) fn reason(&self) -> Option<String> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the store up. The first reason stays.
    pub(crate) fn give_up(&self, reason: &str) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| reason.to_owned());
    }
}
