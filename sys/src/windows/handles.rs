//! Handles, and locks on them.

use std::fs::File;
use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};
use std::sync::OnceLock;
use std::time::Duration;

use super::errno::{Errno, Result};
use super::{nt, stat};

/// A handle of a file or a directory; closed, and its lock given up, when it goes.
#[derive(Debug)]
pub struct OwnedFd {
    handle: OwnedHandle,
    /// Held as long as the handle is.
    lock: OnceLock<OwnedHandle>,
}

/// A handle that somebody else closes, or the place of the current directory: [`CWD`].
#[derive(Debug, Clone, Copy)]
pub struct BorrowedFd<'fd>(Option<BorrowedHandle<'fd>>);

/// Stands where a directory is asked for: names are then paths, of the current directory or absolute.
pub const CWD: BorrowedFd<'static> = BorrowedFd(None);

/// Whatever has a handle.
pub trait AsFd {
    /// The handle.
    fn as_fd(&self) -> BorrowedFd<'_>;
}

impl AsFd for OwnedFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        BorrowedFd(Some(self.handle.as_handle()))
    }
}

impl AsFd for BorrowedFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        *self
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        BorrowedFd(Some(self.as_handle()))
    }
}

impl<T: AsFd> AsFd for &T {
    fn as_fd(&self) -> BorrowedFd<'_> {
        (**self).as_fd()
    }
}

impl BorrowedFd<'_> {
    /// Another handle of the same.
    ///
    /// # Errors
    /// What the system says; of [`CWD`] there is none.
    pub fn try_clone_to_owned(&self) -> std::io::Result<OwnedFd> {
        let handle = self.handle().map_err(std::io::Error::from)?;
        handle.try_clone_to_owned().map(OwnedFd::from)
    }
}

impl<'fd> BorrowedFd<'fd> {
    /// The handle itself; the current directory has none.
    pub(super) fn handle(self) -> Result<BorrowedHandle<'fd>> {
        self.0.ok_or(Errno::INVAL)
    }

    pub(super) fn is_current_directory(self) -> bool {
        self.0.is_none()
    }
}

impl From<OwnedHandle> for OwnedFd {
    fn from(handle: OwnedHandle) -> Self {
        Self { handle, lock: OnceLock::new() }
    }
}

impl From<OwnedFd> for File {
    fn from(owned: OwnedFd) -> Self {
        Self::from(owned.handle)
    }
}

impl From<File> for OwnedFd {
    fn from(file: File) -> Self {
        OwnedHandle::from(file).into()
    }
}

/// How to lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlockOperation {
    /// Waits until nobody else has the lock.
    LockExclusive,
    /// Fails with [`Errno::WOULDBLOCK`] when somebody else has it.
    NonBlockingLockExclusive,
}

/// A lock without the handle that it was taken by: what it is about can be moved and removed meanwhile.
#[derive(Debug)]
pub struct Turn(#[allow(dead_code, reason = "it is held")] OwnedHandle);

/// Waits for the lock of what is open, and then closes that.
///
/// # Errors
/// As [`flock`].
pub fn take_turn(file: OwnedFd) -> Result<Turn> {
    flock(&file, FlockOperation::LockExclusive)?;
    file.lock.into_inner().map(Turn).ok_or(Errno::IO)
}

/// How long to wait before a lock is asked for again.
const AGAIN: Duration = Duration::from_millis(5);

/// Locks a file or a directory until its handle goes, on this machine and among those who ask.
///
/// Windows locks no directories. The lock is an object of the kernel's with a name made of volume and file, and is held as
/// long as that object is there: it goes with its process, however that ends.
///
/// # Errors
/// [`Errno::ACCESS`] when another user has the lock.
pub fn flock(file: &OwnedFd, how: FlockOperation) -> Result<()> {
    if file.lock.get().is_some() {
        return Ok(());
    }
    let stat = stat::fstat(file)?;
    let name = format!("Global\\sci.{:x}.{:x}", stat.st_dev, stat.st_ino);
    loop {
        match nt::claim(&name)? {
            Some(lock) => {
                let _ = file.lock.set(lock);
                return Ok(());
            }
            None if how == FlockOperation::NonBlockingLockExclusive => return Err(Errno::WOULDBLOCK),
            None => std::thread::sleep(AGAIN),
        }
    }
}
