//! Contents of input files, each hashed once however many patterns name it.

use std::num::NonZeroUsize;
use std::path::Path;

use sci_hasher::fs::{FileKind, Found, HashedFile, StatCache, Walked, hash_found};
use sci_hasher::{Digest, Encoder};

use super::tree::Entry;
use super::{EntryId, Tree, to_path};

/// Contents of the entries that were asked for.
#[derive(Debug)]
pub(crate) struct Hashes<'t> {
    tree: &'t Tree,
    late: Late,
}

/// What hashing said of entries that the walk did not read, in order.
#[derive(Debug, Default)]
pub(crate) struct Late(Vec<(EntryId, Hashed)>);

/// What an entry looked like while it had its content, and the digest under which it enters a derivation; or why there is
/// none.
type Hashed = Result<(Found, Digest), String>;

/// An input that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnreadableInput {
    pub(crate) reason: String,
}

impl<'t> Hashes<'t> {
    /// Hashes the entries, which are in order, in parallel.
    pub(crate) fn of(tree: &'t Tree, ids: &[EntryId], cache: Option<&StatCache>, threads: NonZeroUsize) -> Self {
        let late = ids.iter().map(|id| (*id, tree.entry(*id))).filter(|(_, entry)| entry.seen.input.is_none());
        let (ids, files): (Vec<_>, Vec<(&Path, &Found)>) =
            late.map(|(id, entry)| (id, (to_path(entry.path), &entry.seen.found))).unzip();
        let hashed = hash_found(tree.root(), &files, cache, threads, input_digest);
        let hashed = hashed.into_iter().map(|outcome| outcome.map_err(|error| with_cause(&error)));
        Self { tree, late: Late(ids.into_iter().zip(hashed).collect()) }
    }

    /// What the walk did not know.
    pub(crate) fn into_late(self) -> Late {
        self.late
    }

    fn hashed(&self, id: EntryId) -> Result<(&Found, &Digest), UnreadableInput> {
        let seen = self.tree.entry(id).seen;
        if let Some(input) = &seen.input {
            return Ok((&seen.found, input));
        }
        match self.late.get(id) {
            Some(Ok((found, input))) => Ok((found, input)),
            Some(Err(reason)) => Err(UnreadableInput { reason: reason.clone() }),
            None => Err(UnreadableInput { reason: "it was not hashed".to_owned() }),
        }
    }

    /// What was hashed of one entry.
    pub(crate) fn get(&self, id: EntryId) -> Result<HashedFile, UnreadableInput> {
        let (found, _) = self.hashed(id)?;
        found.hashed().ok_or_else(|| UnreadableInput { reason: "it was not hashed".to_owned() })
    }

    /// The digest under which an entry enters a derivation.
    pub(crate) fn input(&self, id: EntryId) -> Result<Digest, UnreadableInput> {
        self.hashed(id).map(|(_, digest)| *digest)
    }

    /// Reads an entry again, as it was when it was hashed.
    pub(crate) fn content(&self, id: EntryId) -> Result<Vec<u8>, UnreadableInput> {
        let Entry { path, .. } = self.tree.entry(id);
        let shown = String::from_utf8_lossy(path);
        let content = std::fs::read(self.tree.root().join(to_path(path)))
            .map_err(|error| UnreadableInput { reason: format!("cannot read `{shown}`: {error}") })?;
        if Digest::of(&content) != self.get(id)?.digest {
            return Err(UnreadableInput { reason: format!("`{shown}` changed while the plan was made") });
        }
        Ok(content)
    }
}

impl Late {
    fn get(&self, id: EntryId) -> Option<&Hashed> {
        let place = self.0.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.0.get(place).map(|(_, hashed)| hashed)
    }
}

/// What a plan found in the workspace: what the next one need not find again.
#[derive(Debug)]
pub struct Findings {
    tree: Tree,
    late: Late,
}

impl Findings {
    pub(crate) const fn new(tree: Tree, late: Late) -> Self {
        Self { tree, late }
    }

    /// What the walk found at a path relative to the workspace: a file or link that git does not ignore.
    pub fn kind(&self, path: &[u8]) -> Option<FileKind> {
        self.tree.walked_at(path).map(|entry| entry.seen.found.kind())
    }

    /// Remembers it.
    pub fn remember(&self, cache: &mut StatCache) {
        let memories = self.tree.memories().iter();
        let walked: Vec<Walked<'_>> = memories.map(|(path, names)| Walked { path, names }).collect();
        let files = self.tree.entries().filter_map(|(id, entry)| {
            let found = match self.late.get(id) {
                Some(Ok((found, _))) => Some(found),
                Some(Err(_)) => None,
                // What nobody asked for is not known to have changed.
                None => Some(entry.seen.found.hashed().map(|_| &entry.seen.found)?),
            };
            Some((to_path(entry.path), found))
        });
        cache.remember(Some(&walked), files);
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
pub(super) fn input_digest(file: &HashedFile) -> Digest {
    let kind = match file.kind {
        FileKind::File => "file",
        FileKind::Symlink => "symlink",
    };
    let mut encoder = Encoder::new("sci v1 file input");
    encoder.text(kind).integer(u64::from(file.executable)).raw_digest(&file.digest);
    encoder.finish()
}
