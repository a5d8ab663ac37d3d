//! The plan made before the run: what `save` compares its own plan with.
//!
//! The key of a saved tree is the one planned *before* the build, and the recorded mtimes of sources are those *before* it.
//! `restore` writes this file, `save` reads it; without it, a save cannot know whether inputs changed meanwhile.

use std::path::Path;

use sci_hasher::{Digest, Ladder};
use sci_planner::PlannedPath;
use sci_store_api::{ObjectId, SnapshotId};
use sci_sys::ffi::OsStrExt;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::flow::report::Word;
use crate::state::atomic;

/// A file of another version, or a damaged one, counts as absent.
const MAGIC: &[u8] = b"sci before 4\n";

/// Why a path has no key whose restore has not come to its end.
pub const CUT_OFF: &str = "its restore was cut off";
/// Why a path has no key that somebody changed before its restore could be completed, until another one has succeeded.
pub const PARTLY: &str = "its restore was cut off, and it was changed before that was completed";
/// Why a path has no key in which another job's files could not be removed.
pub const LEFT_OVER: &str = "another job's files were in its place";
/// Why a path has no key of which it could not be told what stood there before the run.
pub const UNKNOWN: &str = "what stood in its place before the run could not be read";

/// What was planned, and what was restored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The run that the plan belongs to: a save commits under the same one, so that its lineage is known.
    pub run: String,
    /// Each path instance.
    pub paths: Vec<BeforePath>,
    /// Tracked files with the times they had before the build.
    pub tracked: Vec<BeforeFile>,
}

/// One path instance before the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforePath {
    /// The name in sci.toml.
    pub name: String,
    /// The instance: relative to the workspace, or `~/…`.
    pub instance: String,
    /// Where it was, as the system writes it: a variable may have moved it since.
    pub root: Vec<u8>,
    /// The ladder; none when the path could not be keyed.
    pub ladder: Option<Ladder>,
    /// Why it could not.
    pub unkeyed: Option<String>,
    /// The verdict of the restore; none when the path was not restored since it was planned.
    pub verdict: Option<Word>,
    /// Why what was chosen for it could not be restored, and what to do about that.
    pub trouble: Option<(String, Option<String>)>,
    /// The snapshot that the store served to this run, and its manifest.
    pub served: Option<(SnapshotId, ObjectId)>,
    /// The snapshot that was restored, or saved since, and its manifest: what is on disk unless something changed it.
    pub restored: Option<(SnapshotId, ObjectId)>,
    /// Files of what was restored, by which it is told whether anything of it is left; none when it was saved since.
    pub samples: Vec<Sample>,
    /// True when that snapshot has exactly the planned key and is settled.
    pub exact: bool,
    /// Snapshots that were found damaged: the next save of the path takes their place.
    pub damaged: Vec<SnapshotId>,
    /// Where nothing was restored over it: a fingerprint of what stood there before the run.
    pub stood: Option<Digest>,
    /// When the path was as it should be, and the run could begin: nanoseconds since 1970.
    pub since: Option<i64>,
}

/// A restored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Its path below the tree's root.
    pub path: String,
    /// When it was made: nanoseconds since 1970.
    pub made: u64,
}

/// One tracked file or directory before the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeFile {
    /// Path relative to the workspace, as bytes.
    pub path: Vec<u8>,
    /// Digest of the content, or of the directory's listing.
    pub digest: Digest,
    /// Modification time: seconds since the epoch and nanoseconds.
    pub mtime: (i64, u32),
}

impl Before {
    /// Reads the file. `None` when there is none, or none that this version of sci wrote wholly.
    pub fn read(file: &Path) -> Option<Self> {
        let bytes = std::fs::read(file).ok()?;
        let rest = bytes.strip_prefix(MAGIC)?;
        let (digest, body) = rest.split_at_checked(Digest::LEN)?;
        if Digest::of(body).as_bytes() != digest {
            return None;
        }
        postcard::from_bytes(body).ok()
    }

    /// Writes the file atomically.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        let body = postcard::to_stdvec(self).map_err(|e| crate::error::CliError::local("encode", file, e))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(Digest::of(&body).as_bytes());
        bytes.extend_from_slice(&body);
        atomic::write_checked(file, &bytes)
    }

    /// Takes the keys of these paths away, for a reason: as long as it is not known what stands there, nothing that is saved
    /// may pass for what their inputs give.
    pub fn take_keys_of(&mut self, paths: &[&PlannedPath], reason: &str) {
        for path in paths {
            if let Some(noted) = self.path_mut(&path.name, &path.instance) {
                noted.ladder = None;
                noted.unkeyed = Some(reason.to_owned());
            }
        }
    }

    /// Notes that an instance is partly restored: neither its key nor what was restored says what stands there.
    pub fn set_partly_restored(&mut self, name: &str, instance: &str) {
        let (name, unkeyed) = (name.to_owned(), Some(PARTLY.to_owned()));
        let noted = BeforePath { name, instance: instance.to_owned(), unkeyed, ..BeforePath::default() };
        match self.path_mut(&noted.name, &noted.instance) {
            Some(known) => {
                let (served, damaged) = (known.served, std::mem::take(&mut known.damaged));
                let root = std::mem::take(&mut known.root);
                *known = BeforePath { root, served, damaged, ..noted };
            }
            None => self.paths.push(noted),
        }
    }

    /// What was planned for an instance.
    pub fn path(&self, name: &str, instance: &str) -> Option<&BeforePath> {
        self.paths.iter().find(|path| path.name == name && path.instance == instance)
    }

    /// What was planned for an instance, to be changed.
    pub fn path_mut(&mut self, name: &str, instance: &str) -> Option<&mut BeforePath> {
        self.paths.iter_mut().find(|path| path.name == name && path.instance == instance)
    }
}

impl BeforePath {
    /// Whether it was where `root` is.
    pub fn was_at(&self, root: &Path) -> bool {
        self.root == root.as_os_str().as_bytes()
    }

    /// Whether what stands there is neither what was restored nor what a build made of nothing.
    pub fn is_partly_restored(&self) -> bool {
        self.unkeyed.as_deref() == Some(PARTLY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Before {
        Before {
            run: "local-1".into(),
            paths: vec![BeforePath {
                name: "target".into(),
                instance: "target".into(),
                root: b"/ws/target".to_vec(),
                ladder: Some(Ladder::from_rungs([Digest::of(b"x"); 7])),
                unkeyed: None,
                verdict: Some(Word::Exact),
                trouble: Some(("no room".into(), None)),
                served: None,
                restored: Some((SnapshotId::of(b"s"), ObjectId::of(b"m"))),
                samples: Vec::new(),
                exact: true,
                damaged: Vec::new(),
                stood: None,
                since: Some(1_700_000_000_000_000_000),
            }],
            tracked: vec![BeforeFile { path: b"src/\xff.rs".to_vec(), digest: Digest::of(b"f"), mtime: (-1, 5) }],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("before");
        assert_eq!(Before::read(&file), None);
        example().write(&file).unwrap();
        assert_eq!(Before::read(&file), Some(example()));
    }

    #[test]
    fn what_is_partly_restored_has_no_key_and_is_nothing_that_was_restored() {
        let mut before = example();
        before.set_partly_restored("target", "target");
        before.set_partly_restored("other", "other");
        assert_eq!(before.paths.len(), 2);
        for path in &before.paths {
            assert!(path.is_partly_restored() && path.ladder.is_none() && path.restored.is_none(), "{path:?}");
        }
        assert!(!example().paths[0].is_partly_restored());
    }

    #[test]
    fn a_damaged_file_counts_as_absent() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("before");
        example().write(&file).unwrap();
        let bytes = std::fs::read(&file).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            std::fs::write(&file, &damaged).unwrap();
            assert_eq!(Before::read(&file), None, "bit flipped in byte {at}");
            std::fs::write(&file, &bytes[..at]).unwrap();
            assert_eq!(Before::read(&file), None, "cut at byte {at}");
        }
    }

    #[test]
    fn a_forged_file_under_a_good_checksum_is_read_or_counts_as_absent() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("before");
        example().write(&file).unwrap();
        let body = std::fs::read(&file).unwrap().split_off(MAGIC.len() + Digest::LEN);
        for at in 0..body.len() {
            for byte in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let mut forged = body.clone();
                forged[at] = byte;
                std::fs::write(&file, [MAGIC, Digest::of(&forged).as_bytes(), &forged].concat()).unwrap();
                if let Some(read) = Before::read(&file) {
                    read.write(&file).unwrap();
                    assert_eq!(Before::read(&file), Some(read), "byte {at}");
                }
            }
        }
    }
}
