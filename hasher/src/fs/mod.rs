//! File hashing and the stat cache: what a second plan over an unchanged workspace does not have to read.
//!
//! [`hash_files`] and [`hash_found`] hash a list of files in parallel; [`DirectoryReader`] reads directories, one by one.
//! [`StatCache`] remembers digests and names between runs, by everything the file system says of a file or a directory. This
//! module deliberately does not walk trees, match patterns or follow links.

mod cache;
mod cache_format;
mod cache_update;
mod directory;
mod file;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hash;
mod machine;
mod stamp;

pub use cache::StatCache;
pub use cache_format::EntryKind;
pub use cache_update::{Listed, Names, Walked};
pub use directory::{DirectoryReader, Opened};
pub use file::{Buffer, FileError, FileKind, Found, HashedFile};
pub use hash::{hash_files, hash_found};
pub use machine::{Machine, keeps_times};
pub use stamp::Timestamp;
