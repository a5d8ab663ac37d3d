//! Objects on their way in and out: whole in memory, or part after part, so that a host holds none of them in memory.

use std::fs::File;
use std::io;
use std::iter;
use std::ops::Range;

use bytes::Bytes;
use sci_service::{Blob, BlobError};
use sci_store_api::{Object, ObjectId};
use sha2::{Digest as _, Sha256};

/// Parts of a body, in order. They end early when whoever sends them gives up: what is stored is then too short, and refused.
pub type Parts = Box<dyn Iterator<Item = Bytes> + Send>;

/// A body that arrives.
pub enum Upload {
    /// All of it.
    Whole(Bytes),
    /// All of it, and what it is: hashed in this process.
    Sealed(Object),
    /// Part after part; taking the next one may block.
    Parts(Parts),
}

impl Upload {
    /// The parts of the body; one that is whole already is given in steps of so many bytes, or in its pieces.
    pub fn parts(self, step: usize) -> Parts {
        match self {
            Self::Whole(mut rest) => {
                Box::new(iter::from_fn(move || (!rest.is_empty()).then(|| rest.split_to(step.min(rest.len())))))
            }
            Self::Sealed(object) => Box::new(object.into_pieces().into_iter().map(Bytes::from)),
            Self::Parts(parts) => parts,
        }
    }

    /// The body measured and hashed as it is taken, in parts as [`Upload::parts`] gives them.
    ///
    /// # Errors
    /// [`BlobError::WrongContent`] when its length is known already, and is not the blob's.
    pub fn checked(self, blob: &Blob, step: usize) -> Result<Checked, BlobError> {
        let object = blob.key.object;
        let size = match &self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Sealed(sealed) if sealed.id() != object => return Err(wrong_content(object)),
            Self::Sealed(sealed) => sealed.size(),
            Self::Parts(_) => blob.size,
        };
        if size != blob.size {
            return Err(wrong_size(object));
        }
        let hasher = (!matches!(self, Self::Sealed(_))).then(Sha256::new);
        Ok(Checked { parts: self.parts(step), hasher, missing: blob.size, object })
    }
}

/// A body that is measured and hashed as it is taken.
pub struct Checked {
    parts: Parts,
    /// None where the body is known to be the object.
    hasher: Option<Sha256>,
    missing: u64,
    object: ObjectId,
}

impl Checked {
    /// The next part. `None` is the end, and says that all of it was the object: until then nothing of it is believed.
    ///
    /// # Errors
    /// [`BlobError::WrongContent`].
    pub fn next_part(&mut self) -> Result<Option<Bytes>, BlobError> {
        match self.parts.next() {
            Some(part) => {
                let left = self.missing.checked_sub(part.len() as u64);
                self.missing = left.ok_or_else(|| wrong_size(self.object))?;
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&part);
                }
                Ok(Some(part))
            }
            None if self.missing > 0 => Err(wrong_size(self.object)),
            None => {
                let hashed = self.hasher.take().map(|hasher| ObjectId::from_bytes(hasher.finalize().into()));
                if hashed.is_none_or(|id| id == self.object) { Ok(None) } else { Err(wrong_content(self.object)) }
            }
        }
    }
}

fn wrong_size(object: ObjectId) -> BlobError {
    wrong(object, "has not the size that was announced")
}

fn wrong_content(object: ObjectId) -> BlobError {
    wrong(object, "has not the SHA-256 that was announced")
}

const fn wrong(object: ObjectId, fault: &'static str) -> BlobError {
    BlobError::WrongContent { object, fault }
}

impl From<Bytes> for Upload {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl From<Object> for Upload {
    fn from(object: Object) -> Self {
        Self::Sealed(object)
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Upload({} bytes)", bytes.len()),
            Self::Sealed(object) => write!(f, "Upload({object:?})"),
            Self::Parts(_) => f.write_str("Upload(…)"),
        }
    }
}

/// A body that leaves: what [`Download::next_part`] has not given yet.
#[derive(Debug)]
pub enum Download {
    /// Bytes in memory.
    Memory(Bytes),
    /// A range of an open file, which stays readable when the object is collected meanwhile.
    File {
        /// The file.
        file: File,
        /// The bytes of it.
        rest: Range<u64>,
    },
    /// Parts that arrive from somewhere else.
    Parts(Arriving),
}

/// Parts that arrive from somewhere else: they end where the range does, or with an error.
pub struct Arriving {
    parts: Box<dyn Iterator<Item = io::Result<Bytes>> + Send>,
    rest: Bytes,
}

impl Arriving {
    /// Parts of any length; taking the next one may block.
    pub fn new(parts: impl Iterator<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self { parts: Box::new(parts), rest: Bytes::new() }
    }

    fn next_part(&mut self, most: usize) -> io::Result<Bytes> {
        while self.rest.is_empty() {
            match self.parts.next() {
                Some(part) => self.rest = part?,
                None => break,
            }
        }
        Ok(self.rest.split_to(most.min(self.rest.len())))
    }
}

impl std::fmt::Debug for Arriving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Arriving(…)")
    }
}

impl Download {
    /// The next part, of at most so many bytes; an empty one is the end. Reading may block.
    ///
    /// # Errors
    /// What the system says; a file that has become shorter is an error too.
    pub fn next_part(&mut self, most: usize) -> io::Result<Bytes> {
        match self {
            Self::Memory(rest) => Ok(rest.split_to(most.min(rest.len()))),
            Self::File { file, rest } => {
                let length = usize::try_from(rest.end.saturating_sub(rest.start)).unwrap_or(usize::MAX).min(most);
                let part = read_range(file, rest.start..rest.start + length as u64)?;
                rest.start += length as u64;
                Ok(part.into())
            }
            Self::Parts(arriving) => arriving.next_part(most),
        }
    }
}

impl TryFrom<Download> for Bytes {
    type Error = io::Error;

    fn try_from(mut body: Download) -> io::Result<Self> {
        let first = body.next_part(usize::MAX)?;
        if !matches!(body, Download::Parts(_)) {
            return Ok(first);
        }
        let mut whole = Vec::from(first);
        loop {
            let part = body.next_part(usize::MAX)?;
            if part.is_empty() {
                return Ok(whole.into());
            }
            whole.extend_from_slice(&part);
        }
    }
}

/// Reads exactly the range.
pub(crate) fn read_range(file: &File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    fill(file, &mut bytes, range.start)?;
    Ok(bytes)
}

#[cfg(unix)]
fn fill(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

/// The file's place is moved, too; nobody else has it.
#[cfg(windows)]
fn fill(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => (bytes, at) = (&mut bytes[count..], at + count as u64),
        }
    }
    Ok(())
}
