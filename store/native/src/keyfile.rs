//! The store's signing key in a file that only its owner can read.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use data_encoding::HEXLOWER;
use sci_faults::Step;
use sci_service::{KeyError, Keys};
use sci_store_api::dsse::{Envelope, PublicKey, SecretKey};
use sci_store_api::{KeyId, ObjectId};
use serde::{Deserialize, Serialize};

use crate::Error;

/// A signing key kept in a file.
#[derive(Debug)]
pub struct KeyFile {
    key: SecretKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    id: KeyId,
    seed: String,
}

impl KeyFile {
    /// Reads the key in `file`, which is made when it is absent; of several processes that make it at once, one wins and
    /// all use its key.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::NotAStore`] when the file is damaged, or when others than its owner could read it.
    pub fn open(file: &Path) -> Result<Self, Error> {
        match fs::read(file) {
            Ok(stored) => Self::read(file, &stored),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(file)?;
                Self::read(file, &fs::read(file).map_err(Error::io(file))?)
            }
            Err(error) => Err(Error::io(file)(error)),
        }
    }

    /// The public half, for `trusted-public-keys`.
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }

    fn read(file: &Path, stored: &[u8]) -> Result<Self, Error> {
        let damaged = |problem: &str| Error::NotAStore { path: file.to_owned(), problem: problem.to_owned() };
        let mode = fs::metadata(file).map_err(Error::io(file))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(damaged("the signing key can be read by others; make it 0600, or remove it for a new one"));
        }
        let stored: Stored = serde_json::from_slice(stored).map_err(|_| damaged("the signing key is damaged"))?;
        let seed = HEXLOWER.decode(stored.seed.as_bytes()).ok().and_then(|seed| <[u8; 32]>::try_from(seed).ok());
        let seed = seed.ok_or_else(|| damaged("the signing key is damaged"))?;
        Ok(Self { key: SecretKey::from_seed(stored.id, &seed) })
    }
}

fn create(file: &Path) -> Result<(), Error> {
    let seed: [u8; 32] = crate::random()?;
    let directory = file.parent().unwrap_or(Path::new("."));
    let unnamed = KeyId::new("new").map_err(|error| Error::io(file)(io::Error::other(error)))?;
    let public = SecretKey::from_seed(unnamed, &seed).public();
    let name = format!("sci-{}", &ObjectId::of(public.as_bytes()).short()[..8]);
    let id = KeyId::new(name).map_err(|error| Error::io(file)(io::Error::other(error)))?;
    let stored = Stored { id, seed: HEXLOWER.encode(&seed) };
    let write = || {
        // A temporary file has mode 0600 from its creation on.
        let mut temporary = crate::layout::partial_in(directory)?;
        serde_json::to_writer(&mut temporary, &stored)?;
        temporary.flush()?;
        temporary.as_file().sync_all()?;
        sci_faults::at(Step::KeyPartial);
        match temporary.persist_noclobber(file) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => return Err(error.error),
            _ => sci_faults::at(Step::KeyWritten),
        }
        fs::File::open(directory)?.sync_all()
    };
    write().map_err(Error::io(file))
}

impl Keys for KeyFile {
    async fn sign(&self, payload_type: &str, payload: Vec<u8>) -> Result<Envelope, KeyError> {
        Ok(self.key.sign(payload_type, payload))
    }

    async fn public_keys(&self) -> Result<Vec<PublicKey>, KeyError> {
        Ok(vec![self.key.public()])
    }
}
