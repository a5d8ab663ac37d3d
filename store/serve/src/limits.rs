//! How many, how much, how long.

use std::time::Duration;

/// The limits of a server. Each bounds something that strangers could otherwise fill.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections; further ones wait to be accepted.
    pub connections: usize,
    /// Requests that are carried out at once. Each has a thread while it is.
    pub requests: usize,
    /// Objects that arrive at once, each of which takes one of those requests: the others are for what is asked meanwhile, by
    /// whoever is slower to send than anybody likes.
    pub uploads: usize,
    /// Requests that wait for their turn; further ones are told to come later.
    pub waiting: usize,
    /// How long a request waits for its turn.
    pub patience: Duration,
    /// Objects that are sent at once. Each has a file open and two parts of it in memory.
    pub downloads: usize,
    /// Memory for JSON bodies that arrive, in KiB.
    pub bodies: usize,
    /// How long the head of a request, or a handshake, may take; a connection without a request is closed after that time.
    pub head: Duration,
    /// How long a peer may neither send nor take a byte while it is its turn.
    pub idle: Duration,
    /// How long a JSON body may take to arrive, and then an answer to be found.
    pub request: Duration,
    /// The speed in bytes per second that an object must have on average, either way, beyond [`Limits::idle`].
    pub least_speed: u64,
    /// How long requests in flight may go on when the server stops.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            requests: 256,
            uploads: uploads_among(256),
            waiting: 2_048,
            patience: Duration::from_secs(10),
            downloads: 1_024,
            bodies: 64 * 1_024,
            head: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            request: Duration::from_secs(120),
            least_speed: 16 * 1_024,
            shutdown: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// The usual ones, with so many requests at once; objects that arrive take at most three quarters of them.
    pub fn of_requests(requests: usize) -> Self {
        Self { requests, uploads: uploads_among(requests), ..Self::default() }
    }

    /// How long an object of so many bytes may take.
    pub fn transfer(&self, length: u64) -> Duration {
        self.idle + Duration::from_secs(length / self.least_speed.max(1))
    }
}

/// How many of so many requests may be objects that arrive: three quarters, and one at least.
fn uploads_among(requests: usize) -> usize {
    (requests - requests / 4).max(1)
}
