//! Objects on their way in and out: whole in memory, or part after part, so that a host holds none of them in memory.

use std::fs::File;
use std::io;
use std::iter;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

/// Parts of a body, in order. They end early when whoever sends them gives up: what is stored is then too short, and refused.
pub type Parts = Box<dyn Iterator<Item = Bytes> + Send>;

/// A body that arrives.
pub enum Upload {
    /// All of it.
    Whole(Bytes),
    /// Part after part; taking the next one may block.
    Parts(Parts),
}

impl Upload {
    /// The parts of the body; one that is whole already is given in steps of so many bytes.
    pub(crate) fn parts(self, step: usize) -> Parts {
        match self {
            Self::Whole(mut rest) => {
                Box::new(iter::from_fn(move || (!rest.is_empty()).then(|| rest.split_to(step.min(rest.len())))))
            }
            Self::Parts(parts) => parts,
        }
    }
}

impl From<Bytes> for Upload {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Upload({} bytes)", bytes.len()),
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
        }
    }
}

impl TryFrom<Download> for Bytes {
    type Error = io::Error;

    fn try_from(mut body: Download) -> io::Result<Self> {
        body.next_part(usize::MAX)
    }
}

/// Reads exactly the range.
pub(crate) fn read_range(file: &File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes)
}
