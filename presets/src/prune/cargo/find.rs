//! The profiles below a build directory: `debug`, `x86_64-unknown-linux-musl/release`, and those of builds within it.

use std::fs;
use std::path::{Path, PathBuf};

/// How far below the build directory a profile is looked for: `fuzz/<triple>/release`.
const MAX_DEPTH: usize = 3;
/// How many directories are looked at.
const MAX_DIRECTORIES: usize = 2_000;
/// Where cargo keeps no profile, and often much else.
const NOT_PROFILES: [&str; 3] = ["doc", "package", "tmp"];

/// The directories, relative to `tree`, in which cargo keeps fingerprints, in order.
pub(super) fn profiles(tree: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    let mut looked_at = 0;
    while let Some(directory) = waiting.pop() {
        looked_at += 1;
        if looked_at > MAX_DIRECTORIES {
            break;
        }
        let here = tree.join(&directory);
        if here.join(".fingerprint").symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            found.push(directory);
            continue;
        }
        if directory.components().count() < MAX_DEPTH {
            waiting.extend(directories(&here).into_iter().map(|name| directory.join(name)));
        }
    }
    found.sort();
    found
}

fn directories(here: &Path) -> Vec<String> {
    let entries = fs::read_dir(here).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = directories.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| !name.starts_with('.') && !NOT_PROFILES.contains(&name.as_str())).collect()
}
