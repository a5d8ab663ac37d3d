//! Opening, and making directories.

use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_CREATE, FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_OPEN_IF, FILE_OPEN_REPARSE_POINT,
    FILE_OVERWRITE_IF, FileBasicInformation,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_APPEND_DATA, FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_READONLY, FILE_READ_ATTRIBUTES, FILE_READ_DATA,
    FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_TRAVERSE, FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA,
};

use super::errno::{Errno, Result};
use super::handles::{AsFd, BorrowedFd, CWD, OwnedFd};
use super::nt::{self, Opening};
use super::path::{self, Arg};
use super::stat::{self, kind_of, unchanged};
use super::types::{FileType, Mode, OFlags};

/// Whoever else has it open may do with it what they like, as on Unix.
pub(super) const SHARED: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// Opens what is there, for `access`; with `follow`, what a link leads to.
pub(super) fn existing(dir: BorrowedFd<'_>, path: impl Arg, access: u32, follow: bool) -> Result<OwnedHandle> {
    let options = if follow { 0 } else { FILE_OPEN_REPARSE_POINT };
    at(dir, path, Opening { access, attributes: 0, share: SHARED, disposition: FILE_OPEN, options })
}

/// Opens what is open already, for another access.
pub(super) fn again(file: BorrowedHandle<'_>, access: u32, share: u32) -> Result<OwnedHandle> {
    let options = FILE_OPEN_REPARSE_POINT;
    nt::create(Some(file), &[], Opening { access, attributes: 0, share, disposition: FILE_OPEN, options })
}

fn at(dir: BorrowedFd<'_>, path: impl Arg, how: Opening) -> Result<OwnedHandle> {
    if dir.is_current_directory() {
        return nt::create(None, &path::anywhere(&path)?, how);
    }
    nt::create(Some(dir.handle()?), &path::below(&path)?, how)
}

/// Opens a file or a directory by its path.
///
/// # Errors
/// What the system says.
pub fn open(path: impl Arg, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    openat(CWD, path, flags, mode)
}

/// Opens a file or a directory in a directory; of a mode counts whether the owner may write.
///
/// # Errors
/// What the system says; with `NOFOLLOW`, [`Errno::LOOP`] for whatever is a reparse point. [`Errno::INVAL`] when a file is to
/// be made that must not be called so.
pub fn openat(dir: impl AsFd, path: impl Arg, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    let dir = dir.as_fd();
    let creates = flags.contains(OFlags::CREATE);
    if creates && !dir.is_current_directory() {
        path::to_make(&path)?;
    }
    let file = at(dir, path, opening(flags, mode))?;
    if flags.contains(OFlags::CREATE.union(OFlags::EXCL)) {
        return Ok(file.into());
    }
    if flags.contains(OFlags::NOFOLLOW)
        && !matches!(kind_of(file.as_handle())?, FileType::RegularFile | FileType::Directory)
    {
        return Err(Errno::LOOP);
    }
    if flags.contains(OFlags::WRONLY) {
        // It may be one of several handles. The time that is set through one must not change when another one is closed.
        // File systems that cannot do that are taken as they are.
        let never = stat::times(unchanged::NEVER, unchanged::NEVER);
        let _ = nt::set(file.as_handle(), FileBasicInformation, &never);
    }
    Ok(file.into())
}

fn opening(flags: OFlags, mode: Mode) -> Opening {
    let has = |flag| flags.contains(flag);
    let access = if has(OFlags::PATH) {
        FILE_TRAVERSE
    } else if has(OFlags::WRONLY) {
        FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_ATTRIBUTES
    } else {
        FILE_READ_DATA
    };
    let disposition = match (has(OFlags::CREATE), has(OFlags::EXCL), has(OFlags::TRUNC)) {
        (false, ..) => FILE_OPEN,
        (true, true, _) => FILE_CREATE,
        (true, false, true) => FILE_OVERWRITE_IF,
        (true, false, false) => FILE_OPEN_IF,
    };
    let kind = match (has(OFlags::DIRECTORY), has(OFlags::WRONLY)) {
        (true, _) => FILE_DIRECTORY_FILE,
        (false, true) => FILE_NON_DIRECTORY_FILE,
        (false, false) => 0,
    };
    let link = if has(OFlags::NOFOLLOW) { FILE_OPEN_REPARSE_POINT } else { 0 };
    let writable = mode.contains(Mode::WUSR);
    let attributes = if writable { FILE_ATTRIBUTE_NORMAL } else { FILE_ATTRIBUTE_READONLY };
    Opening { access: access | FILE_READ_ATTRIBUTES, attributes, share: SHARED, disposition, options: kind | link }
}

/// Makes a directory; its mode is not kept.
///
/// # Errors
/// What the system says; [`Errno::INVAL`] when it must not be called so.
pub fn mkdirat(dir: impl AsFd, path: impl Arg, _mode: Mode) -> Result<()> {
    let name = path::to_make(&path)?;
    let how = Opening {
        access: FILE_READ_ATTRIBUTES,
        attributes: FILE_ATTRIBUTE_NORMAL,
        share: SHARED,
        disposition: FILE_CREATE,
        options: FILE_DIRECTORY_FILE,
    };
    nt::create(Some(dir.as_fd().handle()?), &name, how).map(drop)
}
