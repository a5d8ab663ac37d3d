//! What the file system says of a file: equal stamps are taken to mean equal content, unless the file is too young to tell.
//!
//! That is believed on every file system, and is wrong on two occasions. Where ctime is not the kernel's own clock (images that
//! were made with fixed times and are mounted in the same place, some file systems of FUSE), other content may have the same
//! stamp. And a write through an mmap that was open before is seen only when its page is written back.

use std::time::{SystemTime, UNIX_EPOCH};

use sci_sys::fs::Stat;

/// A file this young may yet change without its times showing it: file systems stamp with a granularity of up to 2 s.
const RACY_SECONDS: u64 = 2;

/// A point in time, as file systems keep it: seconds since 1970-01-01 UTC, negative before, and nanoseconds after them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Whole seconds since the epoch, rounded down.
    pub seconds: i64,
    /// Nanoseconds after `seconds`, less than 1,000,000,000.
    pub nanos: u32,
}

impl Timestamp {
    /// The time on this machine's clock; the epoch when the clock is set before it.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanos: since.subsec_nanos() }
    }

    fn of(seconds: i64, nanos: i64) -> Self {
        Self { seconds, nanos: u32::try_from(nanos).unwrap_or(0) }
    }
}

/// Size, times and identity of a file or a directory, from one stat call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    pub(super) mtime: Timestamp,
    pub(super) ctime: Timestamp,
    pub(super) inode: u64,
    pub(super) device: u64,
}

impl Stamp {
    #[allow(clippy::unnecessary_cast, reason = "the fields' types differ between platforms")]
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            size: stat.st_size as u64,
            mtime: Timestamp::of(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime: Timestamp::of(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            inode: stat.st_ino as u64,
            device: stat.st_dev as u64,
        }
    }

    /// Whether a later change would show in the stamp, given that the content was read at `now` or after and that the kernel's
    /// clock makes the ctime (see the head of this module for what does not show); of a directory, its entries.
    ///
    /// A ctime in the future means that the clock went backwards, so that a later change could repeat it. An mtime in
    /// the far future is a tool's choice and says nothing: a change shows in the ctime.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        let age = now.seconds.saturating_sub(self.ctime.seconds);
        age > RACY_SECONDS as i64 && now.seconds.abs_diff(self.mtime.seconds) > RACY_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(mtime: i64, ctime: i64) -> Stamp {
        let at = |seconds| Timestamp { seconds, nanos: 0 };
        Stamp { size: 1, mtime: at(mtime), ctime: at(ctime), inode: 1, device: 1 }
    }

    #[test]
    fn a_young_file_is_not_settled() {
        let now = Timestamp { seconds: 1000, nanos: 500 };
        for (mtime, ctime, settled) in [
            (990, 990, true),
            (997, 997, true),
            (998, 990, false),
            (990, 998, false),
            (1001, 990, false),
            (990, 1005, false),
            (4_000_000_000, 990, true),
            (-5, 990, true),
        ] {
            assert_eq!(stamp(mtime, ctime).is_settled(now), settled, "mtime {mtime}, ctime {ctime}");
        }
    }
}
