//! The memory of uploads: each holds what is sent of it, and all of them together no more than a bound.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Memory for uploads.
#[derive(Debug)]
pub(crate) struct Memory {
    free: Mutex<usize>,
    freed: Condvar,
    patience: Duration,
}

/// Memory that is in use until this is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    memory: &'a Memory,
    bytes: usize,
}

impl Memory {
    pub(crate) fn new(bytes: usize, patience: Duration) -> Self {
        Self { free: Mutex::new(bytes), freed: Condvar::new(), patience }
    }

    /// Waits for so many bytes; `None` when they do not get free in time.
    pub(crate) fn hold(&self, bytes: usize) -> Option<Held<'_>> {
        // A number is whole whatever panicked beside it.
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_timeout_while(free, self.patience, |free| *free < bytes);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(bytes)?;
        Some(Held { memory: self, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.memory.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.memory.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_not_given_twice() {
        let memory = Memory::new(10, Duration::ZERO);
        let held = memory.hold(8).unwrap();
        assert!(memory.hold(3).is_none());
        drop(memory.hold(2).unwrap());
        drop(held);
        assert!(memory.hold(10).is_some());
        assert!(memory.hold(11).is_none());
    }
}
