//! Directories by handle. Every name is one component, opened without following a link: nothing outside the directory
//! that was opened first can be reached, whatever is swapped underneath meanwhile.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use sci_faults::Step;
use sci_sys::fd::{AsFd, BorrowedFd, OwnedFd};
use sci_sys::ffi::OsStrExt as _;
use sci_sys::fs::{self, AtFlags, Mode, OFlags};
use sci_sys::io::Errno;

use crate::tree::{STAGE_PREFIX, Tree};
use crate::{Result, SnapshotError};

/// Flags with which a directory is opened.
pub(crate) const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::RDONLY);
/// Handles one cursor keeps open; deeper trees reopen from the root.
pub(crate) const KEPT: usize = 64;

/// Opens the directory at `path`. The path itself is the caller's; only its last component must not be a link.
pub(crate) fn open(path: &Path) -> Result<OwnedFd, Errno> {
    fs::open(path, DIR, Mode::empty())
}

/// The path as the system shows it, for messages.
pub(crate) fn display(root: &Path, relative: &[u8]) -> PathBuf {
    if relative.is_empty() {
        return root.to_owned();
    }
    let path = root.join(os(relative));
    // With the separator that the system's paths have.
    if cfg!(unix) { path } else { path.components().collect() }
}

/// Opens the directory that holds `path`, which lies beneath `anchor`, and gives the name of `path` in it.
///
/// Between the two no link is followed. With `create`, directories that are missing there are made.
///
/// # Errors
/// [`SnapshotError::Linked`]: a link on the way. [`SnapshotError::Io`]: no such directory, or a `path` that is not beneath
/// `anchor`.
pub(crate) fn parent_beneath(anchor: &Path, path: &Path, create: bool) -> Result<(OwnedFd, Vec<u8>)> {
    let refuse = |kind: ErrorKind| SnapshotError::io("use", path, std::io::Error::from(kind));
    let relative = path.strip_prefix(anchor).map_err(|_| refuse(ErrorKind::InvalidInput))?;
    let mut names: Vec<&[u8]> = Vec::new();
    for component in relative.components() {
        match component {
            Component::Normal(name) => names.push(name.as_bytes()),
            _ => return Err(refuse(ErrorKind::InvalidInput)),
        }
    }
    let name = names.pop().ok_or_else(|| refuse(ErrorKind::InvalidInput))?;
    let failed = |error| SnapshotError::io("open the directory of", path, error);
    let mut at = fs::open(anchor, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
    let mut reached = anchor.to_owned();
    for name in names {
        reached.push(os(name));
        at = match open_child(at.as_fd(), name, create, Mode::from_raw_mode(0o777)) {
            Ok(handle) => handle,
            Err(error) => match fs::readlinkat(&at, name, Vec::new()) {
                Ok(target) => {
                    let target = os(target.as_bytes()).into();
                    return Err(SnapshotError::Linked { path: path.to_owned(), link: reached, target });
                }
                Err(_) => return Err(failed(error)),
            },
        };
    }
    Ok((at, name.to_vec()))
}

fn open_child(parent: BorrowedFd<'_>, name: &[u8], create: bool, mode: Mode) -> Result<OwnedFd, Errno> {
    match fs::openat(parent, name, DIR, Mode::empty()) {
        Err(Errno::NOENT) if create => {
            match fs::mkdirat(parent, name, mode) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            fs::openat(parent, name, DIR, Mode::empty())
        }
        other => other,
    }
}

/// Bytes as the standard library wants them.
pub(crate) fn os(name: &[u8]) -> &OsStr {
    OsStr::from_bytes(name)
}

/// Where the topmost entries of a tree lie, and under which names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tops<'a> {
    /// The root entry lies in the cursor's directory, under this name.
    Root(&'a [u8]),
    /// Each of these entries lies in the cursor's directory, named by its index in decimal.
    Staged(&'a BTreeSet<u32>),
}

impl Tops<'_> {
    fn name(&self, entry: u32) -> Option<Vec<u8>> {
        match self {
            Self::Root(name) => (entry == 0).then(|| name.to_vec()),
            Self::Staged(set) => set.contains(&entry).then(|| entry.to_string().into_bytes()),
        }
    }
}

/// Finds the entries of a [`Tree`] on disk by directory handles; cheap when asked in tree order.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    root: BorrowedFd<'a>,
    tops: Tops<'a>,
    create: bool,
    /// Handles of a chain of directories, each the parent of the next.
    chain: VecDeque<(u32, OwnedFd)>,
}

impl<'a> Cursor<'a> {
    /// A cursor over existing directories.
    pub(crate) fn new(root: BorrowedFd<'a>, tops: Tops<'a>) -> Self {
        Self { root, tops, create: false, chain: VecDeque::new() }
    }

    /// A cursor that makes missing directories (mode 0700; modes are set when everything else is in place).
    pub(crate) fn creating(root: BorrowedFd<'a>, tops: Tops<'a>) -> Self {
        Self { create: true, ..Self::new(root, tops) }
    }

    /// The directory that holds `entry`, and the entry's name in it.
    pub(crate) fn place(&mut self, tree: &Tree, entry: u32) -> Result<(BorrowedFd<'_>, Vec<u8>), Errno> {
        match self.tops.name(entry) {
            Some(name) => Ok((self.root, name)),
            None => Ok((self.dir(tree, tree.entry(entry).parent)?, tree.name(entry).to_vec())),
        }
    }

    /// The handle of directory `dir`.
    pub(crate) fn dir(&mut self, tree: &Tree, dir: u32) -> Result<BorrowedFd<'_>, Errno> {
        let mut missing = Vec::new();
        let mut at = dir;
        let kept = loop {
            if let Some(position) = self.chain.iter().rposition(|(index, _)| *index == at) {
                break Some(position);
            }
            if let Some(name) = self.tops.name(at) {
                missing.push((at, name));
                break None;
            }
            missing.push((at, tree.name(at).to_vec()));
            at = tree.entry(at).parent;
        };
        match kept {
            Some(position) => self.chain.truncate(position + 1),
            None => self.chain.clear(),
        }
        for (index, name) in missing.into_iter().rev() {
            let handle = open_child(self.last(), &name, self.create, Mode::RWXU)?;
            self.chain.push_back((index, handle));
            if self.chain.len() > KEPT {
                self.chain.pop_front();
            }
        }
        Ok(self.last())
    }

    fn last(&self) -> BorrowedFd<'_> {
        self.chain.back().map_or(self.root, |(_, handle)| handle.as_fd())
    }
}

/// Opens the directory that holds the last component of `relative`, and gives that component's name.
pub(crate) fn open_parent<'a>(root: BorrowedFd<'_>, relative: &'a [u8]) -> Result<(OwnedFd, &'a [u8]), Errno> {
    let mut components = relative.split(|byte| *byte == b'/').peekable();
    let mut at = root.try_clone_to_owned().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    loop {
        let name = components.next().ok_or(Errno::INVAL)?;
        if name.is_empty() || name == b"." || name == b".." {
            return Err(Errno::INVAL);
        }
        if components.peek().is_none() {
            return Ok((at, name));
        }
        at = fs::openat(&at, name, DIR, Mode::empty())?;
    }
}

/// Opens the directory at `relative` below `at`.
pub(crate) fn open_below(mut at: OwnedFd, relative: &[u8]) -> Result<OwnedFd, Errno> {
    for name in relative.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        at = fs::openat(&at, name, DIR, Mode::empty())?;
    }
    Ok(at)
}

/// Removes whatever is called `name` in `parent`, with everything below it; nothing there is a success.
///
/// Directories that lack write or search permission are given it first. Recursion is by handle and never follows links.
pub(crate) fn remove_all(parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    match fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    // An explicit stack: a tree may be deeper than the thread's stack is long.
    let mut stack = vec![Doomed::empty_of_files(parent, name.to_vec())?];
    let mut lifted = 0u64;
    while let Some(top) = stack.last_mut() {
        if let Some(child) = top.children.pop() {
            let child = Doomed::empty_of_files(top.handle.as_fd(), child)?;
            // A tree may be deeper than handles can be open: what is far down is lifted to the top.
            if stack.len() < KEPT || child.children.is_empty() {
                stack.push(child);
            } else {
                lifted += 1;
                lift(&mut stack, child.name, lifted)?;
            }
            continue;
        }
        let Some(done) = stack.pop() else { break };
        let above = stack.last().map_or(parent, |doomed| doomed.handle.as_fd());
        match fs::unlinkat(above, done.name.as_slice(), AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => sci_faults::at(Step::DirectoryRemoved),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Moves the child `name` of the innermost directory to the outermost one.
fn lift(stack: &mut [Doomed], name: Vec<u8>, number: u64) -> Result<(), Errno> {
    let [outermost, .., innermost] = stack else { return Err(Errno::INVAL) };
    let lifted = format!("{}lifted.{number}", String::from_utf8_lossy(STAGE_PREFIX)).into_bytes();
    fs::renameat(&innermost.handle, name, &outermost.handle, lifted.as_slice())?;
    outermost.children.push(lifted);
    Ok(())
}

/// A directory that is being removed, with the child directories that are still to go.
struct Doomed {
    name: Vec<u8>,
    handle: OwnedFd,
    children: Vec<Vec<u8>>,
}

impl Doomed {
    /// Opens the directory and unlinks everything in it but directories.
    fn empty_of_files(parent: BorrowedFd<'_>, name: Vec<u8>) -> Result<Self, Errno> {
        let handle = open_writable(parent, &name)?;
        let mut children = Vec::new();
        for entry in fs::Dir::read_from(&handle)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            match fs::unlinkat(&handle, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR | Errno::PERM) => children.push(name.to_vec()),
                Err(error) => return Err(error),
            }
        }
        Ok(Self { name, handle, children })
    }
}

/// Sets the mode of something that this user cannot open, and that is no link.
pub(crate) fn chmod_unreadable(parent: BorrowedFd<'_>, name: &[u8], mode: Mode) -> Result<(), Errno> {
    #[cfg(target_os = "linux")]
    {
        // Linux takes such a handle for a chmod only by its name in /proc, and that is never a link's target.
        let handle = fs::openat(parent, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        if fs::FileType::from_raw_mode(fs::fstat(&handle)?.st_mode) == fs::FileType::Symlink {
            return Err(Errno::LOOP);
        }
        fs::chmod(format!("/proc/self/fd/{}", sci_sys::fd::AsRawFd::as_raw_fd(&handle)), mode)
    }
    #[cfg(not(target_os = "linux"))]
    fs::chmodat(parent, name, mode, AtFlags::SYMLINK_NOFOLLOW)
}

fn open_writable(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let open = || fs::openat(parent, name, DIR, Mode::empty());
    let handle = match open() {
        Err(Errno::ACCESS) => {
            chmod_unreadable(parent, name, Mode::RWXU)?;
            open()?
        }
        other => other?,
    };
    // Refused when the directory is another user's; the unlink below it then says so.
    let _ = fs::fchmod(&handle, Mode::RWXU);
    Ok(handle)
}
