//! Locks on files that hold something: whoever does not ask for them can read and write all the same.

pub use system::{exclusive, try_exclusive, try_shared};

#[cfg(unix)]
mod system {
    use std::fs::{File, TryLockError};
    use std::io;

    /// Waits until nobody else has a lock on the file, and holds it until the file is closed.
    ///
    /// # Errors
    /// What the system says.
    pub fn exclusive(file: &File) -> io::Result<()> {
        file.lock()
    }

    /// The same, unless somebody has one.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`], or what the system says.
    pub fn try_exclusive(file: &File) -> Result<(), TryLockError> {
        file.try_lock()
    }

    /// A lock that others may share, unless somebody has one that is not shared.
    ///
    /// # Errors
    /// As [`try_exclusive`].
    pub fn try_shared(file: &File) -> Result<(), TryLockError> {
        file.try_lock_shared()
    }
}

/// Windows locks bytes, and nobody else can then read them. The byte that is locked here lies where no file has one.
#[cfg(windows)]
mod system {
    #![allow(unsafe_code, reason = "the standard library locks a file's contents, too")]

    use std::fs::{File, TryLockError};
    use std::io;
    use std::os::windows::io::AsRawHandle;

    use windows_sys::Win32::Foundation::ERROR_LOCK_VIOLATION;
    use windows_sys::Win32::Storage::FileSystem::{LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx};
    use windows_sys::Win32::System::IO::{OVERLAPPED, OVERLAPPED_0, OVERLAPPED_0_0};

    /// Waits until nobody else has a lock on the file, and holds it until the file is closed.
    ///
    /// # Errors
    /// What the system says.
    pub fn exclusive(file: &File) -> io::Result<()> {
        lock(file, LOCKFILE_EXCLUSIVE_LOCK)
    }

    /// The same, unless somebody has one.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`], or what the system says.
    pub fn try_exclusive(file: &File) -> Result<(), TryLockError> {
        attempt(file, LOCKFILE_EXCLUSIVE_LOCK)
    }

    /// A lock that others may share, unless somebody has one that is not shared.
    ///
    /// # Errors
    /// As [`try_exclusive`].
    pub fn try_shared(file: &File) -> Result<(), TryLockError> {
        attempt(file, 0)
    }

    fn attempt(file: &File, flags: u32) -> Result<(), TryLockError> {
        lock(file, flags | LOCKFILE_FAIL_IMMEDIATELY).map_err(|error| match error.raw_os_error() {
            Some(code) if code.cast_unsigned() == ERROR_LOCK_VIOLATION => TryLockError::WouldBlock,
            _ => TryLockError::Error(error),
        })
    }

    fn lock(file: &File, flags: u32) -> io::Result<()> {
        let place = OVERLAPPED_0_0 { Offset: u32::MAX - 1, OffsetHigh: u32::MAX >> 1 };
        let mut overlapped = OVERLAPPED { Anonymous: OVERLAPPED_0 { Anonymous: place }, ..OVERLAPPED::default() };
        // SAFETY: the handle is open, and the call has ended before `overlapped` goes, since the file is not an asynchronous one.
        let locked = unsafe { LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &raw mut overlapped) };
        if locked == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test says where")]

    use std::fs::{self, File, TryLockError};

    use super::*;

    #[test]
    fn a_locked_file_can_be_read_and_not_locked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "told").unwrap();
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        let (owner, other) = (open(), open());
        exclusive(&owner).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"told");
        assert!(matches!(try_exclusive(&other), Err(TryLockError::WouldBlock)));
        assert!(matches!(try_shared(&other), Err(TryLockError::WouldBlock)));
        drop(owner);
        try_shared(&other).unwrap();
        assert!(matches!(try_exclusive(&open()), Err(TryLockError::WouldBlock)));
        try_shared(&open()).unwrap();
    }
}
