//! The service on one machine: disk, SQLite and a key file.

pub mod embedded;
pub mod error;

pub use embedded::{Embedded, EmbeddedSave, Reach, caller, in_ci};
pub use error::Error;
