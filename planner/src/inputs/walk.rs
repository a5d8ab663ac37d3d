//! The one walk of the workspace that every pattern shares.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use ignore::{DirEntry, WalkBuilder, WalkState};

use super::tree::{Entry, EntryKind, Tree, is_output};
use crate::PlanError;
use crate::config::DeclaredPath;

enum Found {
    Entry(Entry),
    Directory(Vec<u8>),
    Unreadable(Vec<u8>, String),
    Failed(PlanError),
}

/// Walks the workspace.
///
/// Of all ignore rules only the `.gitignore` files inside the workspace count, because the others differ between machines.
/// Hidden files are seen, submodules walked, symlinks not followed; `.git`, `.sci-*` and workspace paths (`outputs`) skipped.
///
/// A directory that cannot be read is remembered, since what it holds would be missing from keys.
///
/// # Errors
/// [`PlanError::Walk`] for what cannot be put down to one directory.
pub(crate) fn walk(root: &Path, outputs: Vec<DeclaredPath>, threads: usize) -> Result<Tree, PlanError> {
    let (sender, receiver) = mpsc::channel();
    let skipped = (root.to_owned(), outputs.clone());
    WalkBuilder::new(root)
        .standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .parents(false)
        .follow_links(false)
        .threads(threads.max(1))
        .filter_entry(move |entry| !is_output(&skipped.1, &relative(&skipped.0, entry.path())))
        .build_parallel()
        .run(|| {
            let sender = sender.clone();
            Box::new(move |visited| {
                if let Some(found) = inspect(root, visited) {
                    // The receiver outlives the walk, so a send cannot fail.
                    let _ = sender.send(found);
                }
                WalkState::Continue
            })
        });
    drop(sender);
    collect(root.to_owned(), receiver, outputs)
}

fn collect(root: PathBuf, found: mpsc::Receiver<Found>, outputs: Vec<DeclaredPath>) -> Result<Tree, PlanError> {
    let (mut entries, mut directories, mut unreadable, mut failed) =
        (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
    for found in found {
        match found {
            Found::Entry(entry) => entries.push(entry),
            Found::Directory(path) => directories.push(path),
            Found::Unreadable(path, message) => {
                unreadable.insert(path, message);
            }
            Found::Failed(error) => failed.push(error),
        }
    }
    match failed.into_iter().min_by_key(ToString::to_string) {
        Some(error) => Err(error),
        None => Ok(Tree::new(root, entries, directories, unreadable, outputs)),
    }
}

fn inspect(root: &Path, visited: Result<DirEntry, ignore::Error>) -> Option<Found> {
    let entry = match visited {
        Ok(entry) => entry,
        // An entry that vanished between listing and visiting is not there.
        Err(error) if error.io_error().is_some_and(|io| io.kind() == std::io::ErrorKind::NotFound) => return None,
        Err(error) => {
            let message = error.to_string();
            return Some(match place(&error) {
                Some(path) => Found::Unreadable(relative(root, path), message),
                None => Found::Failed(PlanError::Walk { message }),
            });
        }
    };
    let kind = entry.file_type()?;
    let path = relative(root, entry.path());
    if kind.is_dir() {
        Some(Found::Directory(path))
    } else if kind.is_symlink() {
        Some(Found::Entry(Entry { path, kind: EntryKind::Symlink }))
    } else if kind.is_file() {
        Some(Found::Entry(Entry { path, kind: EntryKind::File }))
    } else {
        None
    }
}

/// The directory that an error is about.
fn place(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place(err),
        _ => None,
    }
}

fn relative(root: &Path, path: &Path) -> Vec<u8> {
    path.strip_prefix(root).unwrap_or(path).as_os_str().as_bytes().to_vec()
}
