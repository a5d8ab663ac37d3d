//! The way to a server and back, for tests of how often a client goes it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A way that takes a while, and how often it was gone one time after the other.
///
/// A request that comes when others are under way may have been sent together with them. One that comes after an answer may
/// have waited for it, and is counted so: as the next round.
#[derive(Debug, Default)]
pub struct Distance {
    millis: AtomicU64,
    rounds: AtomicU64,
}

impl Distance {
    /// Makes the way there and back take so many milliseconds, for every request, however many there are.
    pub fn set(&self, millis: u64) {
        self.millis.store(millis, Ordering::SeqCst);
    }

    /// Goes the way: what `answer` gives, when it is there.
    pub fn go<T>(&self, answer: impl FnOnce() -> T) -> T {
        let round = self.rounds.load(Ordering::SeqCst) + 1;
        std::thread::sleep(Duration::from_millis(self.millis.load(Ordering::SeqCst)));
        let answer = answer();
        self.rounds.fetch_max(round, Ordering::SeqCst);
        answer
    }

    /// The rounds so far, forgotten then.
    pub fn rounds(&self) -> u64 {
        self.rounds.swap(0, Ordering::SeqCst)
    }
}
