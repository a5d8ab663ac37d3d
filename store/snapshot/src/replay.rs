//! Source-mtime replay: gives unchanged sources the mtimes they had before the restored build.
//!
//! A fresh checkout stamps every file *now*, so a tool that compares times rebuilds everything. After a restore, a file
//! whose content is the recorded one gets its recorded mtime; every other file gets one newer than anything restored, so
//! that what changed is rebuilt even when its own time is old.

use std::collections::HashMap;
use std::path::Path;

use sci_faults::Step;
use sci_sys::fd::{AsFd, BorrowedFd};
use sci_sys::fs::{self, AtFlags, FileType, Mode, OFlags};
use sci_sys::io::Errno;

use crate::manifest::RecordedInput;
use crate::restore::set_mtime;
use crate::tree::{Mtime, Tree, facts};
use crate::{Result, SnapshotError, dir};

/// What a replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Files and directories that got their recorded mtime.
    pub replayed: u64,
    /// Files and directories that differ from the recorded ones, and are newer now than anything restored.
    pub renewed: u64,
}

/// The newest mtime of a tree.
pub fn newest(tree: &Tree) -> Mtime {
    tree.entries().map(|(_, entry)| entry.mtime).max().unwrap_or_default()
}

/// Replays `recorded` mtimes onto `present` inputs of the workspace at `root`.
///
/// `present` are the inputs as the local plan found them: their paths, digests and mtimes. Only they are touched; none is
/// opened through a link. `newest` is the newest mtime restored and `now` the current time.
///
/// # Errors
/// [`SnapshotError::Io`] for the first mtime that cannot be set; a path that vanished meanwhile is passed over.
pub fn replay(
    root: &Path,
    present: &[RecordedInput],
    recorded: &[RecordedInput],
    newest: Mtime,
    now: Mtime,
) -> Result<Replayed> {
    let recorded: HashMap<&[u8], &RecordedInput> =
        recorded.iter().map(|input| (input.path.as_slice(), input)).collect();
    let renewed_to = now.max(just_after(newest));
    let handle = fs::open(root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| SnapshotError::io("open", root, error))?;
    let mut replayed = Replayed::default();
    for input in present {
        let known = recorded.get(input.path.as_slice()).filter(|known| known.digest == input.digest);
        // A file that is newer already stays as it is: `make` may have seen it.
        let mtime = known.map_or_else(|| renewed_to.max(input.mtime), |known| known.mtime);
        let mut is_replayed = known.is_some();
        if mtime != input.mtime {
            match set(handle.as_fd(), input, mtime, renewed_to) {
                Ok(is_set) => is_replayed &= is_set,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(SnapshotError::io("set the time of", dir::display(root, &input.path), error)),
            }
            sci_faults::at(Step::SourceRenewed);
        }
        *if is_replayed { &mut replayed.replayed } else { &mut replayed.renewed } += 1;
    }
    Ok(replayed)
}

/// Whether a file with this mtime is newer than all of a tree whose newest entry is given, to tools that compare whole seconds,
/// too.
pub const fn outdates(mtime: Mtime, newest: Mtime) -> bool {
    mtime.secs > newest.secs
}

/// The next moment that a file system can tell apart. No more: a source from the future counts as changed in every build until then.
fn just_after(time: Mtime) -> Mtime {
    match time.nanos + sci_sys::kept::STEP {
        1_000_000_000.. => Mtime { secs: time.secs.saturating_add(1), nanos: 0 },
        nanos => Mtime { nanos, ..time },
    }
}

/// Sets the mtime of an input, and says whether it did. A file that was edited after the plan holds something else than the plan
/// says, and an older time would hide that from the build: it gets one as new as `renewed_to`. A directory's mtime is another one
/// as soon as something is restored into it.
fn set(root: BorrowedFd<'_>, input: &RecordedInput, mtime: Mtime, renewed_to: Mtime) -> Result<bool, Errno> {
    if input.path.is_empty() {
        return fs::futimens(root, &set_mtime(mtime)).map(|()| true);
    }
    let (parent, name) = dir::open_parent(root, &input.path)?;
    let stat = fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let set = |mtime| fs::utimensat(&parent, name, &set_mtime(mtime), AtFlags::SYMLINK_NOFOLLOW);
    let found = facts(&stat);
    match found.kind {
        FileType::RegularFile | FileType::Symlink if found.mtime != input.mtime => {
            set(renewed_to.max(found.mtime)).map(|()| false)
        }
        FileType::RegularFile | FileType::Symlink | FileType::Directory => set(mtime).map(|()| true),
        _ => Ok(false),
    }
}
