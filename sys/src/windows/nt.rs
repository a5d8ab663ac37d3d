//! The system's own calls, made safe to call. All that is unsafe is here.

#![allow(unsafe_code, reason = "the standard library opens nothing in a directory by its handle")]

use std::ffi::c_void;
use std::mem::{MaybeUninit, offset_of, size_of};
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_ALL_INFORMATION, FILE_BASIC_INFORMATION, FILE_DISPOSITION_INFORMATION, FILE_DISPOSITION_INFORMATION_EX,
    FILE_FULL_DIR_INFORMATION, FILE_INFORMATION_CLASS, FILE_LINK_INFORMATION, FILE_RENAME_INFORMATION,
    FILE_SYNCHRONOUS_IO_NONALERT, FS_INFORMATION_CLASS, FileFullDirectoryInformation, NtCreateFile,
    NtQueryDirectoryFile, NtQueryInformationFile, NtQueryVolumeInformationFile, NtSetInformationFile,
};
use windows_sys::Wdk::System::SystemInformation::{NtQuerySystemInformation, SystemTimeOfDayInformation};
use windows_sys::Wdk::System::SystemServices::{
    FILE_ATTRIBUTE_TAG_INFORMATION, FILE_END_OF_FILE_INFORMATION, FILE_FS_FULL_SIZE_INFORMATION,
    FILE_FS_VOLUME_INFORMATION,
};
use windows_sys::Win32::Foundation::{
    ERROR_ALREADY_EXISTS, ERROR_HANDLE_EOF, FILETIME, GetLastError, HANDLE, NTSTATUS, OBJ_CASE_INSENSITIVE,
    RtlNtStatusToDosError, STATUS_BUFFER_OVERFLOW, STATUS_NO_MORE_FILES, UNICODE_STRING,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateSymbolicLinkW, FILE_SHARE_MODE, GetFinalPathNameByHandleW, ReadFile, SYMBOLIC_LINK_FLAGS, SYNCHRONIZE,
    WriteFile,
};
use windows_sys::Win32::System::IO::{DeviceIoControl, IO_STATUS_BLOCK, OVERLAPPED};
use windows_sys::Win32::System::SystemInformation::GetSystemTimeAsFileTime;
use windows_sys::Win32::System::Threading::{CreateMutexW, GetCurrentProcess, TerminateProcess};

use super::errno::{Errno, Result};

/// How to open or make a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    pub(super) access: u32,
    pub(super) attributes: u32,
    pub(super) share: FILE_SHARE_MODE,
    pub(super) disposition: u32,
    pub(super) options: u32,
}

/// What the kernel fills in, or takes.
///
/// # Safety
/// Any bytes, and zeros, must be a value of it: numbers, and bytes that count as truth values only when this program reads them.
pub(super) unsafe trait Plain: Copy {}

// SAFETY: numbers, and a byte or two that the kernel makes 0 or 1.
unsafe impl Plain for FILE_ALL_INFORMATION {}
// SAFETY: numbers.
unsafe impl Plain for FILE_BASIC_INFORMATION {}
// SAFETY: numbers.
unsafe impl Plain for FILE_ATTRIBUTE_TAG_INFORMATION {}
// SAFETY: a byte, which only goes to the kernel.
unsafe impl Plain for FILE_DISPOSITION_INFORMATION {}
// SAFETY: a number.
unsafe impl Plain for FILE_DISPOSITION_INFORMATION_EX {}
// SAFETY: a number.
unsafe impl Plain for FILE_END_OF_FILE_INFORMATION {}
// SAFETY: numbers, and a byte that the kernel makes 0 or 1.
unsafe impl Plain for FILE_FS_VOLUME_INFORMATION {}
// SAFETY: numbers.
unsafe impl Plain for FILE_FS_FULL_SIZE_INFORMATION {}

/// The code of Windows for a status of the kernel.
pub(super) fn code_of(status: NTSTATUS) -> u32 {
    // SAFETY: it takes a number.
    unsafe { RtlNtStatusToDosError(status) }
}

fn check(status: NTSTATUS) -> Result<()> {
    if status < 0 { Err(Errno::of_status(status)) } else { Ok(()) }
}

fn last_error() -> Errno {
    // SAFETY: it takes nothing.
    Errno::of_code(unsafe { GetLastError() })
}

fn length(bytes: usize) -> Result<u32> {
    u32::try_from(bytes).map_err(|_| Errno::INVAL)
}

/// Opens or makes `name` in a directory, or an absolute one; an empty name is the directory itself.
pub(super) fn create(root: Option<BorrowedHandle<'_>>, name: &[u16], how: Opening) -> Result<OwnedHandle> {
    let bytes = u16::try_from(size_of_val(name)).map_err(|_| Errno::INVAL)?;
    let name = UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: name.as_ptr().cast_mut() };
    let attributes = OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: root.map_or(null_mut(), |root| root.as_raw_handle()),
        ObjectName: &name,
        // Of directories that tell case apart, the system does so all the same.
        Attributes: OBJ_CASE_INSENSITIVE,
        SecurityDescriptor: null(),
        SecurityQualityOfService: null(),
    };
    let mut handle: HANDLE = null_mut();
    let mut outcome = IO_STATUS_BLOCK::default();
    // SAFETY: all that is pointed to lives until the call returns, and the name, which the kernel only reads, is as long as is said.
    let status = unsafe {
        NtCreateFile(
            &mut handle,
            how.access | SYNCHRONIZE,
            &attributes,
            &mut outcome,
            null(),
            how.attributes,
            how.share,
            how.disposition,
            how.options | FILE_SYNCHRONOUS_IO_NONALERT,
            null(),
            0,
        )
    };
    check(status)?;
    // SAFETY: the call succeeded, so the handle is open, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// What the kernel says of a file. Names at the end may be cut off.
pub(super) fn query<T: Plain>(file: BorrowedHandle<'_>, class: FILE_INFORMATION_CLASS) -> Result<T> {
    // SAFETY: the kernel writes no more than the size that is said.
    filled(|outcome, found, size| unsafe { NtQueryInformationFile(file.as_raw_handle(), outcome, found, size, class) })
}

/// What the kernel says of the volume that a file is on. Names at the end may be cut off.
pub(super) fn query_volume<T: Plain>(file: BorrowedHandle<'_>, class: FS_INFORMATION_CLASS) -> Result<T> {
    // SAFETY: the kernel writes no more than the size that is said.
    filled(|outcome, found, size| unsafe {
        NtQueryVolumeInformationFile(file.as_raw_handle(), outcome, found, size, class)
    })
}

/// What `ask` has filled in, which is given where, and how large that is.
fn filled<T: Plain>(ask: impl FnOnce(&mut IO_STATUS_BLOCK, *mut c_void, u32) -> NTSTATUS) -> Result<T> {
    let mut found = MaybeUninit::<T>::zeroed();
    let status = ask(&mut IO_STATUS_BLOCK::default(), found.as_mut_ptr().cast(), size_of::<T>() as u32);
    if status != STATUS_BUFFER_OVERFLOW {
        check(status)?;
    }
    // SAFETY: it was zeroed, and is plain.
    Ok(unsafe { found.assume_init() })
}

/// Tells the kernel something of a file.
pub(super) fn set<T: Plain>(file: BorrowedHandle<'_>, class: FILE_INFORMATION_CLASS, what: &T) -> Result<()> {
    let mut outcome = IO_STATUS_BLOCK::default();
    // SAFETY: the kernel reads no more than the size that is said.
    let status = unsafe {
        let what = std::ptr::from_ref(what).cast();
        NtSetInformationFile(file.as_raw_handle(), &mut outcome, what, size_of::<T>() as u32, class)
    };
    check(status)
}

/// Gives a file a name in a directory: instead of the one it has, or, with the class for it, another one.
pub(super) fn set_name(
    file: BorrowedHandle<'_>,
    class: FILE_INFORMATION_CLASS,
    flags: u32,
    (directory, name): (BorrowedHandle<'_>, &[u16]),
) -> Result<()> {
    const { assert!(size_of::<FILE_RENAME_INFORMATION>() == size_of::<FILE_LINK_INFORMATION>()) };
    let name_bytes = size_of_val(name);
    let bytes = (offset_of!(FILE_RENAME_INFORMATION, FileName) + name_bytes).max(size_of::<FILE_RENAME_INFORMATION>());
    let mut buffer = vec![0_u64; bytes.div_ceil(size_of::<u64>())];
    let info = buffer.as_mut_ptr().cast::<FILE_RENAME_INFORMATION>();
    let mut outcome = IO_STATUS_BLOCK::default();
    // SAFETY: the buffer is aligned, zeroed, and has room for the head and the name after it; the two structures are one.
    let status = unsafe {
        (*info).Anonymous.Flags = flags;
        (*info).RootDirectory = directory.as_raw_handle();
        (*info).FileNameLength = length(name_bytes)?;
        let place = (&raw mut (*info).FileName).cast::<u16>();
        std::ptr::copy_nonoverlapping(name.as_ptr(), place, name.len());
        NtSetInformationFile(file.as_raw_handle(), &mut outcome, info.cast(), length(bytes)?, class)
    };
    check(status)
}

/// What a directory says of an entry.
pub(super) struct Listed<'b> {
    pub(super) name: &'b [u16],
    pub(super) attributes: u32,
    pub(super) tag: u32,
}

/// Fills the buffer with entries; false when there are no more.
pub(super) fn list(directory: BorrowedHandle<'_>, buffer: &mut [u64], restart: bool) -> Result<bool> {
    let mut outcome = IO_STATUS_BLOCK::default();
    // SAFETY: the kernel writes no more than the size that is said.
    let status = unsafe {
        NtQueryDirectoryFile(
            directory.as_raw_handle(),
            null_mut(),
            None,
            null(),
            &mut outcome,
            buffer.as_mut_ptr().cast(),
            length(size_of_val(buffer))?,
            FileFullDirectoryInformation,
            false,
            null(),
            restart,
        )
    };
    if status == STATUS_NO_MORE_FILES {
        return Ok(false);
    }
    check(status).map(|()| true)
}

/// The entry at `at` of a buffer that was filled, and where the next one is.
pub(super) fn entry(buffer: &[u64], at: usize) -> Option<(Listed<'_>, Option<usize>)> {
    const NAME: usize = offset_of!(FILE_FULL_DIR_INFORMATION, FileName);
    let room = size_of_val(buffer);
    if !at.is_multiple_of(size_of::<u64>()) || at + size_of::<FILE_FULL_DIR_INFORMATION>() > room {
        return None;
    }
    // SAFETY: it lies in the buffer and is aligned; numbers are all there is in it.
    let head = unsafe { &*buffer.as_ptr().cast::<u8>().add(at).cast::<FILE_FULL_DIR_INFORMATION>() };
    let name_bytes = head.FileNameLength as usize;
    if at + NAME + name_bytes > room {
        return None;
    }
    // SAFETY: the name lies in the buffer, and begins at an even place.
    let name = unsafe {
        let name = buffer.as_ptr().cast::<u8>().add(at + NAME).cast::<u16>();
        std::slice::from_raw_parts(name, name_bytes / size_of::<u16>())
    };
    let next = (head.NextEntryOffset != 0).then(|| at + head.NextEntryOffset as usize);
    Some((Listed { name, attributes: head.FileAttributes, tag: head.EaSize }, next))
}

/// Asks the file system; says how many bytes of the answer there are.
pub(super) fn control(file: BorrowedHandle<'_>, code: u32, ask: &[u8], answer: &mut [u8]) -> Result<usize> {
    let mut came = 0;
    // SAFETY: the kernel reads and writes no more than the lengths that are said.
    let done = unsafe {
        DeviceIoControl(
            file.as_raw_handle(),
            code,
            ask.as_ptr().cast(),
            length(ask.len())?,
            answer.as_mut_ptr().cast(),
            length(answer.len())?,
            &mut came,
            null_mut(),
        )
    };
    if done == 0 { Err(last_error()) } else { Ok(came as usize) }
}

fn place(at: u64) -> OVERLAPPED {
    let mut overlapped = OVERLAPPED::default();
    overlapped.Anonymous.Anonymous.Offset = at as u32;
    overlapped.Anonymous.Anonymous.OffsetHigh = (at >> 32) as u32;
    overlapped
}

/// Reads from a place, or from where the last call ended. Never says more than the buffer has room for.
pub(super) fn read(file: BorrowedHandle<'_>, buffer: &mut [MaybeUninit<u8>], at: Option<u64>) -> Result<usize> {
    let mut overlapped = at.map(place);
    let mut came = 0;
    // SAFETY: the kernel writes no more than the length that is said. The handle is opened for calls that wait, so that nothing of
    // this is used after the call.
    let done = unsafe {
        ReadFile(
            file.as_raw_handle(),
            buffer.as_mut_ptr().cast(),
            u32::try_from(buffer.len()).unwrap_or(u32::MAX),
            &mut came,
            overlapped.as_mut().map_or(null_mut(), |overlapped| &raw mut *overlapped),
        )
    };
    match last_error() {
        _ if done != 0 => Ok((came as usize).min(buffer.len())),
        error if error == Errno::of_code(ERROR_HANDLE_EOF) => Ok(0),
        error => Err(error),
    }
}

/// Reads into memory that need not have been written to.
pub(super) fn read_spare(file: BorrowedHandle<'_>, into: &mut Vec<u8>, at: u64) -> Result<usize> {
    let came = read(file, into.spare_capacity_mut(), Some(at))?;
    // SAFETY: so many bytes of what was spare have been read, and there was room for them.
    unsafe { into.set_len(into.len() + came) };
    Ok(came)
}

/// Reads into memory that is in use.
pub(super) fn read_over(file: BorrowedHandle<'_>, buffer: &mut [u8], at: Option<u64>) -> Result<usize> {
    // SAFETY: bytes may be seen as such that need not have been written to, as long as only bytes are put there: `read` does so.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast::<MaybeUninit<u8>>(), buffer.len()) };
    read(file, buffer, at)
}

/// Writes to a place, or to where the last call ended.
pub(super) fn write(file: BorrowedHandle<'_>, bytes: &[u8], at: Option<u64>) -> Result<usize> {
    let mut overlapped = at.map(place);
    let mut done = 0;
    // SAFETY: the kernel reads no more than the length that is said, and is done when the call returns, as above.
    let written = unsafe {
        WriteFile(
            file.as_raw_handle(),
            bytes.as_ptr(),
            u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            &mut done,
            overlapped.as_mut().map_or(null_mut(), |overlapped| &raw mut *overlapped),
        )
    };
    if written == 0 { Err(last_error()) } else { Ok(done as usize) }
}

/// The path of what is open; never longer than the system's paths can be.
pub(super) fn path_of(file: BorrowedHandle<'_>) -> Result<Vec<u16>> {
    let mut path = vec![0_u16; 1 << 15];
    // SAFETY: the system writes no more than the length that is said.
    let came = unsafe { GetFinalPathNameByHandleW(file.as_raw_handle(), path.as_mut_ptr(), path.len() as u32, 0) };
    let came = came as usize;
    if came == 0 || came >= path.len() {
        return Err(last_error());
    }
    path.truncate(came);
    Ok(path)
}

/// Makes a symbolic link. Both are without zeros.
pub(super) fn make_link(path: &[u16], target: &[u16], flags: SYMBOLIC_LINK_FLAGS) -> Result<()> {
    let ended = |text: &[u16]| [text, &[0]].concat();
    let (path, target) = (ended(path), ended(target));
    // SAFETY: both end with a zero.
    let made = unsafe { CreateSymbolicLinkW(path.as_ptr(), target.as_ptr(), flags) };
    if made { Ok(()) } else { Err(last_error()) }
}

/// Makes an object of this name, which is there until the handle goes; `None` when there is one.
pub(super) fn claim(name: &str) -> Result<Option<OwnedHandle>> {
    let name: Vec<u16> = name.encode_utf16().chain([0]).collect();
    // SAFETY: the name ends with a zero.
    let (handle, error) = unsafe {
        let handle = CreateMutexW(null(), 0, name.as_ptr());
        (handle, GetLastError())
    };
    if handle.is_null() {
        return Err(Errno::of_code(error));
    }
    // SAFETY: the call succeeded, so the handle is open, and nobody else has it.
    let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
    Ok((error != ERROR_ALREADY_EXISTS).then_some(handle))
}

/// Names this start of the system; `None` where that cannot be told.
pub fn boot() -> Option<Vec<u8>> {
    /// What the kernel says of its time: when it started, by a clock that is set, and by how much that was set since.
    #[repr(C)]
    #[derive(Default)]
    struct TimeOfDay {
        boot: i64,
        now: i64,
        zone_bias: i64,
        zone: u32,
        reserved: u32,
        boot_bias: i64,
        sleep_bias: i64,
    }
    let mut found = TimeOfDay::default();
    // SAFETY: the kernel writes no more than the size that is said, and any bytes are such numbers.
    let status = unsafe {
        let size = size_of::<TimeOfDay>() as u32;
        NtQuerySystemInformation(SystemTimeOfDayInformation, (&raw mut found).cast(), size, null_mut())
    };
    check(status).ok()?;
    Some(found.boot.wrapping_sub(found.boot_bias).to_le_bytes().to_vec())
}

/// The time that file systems give to what changes now, in the system's own count.
pub(super) fn ticks() -> i64 {
    let mut now = FILETIME::default();
    // SAFETY: it writes one number.
    unsafe { GetSystemTimeAsFileTime(&mut now) };
    (i64::from(now.dwHighDateTime) << 32) | i64::from(now.dwLowDateTime)
}

/// The time that file systems give to what changes now, nanoseconds since 1970.
pub fn file_time() -> i64 {
    let (seconds, nanos) = super::stat::since_1970(ticks());
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// Ends this process at once, as a kill from outside would: nothing is put in order.
pub fn die() -> ! {
    // SAFETY: it takes this process, and a number.
    unsafe { TerminateProcess(GetCurrentProcess(), 1) };
    unreachable!("this process outlives its own end")
}
