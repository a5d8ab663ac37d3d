//! The times of a file, from what the standard library says of it.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// Whether it is noted when a file was read. Windows leaves that out, or is told to.
pub const READS_ARE_NOTED: bool = cfg!(unix);

/// The times of a file, nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it was last read; see [`READS_ARE_NOTED`].
    pub read: i64,
    /// When it was last written.
    pub written: i64,
    /// When anything of it changed; where the standard library does not say that, when it was written.
    pub changed: i64,
}

fn nanos((seconds, nanos): (i64, u32)) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos.into())
}

/// When the file was last written: seconds since 1970, and nanoseconds after them.
#[cfg(unix)]
pub fn modified(metadata: &Metadata) -> (i64, u32) {
    use std::os::unix::fs::MetadataExt;
    (metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or(0))
}

/// All that is said of a file's times.
#[cfg(unix)]
pub fn all(metadata: &Metadata) -> Times {
    use std::os::unix::fs::MetadataExt;
    let time = |seconds: i64, part: i64| nanos((seconds, u32::try_from(part).unwrap_or(0)));
    Times {
        read: time(metadata.atime(), metadata.atime_nsec()),
        written: nanos(modified(metadata)),
        changed: time(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// Opens a file to read it, where that can be without its being noted.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub fn open_unnoted(file: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::OpenOptionsExt;
        const NO_ATIME: i32 = rustix::fs::OFlags::NOATIME.bits() as i32;
        // Only its owner may.
        if let Ok(opened) = File::options().read(true).custom_flags(NO_ATIME).open(file) {
            return Ok(opened);
        }
    }
    File::open(file)
}

/// Seconds since 1970, and nanoseconds after them.
#[cfg(windows)]
fn since_1970(ticks: u64) -> (i64, u32) {
    let (seconds, nanos) = crate::windows::since_1970(ticks.cast_signed());
    (seconds, nanos as u32)
}

/// When the file was last written: seconds since 1970, and nanoseconds after them.
#[cfg(windows)]
pub fn modified(metadata: &Metadata) -> (i64, u32) {
    use std::os::windows::fs::MetadataExt;
    since_1970(metadata.last_write_time())
}

/// All that is said of a file's times.
#[cfg(windows)]
pub fn all(metadata: &Metadata) -> Times {
    use std::os::windows::fs::MetadataExt;
    let written = nanos(modified(metadata));
    Times { read: nanos(since_1970(metadata.last_access_time())), written, changed: written }
}

/// Opens a file to read it, where that can be without its being noted.
///
/// # Errors
/// What the system says.
#[cfg(windows)]
pub fn open_unnoted(file: &Path) -> io::Result<File> {
    File::open(file)
}
