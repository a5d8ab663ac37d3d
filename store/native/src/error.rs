//! Errors of a store on this machine.

use std::path::{Path, PathBuf};

use sci_store_api::ErrorCode;

/// What went wrong with the embedded store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The directory was written by a later sci.
    #[error("the store in {} has format {found}; this sci reads format {known}", path.display())]
    NewerFormat {
        /// The store's directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this sci knows.
        known: u32,
    },
    /// The directory is not a store, or a damaged one.
    #[error("{}: {problem}", path.display())]
    NotAStore {
        /// The file that says so.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The store's objects are somewhere else than was said.
    #[error("the objects of the store in {} are in {found}, not in {named}", path.display())]
    OtherObjects {
        /// The store's directory.
        path: PathBuf,
        /// Where they are.
        found: String,
        /// Where they were said to be.
        named: String,
    },
    /// The bucket with the store's objects cannot be used.
    #[error("{problem}")]
    Bucket {
        /// What happened.
        problem: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// Another server uses the directory.
    #[error("another server uses the store in {}", path.display())]
    Served {
        /// The store's directory.
        path: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
    /// The service refused, or its backend failed.
    #[error(transparent)]
    Service(#[from] sci_service::Error),
}

impl Error {
    pub(crate) fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.as_ref().to_owned(), source }
    }

    /// The service's code; none when the store could not be opened.
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Service(error) => Some(error.code()),
            _ => None,
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::NewerFormat { .. } => Some("install the newest sci, or name another directory with --store"),
            Self::NotAStore { .. } => Some("name a store or an empty directory with --store"),
            Self::OtherObjects { .. } => Some(
                "leave --objects out to go on as before; objects elsewhere need a store directory of their own, and where only \
                 the address of the same bucket has changed, change it in sci-store.json",
            ),
            Self::Bucket { hint, .. } => Some(hint),
            Self::Served { .. } => Some("stop it first, or give this one a directory of its own with --store"),
            Self::Service(error) => error.hint(),
            Self::Io { source, .. } if is_full(source) => {
                Some("free some room there, or name another directory with --store")
            }
            Self::Io { .. } | Self::Random(_) => None,
        }
    }
}

/// Whether there was no room on the disk, or none left for this user.
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

/// A file's error, in one line.
pub(crate) fn message(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
