//! The stat cache's file, version 2.
//!
//! ```text
//! magic        8 bytes, "scistat" and the version
//! boot         32 bytes: the start of the system in which directories were listed
//! directories  u64, their number
//! directory    path length u32, path, listed u8, stamp when listed, length of its entries u64, entries;
//!              in byte order of the paths, of which the workspace's is empty
//! entry        name length u16, name, kind u8, of a known file: stamp, idle u8, digest 32 bytes;
//!              in byte order of the names
//! stamp        size u64, mtime i64 + u32, ctime i64 + u32, inode u64, device u64
//! checksum     BLAKE3 of everything before, 32 bytes
//! ```
//!
//! A directory that is listed has all its entries here; any other one only the files that are known. Integers are little
//! endian. The checksum finds a file that was cut off or damaged, not one that was forged: whoever can write the user's
//! cache directory can write the workspace too.

use std::ops::Range;

use super::stamp::{Stamp, Timestamp};
use crate::Digest;

const MAGIC: &[u8; 8] = b"scistat\x02";

/// The length of a directory whose path is empty, and that holds nothing.
const MIN_DIRECTORY: usize = 4 + 1 + 8;

/// In the byte of an entry's kind: the file's digest is known.
const KNOWN: u8 = 0x80;

/// What a directory says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A socket, a FIFO or a device.
    Other,
}

/// A file's digest, and what the file system said of the file while it had that content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) stamp: Stamp,
    pub(super) digest: Digest,
    /// How many rewrites in a row did not use the entry.
    pub(super) idle: u8,
}

/// One name in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'b> {
    pub(super) name: &'b [u8],
    pub(super) kind: EntryKind,
    pub(super) known: Option<Known>,
}

/// A directory, by the places of its parts in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) path: Range<usize>,
    /// What it looked like when its entries were all there is.
    pub(super) listed: Option<Stamp>,
    pub(super) entries: Range<usize>,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) boot: Digest,
    pub(super) directories: Vec<Directory>,
}

/// The entries of a directory, read from bytes that [`decode`] has accepted.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries<'b>(Reader<'b>);

impl<'b> Entries<'b> {
    pub(super) fn of(bytes: &'b [u8]) -> Self {
        Self(Reader(bytes))
    }
}

impl<'b> Iterator for Entries<'b> {
    type Item = Entry<'b>;

    fn next(&mut self) -> Option<Entry<'b>> {
        self.0.entry()
    }
}

/// Writes a file: directories in byte order of their paths, each followed by its entries in byte order of their names.
pub(super) struct Writer {
    out: Vec<u8>,
    content: Content,
}

impl Writer {
    pub(super) fn new(boot: Digest) -> Self {
        let out = [MAGIC, boot.as_bytes().as_slice(), &0_u64.to_le_bytes()].concat();
        Self { out, content: Content { boot, directories: Vec::new() } }
    }

    pub(super) fn directory(&mut self, path: &[u8], listed: Option<&Stamp>) {
        // A path has at most a few thousand bytes on any system.
        self.out.extend_from_slice(&(path.len() as u32).to_le_bytes());
        let path = self.append(path);
        self.out.push(u8::from(listed.is_some()));
        if let Some(stamp) = listed {
            self.stamp(stamp);
        }
        self.out.extend_from_slice(&0_u64.to_le_bytes());
        let entries = self.out.len()..self.out.len();
        self.content.directories.push(Directory { path, listed: listed.copied(), entries });
    }

    /// Adds an entry to the directory that was begun last.
    pub(super) fn entry(&mut self, Entry { name, kind, known }: &Entry<'_>) {
        // A name has at most a thousand bytes on any system.
        self.out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        self.append(name);
        let kind = match kind {
            EntryKind::Other => 0,
            EntryKind::File => 1,
            EntryKind::Symlink => 2,
            EntryKind::Directory => 3,
        };
        self.out.push(kind | if known.is_some() { KNOWN } else { 0 });
        if let Some(Known { stamp, digest, idle }) = known {
            self.stamp(stamp);
            self.out.push(*idle);
            self.out.extend_from_slice(digest.as_bytes());
        }
        if let Some(directory) = self.content.directories.last_mut() {
            let Range { start, end } = &mut directory.entries;
            *end = self.out.len();
            let length = (*end - *start) as u64;
            self.out[*start - 8..*start].copy_from_slice(&length.to_le_bytes());
        }
    }

    /// The file, and what is in it.
    pub(super) fn finish(mut self) -> (Vec<u8>, Content) {
        let count = self.content.directories.len() as u64;
        let start = MAGIC.len() + Digest::LEN;
        self.out[start..start + 8].copy_from_slice(&count.to_le_bytes());
        let checksum = Digest::of(&self.out);
        self.out.extend_from_slice(checksum.as_bytes());
        (self.out, self.content)
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.out.len();
        self.out.extend_from_slice(bytes);
        start..self.out.len()
    }

    fn stamp(&mut self, stamp: &Stamp) {
        self.out.extend_from_slice(&stamp.size.to_le_bytes());
        for time in [stamp.mtime, stamp.ctime] {
            self.out.extend_from_slice(&time.seconds.to_le_bytes());
            self.out.extend_from_slice(&time.nanos.to_le_bytes());
        }
        self.out.extend_from_slice(&stamp.inode.to_le_bytes());
        self.out.extend_from_slice(&stamp.device.to_le_bytes());
    }
}

/// What is in a file. `None` when the bytes are anything else than a whole one of this version, as it is written here.
pub(super) fn decode(bytes: &[u8]) -> Option<Content> {
    let (content, checksum) = bytes.split_last_chunk::<{ Digest::LEN }>()?;
    let rest = content.strip_prefix(MAGIC)?;
    if Digest::of(content).as_bytes() != checksum {
        return None;
    }
    let mut reader = Reader(rest);
    let boot = Digest::from_bytes(reader.array()?);
    let count = usize::try_from(reader.u64()?).ok()?;
    if count > reader.0.len() / MIN_DIRECTORY {
        return None;
    }
    let mut directories: Vec<Directory> = Vec::with_capacity(count);
    for _ in 0..count {
        let directory = directory(content, &mut reader)?;
        let path = |directory: &Directory| &content[directory.path.clone()];
        if directories.last().is_some_and(|last| path(last) >= path(&directory)) {
            return None;
        }
        directories.push(directory);
    }
    reader.0.is_empty().then_some(Content { boot, directories })
}

fn directory(content: &[u8], reader: &mut Reader<'_>) -> Option<Directory> {
    let length = usize::try_from(reader.u32()?).ok()?;
    let start = content.len() - reader.0.len();
    reader.take(length)?;
    let path = start..start + length;
    let listed = match reader.array()? {
        [0] => None,
        [1] => Some(reader.stamp()?),
        _ => return None,
    };
    let length = usize::try_from(reader.u64()?).ok()?;
    let start = content.len() - reader.0.len();
    let entries = Reader(reader.take(length)?);
    are_entries(entries, listed.is_some())?;
    Some(Directory { path, listed, entries: start..start + length })
}

/// Whether these are names that a directory can have, in order; with something to say of each.
fn are_entries(mut reader: Reader<'_>, listed: bool) -> Option<()> {
    let mut last: &[u8] = b"";
    let mut any = listed;
    while !reader.0.is_empty() {
        let Entry { name, kind, known } = reader.entry()?;
        let is_name = !matches!(name, b"." | b"..") && !name.contains(&b'/') && !name.contains(&0);
        let said = if known.is_some() { kind == EntryKind::File } else { listed };
        if !is_name || !said || name <= last {
            return None;
        }
        (last, any) = (name, true);
    }
    any.then_some(())
}

#[derive(Debug, Clone, Default)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn entry(&mut self) -> Option<Entry<'a>> {
        let length = u16::from_le_bytes(self.array()?);
        let name = self.take(usize::from(length))?;
        let [kind] = self.array()?;
        let known = if kind & KNOWN == 0 { None } else { Some(self.known()?) };
        let kind = match kind & !KNOWN {
            0 => EntryKind::Other,
            1 => EntryKind::File,
            2 => EntryKind::Symlink,
            3 => EntryKind::Directory,
            _ => return None,
        };
        Some(Entry { name, kind, known })
    }

    fn known(&mut self) -> Option<Known> {
        let stamp = self.stamp()?;
        let [idle] = self.array()?;
        Some(Known { stamp, digest: Digest::from_bytes(self.array()?), idle })
    }

    fn stamp(&mut self) -> Option<Stamp> {
        let (size, mtime, ctime) = (self.u64()?, self.time()?, self.time()?);
        Some(Stamp { size, mtime, ctime, inode: self.u64()?, device: self.u64()? })
    }

    fn time(&mut self) -> Option<Timestamp> {
        Some(Timestamp { seconds: i64::from_le_bytes(self.array()?), nanos: self.u32()? })
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn time() -> impl Strategy<Value = Timestamp> {
        (any::<i64>(), 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Timestamp { seconds, nanos })
    }

    prop_compose! {
        fn stamp()(
            size in any::<u64>(), mtime in time(), ctime in time(), inode in any::<u64>(), device in any::<u64>(),
        ) -> Stamp {
            Stamp { size, mtime, ctime, inode, device }
        }
    }

    prop_compose! {
        fn known()(stamp in stamp(), idle in any::<u8>(), digest in any::<[u8; 32]>()) -> Known {
            Known { stamp, digest: Digest::from_bytes(digest), idle }
        }
    }

    type Listing = BTreeMap<Vec<u8>, (EntryKind, Option<Known>)>;
    type Directories = BTreeMap<Vec<u8>, (Option<Stamp>, Listing)>;

    fn name() -> impl Strategy<Value = Vec<u8>> {
        let name = proptest::collection::vec(any::<u8>(), 1..6);
        name.prop_filter("a name", |name| {
            !matches!(&name[..], b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
        })
    }

    fn entry() -> impl Strategy<Value = (EntryKind, Option<Known>)> {
        let kinds = vec![EntryKind::File, EntryKind::Symlink, EntryKind::Directory, EntryKind::Other];
        prop_oneof![
            known().prop_map(|known| (EntryKind::File, Some(known))),
            proptest::sample::select(kinds).prop_map(|kind| (kind, None)),
        ]
    }

    fn directories() -> impl Strategy<Value = Directories> {
        let listing = proptest::collection::btree_map(name(), entry(), 0..8);
        let directory = (proptest::option::of(stamp()), listing).prop_map(|(listed, mut listing)| {
            listing.retain(|_, (_, known)| listed.is_some() || known.is_some());
            (listed, listing)
        });
        let directory =
            directory.prop_filter("something to say", |(listed, listing)| listed.is_some() || !listing.is_empty());
        proptest::collection::btree_map(any::<Vec<u8>>(), directory, 0..6)
    }

    fn encode(directories: &Directories) -> Vec<u8> {
        let mut writer = Writer::new(Digest::of(b"boot"));
        for (path, (listed, listing)) in directories {
            writer.directory(path, listed.as_ref());
            listing.iter().for_each(|(name, (kind, known))| writer.entry(&Entry { name, kind: *kind, known: *known }));
        }
        let (bytes, content) = writer.finish();
        assert_eq!(super::decode(&bytes), Some(content));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Directories> {
        let entries = |directory: &Directory| {
            let entries = Entries::of(&bytes[directory.entries.clone()]);
            entries.map(|entry| (entry.name.to_vec(), (entry.kind, entry.known))).collect()
        };
        let directories = super::decode(bytes)?.directories.into_iter();
        Some(directories.map(|found| (bytes[found.path.clone()].to_vec(), (found.listed, entries(&found)))).collect())
    }

    /// Bytes with a right checksum, so that the reader behind it is reached.
    fn sealed(mut content: Vec<u8>) -> Vec<u8> {
        let checksum = Digest::of(&content);
        content.extend_from_slice(checksum.as_bytes());
        content
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(directories in directories()) {
            prop_assert_eq!(decode(&encode(&directories)), Some(directories));
        }

        #[test]
        fn any_flipped_bit_and_any_cut_is_found(
            directories in directories(), at in any::<proptest::sample::Index>(), bit in 0..8_u8,
        ) {
            let mut bytes = encode(&directories);
            let at = at.index(bytes.len());
            prop_assert_eq!(decode(&bytes[..at]), None);
            bytes[at] ^= 1_u8 << bit;
            prop_assert_eq!(decode(&bytes), None);
        }

        #[test]
        fn hostile_bytes_are_refused_without_a_panic(rest in any::<Vec<u8>>(), count in any::<u64>()) {
            let mut content = [MAGIC.as_slice(), &[0; Digest::LEN]].concat();
            content.extend_from_slice(&count.to_le_bytes());
            content.extend_from_slice(&rest);
            let _refused_or_read = decode(&sealed(content));
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let with = |name: &[u8]| {
            let mut writer = Writer::new(Digest::of(b"boot"));
            writer.directory(b"src", Some(&Stamp::default()));
            writer.entry(&Entry { name, kind: EntryKind::File, known: None });
            super::decode(&writer.finish().0)
        };
        assert!(with(b"...").is_some());
        for name in [&b""[..], b".", b"..", b"/etc", b"../x", b"a/b", b"a\0b"] {
            assert_eq!(with(name), None, "{name:?}");
        }
    }
}
