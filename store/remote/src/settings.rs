//! How patient the client is.

use std::time::Duration;

/// How patient the client is. Every length of time counts for one attempt but [`Settings::timeout`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long an operation goes on trying while nothing moves, all its attempts together. When it is over the store counts
    /// as down, and what is asked of it afterwards fails at once.
    pub timeout: Duration,
    /// The longest that resolving the name or connecting takes.
    pub connect: Duration,
    /// The longest wait for the first byte of an answer.
    pub first_byte: Duration,
    /// The longest wait for the next bytes, either way.
    pub stall: Duration,
    /// Whether requests may go to other machines without TLS, where anybody on the way reads tickets and objects.
    pub allow_http: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(20),
            stall: Duration::from_secs(15),
            allow_http: false,
        }
    }
}
