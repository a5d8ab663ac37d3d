//! Contents of input files, each hashed once however many patterns name it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use sci_hasher::fs::{FileKind, HashedFile, StatCache, hash_files};
use sci_hasher::{Digest, Encoder};

use super::tree::Entry;
use super::{EntryId, Tree, to_path};

/// What hashing said of each entry that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Hashes(BTreeMap<EntryId, Result<HashedFile, String>>);

/// An input that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnreadableInput {
    pub(crate) reason: String,
}

impl Hashes {
    /// Hashes the entries, in parallel.
    pub(crate) fn of(
        tree: &Tree,
        ids: impl IntoIterator<Item = EntryId>,
        cache: Option<&mut StatCache>,
        threads: NonZeroUsize,
    ) -> Self {
        let ids: Vec<EntryId> = ids.into_iter().collect();
        let files: Vec<PathBuf> = ids.iter().map(|id| to_path(&tree.entry(*id).path).to_owned()).collect();
        let hashed = hash_files(tree.root(), &files, cache, threads);
        Self(
            ids.into_iter()
                .zip(hashed.into_iter().map(|outcome| outcome.map_err(|error| with_cause(&error))))
                .collect(),
        )
    }

    /// What was hashed of one entry.
    pub(crate) fn get(&self, id: EntryId) -> Result<&HashedFile, UnreadableInput> {
        match self.0.get(&id) {
            Some(Ok(file)) => Ok(file),
            Some(Err(reason)) => Err(UnreadableInput { reason: reason.clone() }),
            None => Err(UnreadableInput { reason: "it was not hashed".to_owned() }),
        }
    }

    /// The digest under which an entry enters a derivation.
    pub(crate) fn input(&self, id: EntryId) -> Result<Digest, UnreadableInput> {
        self.get(id).map(input_digest)
    }

    /// Reads an entry again, as it was when it was hashed.
    pub(crate) fn content(&self, tree: &Tree, id: EntryId) -> Result<Vec<u8>, UnreadableInput> {
        let Entry { path, .. } = tree.entry(id);
        let shown = String::from_utf8_lossy(path);
        let content = std::fs::read(tree.root().join(to_path(path)))
            .map_err(|error| UnreadableInput { reason: format!("cannot read `{shown}`: {error}") })?;
        if Digest::of(&content) != self.get(id)?.digest {
            return Err(UnreadableInput { reason: format!("`{shown}` changed while the plan was made") });
        }
        Ok(content)
    }
}

/// An error and what caused it, in one line.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Canonical (kind, executable, content): an edit, a `chmod +x` and a file that becomes a symlink each change it.
fn input_digest(file: &HashedFile) -> Digest {
    let kind = match file.kind {
        FileKind::File => "file",
        FileKind::Symlink => "symlink",
    };
    let mut encoder = Encoder::new("sci v1 file input");
    encoder.text(kind).integer(u64::from(file.executable)).raw_digest(&file.digest);
    encoder.finish()
}
