//! Performs an intent, for the first time or to complete it.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use sci_faults::Step;
use sci_sys::fd::{AsFd, BorrowedFd, OwnedFd};
use sci_sys::fs::{self, AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps};
use sci_sys::io::Errno;

use super::intent::{Intent, Left, Op};
use super::stage::Stage;
use super::untouched;
use crate::dir;
use crate::tree::Mtime;
use crate::{Result, SnapshotError};

/// What [`super::recover`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// Nothing was left behind.
    Nothing,
    /// Staging of a restore that never came to its intent: removed, the old tree stands.
    Discarded,
    /// A restore that was past its intent: completed, the new tree stands.
    Completed,
    /// A restore that was past its intent, over a tree that somebody has changed since: what there is stays as it is, which is
    /// neither the old tree nor the new one.
    Changed,
}

/// See [`super::recover`].
pub(crate) fn recover(anchor: &Path, root: &Path, leave: &mut dyn FnMut() -> io::Result<()>) -> Result<Recovered> {
    let Some(stage) = Stage::left_behind(anchor, root)? else { return Ok(Recovered::Nothing) };
    let left = stage.read_intent()?;
    sci_faults::at(Step::RestoreFound);
    let outcome = match left {
        None => Recovered::Discarded,
        Some(Left::Intent(intent)) if complete(&stage, &intent, root)? => Recovered::Completed,
        Some(_) => Recovered::Changed,
    };
    if outcome == Recovered::Changed {
        leave().map_err(|error| SnapshotError::io("note the change of", root, error))?;
    }
    stage.remove()?;
    Ok(outcome)
}

/// Performs what is left of an intent, unless the tree was changed since; whether all of it is done.
fn complete(stage: &Stage, intent: &Intent, root: &Path) -> Result<bool> {
    Ok(untouched::is_untouched(stage, intent, root)? && apply(stage, intent)?.is_none())
}

/// Performs every step that is not done yet.
///
/// A step whose place is gone, because somebody else removed or replaced the directory, is passed over: trying again
/// would never succeed. The first such path is returned.
pub(crate) fn apply(stage: &Stage, intent: &Intent) -> Result<Option<PathBuf>> {
    let mut performer =
        Performer { stage, merge: intent.merge, places: Places::new(stage.parent()), theirs: HashSet::new() };
    let mut overtaken = None;
    for op in &intent.ops {
        let path = || stage.path().with_file_name(dir::os(op.path()));
        match performer.perform(op) {
            Ok(()) => sci_faults::at(Step::OpPerformed),
            Err(error) if is_gone(error) => {
                overtaken.get_or_insert_with(path);
            }
            Err(error) => return Err(SnapshotError::io(op.action(), path(), error)),
        }
    }
    sci_faults::at(Step::Applied);
    Ok(overtaken)
}

struct Performer<'a> {
    stage: &'a Stage,
    merge: bool,
    places: Places<'a>,
    /// In a merge: where somebody else's entry came first.
    theirs: HashSet<&'a [u8]>,
}

impl<'a> Performer<'a> {
    fn perform(&mut self, op: &'a Op) -> Result<(), Errno> {
        match op {
            Op::Unlock { path, mode } => {
                let unlocked = self.places.find(path).and_then(|(parent, name)| unlock(parent, name, *mode));
                // It was moved to the trash or replaced by an earlier attempt.
                unlocked.or_else(unless_gone)
            }
            Op::Trash { path, number, .. } => self.trash(path, &number.to_string()).or_else(unless_gone),
            Op::Install { number, path, .. } => self.install(*number, path),
            Op::Adjust { path, .. } if self.theirs.contains(path.as_slice()) => Ok(()),
            Op::Adjust { path, mode, mtime, .. } => {
                let (parent, name) = self.places.find(path)?;
                adjust(parent, name, *mode, *mtime)
            }
        }
    }

    fn trash(&mut self, path: &[u8], into: &str) -> Result<(), Errno> {
        if exists(self.stage.trash_dir(), into)? {
            return Ok(());
        }
        let (parent, name) = self.places.find(path)?;
        fs::renameat(parent, name, self.stage.trash_dir(), into)
    }

    fn install(&mut self, number: u32, path: &'a [u8]) -> Result<(), Errno> {
        let (new, trash) = (self.stage.new_dir(), self.stage.trash_dir());
        let from = number.to_string();
        if !exists(new, &from)? {
            return Ok(());
        }
        let (parent, name) = self.places.find(path)?;
        if self.merge {
            return match fs::renameat_with(new, &from, parent, name, RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => {
                    self.theirs.insert(path);
                    Ok(())
                }
                other => other,
            };
        }
        match fs::renameat(new, &from, parent, name) {
            // A directory and something else do not replace each other: what came into the way since, or was no part
            // of the tree (a socket), goes first.
            Err(Errno::ISDIR | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => {
                let aside = aside(number);
                dir::remove_all(trash, aside.as_bytes())?;
                fs::renameat(parent, name, trash, &aside)?;
                sci_faults::at(Step::SetAside);
                fs::renameat(new, &from, parent, name)
            }
            other => other,
        }
    }
}

/// Where what was in the way of an install is moved to, in `trash/`.
pub(super) fn aside(number: u32) -> String {
    format!("for {number}")
}

pub(super) fn is_gone(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}

fn unless_gone(error: Errno) -> Result<(), Errno> {
    if is_gone(error) { Ok(()) } else { Err(error) }
}

pub(super) fn exists(parent: BorrowedFd<'_>, name: &str) -> Result<bool, Errno> {
    match fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The permission bits of a mode, and no others: an intent is not to be trusted with them.
fn permissions(mode: u16) -> Mode {
    Mode::from_raw_mode((mode & 0o777).into())
}

/// Sets the mode of a directory, and of nothing else that may have come into its place.
fn unlock(parent: BorrowedFd<'_>, name: &[u8], mode: u16) -> Result<(), Errno> {
    match fs::openat(parent, name, dir::DIR, Mode::empty()) {
        Err(Errno::ACCESS) => chmod(parent, name, mode),
        handle => fs::fchmod(handle?, permissions(mode)),
    }
}

/// Sets the mode of a file or directory that is no link.
fn chmod(parent: BorrowedFd<'_>, name: &[u8], mode: u16) -> Result<(), Errno> {
    // There is no chmod that refuses links everywhere; an open handle is one.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match fs::openat(parent, name, flags, Mode::empty()) {
        Ok(handle) => fs::fchmod(handle, permissions(mode)),
        Err(Errno::ACCESS) => dir::chmod_unreadable(parent, name, permissions(mode)),
        Err(error) => Err(error),
    }
}

/// Sets mode and mtime.
pub(crate) fn adjust(parent: BorrowedFd<'_>, name: &[u8], mode: Option<u16>, mtime: Mtime) -> Result<(), Errno> {
    if let Some(mode) = mode {
        chmod(parent, name, mode)?;
    }
    fs::utimensat(parent, name, &set_mtime(mtime), AtFlags::SYMLINK_NOFOLLOW)
}

/// The times to set: the mtime, and the access time left alone.
pub(crate) fn set_mtime(mtime: Mtime) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: fs::UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime.secs, tv_nsec: mtime.nanos.into() },
    }
}

/// Opens the directories of paths; the last one is kept, since neighbours follow each other.
pub(super) struct Places<'a> {
    root: BorrowedFd<'a>,
    last: Option<(Vec<u8>, OwnedFd)>,
}

impl<'a> Places<'a> {
    /// Places below `root`.
    pub(super) fn new(root: BorrowedFd<'a>) -> Self {
        Self { root, last: None }
    }

    /// The directory of a path, and the path's name in it.
    pub(super) fn find<'p>(&mut self, path: &'p [u8]) -> Result<(BorrowedFd<'_>, &'p [u8]), Errno> {
        let split = path.iter().rposition(|byte| *byte == b'/');
        let Some(split) = split else { return Ok((self.root, path)) };
        let (dir, name) = (&path[..split], &path[split + 1..]);
        if self.last.as_ref().is_none_or(|(last, _)| last != dir) {
            let (handle, _) = dir::open_parent(self.root, path)?;
            self.last = Some((dir.to_vec(), handle));
        }
        Ok((self.last.as_ref().map_or(self.root, |(_, handle)| handle.as_fd()), name))
    }
}
