//! Performs an intent, for the first time or to complete it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::intent::{Intent, Op};
use super::stage::Stage;
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
}

/// See [`super::recover`].
pub(crate) fn recover(anchor: &Path, root: &Path) -> Result<Recovered> {
    let Some(stage) = Stage::left_behind(anchor, root)? else { return Ok(Recovered::Nothing) };
    let outcome = match stage.read_intent()? {
        None => Recovered::Discarded,
        Some(intent) => {
            apply(&stage, &intent)?;
            Recovered::Completed
        }
    };
    stage.remove()?;
    Ok(outcome)
}

/// Performs every step that is not done yet.
pub(crate) fn apply(stage: &Stage, intent: &Intent) -> Result<()> {
    let mut places = Places { root: stage.parent(), last: None };
    for op in &intent.ops {
        perform(stage, &mut places, op, intent.merge).map_err(|error| {
            let path = stage.path().with_file_name(dir::os(op.path()));
            SnapshotError::io(op.action(), path, error)
        })?;
    }
    Ok(())
}

impl Op {
    fn path(&self) -> &[u8] {
        match self {
            Self::Unlock { path, .. }
            | Self::Trash { path, .. }
            | Self::Install { path, .. }
            | Self::Adjust { path, .. } => path,
        }
    }

    fn action(&self) -> &'static str {
        match self {
            Self::Unlock { .. } => "unlock",
            Self::Trash { .. } => "remove",
            Self::Install { .. } => "install",
            Self::Adjust { .. } => "set mode and time of",
        }
    }
}

fn perform(stage: &Stage, places: &mut Places<'_>, op: &Op, merge: bool) -> Result<(), Errno> {
    match op {
        Op::Unlock { path, mode } => {
            let unlocked = places.find(path).and_then(|(parent, name)| unlock(parent, name, *mode));
            match unlocked {
                // It was moved to the trash or replaced by an earlier attempt.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
                other => other,
            }
        }
        Op::Trash { path, number } => {
            let into = number.to_string();
            if exists(stage.trash_dir(), &into)? {
                return Ok(());
            }
            let (parent, name) = places.find(path)?;
            fs::renameat(parent, name, stage.trash_dir(), &into)
        }
        Op::Install { number, path } => {
            let from = number.to_string();
            if !exists(stage.new_dir(), &from)? {
                return Ok(());
            }
            let (parent, name) = places.find(path)?;
            if !merge {
                return fs::renameat(stage.new_dir(), &from, parent, name);
            }
            match fs::renameat_with(stage.new_dir(), &from, parent, name, RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => Ok(()),
                other => other,
            }
        }
        Op::Adjust { path, mode, mtime } => {
            let (parent, name) = places.find(path)?;
            adjust(parent, name, *mode, *mtime)
        }
    }
}

fn exists(parent: BorrowedFd<'_>, name: &str) -> Result<bool, Errno> {
    match fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sets the mode of a directory, and of nothing else that may have come into its place.
fn unlock(parent: BorrowedFd<'_>, name: &[u8], mode: u16) -> Result<(), Errno> {
    match fs::openat(parent, name, dir::DIR, Mode::empty()) {
        Err(Errno::ACCESS) => chmod(parent, name, mode),
        handle => fs::fchmod(handle?, Mode::from_raw_mode(mode.into())),
    }
}

/// Sets the mode of a file or directory that is no link.
fn chmod(parent: BorrowedFd<'_>, name: &[u8], mode: u16) -> Result<(), Errno> {
    // There is no chmod that refuses links everywhere; an open handle is one.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match fs::openat(parent, name, flags, Mode::empty()) {
        Ok(handle) => fs::fchmod(handle, Mode::from_raw_mode(mode.into())),
        Err(Errno::ACCESS) => {
            let stat = fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if fs::FileType::from_raw_mode(stat.st_mode) == fs::FileType::Symlink {
                return Err(Errno::LOOP);
            }
            fs::chmodat(parent, name, Mode::from_raw_mode(mode.into()), AtFlags::empty())
        }
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
struct Places<'a> {
    root: BorrowedFd<'a>,
    last: Option<(Vec<u8>, OwnedFd)>,
}

impl Places<'_> {
    fn find<'p>(&mut self, path: &'p [u8]) -> Result<(BorrowedFd<'_>, &'p [u8]), Errno> {
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
