//! Contents of input files, each hashed once however many patterns name it.

use std::num::NonZeroUsize;
use std::path::Path;

use sci_hasher::fs::{FileKind, Found, HashedFile, StatCache, hash_found};
use sci_hasher::{Digest, Encoder};

use super::tree::Entry;
use super::{EntryId, Tree, to_path};

/// What hashing said of each entry that was asked for, by the entry's index.
#[derive(Debug, Default)]
pub(crate) struct Hashes(Vec<Option<Hashed>>);

/// What was hashed of an entry and the digest under which it enters a derivation, or why it was not.
type Hashed = Result<(HashedFile, Digest), String>;

/// An input that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnreadableInput {
    pub(crate) reason: String,
}

impl Hashes {
    /// Hashes the entries, in parallel.
    pub(crate) fn of(tree: &Tree, ids: &[EntryId], cache: Option<&mut StatCache>, threads: NonZeroUsize) -> Self {
        let entries = ids.iter().map(|id| tree.entry(*id));
        let files: Vec<(&Path, &Found)> = entries.map(|entry| (to_path(entry.path), entry.found)).collect();
        let hashed = hash_found(tree.root(), &files, cache, threads, |file| (*file, input_digest(file)));
        let mut hashes = Vec::new();
        hashes.resize_with(tree.len(), || None);
        for (id, outcome) in ids.iter().zip(hashed) {
            hashes[Tree::index(*id)] = Some(outcome.map_err(|error| with_cause(&error)));
        }
        Self(hashes)
    }

    fn hashed(&self, id: EntryId) -> Result<&(HashedFile, Digest), UnreadableInput> {
        match self.0.get(Tree::index(id)) {
            Some(Some(Ok(hashed))) => Ok(hashed),
            Some(Some(Err(reason))) => Err(UnreadableInput { reason: reason.clone() }),
            _ => Err(UnreadableInput { reason: "it was not hashed".to_owned() }),
        }
    }

    /// What was hashed of one entry.
    pub(crate) fn get(&self, id: EntryId) -> Result<&HashedFile, UnreadableInput> {
        self.hashed(id).map(|(file, _)| file)
    }

    /// The digest under which an entry enters a derivation.
    pub(crate) fn input(&self, id: EntryId) -> Result<Digest, UnreadableInput> {
        self.hashed(id).map(|(_, digest)| *digest)
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
