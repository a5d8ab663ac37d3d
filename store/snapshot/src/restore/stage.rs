//! The staging directory beside the target: `.sci-stage.<name>`, on the same file system.
//!
//! `new/` holds what is to be moved in, `trash/` what was moved out, `intent` what is to be done. One process at a time
//! holds its lock.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use sci_faults::Step;
use sci_sys::fd::{AsFd, BorrowedFd, OwnedFd};
use sci_sys::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use sci_sys::io::Errno;
use sci_sys::turn::{self, Turn};

use super::intent::{Intent, Left};
use crate::dir::{self, DIR};
use crate::tree::STAGE_PREFIX;
use crate::{Result, Room, SnapshotError};

/// An open, locked staging directory.
#[derive(Debug)]
pub(crate) struct Stage {
    parent: OwnedFd,
    /// The target's name in `parent`.
    name: Vec<u8>,
    own_name: Vec<u8>,
    /// Where it is, for messages.
    path: PathBuf,
    handle: OwnedFd,
    new: OwnedFd,
    trash: OwnedFd,
}

const INTENT: &str = "intent";
/// Longer than an intent can be that moves every entry of the largest tree. Bytes.
const INTENT_MAX: u64 = 4 << 30;
const PARTIAL: &str = "intent.partial";

impl Stage {
    /// Makes the staging directory of `root`; waits while another process holds it. `None` when that one died and left
    /// something in it.
    pub(crate) fn create(anchor: &Path, root: &Path) -> Result<Option<Self>> {
        let (parent, name) = dir::parent_beneath(anchor, root, true)?;
        let own_name = [STAGE_PREFIX, &name].concat();
        let path = root.with_file_name(dir::os(&own_name));
        let fail = |error: Errno| SnapshotError::io("make", &path, error);
        loop {
            make_dir(parent.as_fd(), &own_name).map_err(fail)?;
            match Self::lock(&parent, &own_name, FlockOperation::LockExclusive) {
                Ok(Some(handle)) if exists(&handle, "new").map_err(fail)? => return Ok(None),
                Ok(Some(handle)) => {
                    if let Err(error) = make_parts(handle.as_fd()) {
                        // The disk is full, perhaps. Nothing is in it yet.
                        let _ = dir::remove_all(parent.as_fd(), &own_name);
                        return Err(fail(error));
                    }
                    return Self::with(parent, name, own_name, path.clone(), handle).map(Some).map_err(fail);
                }
                // The one who held it has removed it: make a new one.
                Ok(None) => {}
                Err(error) => return Err(fail(error)),
            }
        }
    }

    /// Opens a staging directory that was left behind; `None` when there is none, or its owner is at work.
    pub(crate) fn left_behind(anchor: &Path, root: &Path) -> Result<Option<Self>> {
        let (parent, name) = match dir::parent_beneath(anchor, root, false) {
            Ok(found) => found,
            Err(SnapshotError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let own_name = [STAGE_PREFIX, &name].concat();
        let path = root.with_file_name(dir::os(&own_name));
        match Self::lock(&parent, &own_name, FlockOperation::NonBlockingLockExclusive) {
            Ok(None) | Err(Errno::WOULDBLOCK | Errno::NOENT) => Ok(None),
            Ok(Some(handle)) => make_parts(handle.as_fd())
                .and_then(|()| Self::with(parent, name, own_name, path.clone(), handle))
                .map(Some)
                .map_err(|error| SnapshotError::io("finish what is left in", &path, error)),
            Err(error) => Err(SnapshotError::io("finish what is left in", &path, error)),
        }
    }

    /// Locks the directory; `None` when it was removed meanwhile.
    fn lock(parent: &OwnedFd, own_name: &[u8], how: FlockOperation) -> Result<Option<OwnedFd>, Errno> {
        let handle = match fs::openat(parent, own_name, DIR, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            other => other?,
        };
        fs::flock(&handle, how)?;
        let locked = fs::fstat(&handle)?;
        match fs::statat(parent, own_name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(now) if now.st_ino == locked.st_ino && now.st_dev == locked.st_dev => Ok(Some(handle)),
            Ok(_) | Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn with(parent: OwnedFd, name: Vec<u8>, own_name: Vec<u8>, path: PathBuf, handle: OwnedFd) -> Result<Self, Errno> {
        let new = fs::openat(&handle, "new", DIR, Mode::empty())?;
        let trash = fs::openat(&handle, "trash", DIR, Mode::empty())?;
        sci_faults::at(Step::StageMade);
        Ok(Self { parent, name, own_name, path, handle, new, trash })
    }

    /// Whether there still is nothing where the target goes; unless it is merged into, an empty directory is nothing.
    pub(crate) fn target_is_vacant(&self, merge: bool) -> bool {
        match fs::openat(&self.parent, self.name.as_slice(), DIR, Mode::empty()) {
            Err(error) => error == Errno::NOENT,
            Ok(handle) => !merge && is_empty(handle).unwrap_or(false),
        }
    }

    /// The file system of the directory that holds the target.
    pub(crate) fn device(&self) -> Result<u64> {
        let stat = fs::fstat(&self.parent).map_err(|error| SnapshotError::io("look at", &self.path, error))?;
        Ok(crate::tree::facts(&stat).device)
    }

    pub(crate) fn parent(&self) -> BorrowedFd<'_> {
        self.parent.as_fd()
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where entries are built, each under its index.
    pub(crate) fn new_dir(&self) -> BorrowedFd<'_> {
        self.new.as_fd()
    }

    /// Where entries are moved out to.
    pub(crate) fn trash_dir(&self) -> BorrowedFd<'_> {
        self.trash.as_fd()
    }

    /// The size of a block of the file system, in bytes.
    pub(crate) fn block_size(&self) -> u64 {
        fs::fstatvfs(&self.handle).map_or(1, |stat| stat.f_frsize.max(1))
    }

    /// Refuses when the file system has not the room that is needed.
    pub(crate) fn check_room(self, root: &Path, needed: Room) -> Result<Self> {
        // File systems that do not tell are believed to have room; those without a table of files say that it has none.
        let Ok(stat) = fs::fstatvfs(&self.handle) else { return Ok(self) };
        let entries = if stat.f_files == 0 { u64::MAX } else { stat.f_favail };
        let free = Room { bytes: stat.f_bavail.saturating_mul(stat.f_frsize), entries };
        if let Err(error) = compare(root, needed, free) {
            self.remove()?;
            return Err(error);
        }
        Ok(self)
    }

    /// Writes the intent so that it is there whole or not at all.
    pub(crate) fn write_intent(&self, intent: &Intent) -> Result<()> {
        let fail = |error: Errno| SnapshotError::io("write", self.path.join(INTENT), error);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(&self.handle, PARTIAL, flags, Mode::RUSR | Mode::WUSR).map_err(fail)?;
        let bytes = intent.encode();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match sci_sys::io::write(&file, rest) {
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(fail(error)),
            }
        }
        sci_faults::at(Step::IntentPartial);
        fs::renameat(&self.handle, PARTIAL, &self.handle, INTENT).map_err(fail)?;
        sci_faults::at(Step::IntentWritten);
        Ok(())
    }

    /// Whether the point of no return is passed.
    pub(crate) fn has_intent(&self) -> bool {
        exists(&self.handle, INTENT).unwrap_or(true)
    }

    /// The intent that was left behind, if there is one.
    pub(crate) fn read_intent(&self) -> Result<Option<Left>> {
        let path = self.path.join(INTENT);
        if !self.has_intent() {
            return Ok(None);
        }
        let bytes = self.intent_bytes().map_err(|error| SnapshotError::io("read", &path, error))?;
        if Intent::is_outdated(&bytes) {
            return Ok(Some(Left::Outdated));
        }
        let intent = Intent::decode(&bytes).filter(|intent| intent.is_confined_to(&self.name));
        let broken = || SnapshotError::io("use", &path, std::io::Error::other("it is damaged"));
        intent.ok_or_else(broken).map(|intent| Some(Left::Intent(intent)))
    }

    /// When the intent was written, or an entry was last moved in or out by it, whichever is later: nanoseconds since 1970, by
    /// the file system's clock. Each move changes the times of the directory here that it begins or ends in.
    pub(crate) fn last_move(&self) -> Result<i64> {
        let facts = |stat: Result<fs::Stat, Errno>| {
            stat.map(|stat| crate::tree::facts(&stat)).map_err(|error| SnapshotError::io("look at", &self.path, error))
        };
        let written = facts(fs::statat(&self.handle, INTENT, AtFlags::SYMLINK_NOFOLLOW))?.stat.ctime;
        let moved = [&self.new, &self.trash].map(|parts| facts(fs::fstat(parts)));
        moved.into_iter().try_fold(written, |last, parts| Ok(last.max(parts?.mtime.nanoseconds())))
    }

    /// The intent's file, which may have come with a checkout, as a link to anything.
    fn intent_bytes(&self) -> std::io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = std::fs::File::from(fs::openat(&self.handle, INTENT, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("it is no file"));
        }
        let mut bytes = Vec::new();
        file.take(INTENT_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > INTENT_MAX {
            return Err(std::io::Error::other("it is longer than any intent"));
        }
        Ok(bytes)
    }

    /// Removes the directory and all it holds. The intent goes first: what it says may be repeated only while `new/` and
    /// `trash/` still show what was done.
    pub(crate) fn remove(self) -> Result<()> {
        let Self { parent, own_name, path, handle, new, trash, .. } = self;
        // Not every system removes a directory that is open. The lock is kept to the end.
        drop((new, trash));
        let remove = || -> Result<(), Errno> {
            match fs::unlinkat(&handle, INTENT, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error),
            }
            sci_faults::at(Step::IntentRemoved);
            dir::remove_all(parent.as_fd(), &own_name)
        };
        remove().map_err(|error| SnapshotError::io("remove", &path, error))?;
        sci_faults::at(Step::StageRemoved);
        Ok(())
    }
}

/// Makes the directories in the staging directory.
fn make_parts(stage: BorrowedFd<'_>) -> Result<(), Errno> {
    make_dir(stage, b"new")?;
    make_dir(stage, b"trash")
}

/// Refuses when `needed` is more than is `free`.
fn compare(root: &Path, needed: Room, free: Room) -> Result<()> {
    let path = || root.to_owned();
    if needed.bytes > free.bytes {
        return Err(SnapshotError::NoSpace { path: path(), needed: needed.bytes, free: free.bytes });
    }
    if needed.entries > free.entries {
        return Err(SnapshotError::NoEntries { path: path(), needed: needed.entries, free: free.entries });
    }
    Ok(())
}

/// Waits until no other restore changes the directory at `root`, and keeps others waiting until the handle is dropped.
///
/// Without it what was found of the target could be out of date before it is acted upon. `None` when there is no
/// directory, or when its file system has no locks: then the staging directory alone orders restores.
pub(crate) fn take_turn(anchor: &Path, root: &Path) -> Result<Option<Turn>> {
    let (parent, name) = match dir::parent_beneath(anchor, root, false) {
        Err(SnapshotError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    Ok(fs::openat(&parent, name.as_slice(), DIR, Mode::empty()).and_then(turn::take).ok())
}

/// Whether a directory holds nothing. One that cannot be read to its end may hold something.
fn is_empty(directory: OwnedFd) -> Result<bool, Errno> {
    for entry in fs::Dir::new(directory)? {
        if ![b".".as_slice(), b".."].contains(&entry?.file_name().to_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn exists(parent: &OwnedFd, name: &str) -> Result<bool, Errno> {
    match fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

fn make_dir(parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    match fs::mkdirat(parent, name, Mode::RWXU) {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_told_with_what_is_needed() {
        let root = Path::new("ws/target");
        let free = Room { bytes: 300 << 20, entries: 1_000 };
        let told = |needed| compare(root, needed, free).map_err(|error| error.to_string());
        assert_eq!(told(Room { bytes: 300 << 20, entries: 1_000 }), Ok(()));
        let bytes = told(Room { bytes: 3 << 29, entries: 1 });
        assert_eq!(bytes.unwrap_err(), "ws/target needs 1.5 GiB of disk, and 300.0 MiB are free");
        let entries = told(Room { bytes: 1, entries: 1_001 });
        let expected = "ws/target needs 1001 new files and directories, and its file system has room for 1000";
        assert_eq!(entries.unwrap_err(), expected);
    }

    #[test]
    fn a_refused_restore_leaves_no_staging() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let stage = Stage::create(dir.path(), &root).unwrap().unwrap();
        let error = stage.check_room(&root, Room { bytes: u64::MAX, entries: 1 }).unwrap_err();
        assert!(matches!(error, SnapshotError::NoSpace { .. }), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
