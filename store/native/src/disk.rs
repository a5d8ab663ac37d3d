//! Objects as files: `objects/<repository>/<aa>/<sha256>.<number>`, each written beside and renamed into place.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sci_faults::Step;
use sci_service::{Blob, BlobError, BlobKey, Blobs};
use sci_store_api::ObjectId;
use sci_sys::io::Errno;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::body::{Download, Upload};
use crate::error::{Error, is_full, message};
use crate::writeback::Writeback;

/// Bytes hashed and written at a time: what was hashed is still in the processor's cache when it is written.
const STEP: usize = 256 * 1024;
/// A partial file of that age belongs to a process that is long gone.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Objects in a directory.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    writeback: Writeback,
}

impl Disk {
    /// Uses `root`, which is made when it is absent. Partial files that a killed process left a day ago are removed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(root: &Path) -> Result<Self, Error> {
        let incoming = root.join("incoming");
        fs::create_dir_all(&incoming).map_err(Error::io(&incoming))?;
        remove_stale(&incoming).map_err(Error::io(&incoming))?;
        Ok(Self { root: root.to_owned(), writeback: Writeback::default() })
    }

    /// Opens an object's file.
    ///
    /// # Errors
    /// [`BlobError::Missing`] when there is none.
    pub fn file(&self, key: &BlobKey) -> Result<File, BlobError> {
        File::open(self.path(key)).map_err(|error| self.failed(key, &error))
    }

    /// Has objects synced that another process put, which may have ended before it did. One that is not there is passed over:
    /// whoever cites it is told.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Service`] when the disk fails.
    pub fn take_over(&self, objects: &[Blob]) -> Result<(), Error> {
        for blob in objects {
            let path = self.path(&blob.key);
            // Windows syncs only what may be written.
            match File::options().write(true).open(&path) {
                Ok(file) => self.writeback.written(file, path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io(&path)(error)),
            }
        }
        let synced = self.writeback.flush().map_err(BlobError::Failed);
        Ok(synced.map_err(sci_service::Error::from)?)
    }

    fn path(&self, key: &BlobKey) -> PathBuf {
        self.root.join(key.to_string())
    }

    fn failed(&self, key: &BlobKey, error: &io::Error) -> BlobError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => BlobError::Missing,
            _ => BlobError::Failed(message(&self.path(key), error)),
        }
    }

    fn write(&self, blob: &Blob, body: Upload) -> io::Result<Result<(), BlobError>> {
        let mut body = match body.checked(blob, STEP) {
            Ok(body) => body,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let mut file = NamedTempFile::new_in(self.root.join("incoming"))?;
        loop {
            match body.next_part() {
                Ok(Some(part)) => file.write_all(&part)?,
                Ok(None) => break,
                Err(wrong) => return Ok(Err(wrong)),
            }
        }
        let path = self.path(&blob.key);
        let directory = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(directory)?;
        sci_faults::at(Step::ObjectPartial);
        let file = place(file, &path)?;
        sci_faults::at(Step::ObjectStored);
        self.writeback.written(file, path);
        Ok(Ok(()))
    }
}

impl Blobs for Disk {
    type Upload = Upload;
    type Download = Download;
    /// Each has a file of its own in `incoming`.
    const UNFINISHED_TAKES_ROOM: bool = true;

    async fn put(&self, blob: &Blob, body: Upload) -> Result<(), BlobError> {
        self.write(blob, body).unwrap_or_else(|error| Err(refused(&self.path(&blob.key), &error)))
    }

    async fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<Download, BlobError> {
        let file = self.file(key)?;
        let size = file.metadata().map_err(|error| self.failed(key, &error))?.len();
        if range.end > size { Err(BlobError::Missing) } else { Ok(Download::File { file, rest: range }) }
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        match fs::symlink_metadata(self.path(key)) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(key, &error)),
        }
    }

    async fn is_whole(&self, blob: &Blob) -> Result<bool, BlobError> {
        let hashed = File::open(self.path(&blob.key)).and_then(|file| hash(&file));
        match hashed {
            Ok((size, id)) => Ok(size == blob.size && id == blob.key.object),
            // What a bad sector held is as lost as a file that is gone.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => Ok(false),
            Err(error) => match self.failed(&blob.key, &error) {
                BlobError::Missing => Ok(false),
                error => Err(error),
            },
        }
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        sci_faults::at(Step::ObjectDeleting);
        match fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.failed(key, &error)),
            _ => sci_faults::at(Step::ObjectDeleted),
        }
        Ok(())
    }

    async fn flush(&self) -> Result<(), BlobError> {
        self.writeback.flush().map_err(BlobError::Failed)?;
        sci_faults::at(Step::ObjectsFlushed);
        Ok(())
    }
}

/// Puts a whole object in its place. What is there already may be relied on by a snapshot: it is replaced only by what is on
/// the disk, or a power cut could leave neither.
fn place(file: NamedTempFile, path: &Path) -> io::Result<File> {
    match file.persist_noclobber(path) {
        Ok(file) => Ok(file),
        // Also where the file system cannot tell.
        Err(refused) => {
            refused.file.as_file().sync_data()?;
            sci_faults::at(Step::ObjectSynced);
            Ok(refused.file.persist(path)?)
        }
    }
}

/// Why a file could not be written.
fn refused(path: &Path, error: &io::Error) -> BlobError {
    if is_full(error) { BlobError::Full(message(path, error)) } else { BlobError::Failed(message(path, error)) }
}

/// The length and the SHA-256 of a file, read from its beginning.
fn hash(mut file: &File) -> io::Result<(u64, ObjectId)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; STEP];
    let mut size = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((size, ObjectId::from_bytes(hasher.finalize().into()))),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn remove_stale(incoming: &Path) -> io::Result<()> {
    let now = SystemTime::now();
    for entry in fs::read_dir(incoming)? {
        let entry = entry?;
        // Another process may rename or remove it at any moment.
        let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
        if now.duration_since(modified).is_ok_and(|age| age > STALE) {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let refused = |code| refused(Path::new("/store/objects/x"), &io::Error::from_raw_os_error(code));
        let full = refused(Errno::NOSPC.raw_os_error());
        assert!(matches!(full, BlobError::Full(_)), "{full}");
        assert!(full.to_string().starts_with("there is no room left: /store/objects/x: "), "{full}");
        assert!(matches!(refused(Errno::IO.raw_os_error()), BlobError::Failed(_)));
    }
}
