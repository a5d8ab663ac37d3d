//! Files of the tree and of what is built, moved about by the tasks.

use std::fs;
use std::path::Path;

use crate::shell::Failure;

/// Copies a file, or a directory with everything below it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    if !from.is_dir() {
        fs::copy(from, to)?;
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
