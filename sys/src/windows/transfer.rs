//! Reading and writing.

use windows_sys::Wdk::Storage::FileSystem::FileEndOfFileInformation;
use windows_sys::Wdk::System::SystemServices::FILE_END_OF_FILE_INFORMATION;
use windows_sys::Win32::System::Ioctl::FSCTL_QUERY_ALLOCATED_RANGES;

use super::errno::{Errno, Result};
use super::handles::AsFd;
use super::nt;
use super::stat::fstat;

/// Memory after what a vector holds.
#[derive(Debug)]
pub struct SpareCapacity<'a>(&'a mut Vec<u8>);

/// The memory after what a vector holds: reading into it makes the vector longer.
pub fn spare_capacity(into: &mut Vec<u8>) -> SpareCapacity<'_> {
    SpareCapacity(into)
}

/// Reads on.
///
/// # Errors
/// What the system says.
pub fn read(file: impl AsFd, buffer: &mut [u8]) -> Result<usize> {
    nt::read_over(file.as_fd().handle()?, buffer, None)
}

/// Reads from a place.
///
/// # Errors
/// What the system says.
pub fn pread(file: impl AsFd, into: SpareCapacity<'_>, at: u64) -> Result<usize> {
    nt::read_spare(file.as_fd().handle()?, into.0, at)
}

/// Writes on.
///
/// # Errors
/// What the system says.
pub fn write(file: impl AsFd, bytes: &[u8]) -> Result<usize> {
    nt::write(file.as_fd().handle()?, bytes, None)
}

/// Writes to a place.
///
/// # Errors
/// What the system says.
pub fn pwrite(file: impl AsFd, bytes: &[u8], at: u64) -> Result<usize> {
    nt::write(file.as_fd().handle()?, bytes, Some(at))
}

/// Makes a file so long.
///
/// # Errors
/// What the system says.
pub fn ftruncate(file: impl AsFd, length: u64) -> Result<()> {
    let end = FILE_END_OF_FILE_INFORMATION { EndOfFile: i64::try_from(length).map_err(|_| Errno::INVAL)? };
    nt::set(file.as_fd().handle()?, FileEndOfFileInformation, &end)
}

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeekFrom {
    /// The first place from here on that is not in a hole.
    Data(u64),
}

/// Finds a place in a file.
///
/// # Errors
/// What the system says; [`Errno::NXIO`] when there is nothing but a hole.
pub fn seek(file: impl AsFd, SeekFrom::Data(at): SeekFrom) -> Result<u64> {
    let file = file.as_fd();
    let length = fstat(file)?.st_size.cast_unsigned().saturating_sub(at);
    let ask = [at.to_le_bytes(), length.to_le_bytes()].concat();
    // One range: where it begins, and how long it is. There may be more.
    let mut range = [0; 16];
    let came = match nt::control(file.handle()?, FSCTL_QUERY_ALLOCATED_RANGES, &ask, &mut range) {
        Err(error) if error == Errno::of_code(windows_sys::Win32::Foundation::ERROR_MORE_DATA) => range.len(),
        other => other?,
    };
    let [start, _] = [0, 8].map(|at| range[at..at + 8].try_into().map_or(0, u64::from_le_bytes));
    if came < range.len() { Err(Errno::NXIO) } else { Ok(start.max(at)) }
}
