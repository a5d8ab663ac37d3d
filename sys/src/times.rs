//! The time of a file, from what the standard library says of it.

use std::fs::Metadata;

/// When the file was last written: seconds since 1970, and nanoseconds after them.
#[cfg(unix)]
pub fn modified(metadata: &Metadata) -> (i64, u32) {
    use std::os::unix::fs::MetadataExt;
    (metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or(0))
}

/// When the file was last written: seconds since 1970, and nanoseconds after them.
#[cfg(windows)]
pub fn modified(metadata: &Metadata) -> (i64, u32) {
    use std::os::windows::fs::MetadataExt;
    /// Steps of 100 ns in a second.
    const STEPS: u64 = 10_000_000;
    /// Seconds from 1601, where Windows begins to count, to 1970.
    const BEFORE: i64 = 11_644_473_600;
    let steps = metadata.last_write_time();
    ((steps / STEPS).cast_signed() - BEFORE, (steps % STEPS) as u32 * 100)
}
