//! Makes a path what it is on a machine that was never here: nothing.

use std::ops::Range;
use std::path::Path;

use sci_store_api::{ObjectId, ObjectSource, TransferError};
use sci_sys::fs::{self, AtFlags, FileType};
use sci_sys::io::Errno;

use super::{RestoreRequest, restore};
use crate::manifest::Manifest;
use crate::tree::{Kind, Mtime, NONE, Tree};
use crate::{Excludes, Progress, Result, SnapshotError, dir};

/// A source for what needs none.
struct Nothing;

impl ObjectSource for Nothing {
    fn read(&self, object: &ObjectId, _: Range<u64>) -> Result<Vec<u8>, TransferError> {
        Err(TransferError::Missing { object: *object })
    }
}

/// Removes what stands at `root` beneath `anchor`; returns whether anything went. What is excluded, and what no snapshot holds
/// (sockets and the like), stays.
///
/// It is a restore of an empty tree, with all that this means: what was cut off is completed by whoever comes next.
///
/// # Errors
/// As [`restore`]'s: for something mounted in the tree, or another user's, nothing goes.
pub fn clear(anchor: &Path, root: &Path, excludes: &Excludes, progress: &dyn Progress) -> Result<bool> {
    let (parent, name) = match dir::parent_beneath(anchor, root, false) {
        Err(SnapshotError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    let name = name.as_slice();
    let fail = |error: Errno| SnapshotError::io("remove", root, error);
    let found = match fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(false),
        other => crate::tree::facts(&other.map_err(fail)?),
    };
    // What stays in the directory leaves it as it was, but for the bits that no snapshot holds.
    let (mode, mtime) =
        if found.kind == FileType::Directory { (found.mode, found.mtime) } else { (0o755, Mtime::default()) };
    let mut tree = Tree::default();
    tree.push(NONE, b"", Kind::Dir, mode, mtime, 0);
    let manifest = Manifest { tree, ..Manifest::default() }.into();
    let request = RestoreRequest { anchor, root, manifest, excludes, base: None, merge: false, threads: 0, progress };
    let removed = restore(request, &Nothing)?.removed > 0;
    match fs::unlinkat(&parent, name, AtFlags::REMOVEDIR) {
        Ok(()) => Ok(true),
        // Something is mounted there that holds nothing.
        Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY) => Ok(removed),
        Err(error) => Err(fail(error)),
    }
}
