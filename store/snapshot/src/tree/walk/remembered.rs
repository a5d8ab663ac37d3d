//! What is remembered of directories: one that looks as it did holds the names that it held, and need not be listed.
//!
//! That is so where the file system changes a directory's times whenever its names change, and where the remembered tree has
//! all its names. Each entry is looked at all the same.

use sci_sys::fd::BorrowedFd;

use crate::local::{Base, RACY, Receipt};
use crate::tree::compare::Ends;
use crate::tree::{Kind, Mtime, NONE};

/// What may be remembered of a tree, and whether anything may be.
pub(super) struct Remembered<'a> {
    base: Option<(&'a Base, Ends<'a>)>,
    /// The device whose file system is known to show every change of a directory's names in its times.
    device: Option<u64>,
    started: i64,
}

/// What is known of a directory's names.
pub(super) enum Names {
    /// They are those that are remembered.
    Same,
    /// They must be read.
    Unknown {
        /// Whether they last for as long as the directory looks as it was found.
        lasting: bool,
    },
}

impl<'a> Remembered<'a> {
    /// What `base` says of the tree whose root `root` is, which lies on `device`.
    pub(super) fn new(base: Option<&'a Base>, root: BorrowedFd<'_>, device: u64, started: i64) -> Self {
        let device = Some(device).filter(|_| sci_hasher::fs::keeps_times(root));
        let base = base.filter(|base| device == Some(base.device));
        Self { base: base.map(|base| (base, Ends::of(&base.manifest.tree))), device, started }
    }

    /// Nothing is, and nothing may be.
    pub(super) fn nothing() -> Self {
        Self { base: None, device: None, started: 0 }
    }

    /// What is known of the names in `directory`, which was `found` in the one that holds it, and is the remembered entry
    /// `known`.
    pub(super) fn names(&self, directory: BorrowedFd<'_>, found: Receipt, known: u32) -> Names {
        let Some(now) = self.device.and_then(|device| look(directory, device)).filter(|now| now.receipt == found)
        else {
            return Names::Unknown { lasting: false };
        };
        match &self.base {
            Some((base, _)) if is_same(base, known, &now) => Names::Same,
            // So young a directory may change again without its times showing it.
            _ => Names::Unknown { lasting: now.receipt.ctime < self.started.saturating_sub(RACY) },
        }
    }

    /// The remembered entries of the remembered directory `known`, in the order of names, and their names.
    pub(super) fn children(&self, known: u32) -> impl Iterator<Item = (u32, &[u8])> {
        self.base
            .iter()
            .flat_map(move |(base, ends)| ends.children(known).map(|index| (index, base.manifest.tree.name(index))))
    }
}

fn is_same(base: &Base, known: u32, now: &Look) -> bool {
    if known == NONE {
        return false;
    }
    let entry = base.manifest.tree.entry(known);
    // Names that came or went within the clock's tick in which the directory was made show in the mtime, which was set.
    entry.kind == Kind::Dir && base.receipts[known as usize] == now.receipt && entry.mtime == now.mtime
}

/// A directory as it looks by its handle.
struct Look {
    receipt: Receipt,
    mtime: Mtime,
}

/// How a directory looks; `None` when it lies on another device than `device`, or its names depend on more than itself:
/// encrypted ones, on whether the key is there.
#[cfg(target_os = "linux")]
fn look(directory: BorrowedFd<'_>, device: u64) -> Option<Look> {
    use sci_sys::fs::{AtFlags, StatxAttributes, StatxFlags, StatxTimestamp, makedev, statx};
    let now = statx(directory, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).ok()?;
    let time = |at: StatxTimestamp| Mtime { secs: at.tv_sec, nanos: at.tv_nsec };
    let is_plain = !now.stx_attributes.contains(StatxAttributes::ENCRYPTED);
    (is_plain && makedev(now.stx_dev_major, now.stx_dev_minor) == device).then(|| Look {
        receipt: Receipt { inode: now.stx_ino, ctime: time(now.stx_ctime).nanoseconds() },
        mtime: time(now.stx_mtime),
    })
}

/// Elsewhere no file system is known to show every change.
#[cfg(not(target_os = "linux"))]
fn look(_: BorrowedFd<'_>, _: u64) -> Option<Look> {
    None
}
