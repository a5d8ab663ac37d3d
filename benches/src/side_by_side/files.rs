//! Chores with files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::measure::quietly;

/// Removes what is at `path`, if anything.
///
/// # Errors
/// When it cannot be removed.
pub(crate) fn wipe(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{}: {error}", path.display()).into()),
        _ => Ok(()),
    }
}

/// Removes what is at `path` and makes an empty directory of it.
///
/// # Errors
/// When that fails.
pub(crate) fn empty(path: &Path) -> Result<(), Failure> {
    wipe(path)?;
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Copies trees with modes, times and links, into the directory `to` or, where there is none, as it.
///
/// # Errors
/// When `cp` fails.
pub(crate) fn copy(from: &[&Path], to: &Path) -> Result<(), Failure> {
    quietly(Command::new("cp").args(["-a", "--reflink=auto", "--"]).args(from).arg(to))
}

/// Makes the tree `to` equal to the tree `from` by touching only what differs.
///
/// # Errors
/// When `rsync` fails.
pub(crate) fn mirror(from: &Path, to: &Path) -> Result<(), Failure> {
    quietly(Command::new("rsync").args(["-aH", "--delete", "--"]).arg(from.join("")).arg(to.join("")))
}

/// The sum of the lengths of all regular files below `dir`, in bytes; 0 where there is no such directory.
///
/// # Errors
/// When a directory cannot be read.
pub(crate) fn bytes_below(dir: &Path) -> io::Result<u64> {
    Ok(sum(dir)?.bytes)
}

/// What a tree amounts to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Entries of every type; a file with two names is two.
    pub(crate) entries: u64,
    /// The regular files among them.
    pub(crate) files: u64,
    /// Their lengths.
    pub(crate) bytes: u64,
}

/// Adds up the tree at `dir`; nothing where there is no such directory.
///
/// # Errors
/// When a directory cannot be read.
pub(crate) fn sum(dir: &Path) -> io::Result<Sum> {
    let mut sum = Sum::default();
    let mut left: Vec<PathBuf> = dir.exists().then(|| dir.to_path_buf()).into_iter().collect();
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            sum.entries += 1;
            if kind.is_dir() {
                left.push(entry.path());
            } else if kind.is_file() {
                sum.files += 1;
                sum.bytes += entry.metadata()?.len();
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_tree_is_added_up_without_following_links() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(sum(&root.path().join("absent")).unwrap(), Sum::default());
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/file"), b"12345").unwrap();
        symlink("a", root.path().join("link")).unwrap();
        assert_eq!(sum(root.path()).unwrap(), Sum { entries: 3, files: 1, bytes: 5 });
    }
}
