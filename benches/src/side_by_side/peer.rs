//! The peer: tar and zstd, one archive of everything each time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::measure::{Usage, pipeline};
use crate::tools::wipe;

/// How the peer is called in reports.
pub(crate) const NAME: &str = "tar | zstd";

/// Where the peer works.
#[derive(Debug)]
pub(crate) struct Peer {
    archive: PathBuf,
    restored: PathBuf,
}

impl Peer {
    /// A peer that keeps what it writes in `dir`, which is there.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { archive: dir.join("archive.tar.zst"), restored: dir.join("restored") }
    }

    /// Removes what it wrote.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub(crate) fn wipe(&self) -> Result<(), Failure> {
        wipe(&self.restored)?;
        if self.archive.exists() {
            fs::remove_file(&self.archive)?;
        }
        fs::create_dir(&self.restored)?;
        Ok(())
    }

    /// `tar -cf - | zstd -3 -T0` of `tree`.
    ///
    /// # Errors
    /// When one of the two fails.
    pub(crate) fn save(&self, tree: &Path) -> Result<Usage, Failure> {
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(tree).args(["-cf", "-", "."]);
        let mut zstd = Command::new("zstd");
        zstd.args(["-q", "-3", "-T0", "-o"]).arg(&self.archive);
        let used = pipeline(vec![tar, zstd])?;
        Ok(Usage { stored: fs::metadata(&self.archive)?.len(), ..used })
    }

    /// `zstd -dc | tar -xf -` into an empty directory.
    ///
    /// # Errors
    /// When one of the two fails.
    pub(crate) fn restore(&self) -> Result<Usage, Failure> {
        let mut zstd = Command::new("zstd");
        zstd.arg("-qdc").arg(&self.archive);
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(&self.restored).args(["-xf", "-"]);
        pipeline(vec![zstd, tar])
    }
}
