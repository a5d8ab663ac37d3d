//! What a file system says of a file, in the form of Unix, and what of it can be set.

use std::os::windows::io::{AsHandle, BorrowedHandle};

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_ALL_INFORMATION, FILE_BASIC_INFORMATION, FileAllInformation, FileAttributeTagInformation,
    FileBasicInformation, FileFsVolumeInformation,
};
use windows_sys::Wdk::System::SystemServices::{FILE_ATTRIBUTE_TAG_INFORMATION, FILE_FS_VOLUME_INFORMATION};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_READONLY, FILE_ATTRIBUTE_REPARSE_POINT,
    FILE_ATTRIBUTE_SPARSE_FILE, FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES,
};
use windows_sys::Win32::System::SystemServices::IO_REPARSE_TAG_SYMLINK;

use super::errno::{Errno, Result};
use super::handles::{AsFd, CWD};
use super::nt;
use super::open::{SHARED, again, existing};
use super::path::Arg;
use super::types::{AtFlags, FileType, Mode};

/// What is known of a file. Its owner is not, nor is its mode but for what [`kept_mode`] leaves of it.
#[allow(missing_docs, reason = "the names of Unix")]
#[derive(Debug, Clone, Copy)]
pub struct Stat {
    /// Serial number of the volume.
    pub st_dev: u64,
    /// The file's number on its volume.
    pub st_ino: u64,
    pub st_mode: u32,
    pub st_nlink: u32,
    pub st_uid: u32,
    pub st_size: i64,
    /// Room on disk in 512 bytes; less than the size only of files that are marked as having holes.
    pub st_blocks: i64,
    pub st_mtime: i64,
    pub st_mtime_nsec: i64,
    /// When anything of it changed, whatever its other times were set to.
    pub st_ctime: i64,
    pub st_ctime_nsec: i64,
}

/// Looks at what is open.
///
/// # Errors
/// What the system says.
pub fn fstat(file: impl AsFd) -> Result<Stat> {
    of(file.as_fd().handle()?)
}

/// Looks at a name in a directory.
///
/// # Errors
/// What the system says.
pub fn statat(dir: impl AsFd, path: impl Arg, flags: AtFlags) -> Result<Stat> {
    let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
    of(existing(dir.as_fd(), path, FILE_READ_ATTRIBUTES, follow)?.as_handle())
}

/// Looks at a path, and at what it leads to.
///
/// # Errors
/// What the system says.
pub fn stat(path: impl Arg) -> Result<Stat> {
    statat(CWD, path, AtFlags::empty())
}

/// Looks at a path; of a link, at the link.
///
/// # Errors
/// What the system says.
pub fn lstat(path: impl Arg) -> Result<Stat> {
    statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)
}

fn of(file: BorrowedHandle<'_>) -> Result<Stat> {
    let all: FILE_ALL_INFORMATION = nt::query(file, FileAllInformation)?;
    let volume: FILE_FS_VOLUME_INFORMATION = nt::query_volume(file, FileFsVolumeInformation)?;
    let (basic, standard) = (all.BasicInformation, all.StandardInformation);
    let attributes = basic.FileAttributes;
    let kind = kind(attributes, if attributes & FILE_ATTRIBUTE_REPARSE_POINT == 0 { 0 } else { tag(file)? });
    let size = if kind == FileType::RegularFile { standard.EndOfFile } else { 0 };
    let may_have_holes = attributes & FILE_ATTRIBUTE_SPARSE_FILE != 0;
    let room = if may_have_holes { standard.AllocationSize } else { size };
    let (st_mtime, st_mtime_nsec) = since_1970(basic.LastWriteTime);
    let (st_ctime, st_ctime_nsec) = since_1970(basic.ChangeTime);
    let writable = attributes & FILE_ATTRIBUTE_READONLY == 0;
    Ok(Stat {
        st_dev: volume.VolumeSerialNumber.into(),
        st_ino: all.InternalInformation.IndexNumber.cast_unsigned(),
        st_mode: kind.as_raw_mode() | u32::from(mode(writable, kind == FileType::Directory)),
        st_nlink: standard.NumberOfLinks,
        st_uid: 0,
        st_size: size,
        st_blocks: room.saturating_add(511) / 512,
        st_mtime,
        st_mtime_nsec,
        st_ctime,
        st_ctime_nsec,
    })
}

/// What a file is, by its attributes and the tag of its reparse point.
pub(super) fn kind(attributes: u32, tag: u32) -> FileType {
    if attributes & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        if tag == IO_REPARSE_TAG_SYMLINK { FileType::Symlink } else { FileType::Special }
    } else if attributes & FILE_ATTRIBUTE_DIRECTORY != 0 {
        FileType::Directory
    } else {
        FileType::RegularFile
    }
}

/// What it is that is open.
pub(super) fn kind_of(file: BorrowedHandle<'_>) -> Result<FileType> {
    let found: FILE_ATTRIBUTE_TAG_INFORMATION = nt::query(file, FileAttributeTagInformation)?;
    Ok(kind(found.FileAttributes, found.ReparseTag))
}

fn tag(file: BorrowedHandle<'_>) -> Result<u32> {
    Ok(nt::query::<FILE_ATTRIBUTE_TAG_INFORMATION>(file, FileAttributeTagInformation)?.ReparseTag)
}

/// A file is somebody's who may write to it, or nobody may; a directory's attribute of that name says nothing.
const fn mode(writable: bool, directory: bool) -> u16 {
    match (directory, writable) {
        (true, _) => 0o755,
        (false, true) => 0o644,
        (false, false) => 0o444,
    }
}

/// A mode of a file or, with `directory`, of a directory, as it is read back after it was set.
pub const fn kept_mode(wanted: u16, directory: bool) -> u16 {
    mode(wanted & 0o200 != 0, directory)
}

/// A time as it is read back after it was set.
pub fn kept_time(seconds: i64, nanos: u32) -> (i64, u32) {
    let (seconds, nanos) = since_1970(ticks_of(seconds, nanos.into()));
    (seconds, nanos as u32)
}

/// Ticks of the system in a second.
const TICKS: i64 = 10_000_000;
/// Seconds from 1601, where the system begins to count, to 1970.
const TO_1970: i64 = 11_644_473_600;
/// The last tick that a file's time may have.
const LAST: i64 = 0x7fff_35f4_f06c_7fff;

/// Seconds since 1970, and nanoseconds after them.
pub(crate) const fn since_1970(ticks: i64) -> (i64, i64) {
    (ticks.div_euclid(TICKS) - TO_1970, ticks.rem_euclid(TICKS) * (1_000_000_000 / TICKS))
}

/// Ticks that say a time, and not something else than a time.
fn ticks_of(seconds: i64, nanos: i64) -> i64 {
    let ticks = seconds.saturating_add(TO_1970).saturating_mul(TICKS).saturating_add(nanos / (1_000_000_000 / TICKS));
    ticks.clamp(1, LAST)
}

/// What the system takes for something else than a time.
pub(super) mod unchanged {
    /// It stays as it is.
    pub(in super::super) const NOW: i64 = 0;
    /// It stays as it is, whatever is done by this handle from now on.
    pub(in super::super) const NEVER: i64 = -1;
}

/// Times to set: of the content, and of any change.
pub(super) fn times(written: i64, changed: i64) -> FILE_BASIC_INFORMATION {
    FILE_BASIC_INFORMATION { LastWriteTime: written, ChangeTime: changed, ..FILE_BASIC_INFORMATION::default() }
}

/// A time to set.
#[allow(missing_docs, reason = "the names of Unix")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timespec {
    pub tv_sec: i64,
    pub tv_nsec: i64,
}

/// Instead of nanoseconds: the time stays as it is.
pub const UTIME_OMIT: i64 = -1;

/// The times to set. That of the last access is left alone.
#[allow(missing_docs, reason = "the names of Unix")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamps {
    pub last_access: Timespec,
    pub last_modification: Timespec,
}

/// Sets the time of what is open.
///
/// # Errors
/// What the system says.
pub fn futimens(file: impl AsFd, wanted: &Timestamps) -> Result<()> {
    let Timespec { tv_sec, tv_nsec } = wanted.last_modification;
    let written = if tv_nsec == UTIME_OMIT { unchanged::NOW } else { ticks_of(tv_sec, tv_nsec) };
    // The time of the change is set with it: it would be another one when the handle of a file that was written is closed.
    adjust(file.as_fd().handle()?, &times(written, nt::ticks()))
}

/// Sets the time of a name in a directory.
///
/// # Errors
/// What the system says.
pub fn utimensat(dir: impl AsFd, path: impl Arg, wanted: &Timestamps, flags: AtFlags) -> Result<()> {
    let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
    let file = existing(dir.as_fd(), path, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES, follow)?;
    futimens(super::handles::OwnedFd::from(file), wanted)
}

/// Sets whether a file may be written to.
///
/// # Errors
/// What the system says.
pub fn fchmod(file: impl AsFd, mode: Mode) -> Result<()> {
    let file = file.as_fd().handle()?;
    let found: FILE_BASIC_INFORMATION = nt::query(file, FileBasicInformation)?;
    if found.FileAttributes & FILE_ATTRIBUTE_DIRECTORY != 0 {
        return Ok(());
    }
    let wanted = match mode.contains(Mode::WUSR) {
        true => found.FileAttributes & !FILE_ATTRIBUTE_READONLY,
        false => found.FileAttributes | FILE_ATTRIBUTE_READONLY,
    };
    if wanted == found.FileAttributes {
        return Ok(());
    }
    // No attribute at all has a number of its own: zero would leave them as they are.
    let attributes = if wanted == 0 { FILE_ATTRIBUTE_NORMAL } else { wanted };
    adjust(file, &FILE_BASIC_INFORMATION { FileAttributes: attributes, ..times(unchanged::NOW, unchanged::NOW) })
}

/// Sets whether a file may be written to, by its path.
///
/// # Errors
/// What the system says.
pub fn chmod(path: impl Arg, mode: Mode) -> Result<()> {
    chmodat(CWD, path, mode, AtFlags::empty())
}

/// Sets whether a file in a directory may be written to.
///
/// # Errors
/// What the system says; [`Errno::LOOP`] for a link that is not to be followed.
pub fn chmodat(dir: impl AsFd, path: impl Arg, mode: Mode, flags: AtFlags) -> Result<()> {
    let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
    let file = existing(dir.as_fd(), path, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES, follow)?;
    if !matches!(kind_of(file.as_handle())?, FileType::RegularFile | FileType::Directory) {
        return Err(Errno::LOOP);
    }
    fchmod(super::handles::OwnedFd::from(file), mode)
}

/// Sets what is not zero, by another handle where this one is not for that.
pub(super) fn adjust(file: BorrowedHandle<'_>, what: &FILE_BASIC_INFORMATION) -> Result<()> {
    match nt::set(file, FileBasicInformation, what) {
        Err(Errno::ACCESS) => {
            let file = again(file, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES, SHARED)?;
            nt::set(file.as_handle(), FileBasicInformation, what)
        }
        other => other,
    }
}
