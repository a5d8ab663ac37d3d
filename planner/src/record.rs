//! The record of inputs that the store keeps for explain: a derivation with what may be shown of it.

use std::collections::BTreeMap;
use std::io::Read;

use sci_hasher::{Derivation, InputClass, InputName};
use serde::{Deserialize, Serialize};

/// A derivation and its notes: what explain and diff need, without the workspace at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    /// The canonical inputs.
    pub derivation: Derivation,
    /// What may be shown of them.
    pub notes: Notes,
}

/// What may be shown of an input besides its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// A value: a tool's first line, a showable variable, a field of `system`.
    Text(String),
    /// There is no value: a tool that is not installed, a variable that is not set.
    Absent,
    /// The packages of a lockfile, sorted.
    Packages(Vec<NotedPackage>),
}

/// One package of a lockfile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NotedPackage {
    /// Name in its ecosystem.
    pub name: String,
    /// Version, as the lockfile spells it.
    pub version: String,
    /// Where it comes from, when the lockfile says so.
    pub source: Option<String>,
}

/// The notes of a derivation's inputs, by class and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Notes(BTreeMap<InputClass, BTreeMap<InputName, Note>>);

impl Notes {
    /// Notes an input; a second note under the same class and name replaces the first.
    pub fn insert(&mut self, class: InputClass, name: InputName, note: Note) {
        self.0.entry(class).or_default().insert(name, note);
    }

    /// The note of one input.
    pub fn get(&self, class: InputClass, name: &[u8]) -> Option<&Note> {
        self.0.get(&class)?.get(name)
    }

    /// Every note, in ladder order, then in byte order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (InputClass, &InputName, &Note)> {
        self.0.iter().flat_map(|(class, notes)| notes.iter().map(move |(name, note)| (*class, name, note)))
    }
}

/// Why bytes are not an input record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The first bytes are another format's.
    #[error("not an input record")]
    Foreign,
    /// A later `sci` wrote it.
    #[error("input record of version {found}, this sci reads version {VERSION}")]
    Version {
        /// The version that was found.
        found: u8,
    },
    /// The declared length is over the limit.
    #[error("input record declares {declared} bytes, over the limit of {LENGTH_LIMIT}")]
    TooLong {
        /// The declared length in bytes.
        declared: u64,
    },
    /// The compressed part is damaged, asks for too large a window, or has another length than declared.
    #[error("damaged input record: {0}")]
    Damaged(String),
}

const MAGIC: &[u8; 7] = b"sci-inp";
const VERSION: u8 = 1;
/// Some 600,000 inputs. What is read takes up to forty times as much memory.
const LENGTH_LIMIT: u64 = 64 << 20;
const WINDOW_LOG_LIMIT: u32 = 24;
const LEVEL: i32 = 3;

impl InputRecord {
    /// Writes the stored form: 7 bytes of magic, the version, the length of what follows when decompressed (8 bytes,
    /// little endian), then one zstd frame of postcard.
    ///
    /// # Errors
    /// [`RecordError::TooLong`] when the record is larger than a reader accepts.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let damaged = |error: &dyn std::fmt::Display| RecordError::Damaged(error.to_string());
        let plain = postcard::to_stdvec(self).map_err(|error| damaged(&error))?;
        let declared = plain.len() as u64;
        if declared > LENGTH_LIMIT {
            return Err(RecordError::TooLong { declared });
        }
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        bytes.extend(declared.to_le_bytes());
        bytes.extend(zstd::bulk::compress(&plain, LEVEL).map_err(|error| damaged(&error))?);
        Ok(bytes)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`RecordError`] for anything that [`InputRecord::encode`] does not write. Memory is bounded by the limit on the
    /// declared length and grows only with what really decompresses.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(RecordError::Foreign)?;
        let (&found, rest) = rest.split_first().ok_or(RecordError::Foreign)?;
        if found != VERSION {
            return Err(RecordError::Version { found });
        }
        let (length, frame) = rest.split_first_chunk::<8>().ok_or(RecordError::Foreign)?;
        let declared = u64::from_le_bytes(*length);
        if declared > LENGTH_LIMIT {
            return Err(RecordError::TooLong { declared });
        }
        let plain = decompress(frame, declared).map_err(|error| RecordError::Damaged(error.to_string()))?;
        if plain.len() as u64 != declared {
            return Err(RecordError::Damaged("the length is not the declared one".into()));
        }
        match postcard::take_from_bytes(&plain) {
            Ok((record, [])) => Ok(record),
            Ok(_) => Err(RecordError::Damaged("bytes after the end".into())),
            Err(error) => Err(RecordError::Damaged(error.to_string())),
        }
    }
}

fn decompress(frame: &[u8], declared: u64) -> std::io::Result<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(frame)?;
    decoder.window_log_max(WINDOW_LOG_LIMIT)?;
    let mut plain = Vec::new();
    decoder.take(declared + 1).read_to_end(&mut plain)?;
    Ok(plain)
}
