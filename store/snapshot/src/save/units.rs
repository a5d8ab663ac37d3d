//! Cuts the files to be read into units of work, in tree order.

use crate::limits::{STRIDE, WHOLE_FILE};
use crate::tree::Tree;

/// Bytes and files of small files that one unit reads.
const BATCH: (u64, usize) = (2 << 20, 512);

/// A unit of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Several small files, whole.
    Files(Vec<u32>),
    /// Part of a large file. Parts of one file follow each other.
    Stride {
        /// The file.
        entry: u32,
        /// Where the part begins, a multiple of [`STRIDE`].
        at: u64,
        /// Its length in bytes.
        length: u64,
    },
}

/// The units for `files`, which are in tree order.
pub(crate) fn units<'a>(tree: &'a Tree, files: &'a [u32]) -> impl Iterator<Item = Unit> + 'a {
    let mut files = files.iter().copied().peekable();
    let mut large: Option<(u32, u64)> = None;
    std::iter::from_fn(move || {
        if let Some((entry, at)) = large.take() {
            return Some(stride(tree, entry, at, &mut large));
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(&entry) = files.peek() {
            let size = tree.entry(entry).size;
            if size > WHOLE_FILE {
                if batch.is_empty() {
                    files.next();
                    return Some(stride(tree, entry, 0, &mut large));
                }
                break;
            }
            if !batch.is_empty() && (bytes + size > BATCH.0 || batch.len() == BATCH.1) {
                break;
            }
            files.next();
            bytes += size;
            batch.push(entry);
        }
        (!batch.is_empty()).then_some(Unit::Files(batch))
    })
}

fn stride(tree: &Tree, entry: u32, at: u64, rest: &mut Option<(u32, u64)>) -> Unit {
    let size = tree.entry(entry).size;
    let length = STRIDE.min(size - at);
    *rest = (at + length < size).then_some((entry, at + length));
    Unit::Stride { entry, at, length }
}
