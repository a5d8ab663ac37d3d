//! An issuer's keys in memory: when they are fetched again, and how seldom.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::jwks::IssuerKey;

/// Milliseconds after which keys are fetched anew, so that a key that the issuer withdrew ends.
const FRESH: u64 = 60 * 60 * 1_000;
/// Milliseconds for which old keys are still believed while the issuer cannot be reached.
const STALE: u64 = 24 * 60 * 60 * 1_000;
/// The least time between two fetches, in milliseconds, whatever key ids strangers make up. It is as long after a fetch that
/// failed: an issuer that cannot answer is the last that their load should reach.
const PAUSE: u64 = 60 * 1_000;

#[derive(Debug, Default)]
pub(super) struct Keyring {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: Vec<IssuerKey>,
    /// When the keys were fetched.
    fetched: Option<u64>,
    /// When the next fetch may begin.
    next: u64,
}

/// What a look for a key found.
#[derive(Debug)]
pub(super) enum Look {
    /// The key.
    Found(IssuerKey),
    /// It is not there, or old: the caller fetches, then looks again. Nobody else is told to until the pause is over.
    Fetch,
    /// It is not there, and the issuer was asked a moment ago.
    Unknown,
    /// There are no keys that could be believed, and the issuer was asked a moment ago.
    NoKeys,
}

impl Keyring {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is a plain assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn look(&self, id: &str, now: u64) -> Look {
        let mut state = self.state();
        let age = state.fetched.map(|fetched| now.saturating_sub(fetched));
        let found = state.keys.iter().find(|key| key.id == id).cloned();
        let is_fresh = age.is_some_and(|age| age < FRESH);
        match found {
            Some(key) if is_fresh => Look::Found(key),
            found if now >= state.next => {
                state.next = now + PAUSE;
                drop(found);
                Look::Fetch
            }
            Some(key) if age.is_some_and(|age| age < STALE) => Look::Found(key),
            _ if age.is_some_and(|age| age < STALE) => Look::Unknown,
            _ => Look::NoKeys,
        }
    }

    /// Takes what was fetched at `now`. Of a fetch that failed there is nothing to take: the keys stay, and so does the pause.
    pub(super) fn fetched(&self, keys: Vec<IssuerKey>, now: u64) {
        let mut state = self.state();
        state.keys = keys;
        state.fetched = Some(now);
    }
}
