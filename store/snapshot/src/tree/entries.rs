//! The entries of a tree, packed: of a million files there are a million, and those of two trees at once.

use std::collections::BTreeMap;

use super::{Entry, Kind, Mtime};

const KINDS: [Kind; 5] = [Kind::Dir, Kind::File, Kind::Sparse, Kind::Symlink, Kind::Hardlink];
/// Stands for a length that is kept apart.
const LONG: u32 = u32::MAX;
/// Stands for a time that is kept apart.
const FAR: i64 = i64::MIN;
const SECOND: i64 = 1_000_000_000;
/// Bits of a mode, those included that no snapshot has.
const MODE: u16 = 0o7777;

/// An entry. Its name ends where that of the next one begins.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(2))]
struct Packed {
    /// Nanoseconds since 1970, or [`FAR`].
    mtime: i64,
    /// Bytes, or [`LONG`].
    size: u32,
    parent: u32,
    content: u32,
    name_at: u32,
    kind_and_mode: u16,
}

/// Entries with their names.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    all: Vec<Packed>,
    names: Vec<u8>,
    /// Lengths from 4 GiB on, by entry.
    long: BTreeMap<u32, u64>,
    /// Times before 1678 and after 2261, by entry.
    far: BTreeMap<u32, Mtime>,
}

impl Entries {
    /// None, with room for so many and for so many bytes of names.
    pub(super) fn with_capacity(entries: usize, names: usize) -> Self {
        Self { all: Vec::with_capacity(entries), names: Vec::with_capacity(names), ..Self::default() }
    }

    /// Bytes of all names.
    pub(super) fn names_len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn len(&self) -> u32 {
        self.all.len() as u32
    }

    pub(super) fn get(&self, index: u32) -> Entry {
        let Packed { mtime, size, parent, content, kind_and_mode, .. } = self.all[index as usize];
        let kind = KINDS[usize::from(kind_and_mode >> MODE.count_ones())];
        let mtime = match mtime {
            FAR => self.far.get(&index).copied().unwrap_or_default(),
            nanos => Mtime { secs: nanos.div_euclid(SECOND), nanos: nanos.rem_euclid(SECOND) as u32 },
        };
        let size = match size {
            LONG => self.long.get(&index).copied().unwrap_or_default(),
            size => size.into(),
        };
        Entry { parent, kind, mode: kind_and_mode & MODE, mtime, size, content }
    }

    pub(super) fn parent(&self, index: u32) -> u32 {
        self.all[index as usize].parent
    }

    pub(super) fn name(&self, index: u32) -> &[u8] {
        let next = self.all.get(index as usize + 1).map(|next| next.name_at as usize);
        &self.names[self.all[index as usize].name_at as usize..next.unwrap_or(self.names.len())]
    }

    pub(super) fn push(&mut self, entry: Entry, name: &[u8]) -> u32 {
        let (index, name_at) = (self.len(), self.names.len() as u32);
        self.names.extend_from_slice(name);
        let packed = self.pack(index, entry, name_at);
        self.all.push(packed);
        index
    }

    /// Replaces all of an entry but its name.
    pub(super) fn set(&mut self, index: u32, entry: Entry) {
        self.long.remove(&index);
        self.far.remove(&index);
        let name_at = self.all[index as usize].name_at;
        self.all[index as usize] = self.pack(index, entry, name_at);
    }

    pub(super) fn set_content(&mut self, index: u32, content: u32) {
        self.all[index as usize].content = content;
    }

    fn pack(&mut self, index: u32, entry: Entry, name_at: u32) -> Packed {
        let Entry { parent, kind, mode, mtime, size, content } = entry;
        let near = mtime.secs.checked_mul(SECOND).and_then(|nanos| nanos.checked_add(mtime.nanos.into()));
        let near = near.filter(|nanos| *nanos != FAR);
        if near.is_none() {
            self.far.insert(index, mtime);
        }
        let short = u32::try_from(size).ok().filter(|size| *size != LONG);
        if short.is_none() {
            self.long.insert(index, size);
        }
        let kind_and_mode = (kind as u16) << MODE.count_ones() | mode & MODE;
        Packed { mtime: near.unwrap_or(FAR), size: short.unwrap_or(LONG), parent, content, name_at, kind_and_mode }
    }
}

#[cfg(test)]
mod tests {
    use super::super::NONE;
    use super::*;

    #[test]
    fn whatever_an_entry_says_is_kept() {
        let times =
            [(0, 0), (-1, 999_999_999), (1 << 40, 7), (i64::MIN, 0), (i64::MAX, 999_999_999), (-9_223_372_037, 0)];
        let sizes = [0, 1, u64::from(u32::MAX) - 1, u64::from(u32::MAX), 1 << 32, u64::MAX];
        let entry = |(kind, (secs, nanos)): (Kind, (i64, u32)), size, mode| Entry {
            parent: NONE,
            kind,
            mode,
            mtime: Mtime { secs, nanos },
            size,
            content: 5,
        };
        let wanted: Vec<Entry> = KINDS
            .into_iter()
            .flat_map(|kind| times.map(|time| (kind, time)))
            .zip(sizes.into_iter().cycle())
            .map(|(what, size)| entry(what, size, 0o6751))
            .collect();
        let mut entries = Entries::default();
        for (number, wanted) in wanted.iter().enumerate() {
            assert_eq!(entries.push(*wanted, number.to_string().as_bytes()), number as u32);
        }
        let found: Vec<Entry> = (0..entries.len()).map(|index| entries.get(index)).collect();
        assert_eq!(found, wanted);
        // The other way round, everything that was kept apart is replaced.
        for (index, entry) in wanted.iter().rev().enumerate() {
            entries.set(index as u32, *entry);
        }
        let found: Vec<Entry> = (0..entries.len()).rev().map(|index| entries.get(index)).collect();
        assert_eq!(found, wanted);
        assert_eq!(entries.name(0), b"0");
        assert_eq!(entries.name(entries.len() - 1), (wanted.len() - 1).to_string().as_bytes());
    }
}
