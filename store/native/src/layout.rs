//! A store's directory: `sci-store.json` says what it is, `index.sqlite`, `signing-key.json` and `objects/` are the store.
//! Where the objects are in a bucket, `sci-store.json` names it, so that no command looks for them here.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sci_faults::Step;
use sci_store_api::StoreId;
use sci_sys::places::sync_directory;
use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;
use crate::{Error, founding};

/// The newest format that this sci writes and reads: a store whose objects are in a bucket. A sci that does not know of buckets
/// refuses it, where it would find nothing otherwise.
pub const FORMAT: u32 = 2;
/// The format of a store whose objects are in its directory.
const FORMAT_HERE: u32 = 1;

const MARKER: &str = "sci-store.json";
const LOCK: &str = "sci-store.lock";
const INDEX: &str = "index.sqlite";
/// How the names of files begin that are written to be put into place.
const PARTIAL: &str = ".partial-";

/// What [`MARKER`] says.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format: u32,
    store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    objects: Option<Bucket>,
}

/// An opened directory. While it lives, no other process opens the store for the first time.
#[derive(Debug)]
pub(crate) struct Layout {
    directory: PathBuf,
    pub(crate) store: StoreId,
    /// The bucket that the objects are in, when they are not here.
    pub(crate) objects: Option<Bucket>,
    _lock: File,
}

impl Layout {
    /// Opens a store's directory, or makes one where nothing is. When a bucket is named, the store's objects
    /// must be in that one, or be none yet: then they will be there, for good.
    pub(crate) fn open(directory: &Path, objects: Option<&Bucket>) -> Result<Self, Error> {
        // What is kept here is as private as the sources it was built from.
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(directory).map_err(Error::io(directory))?;
        let marker = directory.join(MARKER);
        let lock = directory.join(LOCK);
        // In this order: whoever opens it at the same time makes the lock first, so where something lies it is there, too.
        if !is_empty(directory)? && !exists(&lock)? && !exists(&marker)? {
            let problem = "the directory holds something else than a store".to_owned();
            return Err(Error::NotAStore { path: directory.to_owned(), problem });
        }
        let file = self::lock(directory)?;
        sci_faults::at(Step::StoreLocked);
        remove_partial(directory)?;
        let index = directory.join(INDEX);
        if !exists(&index)? && has_objects(directory)? {
            let problem = "it is gone, and only it knows what the objects beside it are".to_owned();
            return Err(Error::NotAStore { path: index, problem });
        }
        if !exists(&marker)? {
            write_marker(directory, &marker, founding::new_store("embedded")?, objects)?;
        }
        let Marker { store, objects: found, .. } = read_marker(directory, &marker)?;
        let objects = match (objects, found) {
            (Some(named), None) if !exists(&directory.join("objects"))? => {
                write_marker(directory, &marker, store.clone(), Some(named))?;
                Some(named.clone())
            }
            (Some(named), found) if found.as_ref() != Some(named) => {
                let found = found.map_or_else(|| "its directory".to_owned(), |found| found.to_string());
                return Err(Error::OtherObjects { path: directory.to_owned(), found, named: named.to_string() });
            }
            (_, found) => found,
        };
        Ok(Self { directory: directory.to_owned(), store, objects, _lock: file })
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.directory.join(INDEX)
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.directory.join("signing-key.json")
    }
}

/// Waits for a directory's lock. It is held until the file is closed.
pub(crate) fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join(LOCK);
    let file = File::create(&path).map_err(Error::io(&path))?;
    file.lock().map_err(Error::io(&path))?;
    Ok(file)
}

/// Makes a file that only this user can read, to be put into place in the store's directory.
pub(crate) fn partial_in(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(PARTIAL).tempfile_in(directory)
}

fn is_empty(directory: &Path) -> Result<bool, Error> {
    Ok(fs::read_dir(directory).map_err(Error::io(directory))?.next().is_none())
}

/// Whether an object was ever put into place here. The index is made first, so that a store which was made halfway has none.
fn has_objects(directory: &Path) -> Result<bool, Error> {
    let objects = directory.join("objects");
    if !exists(&objects)? {
        return Ok(false);
    }
    Ok(!is_empty(&objects)?)
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

fn read_marker(directory: &Path, marker: &Path) -> Result<Marker, Error> {
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
    serde_json::from_slice(&text).map_err(damaged)
}

fn write_marker(directory: &Path, marker: &Path, store: StoreId, objects: Option<&Bucket>) -> Result<(), Error> {
    let write = || {
        let format = if objects.is_some() { FORMAT } else { FORMAT_HERE };
        let content = Marker { format, store, objects: objects.cloned() };
        let mut file = partial_in(directory)?;
        serde_json::to_writer_pretty(&mut file, &content)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        sci_faults::at(Step::MarkerPartial);
        file.persist(marker)?;
        sci_faults::at(Step::MarkerWritten);
        sync_directory(directory)
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
        let layout = Layout::open(directory.path(), None).unwrap();
        drop(layout);
        let mut names: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [MARKER, LOCK]);
    }

    #[test]
    fn the_place_of_objects_is_said_once() {
        let directory = tempfile::tempdir().unwrap();
        let open = |objects| Layout::open(directory.path(), objects);
        let bucket = |url| Bucket::new(url, crate::Way::default()).unwrap();
        let (first, second) = (bucket("s3://first/x"), bucket("s3://second"));
        let store = open(None).unwrap().store.clone();
        // Nothing is stored yet, so it may still be said.
        assert_eq!(open(Some(&first)).unwrap().store, store);
        for same in [None, Some(&first)] {
            assert_eq!(open(same).unwrap().objects, Some(first.clone()));
        }
        let refused = open(Some(&second)).unwrap_err().to_string();
        assert!(refused.ends_with("are in s3://first/x, not in s3://second"), "{refused}");
        let text = fs::read_to_string(directory.path().join(MARKER)).unwrap();
        assert!(text.contains("\"format\": 2"), "an older sci must refuse it: {text}");
    }

    #[test]
    fn a_store_with_objects_in_its_directory_keeps_them_there() {
        let directory = tempfile::tempdir().unwrap();
        drop(Layout::open(directory.path(), None).unwrap());
        fs::create_dir(directory.path().join("objects")).unwrap();
        let bucket = Bucket::new("s3://first", crate::Way::default()).unwrap();
        let refused = Layout::open(directory.path(), Some(&bucket)).unwrap_err().to_string();
        assert!(refused.ends_with("are in its directory, not in s3://first"), "{refused}");
        let text = fs::read_to_string(directory.path().join(MARKER)).unwrap();
        assert!(text.contains("\"format\": 1"), "an older sci can read it: {text}");
    }

    #[cfg(unix)]
    #[test]
    fn a_marker_that_cannot_be_looked_at_is_not_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        drop(Layout::open(directory.path(), None).unwrap());
        let marker = directory.path().join(MARKER);
        // As an input error does, a link to itself makes it impossible to say whether the marker is there.
        fs::remove_file(&marker).unwrap();
        std::os::unix::fs::symlink(MARKER, &marker).unwrap();
        assert!(matches!(Layout::open(directory.path(), None), Err(Error::Io { path, .. }) if path == marker));
        assert!(marker.is_symlink());
    }
}
