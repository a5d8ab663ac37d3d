//! Interrupts: the first signal asks to stop, the second ends the program at once.
//!
//! Outside of a [`Shield`] there is nothing to clear away, and the first one ends it too, as if nobody watched. A signal
//! that whoever started the program chose to ignore (`nohup`) stays ignored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{CliError, Kind};

#[cfg(unix)]
mod unix;

#[cfg(windows)]
use sci_sys::console::Listening;
#[cfg(unix)]
use unix::Listening;

/// The number of the signal that the keyboard gives.
const SIGINT: u8 = 2;

/// What has been asked for by signals so far.
#[derive(Debug, Clone, Default)]
pub struct Interrupts {
    /// The first signal that came; 0 while there was none.
    caught: Arc<AtomicUsize>,
    /// Whether the next signal ends the program.
    fatal: Arc<AtomicBool>,
}

impl Interrupts {
    /// Takes signals until the value is dropped. At first they end the program, as they do by default.
    pub fn watch(&self) -> Watch {
        self.fatal.store(true, Ordering::Relaxed);
        // What cannot be listened to keeps its default, which ends the program.
        Watch { _listening: Listening::begin(&self.caught, Some(&self.fatal)).ok() }
    }

    /// From now on the first signal only asks, until the value is dropped.
    pub fn shield(&self) -> Shield {
        self.fatal.store(false, Ordering::Relaxed);
        Shield { fatal: Arc::clone(&self.fatal) }
    }

    /// The signal that has asked to stop.
    pub fn caught(&self) -> Option<u8> {
        match self.caught.load(Ordering::Relaxed) {
            0 => None,
            signal => u8::try_from(signal).ok(),
        }
    }

    /// The error that stopping is.
    pub fn error(&self, said: impl std::fmt::Display) -> CliError {
        CliError::new(Kind::Interrupted(self.caught().unwrap_or(SIGINT)), format!("interrupted: {said}"))
    }
}

/// Signals are taken while this is alive.
#[derive(Debug)]
pub struct Watch {
    _listening: Option<Listening>,
}

/// While this is alive, the first signal only asks.
#[derive(Debug)]
pub struct Shield {
    fatal: Arc<AtomicBool>,
}

impl Drop for Shield {
    fn drop(&mut self) {
        self.fatal.store(true, Ordering::Relaxed);
    }
}
