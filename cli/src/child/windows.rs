//! Windows: what the console says, it says to the command as well, and each command that has ended has a code.

use std::io;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sci_sys::console::{INTERRUPT, Listening};

use super::Ended;
use crate::exit::Exit;

/// What a command ends with that the keyboard has interrupted.
const INTERRUPTED: u32 = 0xC000_013A;

/// What the console says while a command runs.
pub(super) struct Signals {
    caught: Arc<AtomicUsize>,
    _listening: Listening,
}

impl Signals {
    /// Takes it from now on: the command decides what it ends.
    pub(super) fn take() -> io::Result<Self> {
        let caught = Arc::default();
        Ok(Self { _listening: Listening::begin(&caught, None)?, caught })
    }

    /// Waits for the command.
    pub(super) fn wait(self, mut child: Child) -> io::Result<Ended> {
        let status = child.wait()?;
        let exit = exit_of(status.code().unwrap_or(-1).cast_unsigned());
        Ok(Ended { exit, interrupted: self.caught.load(Ordering::Relaxed) != 0 })
    }
}

/// A code has 32 bits there, and ours has eight: what is no success must not become one.
fn exit_of(code: u32) -> Exit {
    match (code, code.to_le_bytes()[0]) {
        (0, _) => Exit::Success,
        (INTERRUPTED, _) => Exit::Command(128 + INTERRUPT as u8),
        (_, 0) => Exit::Command(1),
        (_, low) => Exit::Command(low),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stays_one() {
        let codes = [(0, 0), (7, 7), (256, 1), (INTERRUPTED, 130), (0xC000_0005, 5), (u32::MAX, 255)];
        codes.into_iter().for_each(|(code, shown)| assert_eq!(exit_of(code).code(), shown));
    }
}
