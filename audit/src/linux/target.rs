//! What a thread that waits asks for: read out of its memory, and out of what `/proc` says of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;

use super::filter::reads;
use super::listener::Request;
use super::syscalls::{Call, call};

/// The longest path that the kernel takes, with its NUL.
const PATH_MAX: usize = 4096;
/// Most paths are shorter than this: one look is enough.
const FIRST_LOOK: usize = 256;
/// `RESOLVE_IN_ROOT` of openat2: absolute paths begin at its directory.
const IN_ROOT: u64 = 0x10;
/// `AT_EMPTY_PATH` of execveat: the descriptor is the program.
const EMPTY_PATH: u64 = 0x1000;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The file at this absolute path, as it was written: with `..`, and with links.
    Path(Vec<u8>),
    /// A file that only the kernel knows.
    Unknown,
    /// Nothing that is read.
    Nothing,
}

/// Finds out what a request asks for.
///
/// # Errors
/// What keeps us from reading the memory of the thread, or from learning where it is.
pub(super) fn asked(request: &Request) -> io::Result<Asked> {
    let [first, second, third, ..] = request.args;
    let here = || link(request.thread, "cwd");
    let beneath = |descriptor: u64| directory(request.thread, descriptor);
    let memory = || File::open(format!("/proc/{}/mem", request.thread));
    match call(request.arch, request.number) {
        Some(Call::Open | Call::Exec) => at(request, &text(&memory()?, first)?, here),
        Some(Call::OpenAt) => at(request, &text(&memory()?, second)?, || beneath(first)),
        Some(Call::OpenAt2) => {
            let memory = memory()?;
            let mut how = [0_u8; 24];
            memory.read_exact_at(&mut how, third)?;
            let [flags, _, resolve] =
                [0, 1, 2].map(|word| u64::from_ne_bytes(std::array::from_fn(|at| how[8 * word + at])));
            if !reads(flags as u32) {
                return Ok(Asked::Nothing);
            }
            let path = text(&memory, second)?;
            let inner = path.iter().position(|byte| *byte != b'/').filter(|_| resolve & IN_ROOT != 0);
            at(request, &path[inner.unwrap_or(0)..], || beneath(first))
        }
        Some(Call::ExecAt) => {
            let path = text(&memory()?, second)?;
            if path.is_empty() && request.args[4] & EMPTY_PATH != 0 {
                return link(request.thread, &format!("fd/{}", first as u32)).map(Asked::Path);
            }
            at(request, &path, || beneath(first))
        }
        Some(Call::ByHandle) => Ok(Asked::Unknown),
        Some(Call::Ring) | None => Ok(Asked::Nothing),
    }
}

/// The path that `path` is from the directory.
fn at(request: &Request, path: &[u8], directory: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<Asked> {
    // Links that mean whoever follows them.
    let own = [&b"/proc/self/fd/"[..], b"/proc/thread-self/fd/", b"/dev/fd/"];
    if let Some(descriptor) = own.iter().find_map(|prefix| path.strip_prefix(*prefix)) {
        let number = std::str::from_utf8(descriptor).ok().and_then(|number| number.parse::<u32>().ok());
        return number
            .map_or(Ok(Asked::Nothing), |number| link(request.thread, &format!("fd/{number}")).map(Asked::Path));
    }
    match path.first() {
        None => Ok(Asked::Nothing),
        Some(b'/') => Ok(Asked::Path(path.to_vec())),
        Some(_) => Ok(Asked::Path([&directory()?, &b"/"[..], path].concat())),
    }
}

/// The directory that an argument names.
fn directory(thread: u32, descriptor: u64) -> io::Result<Vec<u8>> {
    // Descriptors are 32 bits wide; what is above them is anything.
    match descriptor as u32 as i32 {
        libc::AT_FDCWD => link(thread, "cwd"),
        number => link(thread, &format!("fd/{number}")),
    }
}

fn link(thread: u32, name: &str) -> io::Result<Vec<u8>> {
    fs::read_link(format!("/proc/{thread}/{name}")).map(|path| OsString::from(path).into_vec())
}

/// The text at an address of a thread's memory.
fn text(memory: &File, address: u64) -> io::Result<Vec<u8>> {
    let mut text = vec![0; FIRST_LOOK];
    let mut known = 0;
    while known < PATH_MAX {
        // Less than was asked for, where what follows is not mapped.
        let read = memory.read_at(&mut text[known..], address.wrapping_add(known as u64))?;
        let end = text[known..known + read].iter().position(|byte| *byte == 0);
        if let Some(end) = end {
            text.truncate(known + end);
            return Ok(text);
        }
        if read == 0 {
            break;
        }
        known += read;
        text.resize(PATH_MAX.max(known), 0);
    }
    // The kernel refuses it too.
    Err(io::Error::from_raw_os_error(libc::EFAULT))
}

/// Whether an error of [`asked`] means that the call itself comes to nothing: there is no such memory or directory, or no
/// such thread any more.
pub(super) fn comes_to_nothing(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    matches!(code, Some(libc::EFAULT | libc::EIO | libc::ENOENT | libc::ESRCH))
        || error.kind() == io::ErrorKind::UnexpectedEof
}
