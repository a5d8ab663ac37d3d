//! Symbolic links. Their targets have `/` between names, as everywhere else.

use std::ffi::CString;
use std::os::windows::io::AsHandle;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, FILE_SHARE_READ, FILE_SHARE_WRITE,
    SYMBOLIC_LINK_FLAG_ALLOW_UNPRIVILEGED_CREATE, SYMBOLIC_LINK_FLAG_DIRECTORY,
};
use windows_sys::Win32::System::Ioctl::FSCTL_GET_REPARSE_POINT;
use windows_sys::Win32::System::SystemServices::IO_REPARSE_TAG_SYMLINK;

use super::errno::{Errno, Result};
use super::handles::{AsFd, BorrowedFd, CWD};
use super::nt;
use super::open::{again, existing};
use super::path::{self, Arg};
use super::stat::kind_of;
use super::types::FileType;
use crate::names;

/// The most that a reparse point can hold. Bytes.
const REPARSE_MAX: usize = 16 << 10;

/// Reads a link's target.
///
/// # Errors
/// What the system says; [`Errno::INVAL`] when it is none.
pub fn readlink(path: impl Arg, buffer: Vec<u8>) -> Result<CString> {
    readlinkat(CWD, path, buffer)
}

/// Reads the target of a link in a directory.
///
/// # Errors
/// What the system says; [`Errno::INVAL`] when it is none.
pub fn readlinkat(dir: impl AsFd, path: impl Arg, _buffer: Vec<u8>) -> Result<CString> {
    let link = existing(dir.as_fd(), path, FILE_READ_ATTRIBUTES, false)?;
    if kind_of(link.as_handle())? != FileType::Symlink {
        return Err(Errno::INVAL);
    }
    let mut data = vec![0; REPARSE_MAX];
    let length = nt::control(link.as_handle(), FSCTL_GET_REPARSE_POINT, &[], &mut data)?;
    let target = target(&data[..length.min(REPARSE_MAX)]).ok_or(Errno::INVAL)??;
    CString::new(target).map_err(|_| Errno::ILSEQ)
}

/// The target in a reparse point; `None` when it is no symbolic link's, or broken.
///
/// ```text
/// tag u32 | length u16 | reserved u16 | begin and length of what is followed u16, u16 | of what is shown u16, u16 | flags u32 | names
/// ```
fn target(data: &[u8]) -> Option<Result<String>> {
    const NAMES: usize = 20;
    let short = |at: usize| Some(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?));
    let tag = u32::from_le_bytes(data.get(..4)?.try_into().ok()?);
    if tag != IO_REPARSE_TAG_SYMLINK {
        return None;
    }
    // What is followed counts, and not what is shown.
    let start = NAMES + usize::from(short(8)?);
    let wide = data.get(start..start + usize::from(short(10)?))?;
    let wide: Vec<u16> = wide.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let Ok(text) = String::from_utf16(&wide) else { return Some(Err(Errno::ILSEQ)) };
    let text = match text.strip_prefix(r"\??\UNC\") {
        Some(rest) => format!(r"\\{rest}"),
        None => text.strip_prefix(r"\??\").map_or(text.clone(), str::to_owned),
    };
    Some(Ok(text.replace('\\', "/")))
}

/// Makes a link that leads to a file, or to nothing.
///
/// # Errors
/// As [`symlink`].
pub fn symlinkat(target: &[u8], dir: impl AsFd, name: impl Arg) -> Result<()> {
    make(target, dir.as_fd(), &name, || false)
}

/// Makes a link, which has to say whether it leads to a directory.
///
/// # Errors
/// What the system says; [`Errno::PERM`] where this user may make none, [`Errno::INVAL`] for a name or a target that must not be.
pub fn symlink(target: &[u8], parent: BorrowedFd<'_>, name: &[u8], to_directory: impl FnOnce() -> bool) -> Result<()> {
    make(target, parent, &name, to_directory)
}

fn make(target: &[u8], parent: BorrowedFd<'_>, name: &impl Arg, to_directory: impl FnOnce() -> bool) -> Result<()> {
    let target = names::target(target).map_err(|_| Errno::INVAL)?;
    let (target, wide): (Vec<u16>, _) = (target.encode_utf16().collect(), path::to_make(name)?);
    // The system makes links by path only. While this handle is open, which does not share that, nothing on the path to the
    // directory can be moved or replaced: so the path leads there.
    let held = again(parent.handle()?, FILE_LIST_DIRECTORY, FILE_SHARE_READ | FILE_SHARE_WRITE)?;
    let path = [nt::path_of(held.as_handle())?.as_slice(), &[u16::from(b'\\')], &wide].concat();
    let kind = if to_directory() { SYMBOLIC_LINK_FLAG_DIRECTORY } else { 0 };
    nt::make_link(&path, &target, kind | SYMBOLIC_LINK_FLAG_ALLOW_UNPRIVILEGED_CREATE)?;
    match existing(parent, name, FILE_READ_ATTRIBUTES, false).and_then(|link| kind_of(link.as_handle())) {
        Ok(FileType::Symlink) => Ok(()),
        Ok(_) | Err(Errno::NOENT) => Err(Errno::OPNOTSUPP),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(tag: u32, followed: &str, shown: &str) -> Vec<u8> {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let (followed, shown) = (wide(followed), wide(shown));
        let mut data = tag.to_le_bytes().to_vec();
        data.extend([0; 4]);
        for number in [0, followed.len(), followed.len(), shown.len()] {
            data.extend((number as u16).to_le_bytes());
        }
        data.extend([0; 4]);
        [data, followed, shown].concat()
    }

    #[test]
    fn what_a_link_leads_to_is_told_and_not_what_it_shows() {
        let link = |followed| target(&point(IO_REPARSE_TAG_SYMLINK, followed, "elsewhere"));
        assert_eq!(link(r"..\a\b"), Some(Ok("../a/b".into())));
        assert_eq!(link(r"\??\C:\a"), Some(Ok("C:/a".into())));
        assert_eq!(link(r"\??\UNC\server\share"), Some(Ok("//server/share".into())));
        assert_eq!(target(&point(0xa000_0003, r"\??\C:\a", "")), None, "a junction");
        let whole = point(IO_REPARSE_TAG_SYMLINK, "abc", "");
        assert_eq!(target(&whole[..whole.len() - 1]), None);
    }
}
