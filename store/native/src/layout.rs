//! A store's directory: `sci-store.json` says what it is, `index.sqlite`, `signing-key.json` and `objects/` are the store.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sci_faults::Step;
use sci_store_api::StoreId;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The newest format that this sci writes and reads.
pub const FORMAT: u32 = 1;

const MARKER: &str = "sci-store.json";
const LOCK: &str = "sci-store.lock";
/// How the names of files begin that are written to be put into place.
const PARTIAL: &str = ".partial-";

/// What [`MARKER`] says.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format: u32,
    store: StoreId,
}

/// An opened directory. While it lives, no other process opens the store for the first time.
#[derive(Debug)]
pub(crate) struct Layout {
    directory: PathBuf,
    pub(crate) store: StoreId,
    _lock: File,
}

impl Layout {
    /// Opens a store's directory, or makes one where nothing is.
    pub(crate) fn open(directory: &Path) -> Result<Self, Error> {
        // What is kept here is as private as the sources it was built from.
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory).map_err(Error::io(directory))?;
        let marker = directory.join(MARKER);
        let lock = directory.join(LOCK);
        // In this order: whoever opens it at the same time makes the lock first, so where something lies it is there, too.
        if !is_empty(directory)? && !exists(&lock)? && !exists(&marker)? {
            let problem = "the directory holds something else than a store".to_owned();
            return Err(Error::NotAStore { path: directory.to_owned(), problem });
        }
        let file = File::create(&lock).map_err(Error::io(&lock))?;
        file.lock().map_err(Error::io(&lock))?;
        sci_faults::at(Step::StoreLocked);
        remove_partial(directory)?;
        if !exists(&marker)? {
            write_marker(directory, &marker)?;
        }
        let store = read_marker(directory, &marker)?;
        Ok(Self { directory: directory.to_owned(), store, _lock: file })
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.directory.join("index.sqlite")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.directory.join("signing-key.json")
    }
}

/// Makes a file that only this user can read, to be put into place in the store's directory.
pub(crate) fn partial_in(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(PARTIAL).tempfile_in(directory)
}

fn is_empty(directory: &Path) -> Result<bool, Error> {
    Ok(fs::read_dir(directory).map_err(Error::io(directory))?.next().is_none())
}

/// Whether something is there. What cannot be looked at is not taken for absent: a new marker would make every record one of
/// another store.
fn exists(path: &Path) -> Result<bool, Error> {
    path.try_exists().map_err(Error::io(path))
}

/// Removes what a process that was killed while it made the store has not put into place. Whoever makes it holds the lock.
fn remove_partial(directory: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(directory).map_err(Error::io(directory))? {
        let entry = entry.map_err(Error::io(directory))?;
        if entry.file_name().as_encoded_bytes().starts_with(PARTIAL.as_bytes()) {
            fs::remove_file(entry.path()).map_err(Error::io(entry.path()))?;
        }
    }
    Ok(())
}

fn read_marker(directory: &Path, marker: &Path) -> Result<StoreId, Error> {
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let damaged = |error: serde_json::Error| Error::NotAStore { path: marker.to_owned(), problem: error.to_string() };
    let text = fs::read(marker).map_err(Error::io(marker))?;
    let Versioned { format } = serde_json::from_slice(&text).map_err(damaged)?;
    if format > FORMAT {
        return Err(Error::NewerFormat { path: directory.to_owned(), found: format, known: FORMAT });
    }
    let marker: Marker = serde_json::from_slice(&text).map_err(damaged)?;
    Ok(marker.store)
}

fn write_marker(directory: &Path, marker: &Path) -> Result<(), Error> {
    let random: [u8; 8] = crate::random()?;
    let store = StoreId::new(format!("embedded-{}", HEXLOWER.encode(&random)));
    let write = || {
        let content = Marker { format: FORMAT, store: store.map_err(io::Error::other)? };
        let mut file = partial_in(directory)?;
        serde_json::to_writer_pretty(&mut file, &content)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        sci_faults::at(Step::MarkerPartial);
        file.persist(marker)?;
        sci_faults::at(Step::MarkerWritten);
        File::open(directory)?.sync_all()
    };
    write().map_err(Error::io(marker))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_did_not_put_into_place_goes_with_the_next_opening() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(LOCK), "").unwrap();
        partial_in(directory.path()).unwrap().keep().unwrap();
        let layout = Layout::open(directory.path()).unwrap();
        drop(layout);
        let mut names: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [MARKER, LOCK]);
    }

    #[test]
    fn a_marker_that_cannot_be_looked_at_is_not_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        drop(Layout::open(directory.path()).unwrap());
        let marker = directory.path().join(MARKER);
        // As an input error does, a link to itself makes it impossible to say whether the marker is there.
        fs::remove_file(&marker).unwrap();
        std::os::unix::fs::symlink(MARKER, &marker).unwrap();
        assert!(matches!(Layout::open(directory.path()), Err(Error::Io { path, .. }) if path == marker));
        assert!(marker.is_symlink());
    }
}
