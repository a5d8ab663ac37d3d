//! When an operation is tried again, and when it is given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::machine::Machine;

/// The first pause is somewhere below this, the next below twice that, and so on.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause is longer, unless the server asks for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// The slowest transfer that is waited for, in bytes per second.
const SLOWEST: u64 = 64 * 1_024;

/// The time of one operation: a patience that begins anew whenever something has moved, and an end that nothing moves.
#[derive(Debug)]
pub(crate) struct Attempts {
    machine: Arc<dyn Machine>,
    patience: Duration,
    moved: Instant,
    end: Instant,
    failed: u32,
}

impl Attempts {
    /// The time for an operation that moves so many bytes, begun now.
    pub(crate) fn new(machine: &Arc<dyn Machine>, patience: Duration, bytes: u64) -> Self {
        let now = machine.now();
        let end = now + patience + Duration::from_secs(bytes / SLOWEST);
        Self { machine: Arc::clone(machine), patience, moved: now, end, failed: 0 }
    }

    /// Bytes have come that need not come again.
    pub(crate) fn moved(&mut self) {
        self.moved = self.machine.now();
        self.failed = 0;
    }

    /// How long the next attempt may take at most.
    pub(crate) fn left(&self) -> Duration {
        self.end.saturating_duration_since(self.machine.now())
    }

    /// How many attempts have failed since something moved, this one included.
    pub(crate) const fn failed(&self) -> u32 {
        self.failed
    }

    /// Notes a failure, and gives the pause before the next attempt: random, below a bound that doubles, and not shorter than
    /// what the server asks for. `None` when there is no time left for another.
    /// The first `least` attempts are made however long the ones before them took.
    pub(crate) fn pause(&mut self, asked: Option<Duration>, least: u32) -> Option<Duration> {
        self.failed += 1;
        let bound = FIRST_PAUSE.saturating_mul(1 << (self.failed - 1).min(16)).min(LONGEST_PAUSE);
        let pause = bound.mul_f64(self.machine.jitter()).max(asked.unwrap_or_default());
        let resume = self.machine.now() + pause;
        let is_patient = resume < self.moved + self.patience || self.failed < least;
        (is_patient && resume < self.end).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::ThisMachine;

    fn attempts(patience: Duration, bytes: u64) -> Attempts {
        let machine: Arc<dyn Machine> = Arc::new(ThisMachine);
        Attempts::new(&machine, patience, bytes)
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut attempts = attempts(Duration::from_secs(1_000), 0);
        for failed in 1..12 {
            let pause = attempts.pause(None, 0).unwrap();
            assert!(pause <= LONGEST_PAUSE.min(FIRST_PAUSE * (1 << (failed - 1))), "{failed}: {pause:?}");
        }
        let asked = Duration::from_secs(20);
        assert_eq!(attempts.pause(Some(asked), 0), Some(asked));
        assert_eq!(attempts.pause(Some(Duration::from_secs(2_000)), 0), None);
    }

    #[test]
    fn an_operation_has_longer_for_more_bytes() {
        let patience = Duration::from_secs(30);
        assert!(attempts(patience, 0).left() <= patience);
        assert!(attempts(patience, 640 * 1_024).left() > patience + Duration::from_secs(9));
    }

    #[test]
    fn without_patience_there_is_one_attempt() {
        assert_eq!(attempts(Duration::ZERO, 1 << 30).pause(None, 0), None);
    }
}
