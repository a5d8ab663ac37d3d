//! Why a server does not start, or ends.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] sci_native::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that was named cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("{}: {problem}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// What the settings say together cannot be.
    #[error("{problem}")]
    Settings {
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The list of issuers is wrong.
    #[error("the list of issuers in {} is wrong", path.display())]
    Issuers {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, in the order of the file; at least one.
        problems: Vec<crate::issuers::Problem>,
    },
    /// The system has no certificates to check the issuers with.
    #[error("the system's root certificates cannot be used: {0}")]
    Roots(String),
    /// The system refused something else.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { doing, source }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Settings { hint, .. } => Some(hint),
            Self::Roots(_) => {
                Some("install the system's package of certificates (ca-certificates), or set SSL_CERT_FILE")
            }
            _ => None,
        }
    }
}
