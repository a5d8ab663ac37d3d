//! What restores left behind, found without knowing which paths there are.

use std::path::{Path, PathBuf};

use sci_sys::ffi::OsStrExt as _;

use crate::dir;
use crate::tree::STAGE_PREFIX;

/// The staging directory of a restore to `root` that was cut off, or is at work.
pub fn staging_of(root: &Path) -> Option<PathBuf> {
    let name = [STAGE_PREFIX, root.file_name()?.as_bytes()].concat();
    Some(root.with_file_name(dir::os(&name)))
        .filter(|staging| staging.symlink_metadata().is_ok_and(|found| found.is_dir()))
}

/// Such a directory of any restore below `top`. No link is followed, and what cannot be read is passed over, as is what is git's.
pub fn staging_below(top: &Path) -> Option<PathBuf> {
    let mut left = vec![top.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in directory.read_dir().into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if entry.file_name().as_bytes().starts_with(STAGE_PREFIX) {
                return Some(entry.path());
            }
            if entry.file_name() != ".git" {
                left.push(entry.path());
            }
        }
    }
    None
}
