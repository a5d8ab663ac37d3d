//! The stat cache's file, version 1.
//!
//! ```text
//! magic      8 bytes, "scistat" and the version
//! entries    u64, their number
//! entry      path length u32, path, size u64, mtime i64 + u32, ctime i64 + u32, inode u64, device u64, idle u8,
//!            digest 32 bytes; in byte order of the paths
//! checksum   BLAKE3 of everything before, 32 bytes
//! ```
//!
//! Integers are little endian. The checksum finds a file that was cut off or damaged, not one that was forged: whoever
//! can write the user's cache directory can write the workspace too.

use std::ops::Range;

use super::cache::Entry;
use super::stamp::{Stamp, Timestamp};
use crate::Digest;

const MAGIC: &[u8; 8] = b"scistat\x01";

/// The length of an entry whose path is empty.
const MIN_ENTRY: usize = 4 + 8 + 12 + 12 + 8 + 8 + 1 + Digest::LEN;

/// The file of these entries, which are in byte order of their paths.
pub(super) fn encode<'a>(entries: impl Iterator<Item = (&'a [u8], &'a Entry)>) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&0_u64.to_le_bytes());
    let mut count = 0_u64;
    for (path, entry) in entries {
        encode_entry(&mut out, path, entry);
        count += 1;
    }
    out[MAGIC.len()..MAGIC.len() + 8].copy_from_slice(&count.to_le_bytes());
    let checksum = Digest::of(&out);
    out.extend_from_slice(checksum.as_bytes());
    out
}

fn encode_entry(out: &mut Vec<u8>, path: &[u8], Entry { stamp, digest, idle, .. }: &Entry) {
    // A path has at most a few thousand bytes on any system.
    out.extend_from_slice(&(path.len() as u32).to_le_bytes());
    out.extend_from_slice(path);
    out.extend_from_slice(&stamp.size.to_le_bytes());
    for time in [stamp.mtime, stamp.ctime] {
        out.extend_from_slice(&time.seconds.to_le_bytes());
        out.extend_from_slice(&time.nanos.to_le_bytes());
    }
    out.extend_from_slice(&stamp.inode.to_le_bytes());
    out.extend_from_slice(&stamp.device.to_le_bytes());
    out.push(*idle);
    out.extend_from_slice(digest.as_bytes());
}

/// The entries, each with the place of its path in `bytes`. `None` when these are anything else than a whole file of this
/// version.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<(Range<usize>, Entry)>> {
    let (content, checksum) = bytes.split_last_chunk::<{ Digest::LEN }>()?;
    if !content.starts_with(MAGIC) || Digest::of(content).as_bytes() != checksum {
        return None;
    }
    let mut reader = Reader(&content[MAGIC.len()..]);
    let count = usize::try_from(reader.u64()?).ok()?;
    if count > reader.0.len() / MIN_ENTRY {
        return None;
    }
    let mut entries: Vec<(Range<usize>, Entry)> = Vec::with_capacity(count);
    for _ in 0..count {
        let start = content.len() - reader.0.len() + size_of::<u32>();
        let (path, entry) = reader.entry()?;
        if entries.last().is_some_and(|(last, _)| content[last.clone()] >= *path) {
            return None;
        }
        entries.push((start..start + path.len(), entry));
    }
    reader.0.is_empty().then_some(entries)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn entry(&mut self) -> Option<(&'a [u8], Entry)> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (path, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let (size, mtime, ctime) = (self.u64()?, self.time()?, self.time()?);
        let (inode, device) = (self.u64()?, self.u64()?);
        let [idle] = self.array()?;
        let digest = Digest::from_bytes(self.array()?);
        Some((path, Entry::new(Stamp { size, mtime, ctime, inode, device }, digest, idle)))
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
        fn entry()(
            size in any::<u64>(), mtime in time(), ctime in time(), inode in any::<u64>(), device in any::<u64>(),
            idle in any::<u8>(), digest in any::<[u8; 32]>(),
        ) -> Entry {
            let stamp = Stamp { size, mtime, ctime, inode, device };
            Entry::new(stamp, Digest::from_bytes(digest), idle)
        }
    }

    type Entries = BTreeMap<Vec<u8>, Entry>;

    fn entries() -> impl Strategy<Value = Entries> {
        proptest::collection::btree_map(any::<Vec<u8>>(), entry(), 0..20)
    }

    fn encode(entries: &Entries) -> Vec<u8> {
        super::encode(entries.iter().map(|(path, entry)| (path.as_slice(), entry)))
    }

    fn decode(bytes: &[u8]) -> Option<Entries> {
        let entries = super::decode(bytes)?.into_iter();
        Some(entries.map(|(path, entry)| (bytes[path].to_vec(), entry)).collect())
    }

    /// Bytes with a right checksum, so that the reader behind it is reached.
    fn sealed(mut content: Vec<u8>) -> Vec<u8> {
        let checksum = Digest::of(&content);
        content.extend_from_slice(checksum.as_bytes());
        content
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(entries in entries()) {
            prop_assert_eq!(decode(&encode(&entries)), Some(entries));
        }

        #[test]
        fn any_flipped_bit_and_any_cut_is_found(entries in entries(), at in any::<proptest::sample::Index>(), bit in 0..8_u8) {
            let mut bytes = encode(&entries);
            let at = at.index(bytes.len());
            prop_assert_eq!(decode(&bytes[..at]), None);
            bytes[at] ^= 1_u8 << bit;
            prop_assert_eq!(decode(&bytes), None);
        }

        #[test]
        fn hostile_bytes_are_refused_without_a_panic(rest in any::<Vec<u8>>(), count in any::<u64>()) {
            let mut content = MAGIC.to_vec();
            content.extend_from_slice(&count.to_le_bytes());
            content.extend_from_slice(&rest);
            let _refused_or_read = decode(&sealed(content));
        }
    }
}
