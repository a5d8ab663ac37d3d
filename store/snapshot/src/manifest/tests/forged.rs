//! Manifests that no tree encodes to: everything about them is sound, digests and all, but the one thing that is tried.

use sci_hasher::Digest;
use sci_store_api::Object;

use super::super::bytes::Writer;
use super::super::write::{ObjectWriter, Packed};
use super::super::{Manifest, PackRef, segment};
use super::objects;
use crate::block::Compressor;
use crate::tree::{Kind, Size};
use crate::{Result, SnapshotError};

/// The columns of a segment, in their order.
#[derive(Default)]
pub(super) struct Columns([Writer; 10]);

impl Columns {
    /// Starts with the root, a directory.
    pub(super) fn of_root() -> Self {
        let mut columns = Self::default();
        columns.entry(0, b"", 0o755);
        columns.mtime();
        columns
    }

    /// What every entry has: how far above the one before its parent is, its name, and its kind and mode as they are stored.
    pub(super) fn entry(&mut self, up: u64, name: &[u8], kind_and_mode: u64) {
        let [depths, names, kinds, ..] = &mut self.0;
        depths.integer(up);
        names.bytes(name);
        kinds.integer(kind_and_mode);
    }

    pub(super) fn mtime(&mut self) {
        self.0[3].signed(0);
        self.0[3].integer(0);
    }

    /// A segment that says it has `count` entries, the first of which is below `ancestors`.
    pub(super) fn segment(&self, count: u64, ancestors: &[&[u8]]) -> Vec<u8> {
        let mut out = Writer::default();
        out.integer(count);
        out.integer(ancestors.len() as u64);
        ancestors.iter().skip(1).for_each(|name| out.bytes(name));
        self.0.iter().for_each(|column| out.bytes(&column.0));
        out.0
    }

    /// What an entry that is decoded as this kind has besides: an empty file, a link to `t`, another name of the entry before.
    fn rest(&mut self, kind: Kind) {
        if kind != Kind::Hardlink {
            self.mtime();
        }
        let [_, _, _, _, sizes, extents, links, digests, ..] = &mut self.0;
        match kind {
            Kind::Dir => {}
            Kind::File | Kind::Sparse => {
                sizes.integer(0);
                extents.integer(0);
                digests.raw(Digest::of(b"").as_bytes());
            }
            Kind::Symlink => links.bytes(b"t"),
            Kind::Hardlink => links.integer(1),
        }
    }
}

/// A manifest object with these segments.
pub(super) fn object(segments: &[Vec<u8>]) -> Object {
    let mut writer = ObjectWriter::default();
    let mut compressor = Compressor::for_manifests().unwrap();
    let mut digests = Vec::new();
    for raw in segments {
        let frame = writer.append(&Packed::new(raw, &mut compressor).unwrap());
        writer.root.segments.push(frame);
        digests.push(Digest::of(raw));
    }
    writer.finish(Manifest::default(), &digests).unwrap().object
}

/// Loads what is served under the very digest that its record lists.
pub(super) fn load(object: Object) -> Result<Manifest> {
    let own = PackRef { id: object.id(), size: object.size() };
    Manifest::load(&own.id, &[own], &objects([object]))
}

/// A root, a file `a` in it, and `x` with this kind and mode as they are stored and all that an entry of `kind` has.
fn with(kind_and_mode: u64, kind: Kind) -> Vec<u8> {
    let mut columns = Columns::of_root();
    columns.entry(0, b"a", (Kind::File as u64) << 9 | 0o644);
    columns.rest(Kind::File);
    columns.entry(1, b"x", kind_and_mode);
    columns.rest(kind);
    columns.segment(3, &[])
}

const ALL: [Kind; 5] = [Kind::Dir, Kind::File, Kind::Sparse, Kind::Symlink, Kind::Hardlink];

#[test]
fn what_is_forged_is_sound_but_for_what_is_tried() {
    for (kind, mode) in
        [(Kind::Dir, 0o777), (Kind::File, 0o755), (Kind::Sparse, 0), (Kind::Symlink, 0), (Kind::Hardlink, 0)]
    {
        let manifest = load(object(&[with((kind as u64) << 9 | u64::from(mode), kind)])).unwrap();
        let entry = manifest.tree.entry(2);
        assert_eq!((entry.kind, entry.mode), (kind, mode));
    }
}

/// The number of a kind is followed by nine bits of a mode, so a bit more belongs to the number.
#[test]
fn no_number_gives_an_entry_a_special_mode_or_an_unknown_kind() {
    let refused = |number: u64, kind: Kind| {
        let refused = segment::Decoder::new(&[], Size::default()).append(&with(number, kind)).unwrap_err();
        let is_reason = refused.contains("is no kind of entry") || refused.contains("a link with a mode of its own");
        assert!(is_reason, "{number:o} as {kind:?}: {refused}");
    };
    for number in 0..0o200_000u64 {
        let (kind, mode) = (number >> 9, (number & 0o777) as u16);
        let Some(kind) = ALL.get(kind as usize).copied() else {
            // Whatever else it has, as a reader that took some bits for something else would expect it.
            ALL.into_iter().for_each(|kind| refused(number, kind));
            continue;
        };
        if mode != 0 && matches!(kind, Kind::Symlink | Kind::Hardlink) {
            refused(number, kind);
            continue;
        }
        let mut decoder = segment::Decoder::new(&[], Size::default());
        decoder.append(&with(number, kind)).unwrap();
        let entry = decoder.finish().entry(2);
        assert_eq!((entry.kind, entry.mode), (kind, mode), "{number:o}");
    }
}

#[test]
fn a_manifest_with_a_special_mode_or_an_unknown_kind_is_refused_for_that() {
    let setuid = (Kind::File as u64) << 9 | 0o4755;
    let unknown = [5 << 9, 5 << 9 | 0o644, 6 << 9 | 0o666, 7 << 9, 1 << 32, u64::MAX];
    for number in unknown.into_iter().chain([setuid]) {
        for kind in ALL {
            let SnapshotError::Refused(reason) = load(object(&[with(number, kind)])).unwrap_err() else {
                panic!("{number:o} is not refused")
            };
            assert!(reason.contains(&format!("{number:o} is no kind of entry with its permissions")), "{reason}");
        }
    }
    // A directory with setuid is written as a hard link is: one with a mode, which no link has.
    let SnapshotError::Refused(reason) = load(object(&[with(0o4755, Kind::Hardlink)])).unwrap_err() else {
        panic!("not refused")
    };
    assert!(reason.contains("a link with a mode of its own, 755"), "{reason}");
}
