//! What a file that must be read was probably made from: the file of the base at the same path, or one whose path resembles
//! its own. Only a guess, which costs nothing but time where it is wrong.

use std::collections::HashMap;

use super::compact::Stale;
use crate::manifest::Manifest;
use crate::tree::{Contents, NONE, Tree};

/// Shorter files are too many, and what a reference would save of them too little. Bytes.
const LARGE: u64 = 32 << 10;
/// Of the base's files with a resembling name, so many before and behind a file are looked at.
const NEAR: usize = 4;
/// Chunks of a content that files may resemble: they are gone through for each chunk of the file. Of a larger file most chunks are
/// found again by themselves.
const CHUNKS: usize = 4_096;
/// Digits of a hexadecimal number that is taken for a hash in a name.
const HASH: usize = 8;

/// The guesses for all files.
#[derive(Debug, Default)]
pub(super) struct Ancestors {
    /// By file, the content of the base that it resembles, and its own length.
    contents: HashMap<u32, (u32, u64)>,
    /// By block of the base, the one to compress against (itself, what it leans on, or [`NONE`]), and what that takes stored.
    blocks: Vec<(u32, u64)>,
}

impl Ancestors {
    /// Guesses for the files `unknown` of `tree`; `matching` are the entries of the base's tree at the same paths.
    pub(super) fn guess(tree: &Tree, unknown: &[u32], matching: &[u32], base: &Manifest, stale: &Stale) -> Self {
        let usable = |number: u32| {
            let number = base.footing(number);
            let stored = u64::from(base.blocks[number as usize].stored);
            (if stale.keeps(number) { number } else { NONE }, stored)
        };
        let blocks = (0..base.blocks.len() as u32).map(usable).collect();
        let mut contents = HashMap::new();
        let mut names = None;
        for file in unknown.iter().copied() {
            let size = tree.entry(file).size;
            if size < LARGE {
                continue;
            }
            let same = Some(matching[file as usize]).filter(|at| *at != NONE).map(|at| base.tree.resolve(at));
            let found = same.or_else(|| names.get_or_insert_with(|| Names::of(&base.tree)).nearest(tree, file));
            let is_short =
                |at: &u32| base.tree.content(*at).is_some_and(|content| base.tree.extents(content).len() <= CHUNKS);
            let found = found.filter(is_short);
            contents.extend(found.map(|at| (file, (base.tree.entry(at).content, size))));
        }
        Self { contents, blocks }
    }

    /// The block of the base to compress against what `file` holds from byte `at` on; [`NONE`] if there is none, or it would not
    /// pay: it must be read now, and again by whoever restores the file, so it should not take more than that holds.
    pub(super) fn block(&self, contents: &Contents, file: u32, at: u64) -> u32 {
        let Some((content, size)) = self.contents.get(&file) else { return NONE };
        let (mut end, mut block) = (0, NONE);
        // A file that has grown resembles the last part of the other one at its end.
        for chunk in contents.chunks_of(*content) {
            let (_, place) = contents.chunk(chunk);
            end += u64::from(place.length);
            block = if place.is_hole() { block } else { place.block };
            if end > at {
                break;
            }
        }
        let found = self.blocks.get(block as usize).filter(|(_, stored)| stored <= size);
        found.map_or(NONE, |(block, _)| *block)
    }
}

/// The large files of a tree by name, in the order of their paths.
struct Names<'a> {
    tree: &'a Tree,
    by_name: HashMap<Vec<u8>, Vec<u32>>,
}

impl<'a> Names<'a> {
    fn of(tree: &'a Tree) -> Self {
        let mut by_name: HashMap<Vec<u8>, Vec<u32>> = HashMap::new();
        for (index, _) in tree.entries().filter(|(_, entry)| entry.kind.is_file() && entry.size >= LARGE) {
            by_name.entry(stem(tree.name(index))).or_default().push(index);
        }
        Self { tree, by_name }
    }

    /// Of the files with a resembling name, the one whose path has most in common with that of `file` of another tree; of
    /// several, the one whose length is nearest.
    fn nearest(&self, other: &Tree, file: u32) -> Option<u32> {
        let files = self.by_name.get(&stem(other.name(file)))?;
        let path = other.components(file);
        let position = files.partition_point(|at| self.tree.components(*at) < path);
        let near = &files[position.saturating_sub(NEAR)..files.len().min(position + NEAR)];
        let size = other.entry(file).size;
        near.iter().copied().min_by_key(|at| {
            let common = self.tree.components(*at).iter().zip(&path).take_while(|(a, b)| a == b).count();
            (std::cmp::Reverse(common), self.tree.entry(*at).size.abs_diff(size))
        })
    }
}

/// A name without the hashes in it: what compilers and bundlers write anew under another name.
fn stem(name: &[u8]) -> Vec<u8> {
    let mut stem = Vec::with_capacity(name.len());
    for run in name.chunk_by(|a, b| a.is_ascii_hexdigit() == b.is_ascii_hexdigit()) {
        let is_hash = run.len() >= HASH && run[0].is_ascii_hexdigit();
        stem.extend_from_slice(if is_hash { b"#" } else { run });
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Kind, Mtime};

    fn tree(paths: &[(&str, u64)]) -> Tree {
        let mut tree = Tree::default();
        let root = tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
        let mut dirs: HashMap<&str, u32> = HashMap::new();
        for (path, size) in paths {
            let (dir, name) = path.split_once('/').unwrap();
            let dir = *dirs
                .entry(dir)
                .or_insert_with(|| tree.push(root, dir.as_bytes(), Kind::Dir, 0o755, Mtime::default(), 0));
            tree.push(dir, name.as_bytes(), Kind::File, 0o644, Mtime::default(), *size);
        }
        tree
    }

    fn nearest(base: &[(&str, u64)], file: (&str, u64)) -> Option<String> {
        let (base, other) = (tree(base), tree(&[file]));
        let found = Names::of(&base).nearest(&other, other.len() - 1)?;
        Some(String::from_utf8(base.path(found)).unwrap())
    }

    #[test]
    fn a_file_under_a_new_name_resembles_the_one_nearby() {
        let base = [("app/libnet-0123456789abcdef.rlib", 50_000), ("deps/libnet-00aa00aa00aa00aa.rlib", 60_000)];
        let found = nearest(&base, ("deps/libnet-fedcba9876543210.rlib", 61_000));
        assert_eq!(found.as_deref(), Some("deps/libnet-00aa00aa00aa00aa.rlib"));
        assert_eq!(nearest(&base, ("deps/libnot-fedcba9876543210.rlib", 61_000)), None);
        // Of files in as many other directories the one of its length.
        let base = [("s-1/dep-graph.bin", 40_000), ("s-2/dep-graph.bin", 80_000), ("s-3/dep-graph.bin", 41_000)];
        let found = nearest(&base, ("s-4/dep-graph.bin", 79_000));
        assert_eq!(found.as_deref(), Some("s-2/dep-graph.bin"));
    }

    #[test]
    fn small_files_resemble_nothing() {
        assert_eq!(nearest(&[("a/x", LARGE - 1)], ("b/x", LARGE)), None);
    }
}
