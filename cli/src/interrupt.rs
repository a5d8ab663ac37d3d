//! Interrupts: the first signal asks to stop, the second ends the program at once.
//!
//! Outside of a [`Shield`] there is nothing to clear away, and the first one ends it too, as if nobody watched. A signal
//! that whoever started the program chose to ignore (`nohup`) stays ignored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::unregister;

use crate::error::{CliError, Kind};

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
        let ignored = ignored();
        let mut ids = Vec::new();
        for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0) {
            // In this order: the first one finds nothing fatal and makes the next one so. What cannot be registered keeps
            // its default, which ends the program.
            let fatal = || Arc::clone(&self.fatal);
            let number = usize::try_from(signal).unwrap_or_default();
            ids.extend(flag::register_conditional_default(signal, fatal()));
            ids.extend(flag::register(signal, fatal()));
            ids.extend(flag::register_usize(signal, Arc::clone(&self.caught), number));
        }
        Watch { ids }
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
        CliError::new(Kind::Interrupted(self.caught().unwrap_or(SIGINT as u8)), format!("interrupted: {said}"))
    }
}

/// Signals are taken while this is alive.
#[derive(Debug)]
pub struct Watch {
    ids: Vec<SigId>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ids.drain(..).for_each(|id| {
            unregister(id);
        });
    }
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

/// The signals that this process ignores: bit *n* − 1 for signal *n*. None where the system does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
