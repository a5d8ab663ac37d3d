//! Text files by git's rules, so that either line ending gives the same digest (`text = "auto"` in sci.toml).
//!
//! The walk and the stat cache know files by their bytes, and so does replay; only the digest under which a file enters a
//! derivation is that of its lines. It is the digest of the file with LF, so a checkout with LF has the keys that it has
//! without the setting. This module deliberately does not read git's index or configuration: they differ between machines.

mod attributes;
mod convert;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use sci_hasher::Digest;

use super::hashes::input_digest;
use super::{EntryId, Hashes, Tree, UnreadableInput};
use attributes::{Attributes, Text};

/// A larger file counts by its bytes: at worst a key differs that could be the same. Bytes.
const SIZE_LIMIT: u64 = 16 << 20;

/// The inputs whose digest is not that of their bytes, in order.
#[derive(Debug, Default)]
pub(crate) struct Texts(BTreeMap<EntryId, Result<Digest, UnreadableInput>>);

impl Texts {
    /// Reads those of the inputs that git's attributes let be text.
    ///
    /// # Errors
    /// Passes on what reading `.gitattributes` files says.
    pub(crate) fn of(
        tree: &Tree,
        hashes: &Hashes<'_>,
        inputs: &[EntryId],
        threads: NonZeroUsize,
    ) -> std::io::Result<Self> {
        let mut attributes = Attributes::of(tree)?;
        let mut wanted = Vec::new();
        for id in inputs {
            let entry = tree.entry(*id);
            let small = hashes.get(*id).is_ok_and(|file| file.size <= SIZE_LIMIT);
            if entry.is_file() && small {
                wanted.push((*id, attributes.text(tree, entry.path)));
            }
        }
        wanted.retain(|(_, text)| *text != Text::Unset);
        let share = wanted.len().div_ceil(threads.get()).max(1);
        let read = |part: &[(EntryId, Text)]| -> Vec<_> {
            part.iter().filter_map(|(id, text)| Some((*id, digest(hashes, *id, *text).transpose()?))).collect()
        };
        let parts: Vec<Vec<_>> = std::thread::scope(|scope| {
            let workers: Vec<_> = wanted.chunks(share).map(|part| scope.spawn(|| read(part))).collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            workers.into_iter().map(join).collect()
        });
        Ok(Self(parts.into_iter().flatten().collect()))
    }

    /// The digest under which an entry enters a derivation; `None` when it is that of its bytes.
    pub(crate) fn input(&self, id: EntryId) -> Option<Result<Digest, UnreadableInput>> {
        self.0.get(&id).cloned()
    }
}

/// `None` when the file's lines end with LF already, or it is no text.
fn digest(hashes: &Hashes<'_>, id: EntryId, text: Text) -> Result<Option<Digest>, UnreadableInput> {
    let content = hashes.content(id)?;
    let Some(converted) = convert::to_lf(&content, text == Text::Auto) else { return Ok(None) };
    let mut file = hashes.get(id)?;
    file.digest = Digest::of(&converted);
    Ok(Some(input_digest(&file)))
}
