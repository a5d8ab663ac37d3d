//! Objects on their way to the store, several at once, while the tree is still being read.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use sci_store_api::{ObjectId, SaveId};

use crate::error::Error;
use crate::remote::Remote;

/// Bytes that wait or are being sent. One object is always allowed.
const MOST: u64 = 64 << 20;

/// The objects of one save.
#[derive(Debug)]
pub(crate) struct Uploads {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    remote: Remote,
    save: SaveId,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(ObjectId, Vec<u8>)>,
    /// Bytes that wait or are being sent.
    held: u64,
    /// Threads that send.
    senders: usize,
    /// Why the first object that failed did.
    failed: Option<Error>,
}

impl Uploads {
    pub(crate) fn new(remote: Remote, save: SaveId) -> Self {
        let shared = Shared { remote, save, state: Mutex::default(), changed: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Takes an object to be sent, as soon as there is room. When an earlier one has failed, it is told now.
    pub(crate) fn put(&self, object: ObjectId, bytes: Vec<u8>) -> Result<(), Error> {
        let shared = &self.shared;
        let most = shared.remote.line.wire.machine().senders();
        if most == 0 {
            return shared.remote.put_object(&object, Some(&shared.save), &bytes);
        }
        let length = bytes.len() as u64;
        let mut state = shared.state();
        while state.failed.is_none() && state.held > 0 && state.held + length > MOST {
            state = shared.wait(state);
        }
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        state.held += length;
        state.waiting.push_back((object, bytes));
        if state.senders < most {
            state.senders += 1;
            let sender = Arc::clone(shared);
            std::thread::spawn(move || sender.send());
        }
        Ok(())
    }

    /// Waits until everything is stored.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        let mut state = self.shared.state();
        while state.failed.is_none() && state.held > 0 {
            state = self.shared.wait(state);
        }
        state.failed.clone().map_or(Ok(()), Err)
    }
}

impl Drop for Uploads {
    /// What was not sent yet is not sent any more.
    fn drop(&mut self) {
        self.shared.state().waiting.clear();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends until nothing waits.
    fn send(&self) {
        loop {
            let mut state = self.state();
            let Some((object, bytes)) = state.waiting.pop_front() else {
                state.senders -= 1;
                return;
            };
            drop(state);
            let sent = self.remote.put_object(&object, Some(&self.save), &bytes);
            let mut state = self.state();
            state.held -= bytes.len() as u64;
            if let Err(error) = sent {
                state.failed.get_or_insert(error);
                state.waiting.clear();
            }
            drop(state);
            self.changed.notify_all();
        }
    }
}
