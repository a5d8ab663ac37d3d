//! The tree that this program belongs to, and chores with files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::measure::quietly;

/// The project's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Cargo's target directory: this program is in `<target>/<profile>/`.
///
/// # Errors
/// When the system does not say where this program is.
pub(crate) fn target() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or("this program is not in cargo's target directory")?;
    Ok(target.to_path_buf())
}

/// Removes what is at `path`, if anything.
///
/// # Errors
/// When it cannot be removed.
pub(crate) fn wipe(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies a tree with modes, times and links.
///
/// # Errors
/// When `cp` fails.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    quietly(Command::new("cp").args(["-a", "--reflink=auto", "--"]).args([from, to]))
}

/// The sum of the lengths of all regular files below `dir`, in bytes; 0 where there is no such directory.
///
/// # Errors
/// When a directory cannot be read.
pub(crate) fn bytes_below(dir: &Path) -> io::Result<u64> {
    if !dir.exists() {
        return Ok(0);
    }
    let mut total = 0;
    for path in files_below(dir)? {
        total += path.symlink_metadata()?.len();
    }
    Ok(total)
}

/// The regular files below `dir`, sorted by path.
///
/// # Errors
/// When a directory cannot be read.
pub(crate) fn files_below(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}
