//! Unix: the calls as they are.

pub use rustix::{buffer, fd, fs, io, process, time};

/// Names and paths as bytes.
pub mod ffi {
    pub use std::os::unix::ffi::{OsStrExt, OsStringExt};
}

/// Locks that outlive what they are about.
pub mod turn {
    use super::fd::OwnedFd;
    use super::fs::{FlockOperation, flock};
    use super::io::Errno;

    /// A lock that was taken.
    pub type Turn = OwnedFd;

    /// Waits for the lock of what is open.
    ///
    /// # Errors
    /// What the system says.
    pub fn take(file: OwnedFd) -> Result<Turn, Errno> {
        flock(&file, FlockOperation::LockExclusive).map(|()| file)
    }
}

/// What the machine says of itself.
pub mod machine {
    /// Names this start of the system; `None` where that cannot be told.
    pub fn boot() -> Option<Vec<u8>> {
        std::fs::read("/proc/sys/kernel/random/boot_id").ok().filter(|id| !id.is_empty())
    }

    /// The time that file systems give to what changes now, nanoseconds since 1970.
    pub fn file_time() -> i64 {
        #[cfg(target_os = "linux")]
        {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
            now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        }
    }

    /// Ends this process at once, as a kill from outside would: nothing is put in order.
    pub fn die() -> ! {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        unreachable!("this process outlives its own SIGKILL")
    }
}

/// Where file systems of this kind keep less of a file than a snapshot says.
pub mod kept {
    /// Whether all is kept.
    pub const ALL: bool = true;

    /// The least by which two times differ that were read back, nanoseconds.
    pub const STEP: u32 = 1;

    /// A time as it is read back after it was set.
    pub const fn time(seconds: i64, nanos: u32) -> (i64, u32) {
        (seconds, nanos)
    }

    /// A mode of a file or, with `directory`, of a directory, as it is read back after it was set.
    pub const fn mode(mode: u16, _directory: bool) -> u16 {
        mode
    }
}

/// Makes a symbolic link; Windows wants to know whether it leads to a directory.
///
/// # Errors
/// What the system says.
pub fn symlink(
    target: &[u8],
    parent: fd::BorrowedFd<'_>,
    name: &[u8],
    _to_directory: impl FnOnce() -> bool,
) -> Result<(), io::Errno> {
    fs::symlinkat(target, parent, name)
}
