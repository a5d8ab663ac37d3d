//! What the workspace's file system can keep: what it cannot, a restore cannot bring back.

use std::fs::{self, File, FileTimes};
use std::io;
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
        return Finding::new("file system", Health::Good, KEPT);
    }
    Finding::new("file system", Health::Fair, format!("lacks {}", lacking.join(", ")))
        .hint("what a file system cannot keep, a restore cannot bring back exactly")
}

fn lacking(root: &Path) -> io::Result<Vec<&'static str>> {
    // Names that begin so are sci's own: no plan and no snapshot holds them.
    let scratch = tempfile::Builder::new().prefix(".sci-doctor.").tempdir_in(root)?;
    let file = scratch.path().join("file");
    File::create(&file)?;
    let mut trials: Vec<(&str, io::Result<bool>)> = vec![
        ("symbolic links", link("file", scratch.path().join("link")).map(|()| true)),
        ("hard links", fs::hard_link(&file, scratch.path().join("other")).map(|()| true)),
    ];
    trials.extend(keeps_more(&file));
    // Those who use Windows know of the case of its names.
    if cfg!(unix) {
        trials.push(("upper and lower case", Ok(!scratch.path().join("FILE").exists())));
    }
    Ok(trials.into_iter().filter(|(_, kept)| !matches!(kept, Ok(true))).map(|(what, _)| what).collect())
}

#[cfg(unix)]
use std::os::unix::fs::symlink as link;
#[cfg(windows)]
use std::os::windows::fs::symlink_file as link;

/// What every file system of the system should keep.
#[cfg(unix)]
const KEPT: &str = "links, modes and nanosecond times";
/// What every file system of the system should keep.
#[cfg(windows)]
const KEPT: &str = "links and times of 100 ns";

#[cfg(unix)]
fn keeps_more(file: &Path) -> Vec<(&'static str, io::Result<bool>)> {
    vec![("modes", keeps_modes(file)), ("nanosecond times", keeps_times(file, 123_456_789))]
}

#[cfg(windows)]
fn keeps_more(file: &Path) -> Vec<(&'static str, io::Result<bool>)> {
    vec![("times of 100 ns", keeps_times(file, 123_456_700))]
}

#[cfg(unix)]
fn keeps_modes(file: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o750))?;
    Ok(fs::metadata(file)?.permissions().mode() & 0o777 == 0o750)
}

fn keeps_times(file: &Path, nanos: u32) -> io::Result<bool> {
    let time = UNIX_EPOCH + Duration::new(1_000_000_000, nanos);
    File::options().write(true).open(file)?.set_times(FileTimes::new().set_modified(time))?;
    Ok(sci_sys::times::modified(&fs::metadata(file)?).1 == nanos)
}
