//! What a check found, and how checks read what they compare.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::lockfiles::{self, LockfileError, MAX_BYTES};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The tree is what the lockfiles ask for.
    Current,
    /// It is not.
    NotCurrent {
        /// The first difference, for a person.
        why: String,
    },
    /// There is no telling: nothing speaks for the tree, or against it.
    Unknown {
        /// What is missing for a proof, for a person.
        why: String,
    },
}

impl Proof {
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }

    pub(super) fn not_current(why: impl Into<String>) -> Self {
        Self::NotCurrent { why: why.into() }
    }

    /// How bad the answer is.
    pub(super) const fn doubt(&self) -> u8 {
        match self {
            Self::Current => 0,
            Self::Unknown { .. } => 1,
            Self::NotCurrent { .. } => 2,
        }
    }
}

/// Reads and parses a file; `None` when there is none.
pub(super) fn load<T>(path: &Path, parse: fn(&str) -> Result<T, LockfileError>) -> Result<Option<T>, Proof> {
    let unreadable = |reason: &dyn ToString| Proof::unknown(format!("{}: {}", path.display(), reason.to_string()));
    let bytes = match read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| unreadable(&error))?,
    };
    lockfiles::text(&bytes).and_then(parse).map(Some).map_err(|error| unreadable(&error))
}

/// Reads a file as far as it is of use. A pipe or a device, which may never end or never begin, is none.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = vec![];
    // One byte more than is accepted, so that a file that is too large is seen to be so.
    std::fs::File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads and parses the lockfile itself, without which nothing is proved.
pub(super) fn load_lockfile<T>(path: &Path, parse: fn(&str) -> Result<T, LockfileError>) -> Result<T, Proof> {
    load(path, parse)?.ok_or_else(|| Proof::unknown(format!("{} does not exist", path.display())))
}

/// Differences between what is locked and what is there: the first one is told, the others are counted.
#[derive(Default)]
pub(super) struct Differences {
    first: Option<String>,
    more: usize,
}

impl Differences {
    pub(super) fn add(&mut self, difference: impl FnOnce() -> String) {
        match self.first {
            None => self.first = Some(difference()),
            Some(_) => self.more += 1,
        }
    }

    pub(super) fn into_result(self) -> Result<(), Proof> {
        match (self.first, self.more) {
            (None, _) => Ok(()),
            (Some(first), 0) => Err(Proof::not_current(first)),
            (Some(first), more) => Err(Proof::not_current(format!("{first}, and {more} more differences"))),
        }
    }
}
