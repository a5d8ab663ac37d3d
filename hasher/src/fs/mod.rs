//! File hashing and the stat cache: what a second plan over an unchanged workspace does not have to read.
//!
//! [`hash_files`] and [`hash_found`] hash a list of files in parallel. [`StatCache`] remembers digests between runs, by everything the
//! file system says of a file. This module deliberately does not walk directories, match patterns or follow links.

mod cache;
mod cache_format;
mod file;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hash;
mod stamp;

pub use cache::StatCache;
pub use file::{FileError, FileKind, Found, HashedFile};
pub use hash::{hash_files, hash_found};
pub use stamp::Timestamp;
