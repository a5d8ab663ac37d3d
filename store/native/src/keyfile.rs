//! The store's signing keys in a file that only its owner can read.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sci_faults::Step;
use sci_service::{KeyError, Keys};
use sci_store_api::dsse::{Envelope, PublicKey, SecretKey};
use sci_store_api::{KeyId, StoredKeys, UnixMillis};
use sci_sys::fs::Stat;
use sci_sys::places::sync_directory;
use tempfile::{NamedTempFile, PersistError};
use zeroize::Zeroize;

use crate::{Error, founding, layout};

/// How long after its end an old key's signatures count, and before its beginning a new one's, in milliseconds: between the time
/// that the change is made for and the file in its place, others sign with the old one, and cannot know better.
const OVERLAP: u64 = 60 * 1_000;

/// A signing key kept in a file, with the keys that were used before it. When the file changes (`sci key rotate` beside a
/// running server) the new content counts from the next signature on.
#[derive(Debug)]
pub struct KeyFile {
    file: PathBuf,
    loaded: Mutex<Arc<Loaded>>,
}

/// The file's content, and what the file looked like when it was read.
#[derive(Debug)]
struct Loaded {
    stamp: Stamp,
    key: SecretKey,
    stored: StoredKeys,
}

/// A file's change time and inode.
type Stamp = (i64, i64, u64);

impl KeyFile {
    /// Reads the key in `file`, which is made when it is absent; of several processes that make it at once, one wins and
    /// all use its key.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::NotAStore`] when the file is damaged, or when others than its owner could read it.
    pub fn open(file: &Path) -> Result<Self, Error> {
        let loaded = match Loaded::read(file) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                create(file)?;
                Loaded::read(file)?
            }
            loaded => loaded?,
        };
        Ok(Self { file: file.to_owned(), loaded: Mutex::new(Arc::new(loaded)) })
    }

    /// The public halves of every key, the current one first, for `trusted-public-keys`.
    ///
    /// # Errors
    /// As [`KeyFile::open`].
    pub fn public(&self) -> Result<Vec<PublicKey>, Error> {
        Ok(self.current()?.public())
    }

    /// Signs with a new key from `now` on, unless another than `from` signs already. Records that the old key signed until
    /// then, and for a minute more, stay good; it signs no more.
    ///
    /// # Errors
    /// As [`KeyFile::open`].
    pub fn rotate(&self, from: &KeyId, now: UnixMillis) -> Result<(), Error> {
        // Held to the end: of two threads or processes that rotate the same key, the second finds that it was done.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let _lock = layout::lock(parent(&self.file))?;
        self.refresh(&mut loaded)?;
        let before = loaded.public();
        if before.first().is_some_and(|current| current.id != *from) {
            return Ok(());
        }
        let stored = founding::succeeding(before, now, OVERLAP)?;
        write(&self.file, &stored, |temporary, file| temporary.persist(file).map(drop))?;
        self.refresh(&mut loaded)
    }

    /// The content of the file as it is now.
    fn current(&self) -> Result<Arc<Loaded>, Error> {
        // A panic cannot leave a part of the one assignment.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut loaded)?;
        Ok(Arc::clone(&loaded))
    }

    /// Reads the file again when it has changed.
    fn refresh(&self, loaded: &mut Arc<Loaded>) -> Result<(), Error> {
        if stamp(&look(&self.file)?) != loaded.stamp {
            *loaded = Arc::new(Loaded::read(&self.file)?);
        }
        Ok(())
    }
}

impl Loaded {
    fn read(file: &Path) -> Result<Self, Error> {
        let found = look(file)?;
        let mut bytes = fs::read(file).map_err(Error::io(file))?;
        if is_open_to_others(&found) {
            let problem = "the signing key can be read by others; make it 0600, or remove it for a new one";
            return Err(damaged(file, problem));
        }
        let parsed = StoredKeys::parse(&bytes);
        bytes.zeroize();
        let stored = parsed.ok_or_else(|| damaged(file, "the signing key is damaged"))?;
        let key = stored.secret_key().ok_or_else(|| damaged(file, "the signing key is damaged"))?;
        Ok(Self { stamp: stamp(&found), key, stored })
    }

    fn public(&self) -> Vec<PublicKey> {
        self.stored.public(&self.key)
    }
}

fn look(file: &Path) -> Result<Stat, Error> {
    sci_sys::fs::stat(file).map_err(|error| Error::io(file)(error.into()))
}

#[allow(clippy::unnecessary_cast, reason = "the fields' types differ between platforms")]
fn stamp(found: &Stat) -> Stamp {
    (found.st_ctime as i64, found.st_ctime_nsec as i64, found.st_ino as u64)
}

/// Windows keeps no modes: there a file in a user's profile is that user's by the list of the directory.
fn is_open_to_others(found: &Stat) -> bool {
    cfg!(unix) && found.st_mode & 0o077 != 0
}

fn damaged(file: &Path, problem: &str) -> Error {
    Error::NotAStore { path: file.to_owned(), problem: problem.to_owned() }
}

fn create(file: &Path) -> Result<(), Error> {
    let stored = founding::new_key()?;
    write(file, &stored, |temporary, file| match temporary.persist_noclobber(file) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    })
}

fn parent(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("."))
}

/// Puts a key file into place, whole.
fn write(
    file: &Path,
    stored: &StoredKeys,
    place: impl FnOnce(NamedTempFile, &Path) -> Result<(), PersistError>,
) -> Result<(), Error> {
    let directory = parent(file);
    let write = || {
        // A temporary file has mode 0600 from its creation on.
        let mut temporary = layout::partial_in(directory)?;
        serde_json::to_writer(&mut temporary, stored)?;
        temporary.flush()?;
        temporary.as_file().sync_all()?;
        sci_faults::at(Step::KeyPartial);
        place(temporary, file).map_err(|error| error.error)?;
        sci_faults::at(Step::KeyWritten);
        sync_directory(directory)
    };
    write().map_err(Error::io(file))
}

impl Keys for KeyFile {
    async fn sign(&self, payload_type: &str, payload: Vec<u8>) -> Result<Envelope, KeyError> {
        Ok(self.current().map_err(|error| KeyError(error.to_string()))?.key.sign(payload_type, payload))
    }

    async fn public_keys(&self) -> Result<Vec<PublicKey>, KeyError> {
        self.public().map_err(|error| KeyError(error.to_string()))
    }

    async fn rotate(&self, from: &KeyId, now: UnixMillis) -> Result<bool, KeyError> {
        Self::rotate(self, from, now).map(|()| true).map_err(|error| KeyError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;
    use sci_store_api::dsse::signed_by;

    use super::*;

    #[test]
    fn a_rotated_key_signs_for_who_had_opened_the_file_before() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key.json");
        let (server, administrator) = (KeyFile::open(&file).unwrap(), KeyFile::open(&file).unwrap());
        let before = block_on(server.sign("t", b"before".to_vec())).unwrap();
        let old = server.public().unwrap().remove(0).id;
        let now = UnixMillis(1_000 + OVERLAP);
        administrator.rotate(&old, now).unwrap();
        let new = administrator.public().unwrap().remove(0);
        let after = block_on(server.sign("t", b"after".to_vec())).unwrap();
        let keys = server.public().unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(signed_by(&after, "t", &keys).unwrap(), [&new]);
        let retired = signed_by(&before, "t", &keys).unwrap()[0];
        // Who looked at the file right before it was replaced signs a record that is a little younger than the change.
        assert!(retired.covers(now.plus(OVERLAP)) && !retired.covers(now.plus(OVERLAP + 1)));
        assert!(new.covers(now.minus(OVERLAP)) && !new.covers(now.minus(OVERLAP + 1)));
        // Said twice, it is done once.
        server.rotate(&old, now.plus(500)).unwrap();
        assert_eq!(server.public().unwrap(), keys);
        administrator.rotate(&new.id, now.plus(1_000)).unwrap();
        assert_eq!(KeyFile::open(&file).unwrap().public().unwrap().len(), 3);
    }

    #[test]
    fn of_many_that_rotate_a_key_at_once_one_does() {
        const MANY: usize = 8;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key.json");
        let mut old = KeyFile::open(&file).unwrap().public().unwrap().remove(0).id;
        for round in 1..=20 {
            let together = std::sync::Barrier::new(MANY);
            std::thread::scope(|scope| {
                for _ in 0..MANY {
                    scope.spawn(|| {
                        // Each opens the file for itself, as a process does.
                        let keys = KeyFile::open(&file).unwrap();
                        together.wait();
                        keys.rotate(&old, UnixMillis(1_000)).unwrap();
                        let signed = block_on(keys.sign("t", b"after".to_vec())).unwrap();
                        let trusted = KeyFile::open(&file).unwrap().public().unwrap();
                        assert_eq!(signed_by(&signed, "t", &trusted).unwrap(), [&trusted[0]]);
                    });
                }
            });
            let keys = KeyFile::open(&file).unwrap().public().unwrap();
            assert_eq!((keys.len(), &keys[1].id), (round + 1, &old));
            old = keys[0].id.clone();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key.json");
        KeyFile::open(&file).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let error = KeyFile::open(&file).unwrap_err().to_string();
        assert!(error.contains("can be read by others"), "{error}");
    }
}
