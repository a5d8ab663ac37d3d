//! What the stat cache has to know of the machine that it is used on.

use sci_sys::fd::BorrowedFd;

use super::stamp::Timestamp;
use crate::Digest;

/// What the stat cache has to know of the machine that it is used on, as a value.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// No later than the first look at a file.
    pub now: Timestamp,
    /// Which start of the system this is, where that can be told.
    ///
    /// Listings of directories do not outlast it: after a crash a directory may have other entries than its times say, and
    /// devices and inodes of a file system in memory get the same numbers again.
    pub boot: Option<Digest>,
    /// Whether a file system, of which this is a directory, changes the times of a directory at every change of its entries.
    pub keeps_times: fn(BorrowedFd<'_>) -> bool,
}

impl Machine {
    /// This machine, now.
    pub fn detect() -> Self {
        let boot = sci_sys::machine::boot().map(|id| Digest::of(&id));
        Self { now: Timestamp::now(), boot, keeps_times }
    }
}

/// Whether a file system, of which this is a directory, changes the times of a directory at every change of its entries.
///
/// POSIX asks for it, and these do it. A network's file system may answer from memory, or hear of changes late; FUSE's do
/// as they please. An overlay shows the times of its uppermost directory, and entries of those below, which may change while
/// it is not mounted. Unknown ones are not trusted.
#[cfg(target_os = "linux")]
pub fn keeps_times(directory: BorrowedFd<'_>) -> bool {
    const EXT: u32 = 0xef53;
    const XFS: u32 = 0x5846_5342;
    const BTRFS: u32 = 0x9123_683e;
    const TMPFS: u32 = 0x0102_1994;
    const F2FS: u32 = 0xf2f5_2010;
    const ZFS: u32 = 0x2fc1_2fc1;
    // The number has 32 bits; the field's type, and thereby its sign, differs between architectures.
    #[allow(clippy::unnecessary_cast, clippy::cast_possible_truncation, reason = "see above")]
    let kind = sci_sys::fs::fstatfs(directory).map(|found| found.f_type as u32);
    matches!(kind, Ok(EXT | XFS | BTRFS | TMPFS | F2FS | ZFS))
}

/// The same elsewhere, where it is known of no file system.
#[cfg(not(target_os = "linux"))]
pub fn keeps_times(_: BorrowedFd<'_>) -> bool {
    false
}

/// Whether names depend on something else than what the directory holds: with encryption, on whether the key is there.
#[cfg(target_os = "linux")]
pub(super) fn names_may_turn(directory: BorrowedFd<'_>) -> bool {
    use sci_sys::fs::{AtFlags, StatxAttributes, StatxFlags};
    let found = sci_sys::fs::statx(directory, "", AtFlags::EMPTY_PATH, StatxFlags::TYPE);
    found.map_or(true, |found| found.stx_attributes.contains(StatxAttributes::ENCRYPTED))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn names_may_turn(_: BorrowedFd<'_>) -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;

    use sci_sys::fd::AsFd;

    use super::*;

    #[test]
    fn a_file_system_that_is_not_known_to_keep_times_is_not_trusted() {
        let proc = File::open("/proc").unwrap();
        assert!(!(Machine::detect().keeps_times)(proc.as_fd()));
    }

    #[test]
    fn names_on_a_plain_file_system_stay() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!names_may_turn(File::open(directory.path()).unwrap().as_fd()));
    }
}
