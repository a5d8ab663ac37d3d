//! Files of the workspace that are read for what they say of it, where they are files.

use std::path::Path;

/// What is in a file of at most so many bytes. `None` when it is larger or cannot be read, and for everything else that may be
/// there: a link leads to what may differ from machine to machine, and a pipe or a device may never end.
pub(crate) fn read(file: &Path, most: u64) -> Option<Vec<u8>> {
    let is_plain = file.symlink_metadata().is_ok_and(|found| found.is_file() && found.len() <= most);
    if is_plain { std::fs::read(file).ok() } else { None }
}
