//! What can go wrong with a snapshot.

use std::borrow::Cow;
use std::io;
use std::io::ErrorKind::{CrossesDevices, PermissionDenied, QuotaExceeded, StorageFull};
use std::path::{Path, PathBuf};

use sci_store_api::{ObjectId, TransferError};

/// The result of everything in this crate.
pub type Result<T, E = SnapshotError> = std::result::Result<T, E>;

/// Why a snapshot could not be saved, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file system refused an operation.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as an infinitive: "open", "write".
        action: &'static str,
        /// The file or directory concerned.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A link lies on the way to a path; none is followed.
    #[error("cannot use {}: {} is a symbolic link, and none is followed on the way to a path", path.display(), link.display())]
    Linked {
        /// The path that was to be used.
        path: PathBuf,
        /// The link.
        link: PathBuf,
        /// Where it leads, as it says.
        target: PathBuf,
    },
    /// A file kept changing while it was read; three attempts gave no whole content.
    #[error("{} changed while it was being saved", path.display())]
    Changing {
        /// The file.
        path: PathBuf,
    },
    /// Something else removed or replaced a part of the target while it was being restored.
    #[error("{} was removed or replaced by something else while it was being restored", path.display())]
    Overtaken {
        /// Where.
        path: PathBuf,
    },
    /// The store did not deliver or take an object.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// An object's bytes are not what its signed record says.
    #[error("object {object} is damaged: {reason}")]
    Damaged {
        /// The object.
        object: ObjectId,
        /// What does not fit.
        reason: String,
    },
    /// The snapshot asks for something that no snapshot may ask for; nothing was written.
    #[error("the snapshot is refused: {0}")]
    Refused(String),
    /// The system cannot have a name, or must not be given it; nothing was written.
    #[error("the snapshot has {}, which Windows cannot have: {reason}", path.display())]
    Name {
        /// Whose name it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It was told to stop; nothing was changed, and nothing is visible in the store.
    #[error("it was interrupted")]
    Interrupted,
    /// There is not enough room on the target's file system; nothing was written.
    #[error("{} needs {} of disk, and {} are free", path.display(), Size(*needed), Size(*free))]
    NoSpace {
        /// The target.
        path: PathBuf,
        /// Bytes that the restore takes, in whole blocks; what it replaces goes only afterwards.
        needed: u64,
        /// Bytes available to this user.
        free: u64,
    },
    /// The target's file system cannot hold so many files more; nothing was written.
    #[error("{} needs {needed} new files and directories, and its file system has room for {free}", path.display())]
    NoEntries {
        /// The target.
        path: PathBuf,
        /// Entries that the restore makes.
        needed: u64,
        /// Entries available to this user.
        free: u64,
    },
    /// An exclude pattern cannot be used.
    #[error("exclude pattern {pattern:?}: {reason}")]
    Pattern {
        /// The pattern as written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What to do about a disk that is full.
const ROOM: &str = "free some room, or run `sci gc` if the store is on the same disk";

/// What to do about a mount point.
const MOUNTED: &str = "a restore moves what it made into place, which no file system does across a mount point: name a directory below it";

impl SnapshotError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Linked { target, .. } => {
                Some(format!("declare the path in the real directory: the link leads to {}", target.display()).into())
            }
            Self::Io { action, path, source } if source.kind() == PermissionDenied => may(action, path),
            Self::Io { source, .. } if source.kind() == CrossesDevices => Some(Cow::Borrowed(MOUNTED)),
            _ => self.advice().map(Cow::Borrowed),
        }
    }

    fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Changing { .. } => Some("stop what writes there before saving, or exclude the file"),
            Self::Overtaken { .. } => Some("stop what writes there, and restore again"),
            Self::Damaged { .. } => Some("run `sci verify --read-data` to find every damaged snapshot"),
            Self::Transfer(TransferError::Missing { .. }) => Some(
                "run `sci verify --repair` where the store is: it drops what cannot be served, and the next save makes it anew",
            ),
            Self::Transfer(TransferError::NoRoom { .. }) => Some(
                "free some room where the store is, or run `sci gc --keep N`, which also says what has to stay for now \
                     and until when; nothing of this save is visible",
            ),
            Self::Name { .. } => {
                Some("exclude it where the snapshot is made, or restore the snapshot on another system")
            }
            Self::NoSpace { .. } | Self::NoEntries { .. } => Some(ROOM),
            Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded) => Some(ROOM),
            _ => None,
        }
    }

    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        Self::Io { action, path: path.as_ref().to_owned(), source: source.into() }
    }

    pub(crate) fn damaged(object: &ObjectId, reason: impl Into<String>) -> Self {
        Self::Damaged { object: *object, reason: reason.into() }
    }
}

/// What this user must be allowed for `action`, which was tried with `path`.
fn may(action: &str, path: &Path) -> Option<Cow<'static, str>> {
    let shown = path.display();
    Some(match action {
        "read" | "open" | "save" | "look at" => "make the file readable for this user, or exclude it".into(),
        // Who may write to it may still not do this.
        "change" | "unlock" | "set mode of" | "set mode and time of" | "set the time of" | "finish what is left in" => {
            format!("make this user the owner of {shown}, or remove it").into()
        }
        "open the directory of" => format!("this user must be able to enter {}", parent(path)?).into(),
        _ => format!("this user must be able to write to {}", parent(path)?).into(),
    })
}

fn parent(path: &Path) -> Option<std::path::Display<'_>> {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).map(Path::display)
}

/// Bytes for people: "512 B", "1.5 KiB", "210.0 MiB".
struct Size(u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        let unit = (self.0.checked_ilog2().unwrap_or(0) as usize / 10).min(UNITS.len() - 1);
        match unit {
            0 => write!(f, "{} B", self.0),
            _ => write!(f, "{:.1} {}", self.0 as f64 / (1_u64 << (10 * unit)) as f64, UNITS[unit]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_user_may_not_do_is_told_by_what_was_tried() {
        let hint = |action| {
            let denied = io::Error::from(PermissionDenied);
            SnapshotError::io(action, "/ws/a/out", denied).hint().unwrap().into_owned()
        };
        for action in ["read", "open", "save", "look at"] {
            assert_eq!(hint(action), "make the file readable for this user, or exclude it", "{action}");
        }
        for action in ["make", "create", "write", "link", "install", "remove"] {
            assert_eq!(hint(action), "this user must be able to write to /ws/a", "{action}");
        }
        for action in ["change", "unlock", "set mode of", "set the time of", "finish what is left in"] {
            assert_eq!(hint(action), "make this user the owner of /ws/a/out, or remove it", "{action}");
        }
        assert_eq!(hint("open the directory of"), "this user must be able to enter /ws/a");
        let nowhere = SnapshotError::io("write", "the output", io::Error::from(PermissionDenied));
        assert_eq!(nowhere.hint(), None);
        let full = SnapshotError::io("make", "/ws/a/out", io::Error::from(StorageFull));
        assert_eq!(full.hint().as_deref(), Some(ROOM));
    }

    #[test]
    fn sizes_are_for_people() {
        let sizes = [0, 1023, 1024, 1536, 220_200_960, 1 << 40, u64::MAX].map(|size| Size(size).to_string());
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "210.0 MiB", "1.0 TiB", "16384.0 PiB"]);
    }
}
