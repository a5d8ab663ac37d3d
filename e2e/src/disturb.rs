//! Ways to make a checkout, a file or a store unlike what a careless tool expects.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Sets the mtime of a file or directory.
pub fn set_mtime(path: &Path, time: SystemTime) {
    File::open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
}

/// A moment that long ago.
pub fn ago(seconds: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(seconds)
}

/// Changes one byte of a file and puts its mtime back: the size and the mtime do not tell.
pub fn change_unseen(path: &Path) {
    let before = fs::metadata(path).unwrap().modified().unwrap();
    let mut content = fs::read(path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(path, content).unwrap();
    set_mtime(path, before);
}

/// Copies a tree with everything that belongs to it, by the system's own `cp`.
pub fn copy_tree(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").args(["-a", "--reflink=auto"]).arg(from).arg(to).status().unwrap();
    assert!(status.success(), "cp -a {} {}", from.display(), to.display());
}
