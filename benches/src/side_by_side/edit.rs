//! The edit that makes the next state of a tree: about 200 files, as if three packages had been upgraded.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::tools::files_below;

/// Runs of neighbouring files, and files in each.
const RUNS: usize = 3;
const FILES: usize = 70;
/// Of the files of a run, one in so many is deleted and another one is added.
const MOVED: usize = 10;

/// Edits the tree below `root`, the same way each time. As a package manager does, it replaces files rather than writes
/// into them: contents grow by a line, times and inodes are new.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) fn upgrade(root: &Path) -> io::Result<()> {
    let files = files_below(root)?;
    for run in 0..RUNS {
        let start = files.len() * (run + 1) / (RUNS + 1);
        let run = files.iter().skip(start).take(FILES.min(files.len() / (RUNS + 1)));
        for (index, file) in run.enumerate() {
            replace(file, index)?;
        }
    }
    Ok(())
}

fn replace(file: &Path, index: usize) -> io::Result<()> {
    let content = fs::read(file)?;
    let permissions = fs::metadata(file)?.permissions();
    fs::remove_file(file)?;
    let path = match index % MOVED {
        0 => renamed(file),
        _ => file.to_path_buf(),
    };
    let mut new = fs::File::create(path)?;
    new.write_all(&content)?;
    writeln!(new, "// the next version of file {index}")?;
    new.set_permissions(permissions)
}

fn renamed(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".next");
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_equal_trees_are_edited_alike() {
        let edited = || {
            let root = tempfile::tempdir().unwrap();
            for index in 0..1_000 {
                fs::write(root.path().join(format!("file-{index:04}")), format!("{index}")).unwrap();
            }
            upgrade(root.path()).unwrap();
            let files = files_below(root.path()).unwrap();
            let name = |file: &PathBuf| file.file_name().unwrap().to_owned();
            files.iter().map(|file| (name(file), fs::read(file).unwrap())).collect::<Vec<_>>()
        };
        let once = edited();
        assert_eq!(once, edited());
        assert_eq!(once.len(), 1_000);
        assert_eq!(once.iter().filter(|(_, content)| content.ends_with(b"\n")).count(), RUNS * FILES);
    }
}
