//! What the client asks of the machine that it runs on: connections, time and chance.
//!
//! A simulation brings a machine of its own, on which a network loses answers and hours pass in no time.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ureq::Agent;
use ureq::config::Config;

use crate::error::Error;

/// What the client asks of the machine that it runs on.
pub trait Machine: fmt::Debug + Send + Sync {
    /// Makes what sends requests.
    fn agent(&self, config: Config) -> Agent;

    /// The time, which never goes back.
    fn now(&self) -> Instant;

    /// The time since 1970.
    fn since_1970(&self) -> Duration;

    /// Waits.
    fn pause(&self, time: Duration);

    /// Fills with bytes that nobody can guess.
    ///
    /// # Errors
    /// [`Error::Random`].
    fn random(&self, bytes: &mut [u8]) -> Result<(), Error>;

    /// A number from 0 to 1, to spread pauses by.
    fn jitter(&self) -> f64;

    /// Objects of one save that are sent at the same time, each by a thread; 0 to send them where they are put.
    fn senders(&self) -> usize;

    /// Objects that are read at the same time.
    fn readers(&self) -> usize;
}

/// The machine as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThisMachine;

impl Machine for ThisMachine {
    fn agent(&self, config: Config) -> Agent {
        config.into()
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn since_1970(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(bytes).map_err(|error| Error::Random(error.to_string()))
    }

    fn jitter(&self) -> f64 {
        fastrand::f64()
    }

    fn senders(&self) -> usize {
        4
    }

    /// So many hide the way to the store and back.
    fn readers(&self) -> usize {
        16
    }
}
