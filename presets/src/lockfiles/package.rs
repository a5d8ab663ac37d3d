//! What every lockfile comes down to: packages.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The largest lockfile that is read, in bytes. The largest known ones have a few million; what is parsed takes up to
/// sixty times as much memory.
pub const MAX_BYTES: usize = 16 << 20;

/// The longest text that another place of the lockfile may refer to, in bytes: one that is longer could be repeated for each
/// few bytes that refer to it.
pub(crate) const MAX_REFERRED: usize = 128;

/// How much of a parser's message is shown, in characters.
const MAX_REASON: usize = 200;

/// The packages of a lockfile, by name, then version. Several versions of one package are several elements.
pub type Packages = BTreeSet<Package>;

/// One version of one package, as a lockfile names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Package {
    /// The name that the ecosystem knows it by.
    pub name: String,
    /// The version; empty where the lockfile gives none, as for some git dependencies.
    pub version: String,
    /// Where it comes from, when that is not the ecosystem's own business: a registry, an archive, a git revision, a
    /// directory, in the lockfile's own words.
    pub source: Option<String>,
    /// The digest that the lockfile demands, in the lockfile's own words.
    pub integrity: Option<String>,
}

/// Why a lockfile was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockfileError {
    /// The file is larger than [`MAX_BYTES`].
    #[error("the lockfile has {size} bytes, more than the {MAX_BYTES} that are read")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// The file is not what its name says.
    #[error("not a lockfile of its kind: {reason}")]
    Malformed {
        /// What the parser says, on one line.
        reason: String,
    },
}

impl LockfileError {
    /// Keeps one line of a parser's message, which may quote the file at length.
    pub(crate) fn malformed(reason: impl ToString) -> Self {
        let reason = reason.to_string();
        let words: Vec<_> = reason.split_whitespace().collect();
        Self::Malformed { reason: words.join(" ").chars().take(MAX_REASON).collect() }
    }
}

/// The text of a lockfile, if it is text and not too much of it. A byte order mark is taken off.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, LockfileError> {
    if bytes.len() > MAX_BYTES {
        return Err(LockfileError::TooLarge { size: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(LockfileError::malformed)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
