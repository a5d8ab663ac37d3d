//! Unix: handlers of signals.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::unregister;

/// Listens until it is dropped.
#[derive(Debug)]
pub(super) struct Listening {
    ids: Vec<SigId>,
}

impl Listening {
    /// Puts the first signal into `caught`. Where `fatal` is given and set, a signal ends the program; otherwise it is set.
    ///
    /// # Errors
    /// None here: a signal that cannot be registered keeps its default.
    pub(super) fn begin(caught: &Arc<AtomicUsize>, fatal: Option<&Arc<AtomicBool>>) -> io::Result<Self> {
        let ignored = ignored();
        let mut ids = Vec::new();
        for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0) {
            // In this order: the first one finds nothing fatal and makes the next one so.
            let number = usize::try_from(signal).unwrap_or_default();
            if let Some(fatal) = fatal {
                ids.extend(flag::register_conditional_default(signal, Arc::clone(fatal)));
                ids.extend(flag::register(signal, Arc::clone(fatal)));
            }
            ids.extend(flag::register_usize(signal, Arc::clone(caught), number));
        }
        Ok(Self { ids })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.ids.drain(..).for_each(|id| {
            unregister(id);
        });
    }
}

/// The signals that this process ignores: bit *n* − 1 for signal *n*. None where the system does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
