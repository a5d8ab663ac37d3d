//! Makes a path what it is on a machine that was never here: nothing.

use std::ops::Range;
use std::path::Path;

use sci_store_api::{ObjectId, ObjectSource, TransferError};
use sci_sys::fs::{self, AtFlags};
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

/// Removes what stands at `root` beneath `anchor`, but for what is excluded; returns whether something stood there.
///
/// It is a restore of an empty tree, with all that this means: a tree that it does not understand stays as it is, and what was cut
/// off is completed by whoever comes next.
///
/// # Errors
/// As [`restore`]'s.
pub fn clear(anchor: &Path, root: &Path, excludes: &Excludes, progress: &dyn Progress) -> Result<bool> {
    let (parent, name) = match dir::parent_beneath(anchor, root, false) {
        Err(SnapshotError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    let name = name.as_slice();
    let fail = |error: Errno| SnapshotError::io("remove", root, error);
    match fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(false),
        other => other.map_err(fail)?,
    };
    let mut tree = Tree::default();
    tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
    let manifest = Manifest { tree, ..Manifest::default() }.into();
    let request = RestoreRequest { anchor, root, manifest, excludes, base: None, merge: false, threads: 0, progress };
    restore(request, &Nothing)?;
    match fs::unlinkat(&parent, name, AtFlags::REMOVEDIR) {
        // What is excluded is in it.
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(true),
        Err(error) => Err(fail(error)),
    }
}
