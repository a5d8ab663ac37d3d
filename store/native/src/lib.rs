//! The service on one machine: objects on disk, the index in SQLite, a key file, and the embedded store made of them. Objects
//! may be in a bucket instead; what reaches it is given by the program, so that the embedded store needs no HTTP.
//!
//! This crate deliberately decides nothing that the service decides, and knows no manifest, no sci.toml and no terminal.

pub mod body;
pub mod bucket;
pub mod clock;
pub mod disk;
pub mod embedded;
pub mod error;
pub mod founding;
pub mod keyfile;
pub mod local;
pub mod memory;
pub mod objects;
pub mod open;
pub mod sqlite;

mod layout;
mod writeback;

pub use body::{Arriving, Checked, Download, Upload};
pub use bucket::{Bucket, BucketError, Way};
pub use clock::SystemClock;
pub use disk::Disk;
pub use embedded::{Embedded, EmbeddedSave, caller, in_ci};
pub use error::Error;
pub use founding::Founding;
pub use keyfile::KeyFile;
pub use layout::FORMAT;
pub use local::LocalAdmin;
pub use memory::MemoryBlobs;
pub use objects::{Connect, Elsewhere, NoBuckets, Objects};
pub use open::{NativeService, ServerLock};
pub use sci_service::{Audited, Caller};
pub use sqlite::Sqlite;

/// A name that nobody else draws: 16 hexadecimal digits.
///
/// # Errors
/// [`Error::Random`].
pub fn fresh_name() -> Result<String, Error> {
    Ok(data_encoding::HEXLOWER.encode(&random::<8>()?))
}

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    Ok(bytes)
}
