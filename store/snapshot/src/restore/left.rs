//! What restores left behind, found without knowing which paths there are.

use std::path::{Path, PathBuf};

use sci_sys::ffi::OsStrExt as _;

use crate::tree::STAGE_PREFIX;

/// A staging directory in `directory` or, when asked for, anywhere below it: of a restore that was cut off, or is at work. No link
/// is followed, and what cannot be read is passed over.
pub fn staging(directory: &Path, below: bool) -> Option<PathBuf> {
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in directory.read_dir().into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if entry.file_name().as_bytes().starts_with(STAGE_PREFIX) {
                return Some(entry.path());
            }
            if below {
                left.push(entry.path());
            }
        }
    }
    None
}
