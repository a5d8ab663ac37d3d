//! The room on a volume.

use windows_sys::Wdk::Storage::FileSystem::FileFsFullSizeInformation;
use windows_sys::Wdk::System::SystemServices::FILE_FS_FULL_SIZE_INFORMATION;

use super::errno::Result;
use super::handles::AsFd;
use super::nt;
use super::open::open;
use super::path::Arg;
use super::types::{Mode, OFlags};

/// What room there is. Windows does not bound the number of files: `f_files` is 0.
#[allow(missing_docs, reason = "the names of Unix")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatVfs {
    pub f_frsize: u64,
    pub f_bavail: u64,
    pub f_files: u64,
    pub f_favail: u64,
}

/// The room on the volume of what is open.
///
/// # Errors
/// What the system says.
pub fn fstatvfs(file: impl AsFd) -> Result<StatVfs> {
    let found: FILE_FS_FULL_SIZE_INFORMATION = nt::query_volume(file.as_fd().handle()?, FileFsFullSizeInformation)?;
    Ok(StatVfs {
        f_frsize: u64::from(found.SectorsPerAllocationUnit) * u64::from(found.BytesPerSector),
        f_bavail: u64::try_from(found.CallerAvailableAllocationUnits).unwrap_or(0),
        f_files: 0,
        f_favail: 0,
    })
}

/// The room on the volume that a path is on.
///
/// # Errors
/// What the system says.
pub fn statvfs(path: impl Arg) -> Result<StatVfs> {
    fstatvfs(open(path, OFlags::RDONLY, Mode::empty())?)
}
