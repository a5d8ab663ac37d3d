//! Writes that are wholly there or not at all.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::error::{CliError, Kind, Result};

/// Replaces the file at `path` by one that holds `bytes`. A reader sees the old or the new file, never a part.
///
/// # Errors
/// [`Kind::Local`] when the directory cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| CliError::local("write", path, error);
    let directory = path.parent().ok_or_else(|| CliError::new(Kind::Local, "cannot write a root directory"))?;
    // As `File::create` would: a temporary file is private unless told otherwise.
    let permissions = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(permissions).tempfile_in(directory).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
