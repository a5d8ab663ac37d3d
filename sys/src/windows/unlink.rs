//! Names: taken away, changed and added.

use std::os::windows::io::{AsHandle, BorrowedHandle};
use std::time::Duration;

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_BASIC_INFORMATION, FILE_DISPOSITION_DELETE, FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE,
    FILE_DISPOSITION_INFORMATION, FILE_DISPOSITION_INFORMATION_EX, FILE_DISPOSITION_POSIX_SEMANTICS,
    FILE_RENAME_IGNORE_READONLY_ATTRIBUTE, FILE_RENAME_POSIX_SEMANTICS, FILE_RENAME_REPLACE_IF_EXISTS,
    FileDispositionInformation, FileDispositionInformationEx, FileLinkInformation, FileRenameInformation,
    FileRenameInformationEx,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_ATTRIBUTE_NORMAL, FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES,
};

use super::errno::{Errno, Result};
use super::handles::{AsFd, BorrowedFd};
use super::nt;
use super::open::existing;
use super::path::{self, Arg};
use super::stat::{adjust, kind_of, statat};
use super::types::{AtFlags, FileType, RenameFlags};

/// Removes a file or a link, or with `REMOVEDIR` an empty directory. Who has it open keeps it, and the name is gone all the same
/// where the file system can do that; else it goes when they let go.
///
/// # Errors
/// What the system says; [`Errno::ISDIR`] and [`Errno::NOTDIR`] when it is the other.
pub fn unlinkat(dir: impl AsFd, path: impl Arg, flags: AtFlags) -> Result<()> {
    patiently(|| try_unlink(dir.as_fd(), &path, flags))
}

/// How often, and how long after one another, a file is asked for that another program has open.
const PATIENCE: (usize, Duration) = (20, Duration::from_millis(25));

/// Tries again when another program is in the way: those that look at every new file let go of it after some milliseconds.
fn patiently<T>(mut act: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 1..PATIENCE.0 {
        match act() {
            Err(Errno::BUSY | Errno::ACCESS) => std::thread::sleep(PATIENCE.1),
            other => return other,
        }
    }
    act()
}

fn try_unlink(dir: BorrowedFd<'_>, path: &impl Arg, flags: AtFlags) -> Result<()> {
    let file = existing(dir, path, DELETE | FILE_READ_ATTRIBUTES, false)?;
    match (kind_of(file.as_handle())? == FileType::Directory, flags.contains(AtFlags::REMOVEDIR)) {
        (true, false) => return Err(Errno::ISDIR),
        (false, true) => return Err(Errno::NOTDIR),
        _ => {}
    }
    let how = FILE_DISPOSITION_DELETE | FILE_DISPOSITION_POSIX_SEMANTICS | FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE;
    let how = FILE_DISPOSITION_INFORMATION_EX { Flags: how };
    match nt::set(file.as_handle(), FileDispositionInformationEx, &how) {
        Err(Errno::INVAL | Errno::OPNOTSUPP) => {
            let how = FILE_DISPOSITION_INFORMATION { DeleteFile: true };
            with_write_access(file.as_handle(), || nt::set(file.as_handle(), FileDispositionInformation, &how))
        }
        other => other,
    }
}

/// Does what the system refuses for a file that may not be written to, after allowing that.
fn with_write_access(file: BorrowedHandle<'_>, act: impl Fn() -> Result<()>) -> Result<()> {
    match act() {
        Err(Errno::ACCESS) => {
            let writable = FILE_BASIC_INFORMATION { FileAttributes: FILE_ATTRIBUTE_NORMAL, ..Default::default() };
            adjust(file, &writable)?;
            act()
        }
        other => other,
    }
}

/// Moves a name, and replaces what has the new one; a directory may replace a file.
///
/// # Errors
/// What the system says; [`Errno::ISDIR`] or [`Errno::NOTEMPTY`] when that is a directory, [`Errno::INVAL`] when nothing must be
/// called so.
pub fn renameat(from: impl AsFd, name: impl Arg, to: impl AsFd, new: impl Arg) -> Result<()> {
    renameat_with(from, name, to, new, RenameFlags::empty())
}

/// Moves a name; with `NOREPLACE`, not to one that is there.
///
/// # Errors
/// As [`renameat`]; [`Errno::EXIST`] when there is such a name.
pub fn renameat_with(from: impl AsFd, name: impl Arg, to: impl AsFd, new: impl Arg, flags: RenameFlags) -> Result<()> {
    patiently(|| try_rename((from.as_fd(), &name), (to.as_fd(), &new), flags))
}

fn try_rename(
    (from, name): (BorrowedFd<'_>, &impl Arg),
    (to, new): (BorrowedFd<'_>, &impl Arg),
    flags: RenameFlags,
) -> Result<()> {
    let file = existing(from, name, DELETE | FILE_READ_ATTRIBUTES, false)?;
    let wide = path::to_make(new)?;
    let place = (to.handle()?, wide.as_slice());
    let replaces = !flags.contains(RenameFlags::NOREPLACE);
    let how = if replaces { FILE_RENAME_REPLACE_IF_EXISTS | FILE_RENAME_IGNORE_READONLY_ATTRIBUTE } else { 0 };
    let renamed =
        match nt::set_name(file.as_handle(), FileRenameInformationEx, how | FILE_RENAME_POSIX_SEMANTICS, place) {
            Err(Errno::INVAL | Errno::OPNOTSUPP) => plainly(file.as_handle(), place, to, new, replaces),
            other => other,
        };
    match renamed {
        Err(Errno::ACCESS | Errno::EXIST) if replaces => Err(in_the_way(to, new, file.as_handle())),
        other => other,
    }
}

/// Renames as older systems and other file systems do: what is there must not be open, and must be one that may be written to.
fn plainly(
    file: BorrowedHandle<'_>,
    place: (BorrowedHandle<'_>, &[u16]),
    to: BorrowedFd<'_>,
    new: &impl Arg,
    replaces: bool,
) -> Result<()> {
    let rename = || nt::set_name(file, FileRenameInformation, replaces.into(), place);
    match rename() {
        Err(Errno::ACCESS) if replaces => {
            let target = existing(to, new, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES, false)?;
            if kind_of(target.as_handle())? == FileType::Directory {
                return Err(Errno::ACCESS);
            }
            let writable = FILE_BASIC_INFORMATION { FileAttributes: FILE_ATTRIBUTE_NORMAL, ..Default::default() };
            adjust(target.as_handle(), &writable)?;
            drop(target);
            rename()
        }
        other => other,
    }
}

/// Why a name could not be moved to one that may be there. Windows says of a directory in the way that access is denied.
fn in_the_way(to: BorrowedFd<'_>, new: &impl Arg, moved: BorrowedHandle<'_>) -> Errno {
    let is_dir = |mode| FileType::from_raw_mode(mode) == FileType::Directory;
    let there = statat(to, new, AtFlags::SYMLINK_NOFOLLOW).map(|stat| is_dir(stat.st_mode));
    let moves_dir = kind_of(moved).is_ok_and(|kind| kind == FileType::Directory);
    match (there, moves_dir) {
        (Ok(true), true) => Errno::NOTEMPTY,
        (Ok(true), false) => Errno::ISDIR,
        (Ok(false), true) => Errno::NOTDIR,
        _ => Errno::ACCESS,
    }
}

/// Gives a file another name.
///
/// # Errors
/// What the system says; [`Errno::INVAL`] when nothing must be called so.
pub fn linkat(from: impl AsFd, name: impl Arg, to: impl AsFd, new: impl Arg, _flags: AtFlags) -> Result<()> {
    let file = existing(from.as_fd(), name, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES, false)?;
    let (to, wide) = (to.as_fd(), path::to_make(&new)?);
    nt::set_name(file.as_handle(), FileLinkInformation, 0, (to.handle()?, &wide))
}
