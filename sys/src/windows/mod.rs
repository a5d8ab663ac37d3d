//! Windows: the calls of Unix that the engine uses, made of the system's own.
//!
//! A directory is an open handle here too, and a name is looked up in it (`NtCreateFile` with a root directory). Reparse points
//! are never followed where Unix would not follow a link: symbolic links are links; junctions, and whatever else is a reparse
//! point, are something that is neither file nor directory nor link.
//!
//! What is unsafe is in `nt.rs`, and nowhere else.

mod errno;
mod handles;
mod link;
mod listing;
mod nt;
mod open;
mod path;
mod room;
mod stat;
mod transfer;
mod types;
mod unlink;

#[cfg(test)]
mod tests;

pub use link::symlink;
pub(crate) use stat::since_1970;

/// Handles of files and directories.
pub mod fd {
    pub use super::handles::{AsFd, BorrowedFd, OwnedFd};
}

/// Errors, reading and writing.
pub mod io {
    pub use super::errno::{Errno, Result};
    pub use super::transfer::{pread, pwrite, read, write};
}

/// Memory to read into.
pub mod buffer {
    pub use super::transfer::{SpareCapacity, spare_capacity};
}

/// Files, directories and links.
pub mod fs {
    pub use super::handles::{CWD, FlockOperation, flock};
    pub use super::link::{readlink, readlinkat, symlinkat};
    pub use super::listing::{Dir, DirEntry};
    pub use super::open::{mkdirat, open, openat};
    pub use super::room::{StatVfs, fstatvfs, statvfs};
    pub use super::stat::{
        Stat, Timespec, Timestamps, UTIME_OMIT, chmod, chmodat, fchmod, fstat, futimens, lstat, stat, statat, utimensat,
    };
    pub use super::transfer::{SeekFrom, ftruncate, seek};
    pub use super::types::{AtFlags, FileType, Mode, OFlags, RenameFlags};
    pub use super::unlink::{linkat, renameat, renameat_with, unlinkat};
}

/// Users. There is one: whom a file belongs to is not asked.
pub mod process {
    pub use super::types::{Uid, geteuid};
}

/// Names and paths as bytes.
pub mod ffi {
    pub use super::path::{OsStrExt, OsStringExt};
}

/// Locks that outlive what they are about.
pub mod turn {
    pub use super::handles::{Turn, take_turn as take};
}

/// What the machine says of itself.
pub mod machine {
    pub use super::nt::{boot, die, file_time};
}

/// Where file systems of this kind keep less of a file than a snapshot says.
pub mod kept {
    pub use super::stat::{kept_mode as mode, kept_time as time};

    /// Whether all is kept.
    pub const ALL: bool = false;

    /// The least by which two times differ that were read back, nanoseconds.
    pub const STEP: u32 = 100;
}
