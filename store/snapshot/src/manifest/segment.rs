//! A segment: consecutive entries of a tree, column by column, without any place on disk.
//!
//! Extents name their block by digest (through a table of the segment's own), so that a segment stays valid wherever its
//! blocks are moved. What comes before the segment is known to it only as the names of the first entry's ancestors.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use sci_hasher::Digest;

use super::Block;
use super::bytes::{Reader, Refusal, Writer};
use crate::limits::{DEPTH_MAX, ENTRIES_MAX, LINK_MAX, NAME_MAX, SEGMENT_ENTRIES_MAX};
use crate::tree::{Extent, Kind, Mtime, NONE, STAGE_PREFIX, Size, Tree};

const KINDS: [Kind; 5] = [Kind::Dir, Kind::File, Kind::Sparse, Kind::Symlink, Kind::Hardlink];

#[derive(Default)]
struct Columns {
    depths: Writer,
    names: Writer,
    kinds: Writer,
    mtimes: Writer,
    sizes: Writer,
    extents: Writer,
    links: Writer,
    digests: Writer,
    chunks: Writer,
    blocks: Writer,
}

impl Columns {
    fn each(&self) -> [&Writer; 10] {
        [
            &self.depths,
            &self.names,
            &self.kinds,
            &self.mtimes,
            &self.sizes,
            &self.extents,
            &self.links,
            &self.digests,
            &self.chunks,
            &self.blocks,
        ]
    }
}

/// Encodes the entries `range` of `tree`.
pub(crate) fn encode(tree: &Tree, blocks: &[Block], range: std::ops::Range<u32>) -> Vec<u8> {
    let mut columns = Columns::default();
    let mut local = LocalBlocks { seen: HashMap::new(), last: None };
    let mut ancestors = ancestors(tree, range.start);
    let mut out = Writer::default();
    out.integer(u64::from(range.len() as u32));
    out.integer(ancestors.len() as u64);
    for name in ancestors.iter().filter(|index| tree.entry(**index).parent != NONE) {
        out.bytes(tree.name(*name));
    }
    let mut last_secs = 0;
    for index in range {
        let entry = tree.entry(index);
        // `ancestors` holds the chain that leads to the previous entry, itself included.
        let depth = ancestors.iter().rposition(|at| *at == entry.parent).map_or(0, |at| at + 1);
        columns.depths.integer((ancestors.len() - depth) as u64);
        ancestors.truncate(depth);
        ancestors.push(index);
        columns.names.bytes(tree.name(index));
        columns.kinds.integer((entry.kind as u64) << 9 | u64::from(entry.mode));
        if entry.kind == Kind::Hardlink {
            columns.links.integer(u64::from(index - entry.content));
            continue;
        }
        columns.mtimes.signed(entry.mtime.secs.wrapping_sub(last_secs));
        columns.mtimes.integer(u64::from(entry.mtime.nanos));
        last_secs = entry.mtime.secs;
        match entry.kind {
            Kind::Symlink => columns.links.bytes(tree.target(index)),
            Kind::File | Kind::Sparse => encode_content(tree, blocks, index, &mut columns, &mut local),
            Kind::Dir | Kind::Hardlink => {}
        }
    }
    for column in columns.each() {
        out.bytes(&column.0);
    }
    out.0
}

fn ancestors(tree: &Tree, index: u32) -> Vec<u32> {
    let mut chain: Vec<u32> =
        std::iter::successors(Some(tree.entry(index).parent), |at| (*at != NONE).then(|| tree.entry(*at).parent))
            .take_while(|at| *at != NONE)
            .collect();
    chain.reverse();
    chain
}

/// The segment's own table of blocks, in order of first use, and where the previous extent ended.
struct LocalBlocks {
    seen: HashMap<u32, u64>,
    last: Option<(u64, u32)>,
}

fn encode_content(tree: &Tree, blocks: &[Block], index: u32, columns: &mut Columns, local: &mut LocalBlocks) {
    columns.sizes.integer(tree.entry(index).size);
    let Some(content) = tree.content(index) else { return };
    columns.digests.raw(content.digest.as_bytes());
    let extents = tree.extents(content);
    columns.extents.integer(extents.len() as u64);
    if extents.len() > 1 {
        for digest in tree.chunk_digests(content) {
            columns.chunks.raw(digest.as_bytes());
        }
    }
    for extent in extents {
        if extents.len() > 1 {
            columns.extents.integer(u64::from(extent.length));
        }
        if extent.is_hole() {
            columns.extents.integer(0);
            continue;
        }
        let count = local.seen.len() as u64;
        let number = match local.seen.entry(extent.block) {
            Slot::Occupied(slot) => *slot.get(),
            Slot::Vacant(slot) => {
                columns.blocks.raw(blocks[extent.block as usize].digest.as_bytes());
                *slot.insert(count)
            }
        };
        columns.extents.integer(number + 1);
        let expected = local.last.filter(|(block, _)| *block == number).map_or(0, |(_, end)| end);
        columns.extents.signed(i64::from(extent.offset) - i64::from(expected));
        local.last = Some((number, extent.offset + extent.length));
    }
}

/// Room for more than this is not made before it has come. Bytes.
const ROOM_MAX: u64 = 64 << 20;

/// Of a size that somebody claims, what room may be made for: so many entries, bytes of names, and contents.
pub(super) fn believed([entries, names, contents]: [u64; 3]) -> Size {
    // About what one of each takes, in bytes.
    let bounded = |number: u64, each: u64| number.min(ROOM_MAX / each) as u32;
    Size { entries: bounded(entries, 32), names: bounded(names, 1), contents: bounded(contents, 64) }
}

/// Rebuilds a tree from segments, in order.
pub(crate) struct Decoder<'a> {
    tree: Tree,
    blocks: &'a [Block],
    by_digest: HashMap<Digest, u32>,
    /// The chain of entries that leads to the last one, itself included.
    chain: Vec<u32>,
    /// The last child's name of each entry in `chain`, for the order of siblings.
    last_child: Vec<Option<u32>>,
}

struct Parts<'a> {
    depths: Reader<'a>,
    names: Reader<'a>,
    kinds: Reader<'a>,
    mtimes: Reader<'a>,
    sizes: Reader<'a>,
    extents: Reader<'a>,
    links: Reader<'a>,
    digests: Reader<'a>,
    chunks: Reader<'a>,
    /// The segment's blocks as indices into the manifest's.
    blocks: Vec<u32>,
    last_secs: i64,
    last_extent: Option<(u64, u32)>,
}

impl<'a> Decoder<'a> {
    /// Starts with the manifest's table of blocks, for a tree that probably has this size: what grows again and again leaves holes in
    /// memory that nothing else fits.
    pub(crate) fn new(blocks: &'a [Block], size: Size) -> Self {
        let by_digest = blocks.iter().enumerate().map(|(index, block)| (block.digest, index as u32)).collect();
        Self { tree: Tree::with_room(size), blocks, by_digest, chain: Vec::new(), last_child: Vec::new() }
    }

    /// Appends a segment.
    ///
    /// # Errors
    /// A sentence. Names, kinds, modes, order, extents and hard links are all checked, and that encoding what was
    /// decoded gives `raw` again.
    pub(crate) fn append(&mut self, raw: &[u8]) -> Result<(), Refusal> {
        let start = self.tree.len();
        self.append_own(raw)?;
        // What is left over in a column, or was not in its canonical form, makes the two differ.
        if encode(&self.tree, self.blocks, start..self.tree.len()) != raw {
            return Err("a segment is not in canonical form".into());
        }
        Ok(())
    }

    /// Appends a segment that this program encoded itself: everything is checked but that it is in canonical form.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn append_own(&mut self, raw: &[u8]) -> Result<(), Refusal> {
        let mut reader = Reader(raw);
        let start = self.tree.len();
        let count = reader.count(3, SEGMENT_ENTRIES_MAX, "entries of a segment")?;
        if count == 0 || u64::from(start) + count as u64 > ENTRIES_MAX {
            return Err(format!("{count} entries after {start} are outside the limits"));
        }
        self.start_below_ancestors(&mut reader)?;
        let mut parts = self.parts(&mut reader)?;
        for _ in 0..count {
            self.entry(&mut parts)?;
        }
        Ok(())
    }

    /// Entries so far.
    pub(crate) fn len(&self) -> u32 {
        self.tree.len()
    }

    /// The tree.
    pub(crate) fn finish(self) -> Tree {
        self.tree
    }

    /// Returns to the first entry's parent. Its path is known already; the canonical check compares the names.
    fn start_below_ancestors(&mut self, reader: &mut Reader<'_>) -> Result<(), Refusal> {
        let depth = reader.bounded(self.chain.len() as u64, "depth")? as usize;
        for _ in 1..depth {
            reader.bytes(NAME_MAX, "name")?;
        }
        self.chain.truncate(depth);
        self.last_child.truncate(depth);
        Ok(())
    }

    fn parts<'r>(&self, reader: &mut Reader<'r>) -> Result<Parts<'r>, Refusal> {
        let mut column = || reader.bytes(usize::MAX, "column").map(Reader);
        let (depths, names, kinds) = (column()?, column()?, column()?);
        let (mtimes, sizes, extents) = (column()?, column()?, column()?);
        let (links, digests, chunks) = (column()?, column()?, column()?);
        let mut table = column()?;
        reader.end()?;
        let mut blocks = Vec::with_capacity(table.0.len() / Digest::LEN);
        while !table.0.is_empty() {
            let digest = Digest::from_bytes(table.array()?);
            let block = self.by_digest.get(&digest).ok_or_else(|| format!("block {} is nowhere", digest.short()))?;
            blocks.push(*block);
        }
        let (last_secs, last_extent) = (0, None);
        Ok(Parts {
            depths,
            names,
            kinds,
            mtimes,
            sizes,
            extents,
            links,
            digests,
            chunks,
            blocks,
            last_secs,
            last_extent,
        })
    }

    fn entry(&mut self, parts: &mut Parts<'_>) -> Result<(), Refusal> {
        let parent = self.descend(parts)?;
        let name = parts.names.bytes(NAME_MAX, "name")?;
        self.check_name(parent, name)?;
        let (kind, mode) = decode_kind_and_mode(parts)?;
        let index = self.tree.len();
        if kind == Kind::Hardlink {
            let back = parts.links.integer()?;
            let first = u64::from(index).checked_sub(back).filter(|_| back > 0).ok_or("a hard link to nothing")? as u32;
            if !self.tree.entry(first).kind.is_file() {
                return Err("a hard link to something else than a file".into());
            }
            self.tree.push(parent, name, kind, mode, Mtime::default(), 0);
            self.tree.set_hardlink(index, first);
        } else {
            let mtime = decode_mtime(parts)?;
            let size = if kind.is_file() { parts.sizes.integer()? } else { 0 };
            self.tree.push(parent, name, kind, mode, mtime, size);
            if kind == Kind::Symlink {
                let target = parts.links.bytes(LINK_MAX, "link target")?;
                if target.is_empty() || target.contains(&0) {
                    return Err("a symbolic link without a usable target".into());
                }
                self.tree.set_target(index, target);
            } else if kind.is_file() {
                self.content(parts, index, size)?;
            }
        }
        self.chain.push(index);
        self.last_child.push(None);
        Ok(())
    }

    /// Finds the parent of the next entry and shortens the chain to it.
    fn descend(&mut self, parts: &mut Parts<'_>) -> Result<u32, Refusal> {
        let up = parts.depths.bounded(DEPTH_MAX as u64, "depth")? as usize;
        let depth = self.chain.len().checked_sub(up).ok_or("an entry above the root")?;
        if depth > DEPTH_MAX {
            return Err(format!("directories nested deeper than {DEPTH_MAX}"));
        }
        self.chain.truncate(depth);
        self.last_child.truncate(depth);
        match (self.chain.last(), self.tree.is_empty()) {
            (None, true) => Ok(NONE),
            (Some(parent), false) if self.tree.entry(*parent).kind == Kind::Dir => Ok(*parent),
            (Some(_), _) => Err("an entry below something that is no directory".into()),
            (None, false) => Err("a second root".into()),
        }
    }

    fn check_name(&mut self, parent: u32, name: &[u8]) -> Result<(), Refusal> {
        if parent == NONE {
            return if name.is_empty() { Ok(()) } else { Err("the root has a name".into()) };
        }
        check_component(name)?;
        let index = self.tree.len();
        let last = self.last_child.last_mut().ok_or("an entry above the root")?;
        if last.is_some_and(|sibling| self.tree.name(sibling) >= name) {
            return Err("names are not in ascending order".into());
        }
        *last = Some(index);
        Ok(())
    }

    fn content(&mut self, parts: &mut Parts<'_>, index: u32, size: u64) -> Result<(), Refusal> {
        let digest = Digest::from_bytes(parts.digests.array()?);
        let count = parts.extents.count(1, u64::MAX, "extents")?;
        if count > 1 && count > parts.chunks.0.len() / Digest::LEN {
            return Err("more extents than chunks".into());
        }
        let mut extents = Vec::with_capacity(count);
        let mut chunks = Vec::new();
        let mut total = 0u64;
        for _ in 0..count {
            let length = if count > 1 {
                chunks.push(Digest::from_bytes(parts.chunks.array()?));
                parts.extents.bounded(u64::from(u32::MAX), "extent")?
            } else {
                size
            };
            let extent = self.extent(parts, length)?;
            total = total.checked_add(length).filter(|total| *total <= size).ok_or("extents longer than their file")?;
            extents.push(extent);
        }
        if extents.iter().any(Extent::is_hole) && self.tree.entry(index).kind != Kind::Sparse {
            return Err("a hole in a file that is not sparse".into());
        }
        if total != size || (size == 0 && digest != Digest::of(b"")) {
            return Err("extents and size of a file do not fit".into());
        }
        self.tree.set_content(index, digest, &extents, &chunks);
        Ok(())
    }

    fn extent(&self, parts: &mut Parts<'_>, length: u64) -> Result<Extent, Refusal> {
        let length = u32::try_from(length).ok().filter(|length| *length > 0).ok_or("an extent of impossible length")?;
        let number = parts.extents.integer()?;
        let Some(number) = number.checked_sub(1) else {
            return Ok(Extent { block: NONE, offset: 0, length });
        };
        let block = *parts.blocks.get(number as usize).ok_or("an extent in an unknown block")?;
        let expected = parts.last_extent.filter(|(last, _)| *last == number).map_or(0, |(_, end)| i64::from(end));
        let offset = parts.extents.signed()?.checked_add(expected).and_then(|offset| u32::try_from(offset).ok());
        let offset = offset.ok_or("an extent outside its block")?;
        let end = offset.checked_add(length).filter(|end| *end <= self.blocks[block as usize].length);
        parts.last_extent = Some((number, end.ok_or("an extent outside its block")?));
        Ok(Extent { block, offset, length })
    }
}

/// A mode has nine bits and no room for more: setuid, setgid and sticky would be part of the kind.
fn decode_kind_and_mode(parts: &mut Parts<'_>) -> Result<(Kind, u16), Refusal> {
    let number = parts.kinds.integer()?;
    let mode = (number & 0o777) as u16;
    let kind = usize::try_from(number >> 9).ok().and_then(|kind| KINDS.get(kind)).copied();
    let kind = kind.ok_or_else(|| format!("{number:o} is no kind of entry with its permissions"))?;
    if mode != 0 && matches!(kind, Kind::Symlink | Kind::Hardlink) {
        return Err(format!("a link with a mode of its own, {mode:o}"));
    }
    Ok((kind, mode))
}

fn decode_mtime(parts: &mut Parts<'_>) -> Result<Mtime, Refusal> {
    let secs = parts.mtimes.signed()?.wrapping_add(parts.last_secs);
    parts.last_secs = secs;
    let nanos = parts.mtimes.bounded(999_999_999, "nanoseconds")? as u32;
    Ok(Mtime { secs, nanos })
}

/// Checks that a name is one plain component on every system.
///
/// A backslash is an ordinary byte on Unix and does occur in published packages; refused is what a system that takes it
/// for a separator would follow out of the tree.
pub(crate) fn check_component(name: &[u8]) -> Result<(), Refusal> {
    let shown = || String::from_utf8_lossy(name).into_owned();
    let is_short = !name.is_empty() && name.len() <= NAME_MAX;
    // Perl's `B::Deparse.3pm` is no drive.
    let drive =
        matches!(name, [letter, b':', rest @ ..] if letter.is_ascii_alphabetic() && rest.first() != Some(&b':'));
    // Most names need no second look.
    let odd = name.iter().any(|byte| matches!(byte, 0 | b'/' | b'\\'));
    let splits = odd && (name.contains(&0) || name.contains(&b'/') || name.first() == Some(&b'\\'));
    let climbs = matches!(name, b"." | b"..") || odd && name.split(|byte| *byte == b'\\').any(|part| part == b"..");
    if !is_short || drive || splits || climbs || name.starts_with(STAGE_PREFIX) {
        return Err(format!("{:?} is no name for an entry", shown()));
    }
    Ok(())
}
