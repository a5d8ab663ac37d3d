//! What the workspace's file system can keep: what it cannot, a restore cannot bring back.

use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::{Finding, Health};

/// Tries, in a directory of its own that is removed again, what snapshots rely on.
pub(super) fn examine(root: &Path) -> Finding {
    let lacking = match lacking(root) {
        Ok(lacking) => lacking,
        Err(error) => return Finding::new("file system", Health::Bad, format!("cannot write the workspace: {error}")),
    };
    if lacking.is_empty() {
        return Finding::new("file system", Health::Good, "links, modes and nanosecond times");
    }
    Finding::new("file system", Health::Fair, format!("lacks {}", lacking.join(", ")))
        .hint("what a file system cannot keep, a restore cannot bring back exactly")
}

fn lacking(root: &Path) -> io::Result<Vec<&'static str>> {
    // Names that begin so are sci's own: no plan and no snapshot holds them.
    let scratch = tempfile::Builder::new().prefix(".sci-doctor.").tempdir_in(root)?;
    let file = scratch.path().join("file");
    File::create(&file)?;
    let trials: [(&str, io::Result<bool>); 5] = [
        ("symbolic links", symlink("file", scratch.path().join("link")).map(|()| true)),
        ("hard links", fs::hard_link(&file, scratch.path().join("other")).map(|()| true)),
        ("modes", keeps_modes(&file)),
        ("nanosecond times", keeps_nanoseconds(&file)),
        ("upper and lower case", Ok(!scratch.path().join("FILE").exists())),
    ];
    Ok(trials.into_iter().filter(|(_, kept)| !matches!(kept, Ok(true))).map(|(what, _)| what).collect())
}

fn keeps_modes(file: &Path) -> io::Result<bool> {
    fs::set_permissions(file, fs::Permissions::from_mode(0o750))?;
    Ok(fs::metadata(file)?.permissions().mode() & 0o777 == 0o750)
}

fn keeps_nanoseconds(file: &Path) -> io::Result<bool> {
    let time = UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    File::options().write(true).open(file)?.set_times(FileTimes::new().set_modified(time))?;
    Ok(fs::metadata(file)?.mtime_nsec() == 123_456_789)
}
