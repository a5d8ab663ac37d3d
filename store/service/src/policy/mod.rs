//! The policy of trust: what a checked identity may read and write. One pure function over typed values; it knows no
//! token, no index and no clock.

mod decide;
mod identity;
pub mod references;

pub use decide::{Denial, Grant, decide};
pub use identity::{Event, Identity};
