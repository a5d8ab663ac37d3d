//! Errors by the names that Unix has for them.

use std::fmt;

use windows_sys::Win32::Foundation as code;

/// The result of a call.
pub type Result<T, E = Errno> = std::result::Result<T, E>;

/// What the system says: a code of Windows, one for all codes that mean the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(u32);

#[allow(missing_docs, reason = "the names of Unix")]
impl Errno {
    pub const ACCESS: Self = Self(code::ERROR_ACCESS_DENIED);
    pub const BUSY: Self = Self(code::ERROR_SHARING_VIOLATION);
    pub const EXIST: Self = Self(code::ERROR_ALREADY_EXISTS);
    pub const ILSEQ: Self = Self(code::ERROR_NO_UNICODE_TRANSLATION);
    pub const INTR: Self = Self(code::ERROR_OPERATION_ABORTED);
    pub const INVAL: Self = Self(code::ERROR_INVALID_PARAMETER);
    pub const IO: Self = Self(code::ERROR_IO_DEVICE);
    pub const ISDIR: Self = Self(code::ERROR_DIRECTORY_NOT_SUPPORTED);
    pub const LOOP: Self = Self(code::ERROR_CANT_RESOLVE_FILENAME);
    pub const MLINK: Self = Self(code::ERROR_TOO_MANY_LINKS);
    pub const NOENT: Self = Self(code::ERROR_FILE_NOT_FOUND);
    pub const NOSPC: Self = Self(code::ERROR_DISK_FULL);
    pub const NOTDIR: Self = Self(code::ERROR_DIRECTORY);
    pub const NOTEMPTY: Self = Self(code::ERROR_DIR_NOT_EMPTY);
    pub const NXIO: Self = Self(code::ERROR_HANDLE_EOF);
    pub const OPNOTSUPP: Self = Self(code::ERROR_NOT_SUPPORTED);
    pub const PERM: Self = Self(code::ERROR_PRIVILEGE_NOT_HELD);
    pub const WOULDBLOCK: Self = Self(code::ERROR_LOCK_VIOLATION);
    pub const XDEV: Self = Self(code::ERROR_NOT_SAME_DEVICE);

    /// By a code of Windows.
    pub(super) fn of_code(raw: u32) -> Self {
        match raw {
            code::ERROR_PATH_NOT_FOUND | code::ERROR_INVALID_NAME | code::ERROR_BAD_PATHNAME => Self::NOENT,
            code::ERROR_FILE_EXISTS => Self::EXIST,
            code::ERROR_STOPPED_ON_SYMLINK | code::ERROR_REPARSE_POINT_ENCOUNTERED => Self::LOOP,
            code::ERROR_NOT_A_REPARSE_POINT => Self::INVAL,
            code::ERROR_HANDLE_DISK_FULL => Self::NOSPC,
            code::ERROR_INVALID_FUNCTION | code::ERROR_CALL_NOT_IMPLEMENTED => Self::OPNOTSUPP,
            other => Self(other),
        }
    }

    /// By a status of the kernel, some of which Windows' codes do not tell apart.
    pub(super) fn of_status(status: code::NTSTATUS) -> Self {
        match status {
            code::STATUS_FILE_IS_A_DIRECTORY => Self::ISDIR,
            code::STATUS_NOT_A_DIRECTORY => Self::NOTDIR,
            // It is gone as soon as whoever has it open lets go.
            code::STATUS_DELETE_PENDING => Self::NOENT,
            code::STATUS_NOT_IMPLEMENTED | code::STATUS_INVALID_INFO_CLASS | code::STATUS_INVALID_DEVICE_REQUEST => {
                Self::OPNOTSUPP
            }
            other => Self::of_code(super::nt::code_of(other)),
        }
    }

    /// The same of the standard library's error.
    pub fn from_io_error(error: &std::io::Error) -> Option<Self> {
        error.raw_os_error().map(|raw| Self::of_code(raw.cast_unsigned()))
    }

    /// The code of Windows.
    pub const fn raw_os_error(self) -> i32 {
        self.0.cast_signed()
    }
}

impl From<Errno> for std::io::Error {
    fn from(error: Errno) -> Self {
        match error {
            Errno::ILSEQ => Self::new(std::io::ErrorKind::InvalidData, "a name or a link in it is not valid Unicode"),
            Errno::PERM => Self::other(
                "this user may not make symbolic links: turn on Developer Mode in Windows' settings, or run as administrator",
            ),
            error => Self::from_raw_os_error(error.raw_os_error()),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::io::Error::from(*self).fmt(f)
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::io::Error::from(*self).fmt(f)
    }
}

impl std::error::Error for Errno {}
