//! The names in a directory.

use std::ffi::{CStr, CString};
use std::os::windows::io::AsHandle;

use super::errno::{Errno, Result};
use super::handles::{AsFd, BorrowedFd, OwnedFd};
use super::nt;
use super::open::openat;
use super::stat::kind;
use super::types::{FileType, Mode, OFlags};

/// Bytes that are listed at once.
const BUFFER: usize = 64 << 10;

/// A directory that is being listed.
#[derive(Debug)]
pub struct Dir {
    handle: OwnedFd,
    buffer: Vec<u64>,
    next: Next,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    /// Nothing was listed yet.
    First,
    /// The buffer is used up.
    More,
    At(usize),
    End,
}

/// An entry.
#[derive(Debug)]
pub struct DirEntry {
    name: CString,
    kind: FileType,
}

impl DirEntry {
    /// Its name.
    pub fn file_name(&self) -> &CStr {
        &self.name
    }

    /// What it is.
    pub fn file_type(&self) -> FileType {
        self.kind
    }
}

impl Dir {
    /// Lists the directory that is open.
    ///
    /// # Errors
    /// None; what is no directory is found out by the first entry.
    pub fn new(handle: OwnedFd) -> Result<Self> {
        Ok(Self { handle, buffer: vec![0; BUFFER / size_of::<u64>()], next: Next::First })
    }

    /// Lists the directory that is open, which stays so.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_from(directory: impl AsFd) -> Result<Self> {
        Self::new(openat(directory, ".", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?)
    }

    /// The directory itself.
    ///
    /// # Errors
    /// None.
    pub fn fd(&self) -> Result<BorrowedFd<'_>> {
        Ok(self.handle.as_fd())
    }

    /// The next entry; `None` when there are no more.
    pub fn read(&mut self) -> Option<Result<DirEntry>> {
        self.advance().transpose()
    }

    fn advance(&mut self) -> Result<Option<DirEntry>> {
        let at = match self.next {
            Next::End => return Ok(None),
            Next::At(at) => at,
            Next::First | Next::More => {
                let restart = matches!(self.next, Next::First);
                self.next = Next::End;
                let directory = self.handle.as_fd().handle()?;
                if !nt::list(directory.as_handle(), &mut self.buffer, restart)? {
                    return Ok(None);
                }
                0
            }
        };
        let (listed, next) = nt::entry(&self.buffer, at).ok_or(Errno::IO)?;
        self.next = next.map_or(Next::More, Next::At);
        let name = String::from_utf16(listed.name).map_err(|_| Errno::ILSEQ)?;
        let name = CString::new(name).map_err(|_| Errno::ILSEQ)?;
        Ok(Some(DirEntry { name, kind: kind(listed.attributes, listed.tag) }))
    }
}

impl Iterator for Dir {
    type Item = Result<DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read()
    }
}
